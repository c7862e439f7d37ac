"""Groups of actors: written, read, and never on both sides."""

import pytest

from train.actors import format_actors, numbered, parse_actors, split_actors
from train.clips import CorpusError


@pytest.mark.parametrize(
    ("text", "actors"),
    [
        ("", set()),
        ("3", {"3"}),
        ("1-4,17", {"1", "2", "3", "4", "17"}),
        (" 2 , 5 - 6 ", {"2", "5", "6"}),
        ("2,savee:DC", {"2", "savee:DC"}),
    ],
)
def test_actors_are_numbers_and_ranges(text: str, actors: set[str]) -> None:
    assert parse_actors(text) == actors
    assert parse_actors(format_actors(actors)) == actors


@pytest.mark.parametrize("text", ["4-1", "one", "1-", "-3", "1;2", "1-2-3"])
def test_bad_actors_are_refused(text: str) -> None:
    with pytest.raises(CorpusError, match="Bad actors"):
        parse_actors(text)


def test_groups_of_actors_never_overlap() -> None:
    present = numbered(*range(1, 7))
    split = split_actors(present, test=numbered(1, 2), validation=numbered(3))
    assert (split.train, split.validation, split.test) == ({"4", "5", "6"}, {"3"}, {"1", "2"})
    with pytest.raises(CorpusError, match="both"):
        split_actors(present, test=numbered(1, 2), validation=numbered(2))
    with pytest.raises(CorpusError, match="no clip of actor 9"):
        split_actors(present, test=numbered(9))
    with pytest.raises(CorpusError, match="no actor is left"):
        split_actors(present, test=present)
