"""Pictures of clips before training: waveform, spectrogram, MFCC, level and pitch by emotion."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from serd.audio.files import read_samples
from serd.audio.format import FULL_SCALE, SAMPLE_RATE_HZ, Samples
from serd.errors import SoundFileError
from serd.model.labels import EMOTIONS
from serd.model.mfcc import MFCC40_V1, Mfccs, mfcc
from train.data.clips import Actors, Clip, CorpusError, actor_order, format_actors
from train.features.pitch import voice_frames
from train.report.drawing import COLORS, GENDERS, INK, lighter, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_N_FFT: Final = 512
_HOP_SAMPLES: Final = 80
_RANGE_DB: Final = 70.0
"""Dynamic range of a spectrogram, in dB below its loudest point."""
_STANDARD_RANGE: Final = 2.5
"""Standard deviations at which the colors of the MFCC end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """Level and pitch of a clip."""

    clip: Clip
    """The clip."""
    level_dbfs: float
    """RMS level of its voiced frames, in dB relative to full scale."""
    pitch_hz: float
    """Median of its pitch, in hertz."""


def choose_actors(clips: Sequence[Clip], wanted: Actors) -> tuple[str, ...]:
    """The wanted actors in order; if none is named, the first woman and the first man.

    Raises:
        CorpusError: an actor has no spoken clip.
    """
    genders = {clip.actor: clip.gender for clip in clips if clip.channel == "speech"}
    present = sorted(genders, key=actor_order)
    missing = wanted - genders.keys()
    if missing or not present:
        there = f"; there are actors {format_actors(present)}" if present else ""
        raise CorpusError(f"no speech of actor {format_actors(missing or {'any'})}{there}")
    if wanted:
        return tuple(actor for actor in present if actor in wanted)
    first = {genders[actor]: actor for actor in reversed(present)}
    pair = {first[gender] for gender in ("female", "male") if gender in first} or {present[0]}
    return tuple(actor for actor in present if actor in pair)


def typical_clips(clips: Iterable[Clip], actor: str) -> tuple[Clip, ...]:
    """One spoken clip of each emotion that an actor shows, of normal intensity if there is one.

    Where there are several, the first statement and repetition: the same sentence for all emotions.
    """
    typical: dict[str, Clip] = {}
    for clip in sorted(clips, key=lambda clip: (clip.intensity == "strong", clip.path.stem)):
        if clip.actor == actor and clip.channel == "speech":
            typical.setdefault(clip.emotion, clip)
    return tuple(typical[emotion] for emotion in EMOTIONS if emotion in typical)


def measure(clips: Iterable[Clip]) -> tuple[tuple[Measure, ...], tuple[str, ...]]:
    """Level and pitch of each clip.

    Returns:
        The measures, and one line for each clip that cannot be read or has no pitch.
    """
    measures, left_out = [], []
    for clip in clips:
        try:
            voice = voice_frames(read_samples(clip.path))
        except SoundFileError as exc:
            left_out.append(str(exc))
        else:
            if voice.median_hz > 0.0:
                measures.append(
                    Measure(clip=clip, level_dbfs=voice.level_dbfs, pitch_hz=voice.median_hz)
                )
            else:
                left_out.append(f"{clip.path}: no pitch is found in it")
    return tuple(measures), tuple(left_out)


def draw_actor(actor: str, clips: Sequence[Clip]) -> "Figure":
    """Waveform, spectrogram and MFCC of an actor's clips, one row each, all on one time axis.

    Args:
        actor: as the heading names it.
        clips: one for each emotion.

    Raises:
        SoundFileError: a clip cannot be read.
        LibraryError: matplotlib is not installed.
    """
    sounds = [read_samples(clip.path) for clip in clips]
    longest_s = max(samples.size for samples in sounds) / SAMPLE_RATE_HZ
    loudest = max(1, *(int(np.abs(samples.astype(np.int32)).max(initial=0)) for samples in sounds))
    figure = new_figure(13.0, 0.7 + 1.45 * len(clips))
    rows = figure.subplots(len(clips), 3, squeeze=False, sharex=True)
    mfccs = _standardized([mfcc(samples) for samples in sounds])
    for row, clip, samples, coefficients in zip(rows, clips, sounds, mfccs, strict=True):
        _draw_waveform(row[0], samples, loudest / FULL_SCALE, COLORS[clip.gender])
        _draw_spectrogram(row[1], samples)
        _draw_mfcc(row[2], coefficients, samples.size / SAMPLE_RATE_HZ)
        row[0].set_ylabel(clip.emotion, fontsize=11, color=INK)
    for axes, name in zip(
        rows[0], ("waveform", "spectrogram, kHz", "MFCC 0 to 39, each standardised"), strict=True
    ):
        axes.set_title(name, loc="left", fontsize=10, color=INK)
    for axes in rows[-1]:
        axes.set_xlabel("seconds", fontsize=9, color=INK)
        axes.set_xlim(0.0, longest_s)
    gender = {"female": " (woman)", "male": " (man)"}.get(clips[0].gender, "")
    figure.suptitle(f"Actor {actor}{gender}", x=0.01, ha="left", fontsize=13, color=INK)
    return figure


