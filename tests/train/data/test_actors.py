"""Groups of actors: written, read, and never on both sides."""

import pytest

from train.data.clips import (
    CorpusError,
    fewer,
    format_actors,
    named_or_counted,
    numbered,
    parse_actors,
    split_actors,
)


@pytest.mark.parametrize(
    ("text", "actors"),
    [
        ("", set()),
        ("3", {"3"}),
        ("1-4,17", {"1", "2", "3", "4", "17"}),
        (" 2 , 5 - 6 ", {"2", "5", "6"}),
        ("2,savee:DC", {"2", "savee:DC"}),
        ("crema-d:1009-1011,2", {"2", "crema-d:1009", "crema-d:1010", "crema-d:1011"}),
        ("emodb:08-10,emodb:3", {"emodb:08", "emodb:09", "emodb:10", "emodb:3"}),
    ],
)
def test_actors_are_numbers_and_ranges(text: str, actors: set[str]) -> None:
    """Spaces do no harm, names of other corpora are listed with them, and what is written reads back."""
    assert parse_actors(text) == actors
    assert parse_actors(format_actors(actors)) == actors


@pytest.mark.parametrize("text", ["4-1", "one", "1-", "-3", "1;2", "1-2-3", "x:9-1", "1-99999"])
def test_bad_actors_are_refused(text: str) -> None:
    """A range backwards, half a range, a word and another separator are errors."""
    with pytest.raises(CorpusError, match="Bad actors"):
        parse_actors(text)


def test_groups_of_actors_never_overlap() -> None:
    """Nobody stands in two; a missing actor, or nobody left to learn from, is an error."""
    present = numbered(*range(1, 7))
    split = split_actors(present, test=numbered(1, 2), validation=numbered(3))
    assert (split.train, split.validation, split.test) == ({"4", "5", "6"}, {"3"}, {"1", "2"})
    with pytest.raises(CorpusError, match="both"):
        split_actors(present, test=numbered(1, 2), validation=numbered(2))
    with pytest.raises(CorpusError, match="no clip of actor 9"):
        split_actors(present, test=numbered(9))
    with pytest.raises(CorpusError, match="no actor is left"):
        split_actors(present, test=present)


def test_fewer_are_learnt_from_and_the_others_stay() -> None:
    """The first actors of RAVDESS who are not held out; speakers of other corpora are all kept."""
    present = numbered(*range(1, 13)) | {"nemo:EB0"}
    split = split_actors(present, test=numbered(1, 2))
    assert fewer(split, n_actors=0) == split
    few = fewer(split, n_actors=3)
    assert (few.train, few.test) == ({"3", "4", "5", "nemo:EB0"}, split.test)
    with pytest.raises(CorpusError, match="11 actors to learn from are asked for, there are 10"):
        fewer(split, n_actors=11)


def test_a_title_names_few_actors_and_counts_many() -> None:
    """Names that fill more than a line are a number."""
    assert named_or_counted(frozenset({"2"})) == "actor 2"
    assert named_or_counted(frozenset({"2", "3", "savee:DC"})) == "actors 2-3,savee:DC"
    assert named_or_counted(frozenset(f"own:person_{name}" for name in "abcdefgh")) == "8 actors"
