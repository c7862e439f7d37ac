"""Who is learnt from and who is scored is settled, or refused, before any training."""

from pathlib import Path

import pytest

from train.actors import numbered
from train.clips import CorpusError
from train.plan import make_plan

POLISH = frozenset({"nemo:EB0", "nemo:MK1"})


def test_everybody_is_learnt_from_but_who_is_held_out(release_root: Path) -> None:
    """Test and validation actors are not learnt from; without a protocol nobody is left alone."""
    plan = make_plan(release_root, test=numbered(1), validation=numbered(2))
    assert plan.split.train == numbered(*range(3, 25))
    assert (plan.folds, plan.left_alone) == ((), frozenset())


def test_actors_that_a_protocol_leaves_alone_are_learnt_from_by_no_model(release_root: Path) -> None:
    """The four of ``article`` judge what came of ``dev5``, so no clip of theirs is even read."""
    plan = make_plan(release_root, protocol="dev5")
    assert plan.left_alone == numbered(21, 22, 23, 24)
    assert plan.split.train == plan.corpus.actors == numbered(*range(1, 21))
    assert make_plan(release_root, protocol="mmer5").split.train == numbered(*range(1, 25))


def test_actors_that_are_left_alone_may_be_scored_at_the_end(release_root: Path) -> None:
    """Those who are scored are left alone no longer, and nobody learns from them even so."""
    plan = make_plan(release_root, protocol="dev5", test=numbered(21, 22))
    assert plan.split.test == numbered(21, 22)
    assert plan.left_alone == numbered(23, 24)
    assert plan.split.train == numbered(*range(1, 21))


def test_another_corpus_is_learnt_from_by_every_model_and_scored_by_none(
    release_root: Path, nemo_root: Path
) -> None:
    """Its clips come behind those of RAVDESS, and no fold tests its speakers."""
    plan = make_plan(release_root, also=[nemo_root], protocol="dev5")
    assert plan.split.train == numbered(*range(1, 21)) | POLISH
    assert frozenset[str]().union(*plan.folds).isdisjoint(POLISH)
    assert sum(clip.corpus == "nemo" for clip in plan.corpus.clips) == 12
    assert plan.corpus.clips[-1].corpus == "nemo", "RAVDESS comes first, as ever"


def test_another_corpus_can_be_held_out_and_scored(release_root: Path, nemo_root: Path) -> None:
    """One of its speakers is tested; the other is still learnt from."""
    plan = make_plan(release_root, also=[nemo_root], test=frozenset({"nemo:EB0"}))
    assert plan.split.test == {"nemo:EB0"}
    assert "nemo:EB0" not in plan.split.train
    assert "nemo:MK1" in plan.split.train


def test_corpora_are_scored_apart(release_root: Path, nemo_root: Path) -> None:
    """Test actors of RAVDESS and of another corpus at once are refused, and named."""
    with pytest.raises(CorpusError, match="1,nemo:EB0: those of RAVDESS and of another corpus"):
        make_plan(release_root, also=[nemo_root], test=frozenset({"1", "nemo:EB0"}))


def test_another_corpus_is_no_validation(release_root: Path, nemo_root: Path) -> None:
    """A speaker of it among the validation actors is refused, and named."""
    with pytest.raises(CorpusError, match="actor nemo:EB0 is of another corpus than RAVDESS"):
        make_plan(release_root, also=[nemo_root], validation=frozenset({"nemo:EB0"}))


def test_a_folder_of_no_other_corpus_is_refused(release_root: Path) -> None:
    """RAVDESS named twice would put actors on both sides; it is no other corpus."""
    with pytest.raises(CorpusError, match="no SAVEE or nEMO clip in it"):
        make_plan(release_root, also=[release_root])
