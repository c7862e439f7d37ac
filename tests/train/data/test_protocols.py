"""Named protocols hold each actor out once."""

import pytest

from train.data.clips import CorpusError, numbered
from train.data.protocols import PROTOCOLS, protocol_folds


@pytest.mark.parametrize("name", PROTOCOLS)
def test_no_actor_is_tested_twice_in_a_protocol(name: str) -> None:
    """The article tests 4 actors, dev5 tests 20 and the others all 24, each of them once."""
    folds = protocol_folds(name, numbered(*range(1, 25)))
    tested = [actor for fold in folds for actor in fold]
    assert len(tested) == len(set(tested))
    n_expected = {"article": 4, "dev5": 20}.get(name, 24)
    assert len(tested) == n_expected


def test_a_protocol_needs_its_actors() -> None:
    """The error names those who are missing; a protocol that is not known is refused as well."""
    with pytest.raises(CorpusError, match="no clip of actor 21-24"):
        protocol_folds("article", numbered(*range(1, 21)))
    with pytest.raises(CorpusError, match="expected one of"):
        protocol_folds("dev6", numbered(*range(1, 21)))
