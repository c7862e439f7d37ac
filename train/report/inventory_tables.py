"""The inventory of a folder as a person reads it."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from serd.model.labels import EMOTIONS
from train.data.clips import format_actors
from train.data.corpora import title_of
from train.data.corpora.ravdess import Missing
from train.data.inventory import Inventory, SoundClip, by_actor
from train.data.protocols import PROTOCOLS, TEXT

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_MAX_LINES: Final = 20
"""Of files that are left out, missing or alike; ``--json`` names all."""
_MAX_ACTORS: Final = 60
_MIN_WIDTH: Final = 110
"""A pipe is no narrower than this; the tables fit into it."""


def print_inventory(root: Path, inventory: Inventory) -> None:
    """Print tables of corpora, emotions and actors, then all that is wrong, then the protocols."""
    from rich.console import Console  # noqa: PLC0415

    width = None if sys.stdout.isatty() else _MIN_WIDTH
    console = Console(width=width, highlight=False, markup=False, soft_wrap=True)
    corpora = inventory.corpora
    total_s = sum(sound.duration_s for sound in inventory.sounds)
    console.print(f"{root}: {len(inventory.sounds):,} clips that can be read, {_length(total_s)}\n")
    console.print(_corpora_table(corpora), "", _emotions_table(corpora), "", sep="\n")
    for corpus, sounds in corpora.items():
        console.print(_actors_table(corpus, sounds), "", sep="\n")
    if inventory.missing is not None:
        _print_lines(
            console,
            f"Missing from RAVDESS: {inventory.missing.n_clips:,} clips",
            _missing_lines(inventory.missing),
        )
    alike = [" = ".join(str(path) for path in same) for same in inventory.duplicates]
    _print_lines(console, "The same sound under several names", alike)
    _print_lines(console, "Clips that cannot be read", inventory.unreadable)
    _print_lines(console, "Left out", inventory.left_out)
    _print_lines(console, "Mind", inventory.remarks())
    _print_protocols(console, inventory)


def _corpora_table(corpora: dict[str, tuple[SoundClip, ...]]) -> "Table":
    table = _table(
        "corpus", "clips", "speech", "song", "women", "men", "length", "shortest to longest", "sound"
    )
    for corpus, sounds in corpora.items():
        channels = Counter(sound.clip.channel for sound in sounds)
        people = Counter(own[0].clip.gender for own in by_actor(sounds).values())
        durations_s = [sound.duration_s for sound in sounds]
        forms = Counter(sound.form for sound in sounds)
        table.add_row(
            title_of(corpus),
            f"{len(sounds):,}",
            _number(channels["speech"]),
            _number(channels["song"]),
            _number(people["female"]),
            _number(people["male"]),
            _length(sum(durations_s)),
            f"{min(durations_s):.1f} to {max(durations_s):.1f} s, median {median(durations_s):.1f} s",
            "\n".join(f"{n:,} {form}" if len(forms) > 1 else form for form, n in forms.most_common()),
        )
    return table


def _emotions_table(corpora: dict[str, tuple[SoundClip, ...]]) -> "Table":
    """Clips of each emotion: one row a corpus and channel."""
    table = _table("clips", *EMOTIONS)
    for corpus, sounds in corpora.items():
        for channel in ("speech", "song"):
            of_channel = [sound for sound in sounds if sound.clip.channel == channel]
            counts = Counter(sound.clip.emotion for sound in of_channel)
            if of_channel:
                table.add_row(
                    f"{title_of(corpus)} {channel}", *(_number(counts[each]) for each in EMOTIONS)
                )
    return table


def _actors_table(corpus: str, sounds: Sequence[SoundClip]) -> "Table":
    """Clips of each actor, by emotion."""
    groups = by_actor(sounds)
    table = _table(f"{title_of(corpus)} actor", "", "speech", "song", *EMOTIONS, "length")
    for actor, own in list(groups.items())[:_MAX_ACTORS]:
        channels = Counter(sound.clip.channel for sound in own)
        counts = Counter(sound.clip.emotion for sound in own)
        table.add_row(
            actor.partition(":")[2] or actor,
            {"female": "woman", "male": "man"}.get(own[0].clip.gender, ""),
            _number(channels["speech"]),
            _number(channels["song"]),
            *(_number(counts[emotion]) for emotion in EMOTIONS),
            _length(sum(sound.duration_s for sound in own)),
        )
    if len(groups) > _MAX_ACTORS:
        table.add_row(f"and {len(groups) - _MAX_ACTORS} more (--json)")
    return table


def _missing_lines(missing: Missing) -> list[str]:
    """Missing parts of the release: actors, channels, then single clips."""
    lines = []
    if missing.actors:
        lines.append(f"all clips of actors {format_actors(missing.actors)}")
    if missing.without_speech:
        lines.append(f"all speech of actors {format_actors(missing.without_speech)}")
    if missing.without_song:
        lines.append(f"all song of actors {format_actors(missing.without_song)}")
    return [*lines, *missing.stems]


def _print_lines(console: "Console", heading: str, lines: Sequence[str]) -> None:
    """A heading with lines below it; nothing where there are none."""
    if not lines:
        return
    console.print(heading, style="bold")
    for line in lines[:_MAX_LINES]:
        console.print(f"  {line}")
    if len(lines) > _MAX_LINES:
        console.print(f"  and {len(lines) - _MAX_LINES:,} more (--json names all)")
    console.print()


def _print_protocols(console: "Console", inventory: Inventory) -> None:
    console.print("Protocols", style="bold")
    for name, missing in inventory.protocols.items():
        if missing:
            state = f"cannot run: no clip of test actors {format_actors(missing)}"
            state += ", for whom others can stand in" if name == "article" else ""
        elif name in PROTOCOLS:
            n_folds = len(PROTOCOLS[name])
            state = f"can run, {n_folds} fold{'s' * (n_folds > 1)}"
        elif name == TEXT:
            state = "can run; it holds out sentences of RAVDESS as well as actors"
        else:
            state = "can run; it is split by file, and shows only what a leak does"
        console.print(f"  {name:8} {state}", style="dim" if missing else None)


def _table(first: str, *others: str) -> "Table":
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(first, no_wrap=True)
    for name in others:
        is_text = name in {"", "sound", "shortest to longest"}
        table.add_column(name, justify="left" if is_text else "right", no_wrap=True)
    return table


def _number(n: int) -> str:
    """A count that leaves the eye alone where there is nothing."""
    return f"{n:,}" if n else "·"


def _length(duration_s: float) -> str:
    minutes, seconds = divmod(round(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"
