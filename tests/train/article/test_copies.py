"""Copies of clips: on the side of the clip itself, unless an experiment is to show what else happens."""

from collections import Counter
from pathlib import Path

import pytest

from train.article.copies import learnt_and_held_out
from train.article.data import Part, load_data, parts
from train.article.features import Examples, FeatureStore
from train.article.loading import load_experiment
from train.data.clips import parse_actors


@pytest.fixture(scope="module")
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of features that the tests share."""
    return tmp_path_factory.mktemp("features")


def dealt(name: str, root: Path, folder: Path) -> tuple[Part, Examples, Examples]:
    """The clips of an experiment, and what is learned from and validated on."""
    experiment = load_experiment(name)
    data = load_data(root, holdout=parse_actors("17-20"))
    (part,) = parts(experiment, data, seed=0)
    store = FeatureStore(data.clips, folder)
    originals = store.originals("mean", _silent)
    return part, *learnt_and_held_out(experiment, part, originals, store, seed=0, progress=_silent)


def _silent(_done: int, _total: int) -> None:
    pass


@pytest.mark.parametrize("name", ["reworked-men5", "aug-noise", "aug2-noise-shift-small"])
def test_no_validation_clip_has_a_copy_that_is_learned_from(
    name: str, article_root: Path, store_folder: Path
) -> None:
    """Training clips are learned from, some or all twice; validation clips are as recorded."""
    part, learnt, held_out = dealt(name, article_root, store_folder)
    assert Counter(held_out.clip.tolist()) == Counter(part.split.validation)
    assert set(learnt.clip.tolist()) == set(part.split.train)
    n_inputs = Counter(learnt.clip.tolist()).values()
    expected = {"reworked-men5": {1}, "aug-noise": {2}, "aug2-noise-shift-small": {1, 2}}
    assert set(n_inputs) == expected[name]


def test_the_smaller_class_alone_is_copied(article_root: Path, store_folder: Path) -> None:
    """Two emotions are positive, three negative: the positive clips come twice."""
    part, learnt, _ = dealt("aug2-noise-shift-small", article_root, store_folder)
    counts = Counter(learnt.clip.tolist())
    positive = part.labels.index("positive")
    assert all(n == 1 + (part.learnt[clip] == positive) for clip, n in counts.items())


def test_copies_before_the_split_are_on_both_sides(article_root: Path, store_folder: Path) -> None:
    """As many inputs are held out, of copies too, and most of them have their clip on the other side."""
    part, learnt, held_out = dealt("aug-noise-leaky", article_root, store_folder)
    n_train, n_validation = len(part.split.train), len(part.split.validation)
    assert (len(learnt.clip), len(held_out.clip)) == (2 * n_train, 2 * n_validation)
    twice = Counter([*learnt.clip.tolist(), *held_out.clip.tolist()])
    assert set(twice.values()) == {2}
    on_both_sides = set(learnt.clip.tolist()) & set(held_out.clip.tolist())
    assert len(on_both_sides) > n_validation
    assert not on_both_sides & set(part.split.test)