def draw_measures(measures: Sequence[Measure]) -> "Figure":
    """Level and pitch of clips by emotion, women and men side by side.

    Raises:
        LibraryError: matplotlib is not installed.
    """
    figure = new_figure(11.0, 7.2)
    levels, pitches = figure.subplots(2, 1, sharex=True)
    _draw_boxes(levels, measures, lambda each: each.level_dbfs)
    _draw_boxes(pitches, measures, lambda each: each.pitch_hz)
    n_actors = len({each.clip.actor for each in measures})
    levels.set_title(
        f"level of the voiced frames, dBFS ({len(measures):,} clips of {n_actors} actors)",
        loc="left",
        fontsize=10,
        color=INK,
    )
    pitches.set_title("median pitch, Hz", loc="left", fontsize=10, color=INK)
    _legend(figure, measures)
    return figure


def spectrogram_db(samples: Samples) -> NDArray[np.float64]:
    """Power of a clip over time and frequency.

    Args:
        samples: int16, shape (n_samples,), 16 kHz mono; shorter than a frame is padded.

    Returns:
        float64, shape (n_fft // 2 + 1, n_frames), in dB below the loudest point, -70 at least.
    """
    padded = np.pad(samples.astype(np.float64), (0, max(0, _N_FFT - samples.size)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _N_FFT)[::_HOP_SAMPLES]
    power = np.abs(np.fft.rfft(frames * np.hanning(_N_FFT))) ** 2
    floor = power.max() * 10.0 ** (-_RANGE_DB / 10.0)
    if floor == 0.0:
        return np.full(power.T.shape, -_RANGE_DB)
    decibels: NDArray[np.float64] = 10.0 * np.log10(np.maximum(power, floor) / power.max())
    return decibels.T


def _draw_waveform(axes: "Axes", samples: Samples, limit: float, color: str) -> None:
    time_s = np.arange(samples.size) / SAMPLE_RATE_HZ
    axes.plot(time_s, samples / FULL_SCALE, color=color, linewidth=0.4)
    axes.set_ylim(-1.05 * limit, 1.05 * limit)
    plain(axes, grid="y")


def _draw_spectrogram(axes: "Axes", samples: Samples) -> None:
    decibels = spectrogram_db(samples)
    first_s = (_N_FFT - _HOP_SAMPLES) / 2 / SAMPLE_RATE_HZ
    last_s = first_s + decibels.shape[1] * _HOP_SAMPLES / SAMPLE_RATE_HZ
    extent = (first_s, last_s, 0.0, SAMPLE_RATE_HZ / 2000.0)
    axes.imshow(
        decibels, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=-_RANGE_DB, vmax=0.0
    )
    plain(axes)


def _draw_mfcc(axes: "Axes", coefficients: NDArray[np.float32], duration_s: float) -> None:
    if coefficients.size:
        axes.imshow(
            coefficients.T,
            origin="lower",
            aspect="auto",
            extent=(0.0, duration_s, -0.5, MFCC40_V1.n_mfcc - 0.5),
            cmap="RdBu_r",
            vmin=-_STANDARD_RANGE,
            vmax=_STANDARD_RANGE,
            interpolation="nearest",
        )
    plain(axes)


def _standardized(clips: Sequence[Mfccs]) -> list[Mfccs]:
    """Each coefficient less its mean over all clips, divided by its standard deviation."""
    frames = np.concatenate(clips)
    if not frames.size:
        return list(clips)
    mean, std = frames.mean(axis=0), np.maximum(frames.std(axis=0), 1e-3)
    return [((coefficients - mean) / std).astype(np.float32) for coefficients in clips]


def _draw_boxes(axes: "Axes", measures: Sequence[Measure], value: Callable[[Measure], float]) -> None:
    """A box for each emotion and gender: quartiles, whiskers to 1.5 times their distance, outliers."""
    emotions, genders = _present(measures)
    width = 0.7 / len(genders)
    for number, gender in enumerate(genders):
        groups = [
            [
                value(each)
                for each in measures
                if (each.clip.emotion, each.clip.gender) == (emotion, gender)
            ]
            for emotion in emotions
        ]
        places = [place + (number - (len(genders) - 1) / 2) * width for place in range(len(emotions))]
        axes.boxplot(
            groups,
            positions=places,
            widths=0.82 * width,
            patch_artist=True,
            manage_ticks=False,
            boxprops={"facecolor": lighter(COLORS[gender]), "edgecolor": COLORS[gender]},
            medianprops={"color": COLORS[gender], "linewidth": 2},
            whiskerprops={"color": COLORS[gender]},
            capprops={"color": COLORS[gender]},
            flierprops={"marker": ".", "markersize": 3, "markeredgecolor": COLORS[gender]},
        )
    axes.set_xticks(range(len(emotions)), emotions)
    axes.set_xlim(-0.6, len(emotions) - 0.4)
    plain(axes, grid="y")


def _legend(figure: "Figure", measures: Sequence[Measure]) -> None:
    from matplotlib.patches import Patch  # noqa: PLC0415

    handles = [
        Patch(facecolor=lighter(COLORS[gender]), edgecolor=COLORS[gender], label=GENDERS[gender])
        for gender in _present(measures)[1]
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9
    )


def _present(measures: Sequence[Measure]) -> tuple[list[str], list[str]]:
    """Emotions and genders that are there, in order."""
    emotions = {each.clip.emotion for each in measures}
    genders = {each.clip.gender for each in measures}
    return [each for each in EMOTIONS if each in emotions], [each for each in GENDERS if each in genders]
