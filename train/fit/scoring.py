"""Scores of the written models of a run of ``fit``, on speech that they were not trained on."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from serd.model.labels import EMOTIONS
from serd.pipeline import PipelineSettings
from train.data.clips import RAVDESS, Actors, Clip, corpus_of, format_actors, named_or_counted
from train.data.corpora import title_of
from train.data.splits import is_tested
from train.evaluation.held_out import HeardRecording, hear
from train.evaluation.metrics import Scores, summary
from train.evaluation.naming_score import HeldOutDecisions, held_out_decisions
from train.evaluation.scorer import ClipScores, score_results
from train.fit.plan import FitPlan, Target

Log = Callable[[str], None]
Facts = dict[str, Any]


class FoldScorer:
    """Hears the speech of test actors as the daemon does, each recording once by each model.

    Args:
        plan: the protocol, and the emotions that its corpora show.
        clips: all clips of the run.
        pipeline: settings of the daemon's pipeline.
        log: takes lines on progress.
    """

    def __init__(
        self, plan: FitPlan, clips: Sequence[Clip], pipeline: PipelineSettings, log: Log
    ) -> None:
        self._plan = plan
        self._clips = clips
        self._pipeline = pipeline
        self._log = log
        self._heard: dict[Path, dict[Path, HeardRecording]] = {}

    def score(self, model: Path, actors: Actors, sentence: str = "") -> ClipScores:
        """Score a model on the speech of some actors of one corpus, and on one sentence if given."""
        emotions = self._plan.scored_emotions(actors)
        clips = [clip for clip in self._speech_of(actors, sentence) if clip.emotion in emotions]
        heard = self._hear(model, [clip.path for clip in clips])
        results = [each.left_out or each.whole for each in heard]
        scores = score_results(clips, results, EMOTIONS, emotions=emotions)
        for line in scores.left_out:
            self._log(f"left out of the scores: {line}")
        return scores

    def by_corpus(self, model: Path, target: Target) -> Facts:
        """Metrics of a fold's model by name of the corpus, RAVDESS first."""
        result = {}
        for corpus in sorted({corpus_of(actor) for actor in target.split.test}, key=_ravdess_first):
            actors = _of_corpus(target.split.test, corpus)
            scores = self.score(model, actors, target.sentence)
            tested = f"{named_or_counted(actors)}{_sentence(target)}"
            self._log(f"{target.name}, {tested}: {summary(scores.restricted)}")
            result[corpus] = scores.to_json()
        return result

    def protocol_metrics(self, folds: Sequence[Target], results: Sequence[Facts]) -> Facts:
        """Metrics of all folds for the card: those of the first corpus, and "other_corpora".

        Args:
            folds: the folds.
            results: what ``by_corpus`` gave for each.
        """
        corpora = list(dict.fromkeys(corpus for result in results for corpus in result))
        facts = [self._corpus_metrics(corpus, folds, results) for corpus in corpora]
        return facts[0] | ({"other_corpora": facts[1:]} if len(facts) > 1 else {})

    def _corpus_metrics(self, corpus: str, folds: Sequence[Target], results: Sequence[Facts]) -> Facts:
        """Metrics of one corpus over the folds that test it."""
        own = {
            _held_out(target, corpus): result[corpus]
            for target, result in zip(folds, results, strict=True)
            if corpus in result
        }
        uar_mean = float(np.mean([result["uar"] for result in own.values()]))
        confusion = np.sum([result["confusion"] for result in own.values()], axis=0)
        title = title_of(corpus)
        plain_mean = float(np.mean([result.get("plain", result)["uar"] for result in own.values()]))
        is_restricted = any("plain" in result for result in own.values())
        also = f" ({plain_mean:.4f} among all emotions)" if is_restricted else ""
        self._log(f"{self._plan.protocol}, {title}: mean UAR {uar_mean:.4f}{also}, {len(own)} folds")
        return {
            "corpus": title,
            "folds": {actors: result["uar"] for actors, result in own.items()},
            "uar_mean": round(uar_mean, 4),
            **({"plain_uar_mean": round(plain_mean, 4)} if is_restricted else {}),
            "all_folds": Scores(labels=EMOTIONS, confusion=confusion).to_json(),
        }

    def held_out(self, model: Path, target: Target, ordinary: Sequence[Path]) -> HeldOutDecisions:
        """Decisions of a fold's model on the fold's speech and on ordinary speech."""
        acted = self._speech_of(target.split.test, target.sentence)
        return held_out_decisions(
            self._hear(model, ordinary),
            self._hear(model, [clip.path for clip in acted]),
            [clip.label for clip in acted],
        )

    def _hear(self, model: Path, paths: Sequence[Path]) -> list[HeardRecording]:
        known = self._heard.setdefault(model, {})
        new = [path for path in paths if path not in known]
        known |= zip(new, hear(model, new, self._pipeline), strict=True)
        return [known[path] for path in paths]

    def _speech_of(self, actors: Actors, sentence: str) -> list[Clip]:
        speech = (clip for clip in self._clips if clip.actor in actors and clip.channel == "speech")
        return [clip for clip in speech if is_tested(clip, sentence)]


def _held_out(target: Target, corpus: str) -> str:
    """Who is tested, and on which sentence if not on all: "1-4", "1-4, sentence 2"."""
    return f"{format_actors(_of_corpus(target.split.test, corpus))}{_sentence(target)}"


def _sentence(target: Target) -> str:
    return f", sentence {target.sentence}" if target.sentence else ""


def _of_corpus(actors: Actors, corpus: str) -> Actors:
    return frozenset(actor for actor in actors if corpus_of(actor) == corpus)


def _ravdess_first(corpus: str) -> tuple[bool, str]:
    return corpus != RAVDESS, corpus
