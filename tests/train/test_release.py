"""What is missing from RAVDESS is said as coarsely as can be."""

from collections.abc import Callable

import pytest
from made_corpora import made_clip

from train.actors import numbered
from train.corpora import ravdess
from train.release import Missing, missing_from_release


def _missing(keeps: Callable[[str], bool]) -> Missing:
    missing = missing_from_release(made_clip(stem) for stem in filter(keeps, ravdess.official_stems()))
    assert missing is not None
    return missing


def test_the_official_list_is_that_of_the_release() -> None:
    """1,440 clips are spoken and 1,012 sung: 60 and 44 an actor, but no song of actor 18."""
    stems = ravdess.official_stems()
    assert len(set(stems)) == len(stems) == 1440 + 1012
    assert sum(stem.startswith("03-01") for stem in stems) == 1440
    of_actor = [stem for stem in stems if stem.endswith("-07")]
    assert sum(stem.startswith("03-01") for stem in of_actor) == 60
    assert sum(stem.startswith("03-02") for stem in of_actor) == 44
    assert not any(stem.startswith("03-02") for stem in stems if stem.endswith("-18"))


def test_nothing_is_missing_from_all_of_it() -> None:
    """With every clip there, no actor and no clip is listed."""
    assert _missing(lambda _: True) == Missing()


def test_no_ravdess_at_all_misses_nothing() -> None:
    """Without any clip the answer is None, not a list of all that the release has."""
    assert missing_from_release([]) is None


@pytest.mark.parametrize("actor", [18, 21])
def test_a_whole_actor_is_named_once(actor: int) -> None:
    """By number alone, with all clips that are due: 104, or 60 for actor 18, who does not sing."""
    n_due = 60 if actor == 18 else 104
    missing = _missing(lambda stem: not stem.endswith(f"-{actor}"))
    assert missing == Missing(actors=numbered(actor), n_clips=n_due)


def test_a_release_without_song_is_named_by_its_actors() -> None:
    """Actor 18 has no song to miss, and is missing altogether where there is song alone."""
    missing = _missing(lambda stem: stem.startswith("03-01"))
    everyone_who_sings = numbered(*range(1, 25)) - numbered(18)
    assert missing == Missing(without_song=everyone_who_sings, n_clips=1012)
    song_alone = _missing(lambda stem: stem.startswith("03-02"))
    assert song_alone.without_speech == everyone_who_sings
    assert song_alone.actors == numbered(18)


def test_single_clips_are_named_one_by_one() -> None:
    """Two clips gone from actors who are otherwise whole are listed by their names."""
    names = ("03-02-02-01-01-02-17", "03-01-08-02-02-02-24")
    missing = _missing(lambda stem: stem not in names)
    assert missing == Missing(stems=tuple(sorted(names)), n_clips=2)
