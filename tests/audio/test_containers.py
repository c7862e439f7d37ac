"""Sound files and streams are told from raw samples by their first bytes."""

import io

import numpy as np
import pytest
import soundfile

from serd.audio.containers import container, needed_bytes
from testkit.voices import synthetic_voice


def _encoded(kind: str, subtype: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, synthetic_voice(1.0), 16000, format=kind, subtype=subtype)
    return file.getvalue()


def _adts() -> bytes:
    """Three frames of 60 bytes as ffmpeg writes them: AAC LC, 16 kHz, mono."""
    frame = bytes.fromhex("fff160400780fc") + bytes(53)
    return frame * 3


@pytest.mark.parametrize(
    ("kind", "subtype", "expected"),
    [
        ("WAV", "PCM_16", "WAV"),
        ("RF64", "PCM_16", "WAV"),
        ("W64", "PCM_16", "W64"),
        ("FLAC", "PCM_16", "FLAC"),
        ("OGG", "VORBIS", "Ogg"),
        ("AIFF", "PCM_16", "AIFF"),
        ("AU", "PCM_16", "AU"),
        ("CAF", "PCM_16", "CAF"),
        ("MP3", "MPEG_LAYER_III", "MP3"),
    ],
)
def test_files_of_libsndfile_are_named(kind: str, subtype: str, expected: str) -> None:
    """The first bytes that are asked for are enough."""
    data = _encoded(kind, subtype)
    assert container(data[: needed_bytes(data)]) == expected


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"\0\0\0\x20ftypM4A ", "MP4"),
        (b"\x1a\x45\xdf\xa3" + bytes(8), "Matroska or WebM"),
        (bytes.fromhex("3026b2758e66cf11a6d900aa"), "ASF or WMA"),
        (b"#!AMR\n" + bytes(6), "AMR"),
        (b"ID3\x04" + bytes(8), "MP3"),
        (_adts(), "AAC"),
        ((b"\x47" + bytes(187)) * 3, "MPEG-TS"),
    ],
)
def test_other_containers_are_named(start: bytes, expected: str) -> None:
    """Those that need another program."""
    assert container(start) == expected


def test_samples_are_no_container() -> None:
    """Neither quiet nor loud samples, though many begin with the two bytes of an MP3 frame."""
    random = np.random.default_rng(0)
    for level in (2, 40, 3000, 32_000):
        for _ in range(500):
            samples = random.integers(-level, level, 2200, np.int16)
            samples[0] = random.choice([-1, -1025, -1281, -3841, 71])
            data = samples.astype("<i2").tobytes()
            assert container(data[: needed_bytes(data)]) == ""


def test_few_bytes_are_no_container() -> None:
    """The start of a stream may be shorter than any header."""
    assert [container(b"\xff\xfb\x90\x64"[:n]) for n in range(5)] == [""] * 5
    assert [needed_bytes(each) for each in (b"", b"R", b"\xff", b"\xff\xfb", b"\xff\x00")] == [
        12,
        12,
        4096,
        4096,
        12,
    ]
