"""Parts of the recordings of noise, so that a network can be judged by noise that it never heard."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from zlib import crc32

_ESC = re.compile(r"([1-5])-\d+-[A-Z](-\d+)?")
CREDIT: Final = (
    "Recordings without speech from ESC-50: K. J. Piczak, 2015, ESC: Dataset for Environmental Sound"
    " Classification, ACM Multimedia, licensed CC BY 3.0."
)
"""What a model's card says where it has heard them."""
_N_OTHER = 3
"""Parts that recordings of other names fall into."""


def noise_fold(path: Path) -> str:
    """The part that a recording belongs to.

    Args:
        path: where it lies. The name of a recording of ESC-50, such as "1-26143-A-21" or, where a folder
            gives the class, "1-26143-A", begins with its fold, which all pieces of one original share:
            K. J. Piczak, "ESC: Dataset for Environmental Sound Classification", ACM Multimedia 2015.

    Returns:
        "1" to "5" in ESC-50; "a" to "c" by a checksum of any other name.
    """
    match = _ESC.fullmatch(path.stem)
    return match[1] if match else "abc"[crc32(path.stem.encode()) % _N_OTHER]


def is_esc(path: Path) -> bool:
    """Whether a recording is named as those of ESC-50 are."""
    return _ESC.fullmatch(path.stem) is not None


def noise_folds(paths: Iterable[Path]) -> tuple[str, ...]:
    """Every part that has a recording, in order."""
    return tuple(sorted({noise_fold(path) for path in paths}))
