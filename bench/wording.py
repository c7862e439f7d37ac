"""How figures are written."""

from collections.abc import Mapping


def number(value: float) -> str:
    """Three significant digits, and no more decimals than that."""
    if value == 0.0:
        return "0"
    size = abs(value)
    if size >= 100.0:
        return f"{value:,.0f}"
    if size >= 10.0:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 1.0 else f"{value:.3g}"


def with_spread(figures: Mapping[str, float]) -> str:
    """The median and the quartiles: "0.52 (0.50-0.55)"; the value alone if it was measured once."""
    if figures["n"] < 2:
        return number(figures["median"])
    return f"{number(figures['median'])} ({number(figures['lower'])}–{number(figures['upper'])})"  # noqa: RUF001


def megabytes(n_bytes: float) -> str:
    """Bytes as megabytes."""
    return number(n_bytes / 1e6)
