"""Decisions on clips as recorded, in noise and under other conditions, on all processors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serd.audio.files import read_samples
from serd.audio.format import recording_block
from serd.daemon.worker_pool import map_in_order
from serd.errors import SoundFileError
from serd.model.card import ModelCard
from serd.model.runtime import TfliteModel
from serd.pipeline import PipelineSettings
from train.data.clips import Clip, CorpusError
from train.evaluation.conditions import Changes
from train.evaluation.metrics import MISSED
from train.evaluation.schemes import Scheme
from train.evaluation.scorer import ClipEstimate, estimate_segments, feature_segments
from train.features.mixing import mix, speech_mean_square
from train.features.noise import NoiseBank

_HeardClip = tuple[Clip, int, str, list[list[ClipEstimate]]]
"""A clip, its class, the name of the noise, and the results of each model in each pass."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseSettings:
    """Noise that is mixed into clips."""

    bank: NoiseBank
    """Recordings to draw from."""
    snr_db: tuple[float, ...]
    """Signal-to-noise ratios, in dB."""
    seed: int
    """Seed of the recording for each clip."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """The decision on one clip."""

    clip: Clip
    """The clip."""
    truth: int
    """Index of its class."""
    probabilities: NDArray[np.float64] | None
    """float64, shape (n_classes,), sums to 1; None without detected speech."""
    speech_s: float
    """Detected speech, in seconds."""
    noise: str
    """Name of the recording mixed into it; empty for none."""

    @classmethod
    def of(
        cls, clip: Clip, truth: int, heard: ClipEstimate, scheme: Scheme, *, noise: str = ""
    ) -> "Prediction":
        """The decision on a clip, from a model's probabilities."""
        by_label = heard.probabilities
        return cls(
            clip=clip,
            truth=truth,
            probabilities=None if by_label is None else scheme.probabilities(by_label),
            speech_s=heard.speech_s,
            noise=noise,
        )

    @property
    def decision(self) -> int:
        """Index of the most probable class, or ``MISSED``."""
        return MISSED if self.probabilities is None else int(self.probabilities.argmax())

    @property
    def confidence(self) -> float:
        """Probability of the most probable class; 0 without detected speech."""
        return 0.0 if self.probabilities is None else float(self.probabilities.max())


@dataclass(frozen=True, kw_only=True, slots=True)
class Predictions:
    """The decisions on all clips."""

    clean: tuple[Prediction, ...]
    """Decisions on the clips as recorded."""
    noisy: dict[float, tuple[Prediction, ...]]
    """Decisions on the same clips by signal-to-noise ratio in dB."""
    changed: dict[str, tuple[Prediction, ...]]
    """Decisions on the same clips by condition."""
    left_out: tuple[str, ...]
    """One line for each unreadable clip."""


_UNCHANGED: Final = Changes()


def predict(
    model_paths: Sequence[Path],
    clips: Sequence[tuple[Clip, int]],
    scheme: Scheme,
    pipeline: PipelineSettings,
    noise: NoiseSettings | None = None,
    progress: Callable[[], None] = lambda: None,
    *,
    early_s: float = 0.0,
    changes: Changes = _UNCHANGED,
) -> list[Predictions]:
    """Decisions of models on clips, each of which is processed once for all models.

    Args:
        model_paths: .tflite files of one front end; each process loads them once.
        clips: the clips, each with the index of its class.
        scheme: the classes.
        pipeline: the daemon's settings.
        noise: noise of further passes; None for none.
        progress: called after each clip.
        early_s: as for ``feature_segments``.
        changes: changes of the sound, each another pass.

    Returns:
        The decisions of each model.

    Raises:
        CorpusError: no clip could be read.
        ValueError: the models' front ends differ.
    """
    work = partial(
        _hear_clip,
        model_paths=tuple(model_paths),
        pipeline=pipeline,
        noise=noise,
        early_s=early_s,
        changes=changes,
    )
    heard: list[_HeardClip] = []
    left_out = []
    results = map_in_order(work, [clip for clip, _ in clips])
    for (clip, truth), result in zip(clips, results, strict=True):
        progress()
        if isinstance(result, str):
            left_out.append(result)
        else:
            heard.append((clip, truth, *result))
    if not heard:
        raise CorpusError(f"none of {len(clips)} clips can be read, so there is nothing to score")
    ratios = noise.snr_db if noise else ()
    return [
        _predictions(heard, model, scheme, ratios, changes.names, left_out)
        for model in range(len(model_paths))
    ]


def _predictions(
    heard: Sequence[_HeardClip],
    model: int,
    scheme: Scheme,
    ratios: Sequence[float],
    changes: Sequence[str],
    left_out: Sequence[str],
) -> Predictions:
    """The decisions of one of the models."""

    def passed(number: int, *, is_noisy: bool = False) -> tuple[Prediction, ...]:
        return tuple(
            Prediction.of(clip, truth, each[model][number], scheme, noise=name if is_noisy else "")
            for clip, truth, name, each in heard
        )

    return Predictions(
        clean=passed(0),
        noisy={ratio: passed(number, is_noisy=True) for number, ratio in enumerate(ratios, 1)},
        changed={name: passed(number) for number, name in enumerate(changes, 1 + len(ratios))},
        left_out=tuple(left_out),
    )


def _hear_clip(
    clip: Clip,
    *,
    model_paths: tuple[Path, ...],
    pipeline: PipelineSettings,
    noise: NoiseSettings | None,
    early_s: float,
    changes: Changes,
) -> tuple[str, list[list[ClipEstimate]]] | str:
    """The name of the noise and the results of each model in each pass, or a read error."""
    try:
        samples = read_samples(clip.path)
    except SoundFileError as exc:
        return str(exc)
    name, sounds = "", [samples]
    if noise is not None:
        path, sound = noise.bank.draw(clip, samples.size, seed=noise.seed)
        name = noise.bank.name(path)
        power = speech_mean_square(samples, pipeline.voice)
        sounds += [mix(samples, sound, ratio, speech_power=power) for ratio in noise.snr_db]
    sounds += changes.sounds(clip, samples)
    models = loaded_all(model_paths)
    cuts = [
        feature_segments([recording_block(each)], models[0].card, pipeline, early_s=early_s)
        for each in sounds
    ]
    return name, [
        [estimate_segments(pieces, model, pipeline.smoothing) for pieces in cuts] for model in models
    ]


def loaded_all(paths: Sequence[Path]) -> list[TfliteModel]:
    """Models of one front end, each loaded once a process.

    Raises:
        ValueError: their front ends differ.
    """
    models = [loaded(path, path.stat().st_mtime_ns) for path in paths]
    if len({front_end(model.card) for model in models}) > 1:
        raise ValueError(f"Bad models {[str(each) for each in paths]}, expected models of one front end")
    return models


def front_end(card: ModelCard) -> tuple[object, ...]:
    """Key of the front end of a model: features, window and padding."""
    return card.feature_set, card.window_samples, card.padding


@lru_cache(maxsize=64)
def loaded(path: Path, _written_ns: int) -> TfliteModel:
    """A model, loaded once a process, and again if the file has changed."""
    return TfliteModel(path)
