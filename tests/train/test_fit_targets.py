"""Nobody is held out from a network and has a say in what it is scored with."""

from pathlib import Path

from train.actors import numbered
from train.fit_targets import fold_targets, last_target
from train.plan import make_plan


def test_a_folds_temperature_is_fitted_by_the_speakers_of_other_folds(release_root: Path) -> None:
    """Each fold's test speakers calibrate the others, and were learnt from by none that they score."""
    folds = fold_targets(make_plan(release_root, protocol="dev5"), (), n_actors=0)
    assert len(folds) == 5
    for target in folds:
        assert target.calibrators == target.split.test
        assert target.calibrators.isdisjoint(target.split.train)
        others = frozenset[str]().union(*(each.calibrators for each in folds if each is not target))
        assert others == target.split.train


def test_the_written_models_temperature_is_fitted_by_validation_speakers_alone(
    release_root: Path,
) -> None:
    """Never by those who are tested, even where nobody validates."""
    plan = make_plan(release_root, test=numbered(1), validation=numbered(2, 3))
    assert last_target(plan, n_actors=0).calibrators == numbered(2, 3)
    assert not last_target(make_plan(release_root, test=numbered(1)), n_actors=0).calibrators


def test_fewer_actors_are_learnt_from_and_as_many_scored(release_root: Path) -> None:
    """Each fold scores the same speakers under the same file name; four learners are left to it."""
    plan = make_plan(release_root, protocol="dev5")
    for all_of_them, some in zip(
        fold_targets(plan, (), n_actors=0), fold_targets(plan, (), n_actors=4), strict=True
    ):
        assert some.split.test == all_of_them.split.test
        assert some.stem == all_of_them.stem
        assert len(some.split.train) == 4
        assert some.split.train < all_of_them.split.train


def test_files_are_called_after_actors_without_colons(release_root: Path, nemo_root: Path) -> None:
    """A colon cannot be in a file's name everywhere: nemo:MK1 becomes nemo-MK1."""
    plan = make_plan(release_root, also=[nemo_root], test=frozenset({"nemo:EB0"}))
    assert last_target(plan, n_actors=0).stem == "actors-1-24,nemo-MK1"
