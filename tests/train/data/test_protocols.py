"""Named protocols hold each actor out once."""

import pytest

from train.data.clips import CorpusError, format_actors, numbered
from train.data.protocols import PROTOCOLS, left_alone, protocol_folds


@pytest.mark.parametrize("name", PROTOCOLS)
def test_no_actor_is_tested_twice_in_a_protocol(name: str) -> None:
    """The article tests 4 actors, dev5 20, crema5 70, nemo3 6, all5 96, the others 24, each once."""
    present = numbered(*range(1, 25)).union(*PROTOCOLS["crema5"], *PROTOCOLS["nemo3"])
    folds = protocol_folds(name, present)
    tested = [actor for fold in folds for actor in fold]
    assert len(tested) == len(set(tested))
    n_expected = {"article": 4, "dev5": 20, "crema5": 70, "nemo3": 6, "all5": 96}.get(name, 24)
    assert len(tested) == n_expected


def test_crema5_and_nemo3_are_as_published() -> None:
    """Fourteen actors of CREMA-D in a row, and a woman with a man of nEMO."""
    ranges = ["1001-1014", "1015-1028", "1029-1042", "1043-1056", "1057-1070"]
    assert [format_actors(fold) for fold in PROTOCOLS["crema5"]] == [
        f"crema-d:{each}" for each in ranges
    ]
    pairs = ["nemo:EB0,nemo:KS0", "nemo:IC0,nemo:SM0", "nemo:KD0,nemo:TP0"]
    assert [format_actors(fold) for fold in PROTOCOLS["nemo3"]] == pairs


def test_all5_holds_out_a_fold_of_each_corpus_at_a_time() -> None:
    """Those of dev5 and crema5 one by one, those of nemo3 in the first three."""
    for number, fold in enumerate(PROTOCOLS["all5"]):
        parts = [PROTOCOLS[name][number] for name in ("dev5", "crema5")]
        parts += PROTOCOLS["nemo3"][number : number + 1]
        assert fold == frozenset[str]().union(*parts)
    assert left_alone("all5") == left_alone("dev5")


def test_a_protocol_needs_its_actors() -> None:
    """The error names those who are missing; a protocol that is not known is refused as well."""
    with pytest.raises(CorpusError, match="no clip of actor 21-24"):
        protocol_folds("article", numbered(*range(1, 21)))
    with pytest.raises(CorpusError, match="expected one of"):
        protocol_folds("dev6", numbered(*range(1, 21)))
