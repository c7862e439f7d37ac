"""Who is trained on and who is scored is settled, or refused, before any training."""

import shutil
from pathlib import Path

import pytest
from article_tree import write_emodb

from train.data.clips import CorpusError, numbered
from train.fit.plan import fold_targets, last_target, plan_fit

POLISH = frozenset({"nemo:EB0", "nemo:MK1"})


def test_everybody_is_learnt_from_but_who_is_held_out(release_root: Path) -> None:
    """Test and validation actors are not trained on; without a protocol nobody is left alone."""
    plan = plan_fit(release_root, test=numbered(1), validation=numbered(2))
    assert plan.split.train == numbered(*range(3, 25))
    assert (plan.folds, plan.left_alone) == ((), frozenset())


def test_actors_that_a_protocol_leaves_alone_are_learnt_from_by_no_model(release_root: Path) -> None:
    """The four of ``article`` judge what came of ``dev5``, so no clip of theirs is even read."""
    plan = plan_fit(release_root, protocol="dev5")
    assert plan.left_alone == numbered(21, 22, 23, 24)
    assert plan.split.train == plan.corpus.actors == numbered(*range(1, 21))
    assert plan_fit(release_root, protocol="mmer5").split.train == numbered(*range(1, 25))


def test_actors_that_are_left_alone_may_be_scored_at_the_end(release_root: Path) -> None:
    """Those who are scored are left alone no longer, and no network learns from them even so."""
    plan = plan_fit(release_root, protocol="dev5", test=numbered(21, 22))
    assert plan.split.test == numbered(21, 22)
    assert plan.left_alone == numbered(23, 24)
    assert plan.split.train == numbered(*range(1, 21))
    for target in fold_targets(plan, (), n_actors=0):
        assert target.split.train == numbered(*range(1, 21)) - target.split.test


def test_the_final_test_actors_are_trained_on_by_no_fold(release_root: Path) -> None:
    """A fold that tests them itself is the one whose network knows the others."""
    plan = plan_fit(release_root, protocol="dev5", test=numbered(1, 2))
    first, second, *_ = fold_targets(plan, (), n_actors=0)
    assert (first.split.test, first.split.train) == (numbered(1, 2, 3, 4), numbered(*range(5, 21)))
    assert second.split.train == numbered(3, 4, *range(9, 21))


def test_another_corpus_is_learnt_from_by_every_model_and_scored_by_none(
    release_root: Path, nemo_root: Path
) -> None:
    """Its clips come behind those of RAVDESS, and no fold tests its speakers."""
    plan = plan_fit(release_root, also=[nemo_root], protocol="dev5")
    assert plan.split.train == numbered(*range(1, 21)) | POLISH
    assert frozenset[str]().union(*(fold.test for fold in plan.folds)).isdisjoint(POLISH)
    assert sum(clip.corpus == "nemo" for clip in plan.corpus.clips) == 12
    assert plan.corpus.clips[-1].corpus == "nemo", "RAVDESS comes first, as ever"


def test_a_folder_without_ravdess_is_read_for_every_corpus(tmp_path: Path) -> None:
    """Its speakers can be held out, and what it cannot show is known."""
    plan = plan_fit(write_emodb(tmp_path), test=frozenset({"emodb:03"}))
    assert (plan.split.train, plan.split.test) == ({"emodb:08"}, {"emodb:03"})
    assert plan.absent_emotions(plan.split.train) == ("calm", "surprised")


def test_a_folder_an_emotion_is_enough(tmp_path: Path) -> None:
    """Of sounds that only their folders describe, the speakers are not known."""
    for path in sorted(write_emodb(tmp_path, "WF").iterdir()):
        folder = tmp_path / ("Angry" if "W" in path.stem else "Happy")
        folder.mkdir(exist_ok=True)
        path.rename(folder / f"voice {path.stem[:2]}.wav")
    plan = plan_fit(tmp_path)
    assert sorted(clip.emotion for clip in plan.corpus.clips) == ["angry", "angry", "happy", "happy"]
    shutil.rmtree(tmp_path / "Happy")
    with pytest.raises(CorpusError, match="every clip has the same emotion"):
        plan_fit(tmp_path)


def test_a_corpus_is_refused_without_one_of_its_emotions(tmp_path: Path) -> None:
    """A release that was unpacked in part makes no model that lacks an emotion unnoticed."""
    with pytest.raises(CorpusError, match=r"no clip of sad by actors emodb:03,emodb:08"):
        plan_fit(write_emodb(tmp_path, "WLEAFN"))


