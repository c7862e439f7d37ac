"""Pictures as text, small enough to stand in a page and drawn in the page's own colours.

Shapes carry classes and no colours, so that one picture serves a light and a dark page. Lengths are in
units of which a picture has ``WIDTH``, which is about the width of a telephone's screen in pixels.
"""

from html import escape
from typing import Literal

WIDTH = 360.0

Anchor = Literal["start", "middle", "end"]


def picture(name: str, *, title: str, description: str, height: float, shapes: list[str]) -> str:
    """A picture with the text that stands for it where it cannot be seen.

    Args:
        name: tells its identifiers from other pictures' on the page.
        title: what it shows.
        description: what is to be seen in it, in words.
        height: in units.
        shapes: what is drawn, in this order.
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
    """Words whose base line begins, is centred or ends at a point, turned by degrees about it."""
    turned = f' transform="rotate({turn:g} {x:.1f} {y:.1f})"' if turn else ""
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{turned}>'
        f"{escape(words)}</text>"
    )
