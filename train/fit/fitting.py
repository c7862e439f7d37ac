"""``fit`` and ``ablate``: from a folder of clips to a model with its card, or to metrics of variants."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from serd.model.card import ModelCard
from train.data.clips import format_actors, named_or_counted
from train.data.leaks import check_no_leak
from train.data.splits import clip_split, sentence_split
from train.evaluation.folds import evaluate_folds
from train.evaluation.metrics import summary
from train.evaluation.results import Facts
from train.evaluation.run_metrics import run_metrics
from train.features.noise import NoiseBank
from train.fit.members import train_member
from train.fit.plan import FitPlan
from train.fit.run import FitRun
from train.fit.scoring import Log
from train.fit.settings import FitSettings
from train.model.checkpoint import FINAL
from train.model.jobs import run_jobs
from train.model.recipe import Recipe


def fit(settings: FitSettings, log: Log) -> ModelCard | None:
    """Train, convert, score and write a model; ``log`` takes lines on progress.

    Returns:
        The model's card; None for the folds of a protocol alone.

    Raises:
        LeakError: a model would be tested on training data; nothing is trained then.
    """
    plan = settings.plan
    check_plan(plan, log)
    run = FitRun(settings, log)
    run.train_members()
    accuracy = {"accuracy": run.protocol()} if plan.folds else {}
    if settings.is_protocol_alone:
        log(f"the folds' models are in {run.folder}")
        return None
    made = run.final()
    facts = run.provenance(run.last, made) | accuracy
    naming = run.naming()
    run.write(settings.out, made, facts, naming)
    if plan.split.test:
        scores = run.scorer.score(settings.out, plan.split.test)
        facts["held_out"] = {"test_actors": format_actors(plan.split.test), **scores.to_json()}
        log(f"held-out actors {format_actors(plan.split.test)}: {summary(scores.restricted)}")
    card = run.write(settings.out, made, facts, naming)
    log(f"wrote {settings.out}, {settings.out.stat().st_size} bytes, and its card beside it")
    run.save(run.folder / FINAL, made, card)
    log(f"kept the Keras model in {run.folder}, which python -m train export takes")
    return card


def check_plan(plan: FitPlan, log: Log) -> None:
    """Log the training clips, and check every split for leaks before anything slow begins.

    Raises:
        LeakError: an actor, a clip or a sound is on both sides of one.
    """
    for line in plan.corpus.left_out:
        log(f"left out: {line}")
    log(f"{len(plan.corpus.clips)} clips of {named_or_counted(plan.corpus.actors)}")
    if absent := plan.absent_emotions(plan.split.train):
        log(f"no clip of {', '.join(absent)}: the model will give these no probability")
    if plan.left_alone:
        log(f"actors {format_actors(plan.left_alone)} are left alone, as {plan.protocol} has it")
    clips = plan.corpus.clips
    digests = {index: plan.corpus.sounds[clip.path] for index, clip in enumerate(clips)}
    splits = [clip_split("model", clips, plan.split)]
    for fold in plan.folds:
        name = f"{plan.protocol} {format_actors(fold.test)}"
        by_actor = clip_split(name, clips, plan.fold_split(fold))
        splits.append(sentence_split(by_actor, clips, fold.sentence))
    for split in splits:
        check_no_leak(clips, split, digests=digests)


def ablate(
    settings: FitSettings,
    recipes: Mapping[str, Recipe],
    noise: NoiseBank,
    log: Log,
    *,
    scored_rooms: Sequence[Path] = (),
) -> dict[str, Facts]:
    """Train and evaluate the folds of several recipes with one seed.

    All networks are trained before any is evaluated, so that no process idles and each clip is processed
    once for all of them.

    Args:
        settings: settings of all runs, except for recipe and noise.
        recipes: the recipes, by name.
        noise: recordings without speech.
        log: takes a line on progress.
        scored_rooms: impulse responses of rooms that are not in ``settings``, for scoring.

    Returns:
        Metrics of each, as ``run_metrics`` gives them.

    Raises:
        LeakError: a network would be scored on what it has learnt from; nothing is trained then.
        CorpusError: no speech is detected in any clip of a network's actors.
    """
    check_plan(settings.plan, log)
    runs = {
        name: FitRun(replace(settings, recipe=recipe, noise=noise, is_protocol_alone=True), log)
        for name, recipe in recipes.items()
    }
    jobs = []
    for name, run in runs.items():
        log(f"without {name}")
        jobs += [replace(job, name=f"without {name}: {job.name}") for job in run.jobs()]
    for job, _ in run_jobs(train_member, jobs, n_processes=settings.n_processes):
        log(f"{job.name}: trained")
    for name, run in runs.items():
        log(f"without {name}")
        run.protocol()
    folders = [run.folder for run in runs.values()]
    results = evaluate_folds(
        folders, settings.plan.corpus.clips, noise, rooms=scored_rooms, seed=0, log=log
    )
    return {name: run_metrics(folds) for name, folds in zip(runs, results, strict=True)}
