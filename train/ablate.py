"""A recipe, and the same without each of its tricks: trained, and measured side by side."""

from collections.abc import Mapping
from dataclasses import replace

from train.assess.figures import Facts
from train.assess.folds import assess_folds
from train.assess.measured import run_figures
from train.fit import announce
from train.fit_run import FitRun, FitSettings, Report
from train.members import train_member
from train.noise import NoiseBank
from train.recipe import Recipe
from train.spread import spread


def ablate(
    settings: FitSettings, recipes: Mapping[str, Recipe], noise: NoiseBank, report: Report
) -> dict[str, Facts]:
    """Train the folds of some recipes with one seed, and measure them side by side.

    All networks are trained before any is measured: no process waits for another's variant, and what
    they are measured on is heard once.

    Args:
        settings: what each of them is trained from; its recipe and noise do not matter.
        recipes: the recipes, by name.
        noise: the recordings in which nobody speaks that they are trained with.
        report: told how it goes on.

    Returns:
        Figures of each, as ``run_figures`` gives them.

    Raises:
        LeakError: a network would be scored on what it has learnt from; nothing is trained then.
        CorpusError: no speech is heard in any clip of a network's actors.
    """
    announce(settings.plan, report)
    runs = {
        name: FitRun(replace(settings, recipe=recipe, noise=noise, is_protocol_alone=True), report)
        for name, recipe in recipes.items()
    }
    jobs = []
    for name, run in runs.items():
        report(f"without {name}")
        jobs += [replace(job, name=f"without {name}: {job.name}") for job in run.jobs()]
    for job, _ in spread(train_member, jobs, n_processes=settings.n_processes):
        report(f"{job.name}: trained")
    for name, run in runs.items():
        report(f"without {name}")
        run.protocol()
    folders = [run.folder for run in runs.values()]
    heard = assess_folds(folders, settings.plan.corpus.clips, noise, seed=0, report=report)
    return {name: run_figures(folds) for name, folds in zip(runs, heard, strict=True)}
