"""Charts of an evaluation as SVG, small enough to be part of its page.

Shapes carry classes and no colors, so that one chart serves a light and a dark page. Lengths are in
units of which a chart has ``WIDTH``, which is about the width of a telephone's screen in pixels.
"""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Literal

from train.evaluation.bootstrap import Interval
from train.evaluation.calibration import Calibration
from train.evaluation.metrics import Scores
from train.evaluation.pass_metrics import PassMetrics

WIDTH = 360.0

Anchor = Literal["start", "middle", "end"]


_LETTER = 7.0
"""Width of a letter of a label, on average."""
_MOST_LETTERS = 22
"""Letters of a label; a longer one lacks its middle."""
_FIRST_LETTERS = 8
"""Letters before the gap; those behind it tell speakers of one corpus apart."""
_ROW = 26.0


def picture(name: str, *, title: str, description: str, height: float, shapes: list[str]) -> str:
    """A chart with its description as alternative text.

    Args:
        name: prefix of its identifiers on the page.
        title: title.
        description: its content in words.
        height: height in units.
        shapes: shapes, in drawing order.
    """
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img"'
        f' aria-labelledby="{name}-title {name}-text">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-text">{escape(description)}</desc>{"".join(shapes)}</svg>'
    )


def rectangle(
    x: float, y: float, width: float, height: float, kind: str, *, opacity: float = 1.0, hint: str = ""
) -> str:
    """A filled rectangle; the hint is shown under a mouse."""
    filled = "" if opacity == 1.0 else f' fill-opacity="{opacity:.3f}"'
    inside = f"<title>{escape(hint)}</title>" if hint else ""
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.0):.1f}"'
        f' height="{max(height, 0.0):.1f}"{filled}>{inside}</rect>'
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def polyline(points: list[tuple[float, float]], kind: str) -> str:
    """Points joined by lines."""
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{kind}" points="{joined}"/>'


def dot(x: float, y: float, kind: str, *, hint: str = "") -> str:
    """A round mark; the hint is shown under a mouse."""
    inside = f"<title>{escape(hint)}</title>" if hint else ""
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4">{inside}</circle>'


def text(
    x: float, y: float, words: str, *, kind: str = "", anchor: Anchor = "start", turn: float = 0.0
) -> str:
    """Text anchored at a point, rotated by degrees about it."""
    turned = f' transform="rotate({turn:g} {x:.1f} {y:.1f})"' if turn else ""
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{turned}>'
        f"{escape(words)}</text>"
    )


def label_width(labels: Iterable[str]) -> float:
    """Room for labels on the left, with a gap behind them."""
    return 12.0 + _LETTER * max((len(fitted(label)) for label in labels), default=0)


def fitted(label: str) -> str:
    """A label as a chart shows it, without its middle if it is long."""
    if len(label) <= _MOST_LETTERS:
        return label
    return f"{label[:_FIRST_LETTERS]}…{label[_FIRST_LETTERS + 1 - _MOST_LETTERS :]}"


def confusion_chart(scores: Scores) -> str:
    """Counts of truth by decision, shaded by the share of the truth's clips."""
    shown = [index for index, n in enumerate(scores.counts.values()) if n]
    columns = [*scores.labels, *(["missed"] if scores.n_missed else [])]
    left = label_width(scores.labels)
    size = min((WIDTH - left - 2.0) / len(columns), 56.0)
    top = 10.0 + 7.0 * max(map(len, columns))
    shapes = [
        text(left + (column + 0.5) * size + 3.0, top - 6.0, name, turn=-90.0)
        for column, name in enumerate(columns)
    ]
    for row, index in enumerate(shown):
        counts = scores.confusion[index].tolist()[: len(columns)]
        total = sum(scores.confusion[index].tolist())
        y = top + row * size
        truth = scores.labels[index]
        shapes.append(text(left - 6.0, y + size / 2 + 4.0, fitted(truth), anchor="end"))
        for column, count in enumerate(counts):
            x = left + column * size
            part = count / total
            hint = f"{truth} taken for {columns[column]}: {count} of {total}"
            frame = "cell right" if column == index else "cell"
            shapes.append(rectangle(x, y, size - 2.0, size - 2.0, "cell-bed"))
            shapes.append(rectangle(x, y, size - 2.0, size - 2.0, frame, opacity=part, hint=hint))
            if count:
                kind = "on" if part > 0.8 else "half-on" if part > 0.55 else ""
                middle = x + size / 2 - 1.0
                shapes.append(text(middle, y + size / 2 + 3.0, str(count), kind=kind, anchor="middle"))
    described = "Rows are the truth, columns the decision. The table below has every count."
    if mistakes := frequent_confusions(scores):
        truth, decision, count, _ = mistakes[0]
        described += f" The most frequent mistake is {truth} taken for {decision}, {count} times."
    return picture(
        "confusion",
        title="Confusion matrix",
        description=described,
        height=top + len(shown) * size,
        shapes=shapes,
    )