def test_text_holds_out_each_sentence_of_each_fold(release_root: Path) -> None:
    """Ten networks in place of five, each with files of its own; the final one learns from both."""
    plan = plan_fit(release_root, protocol="text")
    targets = fold_targets(plan, [], n_actors=0)
    dev5 = [fold.test for fold in plan_fit(release_root, protocol="dev5").folds]
    assert [each.split.test for each in targets] == [test for test in dev5 for _ in range(2)]
    assert [each.sentence for each in targets] == ["1", "2"] * 5
    assert len({each.stem for each in targets}) == 10
    assert last_target(plan, n_actors=0).sentence == ""
    assert plan.left_alone == numbered(21, 22, 23, 24)


def test_another_corpus_can_be_held_out_and_scored(release_root: Path, nemo_root: Path) -> None:
    """One of its speakers is tested; the other is still trained on."""
    plan = plan_fit(release_root, also=[nemo_root], test=frozenset({"nemo:EB0"}))
    assert plan.split.test == {"nemo:EB0"}
    assert "nemo:EB0" not in plan.split.train
    assert "nemo:MK1" in plan.split.train


def test_corpora_are_scored_apart(release_root: Path, nemo_root: Path) -> None:
    """Test actors of RAVDESS and of another corpus at once are refused, and named."""
    with pytest.raises(CorpusError, match="test actors 1,nemo:EB0: RAVDESS and other corpora"):
        plan_fit(release_root, also=[nemo_root], test=frozenset({"1", "nemo:EB0"}))


def test_another_corpus_is_no_validation(release_root: Path, nemo_root: Path) -> None:
    """A speaker of it among the validation actors is refused, and named."""
    with pytest.raises(CorpusError, match="validation actors nemo:EB0: expected some of RAVDESS"):
        plan_fit(release_root, also=[nemo_root], validation=frozenset({"nemo:EB0"}))


def test_a_folder_of_no_other_corpus_is_refused(release_root: Path) -> None:
    """RAVDESS named twice would put actors on both sides; it is no other corpus."""
    with pytest.raises(CorpusError, match="no clip of SAVEE, nEMO, CREMA-D or 8 other corpora in it"):
        plan_fit(release_root, also=[release_root])


def test_a_folds_temperature_is_fitted_by_the_speakers_of_other_folds(release_root: Path) -> None:
    """Each fold's test speakers calibrate the others, and were trained on by none that they score."""
    folds = fold_targets(plan_fit(release_root, protocol="dev5"), (), n_actors=0)
    assert len(folds) == 5
    for target in folds:
        assert target.calibration_actors == target.split.test
        assert target.calibration_actors.isdisjoint(target.split.train)
        others = frozenset[str]().union(
            *(each.calibration_actors for each in folds if each is not target)
        )
        assert others == target.split.train


def test_the_written_models_temperature_is_fitted_by_validation_speakers_alone(
    release_root: Path,
) -> None:
    """Never by those who are tested, even where nobody validates."""
    plan = plan_fit(release_root, test=numbered(1), validation=numbered(2, 3))
    assert last_target(plan, n_actors=0).calibration_actors == numbered(2, 3)
    assert not last_target(plan_fit(release_root, test=numbered(1)), n_actors=0).calibration_actors


def test_fewer_actors_are_learnt_from_and_as_many_scored(release_root: Path) -> None:
    """Each fold scores the same speakers under the same file name; four learners are left to it."""
    plan = plan_fit(release_root, protocol="dev5")
    for all_of_them, some in zip(
        fold_targets(plan, (), n_actors=0), fold_targets(plan, (), n_actors=4), strict=True
    ):
        assert some.split.test == all_of_them.split.test
        assert some.stem == all_of_them.stem
        assert len(some.split.train) == 4
        assert some.split.train < all_of_them.split.train


def test_files_are_called_after_actors_without_colons(release_root: Path, nemo_root: Path) -> None:
    """A colon cannot be in a file's name everywhere: nemo:MK1 becomes nemo-MK1."""
    plan = plan_fit(release_root, also=[nemo_root], test=frozenset({"nemo:EB0"}))
    assert last_target(plan, n_actors=0).stem == "actors-1-24,nemo-MK1"
