"""``python -m train explore``: pictures of sounds, their level and pitch."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from serd.cli.progress import ProgressBar
from serd.errors import SoundFileError
from serd.model.labels import EMOTIONS
from train.cli.options import add_reading_options, check_writable, every_clip, name_of
from train.data.clips import Clip, CorpusError, parse_actors
from train.report.exploration import Measure, choose_actors, measure, typical_clips
from train.report.tables import Table, print_table

_GENDERS = {"female": "women", "male": "men", "unknown": "unknown"}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    explore = commands.add_parser(
        "explore",
        help="draw how emotions sound",
        description="Draw waveform, spectrogram and MFCC of one clip of each emotion for some actors,"
        " and level and pitch of their speech by emotion and gender.",
    )
    add = explore.add_argument
    add("root", type=Path, metavar="ROOT", help="folder that holds the corpora, nested in any way")
    add(
        "--actor",
        action="append",
        default=[],
        metavar="1",
        help="actors to draw, such as 1-4 or savee:DC; repeatable (default: one woman and one man)",
    )
    add("--everyone", action="store_true", help="measure level and pitch of all actors, not of these")
    add_reading_options(explore)
    add("--out", type=Path, help="folder (default: runs/explore/ROOT)")
    explore.set_defaults(command=explore_command)


def explore_command(options: argparse.Namespace) -> int:
    """Draw the actors, then level and pitch."""
    from train.report.drawing import save_figure  # noqa: PLC0415
    from train.report.exploration import draw_actor, draw_measures  # noqa: PLC0415

    out = options.out or Path("runs/explore") / name_of(options.root)
    check_writable(out.absolute())
    clips = every_clip(options.root, options).clips
    actors = choose_actors(clips, parse_actors(",".join(options.actor)))
    for actor in actors:
        typical = _readable(typical_clips(clips, actor))
        if not typical:
            raise CorpusError(f"none of the clips of actor {actor} can be read")
        name = f"actor-{actor.replace(':', '-')}.png"
        print(f"wrote {save_figure(draw_actor(actor, typical), out / name)}", flush=True)
    spoken = [
        clip for clip in clips if clip.channel == "speech" and (options.everyone or clip.actor in actors)
    ]
    measures = _measure(spoken)
    if not measures:
        raise CorpusError(f"no pitch is found in any of {len(spoken)} clips")
    print(f"wrote {save_figure(draw_measures(measures), out / 'level-and-pitch.png')}\n")
    _print_medians(measures)
    return 0


def _measure(clips: Sequence[Clip]) -> tuple[Measure, ...]:
    """Level and pitch of the clips, with a progress bar on a terminal."""
    with ProgressBar(len(clips)) as progress:

        def followed() -> Iterator[Clip]:
            for clip in clips:
                yield clip
                progress.advance()

        measures, left_out = measure(followed())
    for line in left_out:
        print(f"left out: {line}", file=sys.stderr)
    return measures


def _readable(clips: Sequence[Clip]) -> list[Clip]:
    """The readable clips; others are reported on standard error."""
    from serd.audio.files import FileSource  # noqa: PLC0415

    readable = []
    for clip in clips:
        try:
            FileSource(clip.path)
        except SoundFileError as exc:
            print(f"left out: {exc}", file=sys.stderr)
        else:
            readable.append(clip)
    return readable


def _print_medians(measures: Sequence[Measure]) -> None:
    """Print median level and pitch by emotion and gender."""
    genders = {each.clip.gender for each in measures}
    titles = {gender: title for gender, title in _GENDERS.items() if gender in genders}
    columns = [f"{title} {name}" for title in titles.values() for name in ("clips", "level", "pitch")]
    rows = []
    for emotion in EMOTIONS:
        cells = [emotion]
        for gender in titles:
            own = [
                each for each in measures if (each.clip.emotion, each.clip.gender) == (emotion, gender)
            ]
            cells += [
                f"{len(own)}",
                f"{median(each.level_dbfs for each in own):.1f} dBFS" if own else "",
                f"{median(each.pitch_hz for each in own):.0f} Hz" if own else "",
            ]
        rows.append(tuple(cells))
    print_table(Table(columns=("median", *columns), rows=tuple(rows)))
