"""Recognizes sound files and streams by their first bytes, so that none is taken for raw samples."""

import re
from collections.abc import Callable
from typing import Final

N_MAGIC_BYTES: Final = 12
"""Number of bytes that name a container; a compressed stream without one needs more, see
``needed_bytes``."""
_FRAMES_IN_A_ROW: Final = 3
N_SEARCHED_BYTES: Final = 4_096
"""Bytes that hold the headers of three frames of an MP3 or AAC stream."""
_HEADER_BYTES: Final = 7

_MAGIC: Final[dict[str, re.Pattern[bytes]]] = {
    "WAV": re.compile(rb"RIFF|RIFX|RF64|BW64"),
    "W64": re.compile(rb"riff\x2e\x91\xcf\x11"),
    "FLAC": re.compile(rb"fLaC"),
    "Ogg": re.compile(rb"OggS"),
    "MP3": re.compile(rb"ID3"),
    "AIFF": re.compile(rb"FORM....AIF[FC]", re.DOTALL),
    "AU": re.compile(rb"\.snd"),
    "CAF": re.compile(rb"caff"),
    "MP4": re.compile(rb"....ftyp", re.DOTALL),
    "Matroska or WebM": re.compile(rb"\x1a\x45\xdf\xa3"),
    "ASF or WMA": re.compile(rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    "AMR": re.compile(rb"#!AMR"),
}
FFMPEG_CONTAINERS: Final = frozenset({"MP4", "Matroska or WebM", "ASF or WMA", "AMR", "AAC", "MPEG-TS"})
"""Formats that only ffmpeg decodes."""
_MPEG_KBPS: Final[dict[tuple[bool, int], tuple[int, ...]]] = {
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates by (MPEG-1, layer), ISO 11172-3 and 13818-3, in kbit/s; layer I is not in use."""
_MPEG_RATES_HZ: Final = {
    3: (44_100, 48_000, 32_000),
    2: (22_050, 24_000, 16_000),
    0: (11_025, 12_000, 8_000),
}
"""Sample rates by the version bits of the header, in hertz."""


def needed_bytes(start: bytes) -> int:
    """Return how many bytes ``container`` needs to decide, given the first ones."""
    is_sync = start[:1] == b"\xff" and (len(start) < 2 or start[1] & 0xE0 == 0xE0)
    return N_SEARCHED_BYTES if is_sync or start[:1] == b"\x47" else N_MAGIC_BYTES


def container(start: bytes) -> str:
    """Return the name of the format that a stream begins with; empty if it has none of them.

    Args:
        start: the first bytes, ``needed_bytes`` of them or all there are.
    """
    for name, pattern in _MAGIC.items():
        if pattern.match(start):
            return name
    if len(start) > 376 and {start[0], start[188], start[376]} == {0x47}:
        return "MPEG-TS"
    return next((name for name, n_bytes in _FRAMES.items() if _begins_with_frames(start, n_bytes)), "")


def _begins_with_frames(start: bytes, n_bytes: Callable[[bytes], int]) -> bool:
    """Whether some bytes begin with frames of one kind; raw samples often look like one of them."""
    position = 0
    for _ in range(_FRAMES_IN_A_ROW - 1):
        length = n_bytes(start[position : position + _HEADER_BYTES])
        position += length
        if not length or start[position : position + 2] != start[:2]:
            return False
    return True


def _adts_bytes(start: bytes) -> int:
    """Length of the ADTS frame that the bytes begin with; 0 if there is none."""
    if len(start) < 7 or start[0] != 0xFF or start[1] & 0xF6 != 0xF0:
        return 0
    length = (start[3] & 3) << 11 | start[4] << 3 | start[5] >> 5
    return length if length > 7 else 0


def _mpeg_bytes(start: bytes) -> int:
    """Length of the MPEG audio frame that the bytes begin with; 0 if there is none."""
    if len(start) < 4 or start[0] != 0xFF or start[1] & 0xE0 != 0xE0:
        return 0
    version, layer = start[1] >> 3 & 3, 4 - (start[1] >> 1 & 3)
    bit_rate, rate, padding = start[2] >> 4, start[2] >> 2 & 3, start[2] >> 1 & 1
    if version == 1 or layer not in {2, 3} or not 1 <= bit_rate <= 14 or rate == 3:
        return 0
    bits = 1000 * _MPEG_KBPS[version == 3, layer][bit_rate - 1]
    rate_hz = _MPEG_RATES_HZ[version][rate]
    return (72 if layer == 3 and version != 3 else 144) * bits // rate_hz + padding


_FRAMES: Final = {"AAC": _adts_bytes, "MP3": _mpeg_bytes}
"""Length of the frame that a header begins, by the name of the format."""
