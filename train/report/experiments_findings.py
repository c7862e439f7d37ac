"""What the experiments show about the article, in sentences whose figures come from the runs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from train.report.run_record import RunRecord

Runs = Mapping[str, RunRecord]

_LEAKS: Final = ("baseline-leaky", "baseline-holdout", "own-leaky", "own")
_REWORKED: Final = ("reworked-men", "reworked-women")
_N_CLASSES: Final = (5, 3, 2)
_LEAK: Final = """\
**The leak.** The inherited network, for which {claim:.0f} % were claimed, names {leaky:.0f} % of the
  clips rightly where it is tested on its validation clips, and {honest:.0f} % where the test actors are
  held out: the leak is worth {gap:.0f} points to it, and {own_gap:.0f} to serd's own network."""
_COPIES: Final = """\
**Copies.** Copies of training clips move the highest accuracy on validation clips by {gains} points,
  and that on unseen actors by {unseen_gains}. With {n_classes} classes and copies made after validation
  clips are set aside, it is {best:.0f} % at most, where the article has up to {claim:.0f} %; with copies
  made before, so that most validation clips have one among the training clips, it is {leaky:.0f} %, and
  {unseen:.0f} % on unseen actors."""
_CLASSES: Final = """\
**Fewer classes.** With {n_classes} classes, the UAR of the reworked network on unseen actors is {men}
  times that of chance for men, and {women} times for women. That of serd's own network, which sees every
  coefficient of a frame in place of their mean, is {own} times that of chance with {n_own}."""


def findings(runs: Runs) -> str:
    """A section of Markdown; a sentence whose runs are not all there is left out.

    Args:
        runs: finished runs by the name of their experiment.
    """
    sentences = [f"- {each}\n" for make in (_leak, _copies, _classes) for each in make(runs)]
    return f"## What they show\n\n{''.join(sentences)}" if sentences else ""


def copying(runs: Runs) -> dict[str, tuple[RunRecord, RunRecord]]:
    """The runs that copy training clips, each with the run that it adds the copies to."""
    return {
        name: (run, runs[run.base])
        for name, run in runs.items()
        if run.base in runs and run.has_copies and not run.has_leaky_copies
    }


def validation_percent(run: RunRecord) -> float:
    """The highest accuracy on validation clips."""
    return 100.0 * float(run.metrics["validation"]["accuracy_highest"])


def unseen_percent(run: RunRecord) -> float:
    """Accuracy on the test clips."""
    return 100.0 * float(run.metrics["test"]["accuracy"])


def _leak(runs: Runs) -> Iterator[str]:
    if not set(_LEAKS) <= set(runs):
        return
    theirs, honest, own_leaky, own = (runs[name] for name in _LEAKS)
    yield _LEAK.format(
        claim=100.0 * theirs.metrics["claim"]["accuracy"],
        leaky=unseen_percent(theirs),
        honest=unseen_percent(honest),
        gap=unseen_percent(theirs) - unseen_percent(honest),
        own_gap=unseen_percent(own_leaky) - unseen_percent(own),
    )


def _copies(runs: Runs) -> Iterator[str]:
    leaky = next((run for run in runs.values() if run.has_leaky_copies), None)
    pairs = copying(runs).values()
    if leaky is None or not pairs:
        return
    n_classes = leaky.metrics["n_labels"]
    gains = [validation_percent(run) - validation_percent(base) for run, base in pairs]
    unseen_gains = [unseen_percent(run) - unseen_percent(base) for run, base in pairs]
    same = [run for run, _ in pairs if run.metrics["n_labels"] == n_classes]
    yield _COPIES.format(
        gains=f"{min(gains):+.0f} to {max(gains):+.0f}",
        unseen_gains=f"{min(unseen_gains):+.0f} to {max(unseen_gains):+.0f}",
        n_classes=n_classes,
        best=max(map(validation_percent, same)),
        claim=100.0 * max(float(run.metrics["claim"]["accuracy"]) for run in same),
        leaky=validation_percent(leaky),
        unseen=unseen_percent(leaky),
    )


def _classes(runs: Runs) -> Iterator[str]:
    men, women = ([f"{name}{n}" for n in _N_CLASSES] for name in _REWORKED)
    if not {"own", *men, *women} <= set(runs):
        return
    own = runs["own"]
    yield _CLASSES.format(
        n_classes=_series([str(n) for n in _N_CLASSES]),
        men=_series([_times_chance(runs[name]) for name in men]),
        women=_series([_times_chance(runs[name]) for name in women]),
        own=_times_chance(own),
        n_own=own.metrics["n_labels"],
    )


def _times_chance(run: RunRecord) -> str:
    return f"{run.metrics['test']['uar'] * run.metrics['n_labels']:.1f}"


def _series(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
