"""Draws the state of the nodes: a live view for a terminal of 40 columns and more, or plain lines."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from serd.cli.watch_messages import EventView
from serd.cli.watch_view import SourceView, WatchState
from serd.model.labels import NONE, UNCERTAIN
from serd.publishers.terminal import bar, level_bar

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_N_SCORES: Final = 4
_FRAME_COLUMNS: Final = 4
"""Columns of the frame around a node and of its padding."""
_LABEL_COLUMNS: Final = 12
_NUMBER_COLUMNS: Final = 9
_MAX_BAR_COLUMNS: Final = 60
_STYLES: Final[Mapping[str, str]] = {
    "neutral": "white",
    "calm": "cyan",
    "happy": "yellow",
    "sad": "blue",
    "angry": "red",
    "fearful": "magenta",
    "disgust": "green",
    "surprised": "bright_cyan",
    UNCERTAIN: "bright_black",
    NONE: "bright_black",
}


def plain_line(event: EventView) -> str:
    """An event as a line of text, for pipes, files and simple terminals."""
    where = f"{event.node}/{event.source}"
    emotion = f"{event.emotion}{'?' if event.is_provisional else ''}"
    return (
        f"{event.time}  {where:<20}  {event.kind:<9}  {emotion:<10}"
        f" {_percent(event.confidence)}  {event.valence:<8} {event.duration_s:>5.1f} s"
        f"{'  replayed' if event.is_replayed else ''}"
    )


def render(state: WatchState, connection: str, *, is_up: bool, n_columns: int) -> "RenderableType":
    """The view: a line with the connection, and a box for each node.

    Args:
        state: the nodes.
        connection: a line about the connection to the broker.
        is_up: whether there is a connection.
        n_columns: width of the terminal.
    """
    from rich.console import Group  # noqa: PLC0415
    from rich.panel import Panel  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    n_bar = n_columns - _FRAME_COLUMNS - _LABEL_COLUMNS - _NUMBER_COLUMNS
    n_bar = min(_MAX_BAR_COLUMNS, max(1, n_bar))
    head = Text.assemble(("serd watch  ", "bold"), (connection, "green" if is_up else "yellow"))
    parts: list[RenderableType] = [head]
    for name, node in sorted(state.nodes.items()):
        color = "green" if node.is_online else "red"
        status = "online" if node.is_online else "offline"
        title = Text.assemble((" ● ", color), (name, "bold"), (f" {status} ", color))
        sources = [_source(name, view, n_bar) for name, view in sorted(node.sources.items())]
        body = Text("\n\n").join(sources) or Text("no sound source yet", style="bright_black")
        parts.append(Panel(body, title=title, title_align="left", border_style="dim"))
    if not state.nodes:
        parts.append(Text("no message from any node yet", style="bright_black"))
    return Group(*parts)


def _source(name: str, view: SourceView, n_bar: int) -> "Text":
    from rich.text import Text  # noqa: PLC0415

    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{name:<{_LABEL_COLUMNS}}", "bold")
    text.append(f"{view.emotion:<10}", f"bold {_style(view.emotion)}")
    if view.marks:
        text.append(f" {view.marks}", "red" if view.is_unavailable else "green")
    if view.level_dbfs is not None:
        text.append(f"\n  {'level':<10}").append(level_bar(view.level_dbfs, n_bar), "green")
        text.append(f" {view.level_dbfs:>3.0f} dBFS")
    if (latest := view.latest) is not None:
        kind = "early estimate" if latest.is_provisional else latest.kind
        text.append(
            f"\n  {latest.time}  {kind} {latest.duration_s:.1f} s {latest.valence}", "bright_black"
        )
        for label, score in latest.scores[:_N_SCORES]:
            text.append(f"\n  {label:<10}").append(bar(score, n_bar), _style(label))
            text.append(f" {_percent(score)}")
    if (mood := view.mood) is not None:
        text.append(f"\n  {'mood':<10}").append(mood.emotion, _style(mood.emotion))
        text.append(f" {_percent(mood.share).strip()} of {mood.speech_s:.0f} s of speech")
        text.append(f" in {mood.span_s / 60:g} min")
    for alert, is_on in sorted(view.alerts.items()):
        text.append(f"\n  {'alert':<10}{alert} ")
        text.append("ON" if is_on else "OFF", "bold red" if is_on else "bright_black")
    if view.problem:
        text.append(f"\n  {view.problem}", "yellow")
    if view.history:
        text.append("\n  newest ←  ", "bright_black")
        for emotion in reversed(view.history):
            text.append(f"{emotion[:3]} ", _style(emotion))
    return text


def _percent(share: float) -> str:
    return f"{round(100 * share):>3} %"


def _style(emotion: str) -> str:
    return _STYLES.get(emotion, "white")
