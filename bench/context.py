"""What every part of the bench is given."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.sizes import Sizes
from bench.sound import Sound


@dataclass(frozen=True, kw_only=True)
class Context:
    """How long to measure, on what, and where."""

    sizes: Sizes
    sound: Sound
    folder: Path
    """For files that are gone afterwards."""
    before: Path | None
    """A checkout of an earlier serd that takes part beside this one."""
    say: Callable[[str], None]
    """Tells whoever waits what is under way."""

    @property
    def core(self) -> int:
        """The processor core that what is measured runs on."""
        return min(os.sched_getaffinity(0))

    @property
    def other_core(self) -> int:
        """The one that the bench itself and the broker run on; the same where there is no other."""
        return max(os.sched_getaffinity(0))


Figures = Mapping[str, Any]
"""What a part measured, as JSON."""
Part = Callable[[Context], Figures]
