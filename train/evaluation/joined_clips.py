"""Longer speech: joined clips of one actor and emotion, without pauses."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from serd.audio.files import read_samples
from serd.audio.format import SAMPLE_RATE_HZ, Samples, recording_block
from serd.daemon.worker_pool import map_in_order
from serd.pipeline import PipelineSettings, speech_segments
from serd.speech.segments import SpeechWindow
from train.data.clips import Clip
from train.evaluation.metrics import MISSED
from train.evaluation.predictions import loaded_all
from train.evaluation.scorer import estimate_segments, feature_segments

_N_PARTS: Final = 4
"""Clips in a joined sound: about 6 s of speech, two full windows."""
_WINDOW_S: Final = 30.0
"""Longer than any clip, so that a clip's speech is one window."""


def joined_clips(clips: Sequence[Clip], *, seed: int) -> list[tuple[int, tuple[Path, ...]]]:
    """Groups of clips to join, each with the index of its emotion.

    Args:
        clips: speech; of an actor and emotion the clips beyond a multiple of four are left out, and
            fewer than four are joined as they are.
        seed: seed of the groups.

    Returns:
        The label and the paths of each joined sound.
    """
    groups: dict[tuple[str, int], list[Path]] = defaultdict(list)
    for clip in clips:
        groups[clip.actor, clip.label].append(clip.path)
    rng = np.random.default_rng(seed)
    joined = []
    for (_, label), paths in groups.items():
        order = [paths[index] for index in rng.permutation(len(paths))]
        starts = range(0, max(1, len(order) - _N_PARTS + 1), _N_PARTS)
        joined += [(label, tuple(order[first : first + _N_PARTS])) for first in starts]
    return joined


def decide_joined(
    model_paths: Sequence[Path],
    joined: Sequence[tuple[int, tuple[Path, ...]]],
    pipeline: PipelineSettings,
) -> list[list[int]]:
    """The decision of each model on each joined sound.

    Args:
        model_paths: the .tflite files, of one front end.
        joined: groups, as ``joined_clips`` gives them.
        pipeline: the daemon's settings.
    """
    work = partial(_decide, model_paths=tuple(model_paths), pipeline=pipeline)
    by_sound = map_in_order(work, [paths for _, paths in joined])
    return [list(decisions) for decisions in zip(*by_sound, strict=True)]


def _decide(
    paths: tuple[Path, ...], *, model_paths: tuple[Path, ...], pipeline: PipelineSettings
) -> list[int]:
    speech = np.concatenate([np.zeros(0, np.int16), *(_speech(path, pipeline) for path in paths)])
    silence = np.zeros(SAMPLE_RATE_HZ, np.int16)
    sound = np.concatenate((silence, speech, silence))
    models = loaded_all(model_paths)
    pieces = feature_segments([recording_block(sound)], models[0].card, pipeline)
    heard = [estimate_segments(pieces, model, pipeline.smoothing).probabilities for model in models]
    return [MISSED if each is None else int(each.argmax()) for each in heard]


def _speech(path: Path, pipeline: PipelineSettings) -> Samples:
    """The speech of a clip, in one piece."""
    return np.concatenate([np.zeros(0, np.int16), *_pieces(read_samples(path), pipeline)])


def _pieces(samples: Samples, pipeline: PipelineSettings) -> Iterator[Samples]:
    window_samples = round(_WINDOW_S * SAMPLE_RATE_HZ)
    for segment in speech_segments([recording_block(samples)], pipeline, window_samples):
        if isinstance(segment, SpeechWindow):
            yield segment.samples