def frequent_confusions(scores: Scores) -> list[tuple[str, str, int, int]]:
    """Truth, decision, their clips and all clips of the truth; the most frequent first."""
    totals = scores.confusion.sum(axis=1).tolist()
    mistakes = [
        (scores.labels[truth], scores.labels[decision], count, totals[truth])
        for truth, row in enumerate(scores.confusion[:, :-1].tolist())
        for decision, count in enumerate(row)
        if count and decision != truth
    ]
    return sorted(mistakes, key=lambda mistake: -mistake[2])


def classes_chart(scores: Scores) -> str:
    """Recall and precision of each class as bars."""
    recalls, precisions = scores.recalls, scores.precisions
    left = label_width(recalls)
    room = WIDTH - left - 38.0
    shapes = [
        rectangle(left, 2.0, 10.0, 10.0, "bar"),
        text(left + 15.0, 11.0, "recall"),
        rectangle(left + 66.0, 2.0, 10.0, 10.0, "bar second"),
        text(left + 81.0, 11.0, "precision"),
    ]
    top = 24.0
    for row, (label, recall) in enumerate(recalls.items()):
        y = top + row * (_ROW + 8.0)
        precision = precisions.get(label)
        shapes.append(text(left - 6.0, y + 16.0, fitted(label), anchor="end"))
        shapes.append(rectangle(left, y, room * recall, 11.0, "bar"))
        shapes.append(text(left + room * recall + 5.0, y + 10.0, f"{recall:.2f}", kind="small"))
        if precision is not None:
            shapes.append(rectangle(left, y + 13.0, room * precision, 11.0, "bar second"))
        words = "never decided for" if precision is None else f"{precision:.2f}"
        end = left + room * (precision or 0.0)
        shapes.append(text(end + 5.0, y + 23.0, words, kind="small"))
    best, worst = max(recalls, key=recalls.__getitem__), min(recalls, key=recalls.__getitem__)
    return picture(
        "classes",
        title="Recall and precision of each class",
        description=f"Recall is highest for {best} ({recalls[best]:.2f}) and lowest for {worst}"
        f" ({recalls[worst]:.2f}).",
        height=top + len(recalls) * (_ROW + 8.0),
        shapes=shapes,
    )


def parts_chart(name: str, parts: Mapping[str, Scores], whole: PassMetrics) -> str:
    """UAR of parts of the clips, with the UAR and interval of all clips.

    Args:
        name: name of the chart.
        parts: scores by the name of the part.
        whole: metrics of all clips.
    """
    left, row_height = label_width(parts), 22.0
    room = WIDTH - left - 36.0
    top, height = 18.0, len(parts) * row_height
    uar = whole.scores.uar
    bounds = whole.intervals.get("uar")
    shapes = []
    if bounds:
        width = room * (bounds.high - bounds.low)
        shapes.append(rectangle(left + room * bounds.low, top, width, height, "band"))
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        shapes.append(line(left + room * tick, top, left + room * tick, top + height, "grid"))
        at = top + height + 14.0
        shapes.append(text(left + room * tick, at, f"{tick:g}", kind="small", anchor="middle"))
    shapes.append(line(left + room * uar, top, left + room * uar, top + height, "whole"))
    shapes.append(text(left + room * uar, 12.0, f"all {uar:.2f}", kind="small", anchor="middle"))
    for row, (value, part) in enumerate(parts.items()):
        y = top + (row + 0.5) * row_height
        x = left + room * part.uar
        hint = f"{value}: UAR {part.uar:.3f} on {part.n_clips} clips"
        shapes.append(text(left - 8.0, y + 4.0, fitted(value), anchor="end"))
        shapes.append(line(left, y, x, y, "stem"))
        shapes.append(dot(x, y, "mark", hint=hint))
        shapes.append(text(WIDTH, y + 4.0, f"{part.uar:.2f}", anchor="end"))
    listed = ", ".join(f"{value} {part.uar:.2f}" for value, part in parts.items())
    return picture(
        f"parts-{name}",
        title=f"UAR by {name}",
        description=f"All clips {uar:.2f}; {listed}.",
        height=top + height + 18.0,
        shapes=shapes,
    )


