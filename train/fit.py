"""``python -m train fit``: from a folder of clips to a model with its card, accuracy included."""

import time

from serd.model.card import ModelCard
from train.actors import format_actors, split_actors
from train.contents import content_digests
from train.fit_run import FitRun, FitSettings, Report
from train.kept import FINAL
from train.plan import Plan
from train.scores import summary
from train.splits import check_no_leak, clip_split


def fit(settings: FitSettings, report: Report) -> ModelCard | None:
    """Train, convert, score and write a model; ``report`` is told how it goes on, line by line.

    Returns:
        The model's card; None where the folds of a protocol were all that was asked for.

    Raises:
        LeakError: a model would be scored on what it has learnt from; nothing is trained then.
    """
    started_s = time.monotonic()
    plan = settings.plan
    announce(plan, report)
    run = FitRun(settings, report)
    run.train_members()
    accuracy = {"accuracy": run.protocol()} if plan.folds else {}
    if settings.is_protocol_alone:
        report(f"the folds' models are in {run.folder}")
        return None
    made = run.final()
    facts = run.provenance(run.last, made) | accuracy
    run.write(settings.out, made, facts)
    if plan.split.test:
        scores = run.score(settings.out, plan.split.test)
        facts["held_out"] = {"test_actors": format_actors(plan.split.test), **scores.to_json()}
        report(f"held-out actors {format_actors(plan.split.test)}: {summary(scores)}")
    facts["seconds"] = round(time.monotonic() - started_s)
    card = run.write(settings.out, made, facts)
    report(f"wrote {settings.out}, {settings.out.stat().st_size} bytes, and its card beside it")
    run.keep(run.folder / FINAL, made, card)
    report(f"kept the Keras model in {run.folder}, which python -m train export takes")
    return card


def announce(plan: Plan, report: Report) -> None:
    """Say what is learnt from, and check every split before any time is spent on it.

    Raises:
        LeakError: an actor, a clip or a sound is on both sides of one.
    """
    for line in plan.corpus.left_out:
        report(f"left out: {line}")
    report(f"{len(plan.corpus.clips)} clips of actors {format_actors(plan.corpus.actors)}")
    if plan.left_alone:
        report(f"actors {format_actors(plan.left_alone)} are left alone, as {plan.protocol} has it")
    clips = plan.corpus.clips
    digests = dict(enumerate(content_digests(clip.path for clip in clips)))
    splits = [("model", plan.split)]
    splits += [
        (f"{plan.protocol} {format_actors(test)}", split_actors(plan.corpus.actors, test=test))
        for test in plan.folds
    ]
    for name, actors in splits:
        check_no_leak(clips, clip_split(name, clips, actors), digests=digests)
