"""The few pieces of HTML that the page is made of; every word that comes from outside is escaped."""

from collections.abc import Iterable, Sequence
from html import escape


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with row names in its first column; a wide one scrolls."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, *cells in rows
    )
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def figure(picture: str, caption: str) -> str:
    """A picture with words below it."""
    return f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def section(title: str, *parts: str) -> str:
    """A part of the page under a heading."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def pair(*parts: str) -> str:
    """Parts side by side on a wide page."""
    return f'<div class="pair">{"".join(f"<div>{part}</div>" for part in parts)}</div>'


def folded(summary: str, content: str) -> str:
    """Content that a click opens."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def paragraph(words: str, kind: str = "") -> str:
    """A paragraph."""
    return f'<p class="{kind}">{escape(words)}</p>' if kind else f"<p>{escape(words)}</p>"


def listed(lines: Sequence[str], kind: str) -> str:
    """A list, or nothing where there is nothing to list."""
    if not lines:
        return ""
    return f'<ul class="{kind}">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul>'


def definitions(pairs: Iterable[tuple[str, str]], kind: str) -> str:
    """Terms with their descriptions."""
    rows = "".join(f"<dt>{escape(term)}</dt><dd>{escape(words)}</dd>" for term, words in pairs)
    return f'<dl class="{kind}">{rows}</dl>'