def reliability_chart(calibration: Calibration) -> str:
    """Accuracy against confidence, and the number of clips in each bin."""
    left, top, side, strip = 40.0, 8.0, 300.0, 44.0
    base = top + side
    floor = base + 62.0 + strip
    shapes = _axes(left, top, side)
    most = max(each.n for each in calibration.bins)
    for each in calibration.bins:
        x, width = left + each.low * side, (each.high - each.low) * side - 1.5
        hint = f"confidence {each.confidence:.2f}, accuracy {each.accuracy:.2f}, {each.n} clips"
        height = each.accuracy * side
        shapes.append(rectangle(x, base - height, width, height, "bar", hint=hint))
        level = base - each.confidence * side
        shapes.append(line(x, level, x + width, level, "claim"))
        height = strip * each.n / most
        shapes.append(rectangle(x, floor - height, width, height, "bar faint", hint=hint))
        middle = x + width / 2
        shapes.append(text(middle, floor - height - 4.0, str(each.n), kind="small", anchor="middle"))
    shapes.append(line(left, base, left + side, top, "diagonal"))
    shapes.append(line(left, floor, left + side, floor, "grid"))
    shapes.append(text(11.0, floor - strip / 2, "clips", kind="small", anchor="middle", turn=-90.0))
    how = "more" if calibration.confidence > calibration.accuracy else "no more"
    return picture(
        "reliability",
        title="Reliability diagram",
        description=f"Accuracy of the decisions by their confidence, in {len(calibration.bins)} bins"
        f" that hold clips. On average the model claims {calibration.confidence:.2f} and is right in"
        f" {calibration.accuracy:.2f} of the clips: it is {how} confident than right.",
        height=floor + 4.0,
        shapes=shapes,
    )


def _axes(left: float, top: float, side: float) -> list[str]:
    shapes = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = left + tick * side, top + side - tick * side
        shapes.append(line(x, top, x, top + side, "grid"))
        shapes.append(line(left, y, left + side, y, "grid"))
        shapes.append(text(x, top + side + 14.0, f"{tick:g}", kind="small", anchor="middle"))
        shapes.append(text(left - 5.0, y + 4.0, f"{tick:g}", kind="small", anchor="end"))
    middle = left + side / 2
    shapes.append(text(middle, top + side + 29.0, "confidence", kind="small", anchor="middle"))
    shapes.append(text(11.0, top + side / 2, "accuracy", kind="small", anchor="middle", turn=-90.0))
    return shapes


def noise_chart(passes: Mapping[str, PassMetrics]) -> str:
    """UAR with its interval by signal-to-noise ratio."""
    left, top, width, height = 40.0, 10.0, 306.0, 190.0
    chance = next(iter(passes.values())).scores.chance
    shapes = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = top + height * (1.0 - tick)
        shapes.append(line(left, y, left + width, y, "grid"))
        shapes.append(text(left - 5.0, y + 4.0, f"{tick:g}", kind="small", anchor="end"))
    y = top + height * (1.0 - chance)
    shapes.append(line(left, y, left + width, y, "diagonal"))
    shapes.append(text(left + width, y - 4.0, "chance", kind="small", anchor="end"))
    points = []
    for number, (title, metrics) in enumerate(passes.items()):
        x = left + width * (number + 0.5) / len(passes)
        y = top + height * (1.0 - metrics.scores.uar)
        points.append((x, y))
        shapes += _whisker(x, top, height, metrics.intervals.get("uar"))
        shapes.append(text(x + 8.0, y - 7.0, f"{metrics.scores.uar:.2f}"))
        shapes.append(text(x, top + height + 16.0, title, kind="small", anchor="middle"))
    shapes.append(polyline(points, "curve"))
    shapes += [dot(x, y, "mark") for x, y in points]
    shapes.append(text(11.0, top + height / 2, "UAR", kind="small", anchor="middle", turn=-90.0))
    listed = ", ".join(f"{title} {metrics.scores.uar:.2f}" for title, metrics in passes.items())
    return picture(
        "noise",
        title="UAR in noise",
        description=f"UAR by signal-to-noise ratio: {listed}; chance is {chance:.2f}.",
        height=top + height + 24.0,
        shapes=shapes,
    )


def _whisker(x: float, top: float, height: float, bounds: Interval | None) -> list[str]:
    if bounds is None:
        return []
    low, high = top + height * (1.0 - bounds.low), top + height * (1.0 - bounds.high)
    ends = [line(x - 5.0, y, x + 5.0, y, "stem") for y in (low, high)]
    return [line(x, low, x, high, "stem"), *ends]
