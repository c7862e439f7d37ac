"""Style and files of all matplotlib figures."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Final

from serd.errors import LibraryError
from train.data.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS: Final = {"female": "#c8553d", "male": "#2a6f97", "unknown": "#7a7a7a"}
"""Color-blind safe colors by gender."""
GENDERS: Final = {"female": "women", "male": "men", "unknown": "gender unknown"}
"""Names in legends by gender."""
INK: Final = "#333333"
_LIGHT: Final = 0.55
_DPI: Final = 120


def new_figure(width_in: float, height_in: float) -> "Figure":
    """An empty figure with automatic layout.

    Raises:
        LibraryError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as exc:
        raise LibraryError(f"drawing needs matplotlib ({exc}): pip install '.[train]'") from exc
    return Figure(figsize=(width_in, height_in), layout="constrained")


def lighter(color: str) -> tuple[float, float, float]:
    """A lighter tint of a color."""
    from matplotlib.colors import to_rgb  # noqa: PLC0415

    red, green, blue = (part + (1.0 - part) * _LIGHT for part in to_rgb(color))
    return red, green, blue


def plain(axes: "Axes", *, grid: str = "") -> None:
    """Remove the frame except for the axes, and draw a faint grid along "x" or "y"."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#bbbbbb")
    axes.tick_params(colors=INK, length=0, labelsize=9)
    axes.set_axisbelow(True)
    if grid == "x":
        axes.xaxis.grid(visible=True, color="#e5e5e5")
    elif grid == "y":
        axes.yaxis.grid(visible=True, color="#e5e5e5")


def save_figure(figure: "Figure", path: Path) -> Path:
    """Write a figure as PNG, as ``write_whole`` does.

    Raises:
        OperationError: it cannot be written.
    """
    png = io.BytesIO()
    figure.savefig(png, dpi=_DPI, format="png")
    write_whole(path, png.getvalue())
    return path
