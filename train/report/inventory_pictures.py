"""Pictures of an inventory: clips by emotion, actor and gender."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from serd.model.labels import EMOTIONS
from train.data.corpora import title_of
from train.data.inventory import Inventory, SoundClip, by_actor
from train.report.drawing import COLORS, GENDERS, INK, lighter, new_figure, plain, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Color = str | tuple[float, float, float]

_CHANNELS: Final = ("speech", "song")
_EMOTION_COLOUR: Final = "#4a5a7a"
_MAX_NAMED_ACTORS: Final = 60


def draw_inventory(inventory: Inventory, folder: Path) -> tuple[Path, ...]:
    """Write ``emotions.png`` and ``breakdown.png``.

    Raises:
        LibraryError: matplotlib is not installed.
        OperationError: a picture cannot be written.
    """
    return (
        save_figure(_emotions(inventory), folder / "emotions.png"),
        save_figure(_breakdown(inventory), folder / "breakdown.png"),
    )


def _emotions(inventory: Inventory) -> "Figure":
    """Clips of each emotion, spoken and sung, one panel a corpus."""
    corpora = inventory.corpora
    figure = new_figure(max(7.0, 5.0 * len(corpora)), 4.0)
    panels = figure.subplots(1, len(corpora), squeeze=False)[0]
    colors: dict[str, Color] = {
        "speech": _EMOTION_COLOUR,
        "song": lighter(_EMOTION_COLOUR),
    }
    for axes, (corpus, sounds) in zip(panels, corpora.items(), strict=True):
        n_clips = Counter((each.clip.channel, each.clip.emotion) for each in sounds)
        left = [0] * len(EMOTIONS)
        for channel in _CHANNELS:
            widths = [n_clips[channel, emotion] for emotion in EMOTIONS]
            axes.barh(EMOTIONS, widths, left=left, color=colors[channel], height=0.72)
            left = [one + other for one, other in zip(left, widths, strict=True)]
        for row, n_total in enumerate(left):
            axes.text(n_total, row, f" {n_total:,}", va="center", fontsize=9, color=INK)
        axes.invert_yaxis()
        axes.set_xlim(0, 1.12 * max(1, *left))
        axes.set_title(f"{title_of(corpus)}: {len(sounds):,} clips", loc="left", fontsize=11, color=INK)
        plain(axes, grid="x")
    _legend(figure, {name: colors[name] for name in _CHANNELS if name in _channels(inventory.sounds)})
    return figure


def _breakdown(inventory: Inventory) -> "Figure":
    """Clips of each actor, and of each gender, one row a corpus."""
    corpora = inventory.corpora
    figure = new_figure(11.0, 0.5 + 3.0 * len(corpora))
    rows = figure.subplots(len(corpora), 2, squeeze=False, width_ratios=(4, 1))
    shades: dict[str, Color] = {}
    for (actors, totals), (corpus, sounds) in zip(rows, corpora.items(), strict=True):
        groups = by_actor(sounds)
        shades |= _stack(actors, groups)
        name = f"{title_of(corpus)}: clips of {len(groups)} actor{'s' * (len(groups) > 1)}"
        actors.set_title(name, loc="left", fontsize=11, color=INK)
        names = [actor.partition(":")[2] or actor for actor in groups]
        is_crowded = len(names) > 30 or max(map(len, names)) * len(names) > 120
        actors.set_xticks(range(len(names)), names, rotation=90 if is_crowded else 0)
        if len(names) > _MAX_NAMED_ACTORS:
            actors.set_xticks([])
        by_gender = {
            who: [each for each in sounds if each.clip.gender == gender]
            for gender, who in GENDERS.items()
        }
        by_gender = {who: own for who, own in by_gender.items() if own}
        _stack(totals, by_gender)
        for place, own in enumerate(by_gender.values()):
            totals.text(
                place, len(own), f"{len(own):,}", ha="center", va="bottom", fontsize=9, color=INK
            )
        totals.set_xticks(range(len(by_gender)), list(by_gender))
    _legend(figure, dict(sorted(shades.items(), key=lambda shade: list(_shades()).index(shade[0]))))
    return figure


def _stack(axes: "Axes", groups: Mapping[str, Sequence[SoundClip]]) -> dict[str, "Color"]:
    """A bar for each group, colored by gender, song lighter and above speech; the shades in use."""
    counts = [
        Counter(f"{GENDERS[each.clip.gender]}, {each.clip.channel}" for each in own)
        for own in groups.values()
    ]
    bottom = [0] * len(groups)
    used = {}
    for name, color in _shades().items():
        heights = [count[name] for count in counts]
        if any(heights):
            axes.bar(range(len(groups)), heights, bottom=bottom, color=color, width=0.78)
            bottom = [one + other for one, other in zip(bottom, heights, strict=True)]
            used[name] = color
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.set_ylim(0, 1.1 * max(bottom))
    plain(axes, grid="y")
    return used


def _shades() -> dict[str, "Color"]:
    """The color of each gender and channel, in the order in which they are stacked."""
    return {
        f"{who}, {channel}": COLORS[gender] if channel == "speech" else lighter(COLORS[gender])
        for gender, who in GENDERS.items()
        for channel in _CHANNELS
    }


def _legend(figure: "Figure", colors: Mapping[str, "Color"]) -> None:
    """Names of the colors, below all panels."""
    from matplotlib.patches import Patch  # noqa: PLC0415

    handles = [Patch(color=color, label=name) for name, color in colors.items()]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9
    )


def _channels(sounds: Iterable[SoundClip]) -> set[str]:
    return {sound.clip.channel for sound in sounds}
