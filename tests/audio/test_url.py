"""Streams of the network; one test needs ffmpeg itself."""

import gc
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from serd.audio.files import FileSource
from serd.audio.opening import SourceOpener, is_live, is_microphone
from serd.audio.source import SourceSettings
from serd.audio.url import FfmpegSource, public_url
from serd.errors import LibraryError, SoundFileError, SourceError, SourceStalledError
from testkit.brokers import free_port, wait_until
from testkit.voices import synthetic_voice

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
_VOICE = synthetic_voice(1.5)
_SECRET_URL = "rtsp://user:secret@camera:554/live/1?token=hidden"  # noqa: S105


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that is found in place of ffmpeg; its text is up to the test."""
    path = tmp_path / "bin" / "ffmpeg"
    path.parent.mkdir()
    path.touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
    return path


class TestStream:
    """A source that reads a URL."""

    @pytest.mark.parametrize("password", ["secret", "s@cret", "s@cr@t"])
    def test_secrets_of_a_url_are_neither_described_nor_in_an_error(
        self, fake: Path, password: str
    ) -> None:
        """Also if ffmpeg prints them; the process list alone has them, where ffmpeg needs them."""
        fake.write_text(
            '#!/bin/sh\nfor a; do u="$b"; b="$a"; case "$u" in -i) echo "$a: 401 no" >&2; esac; done\n'
        )
        url = _SECRET_URL.replace("secret", password)
        source = SourceOpener().open(SourceSettings(input=url))
        assert source.describe() == "rtsp://camera:554/live/1"
        with pytest.raises(SourceError) as caught:
            list(source)
        assert str(caught.value) == ("rtsp://camera:554/live/1 ended: rtsp://camera:554/live/1 401 no")

    def test_a_missing_ffmpeg_is_named_with_its_package(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The error says what to install."""
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(LibraryError, match="sudo apt-get install ffmpeg"):
            FfmpegSource("http://radio/x", channel="mix")
        (tmp_path / "x.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(99))
        with pytest.raises(SoundFileError, match=r"x\.m4a: is MP4 that needs ffmpeg: sudo apt-get"):
            FileSource(tmp_path / "x.m4a")

    def test_a_child_that_gives_nothing_stalls_and_is_then_given_up(
        self, fake: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The child has ended afterwards, though it ignores the request to end."""
        monkeypatch.setattr("serd.audio.stream.STALL_S", 0.05)
        monkeypatch.setattr("serd.audio.stream._STALLED_READ_S", 0.05)
        monkeypatch.setattr("serd.audio.url._HANG_S", 0.2)
        monkeypatch.setattr("serd.audio.ffmpeg._END_S", 0.05)
        fake.write_text(f"#!/bin/sh\ntrap '' TERM\necho $$ > {fake.parent}/pid\nexec sleep 60 >&1\n")
        source = FfmpegSource("http://radio/x", channel="mix")
        with pytest.raises(SourceStalledError, match="http://radio/x gave no sound"):
            list(source)
        time.sleep(0.25)
        with pytest.raises(SourceError, match="connecting again"):
            list(source)
        pid = int((fake.parent / "pid").read_text())
        assert not Path(f"/proc/{pid}").exists()

    def test_a_stalled_source_that_is_dropped_ends_its_child(
        self, fake: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As when the daemon stops while a camera hangs."""
        monkeypatch.setattr("serd.audio.stream.STALL_S", 0.05)
        fake.write_text(f"#!/bin/sh\necho $$ > {fake.parent}/pid\nexec sleep 60\n")
        source = FfmpegSource("http://radio/x", channel="mix")
        wait_until((fake.parent / "pid").exists, "the start")
        with pytest.raises(SourceStalledError):
            list(source)
        del source
        gc.collect()
        pid = (fake.parent / "pid").read_text().strip()
        assert not Path(f"/proc/{pid}").exists()

    @pytest.mark.parametrize("header", [b"\0" * 24, b".snd" + bytes(20), b"RIFF" + bytes(20)])
    def test_output_that_is_no_sound_is_an_error(self, fake: Path, header: bytes) -> None:
        """Another program may have the name."""
        (fake.parent / "out").write_bytes(header)
        fake.write_text(f"#!/bin/sh\ncat {fake.parent}/out\n")
        with pytest.raises(SourceError, match="ffmpeg wrote no AU stream"):
            list(FfmpegSource("http://radio/x", channel="mix"))

    def test_a_url_is_live_and_no_microphone(self) -> None:
        """It is opened again without end when it is lost."""
        settings = SourceSettings(input=_SECRET_URL)
        assert is_live(settings)
        assert not is_microphone(settings)

    def test_an_unknown_scheme_is_refused_with_the_known_ones(self) -> None:
        """Without the address, which may hold secrets."""
        with pytest.raises(SoundFileError, match=r"source gopher://\.\.\.: .*rtsp, rtsps, http, https"):
            SourceOpener().open(SourceSettings(input="gopher://user:secret@x/y"))

    @needs_ffmpeg
    def test_a_server_that_is_killed_and_comes_back_is_read_again(self) -> None:
        """Its death is an error, its return is sound, and no descriptor stays open."""
        url = f"http://127.0.0.1:{free_port()}/radio.mp3"
        n_open = []
        for _ in range(2):
            server = _serve(url)
            source, sound = _first_second(url)
            assert np.abs(sound).max() > 1000
            server.kill()
            server.wait()
            with pytest.raises(SourceError, match=r"radio\.mp3 ended"):
                list(source)
            n_open.append(len(list(Path("/proc/self/fd").iterdir())))
        assert len(set(n_open)) == 1


def _serve(url: str) -> "subprocess.Popen[bytes]":
    """An HTTP server that plays a tone to one listener, at the pace of live sound."""
    tone = ("-re", "-f", "lavfi", "-i", "sine=440:sample_rate=44100", "-filter:a", "volume=4")
    return subprocess.Popen(
        ["ffmpeg", "-nostdin", "-loglevel", "error", *tone, "-f", "mp3", "-listen", "1", url]
    )


def _first_second(url: str) -> tuple[Iterator[object], NDArray[np.int16]]:
    """Open a stream, again while its server is not up yet, and read a fifth of a second."""
    deadline_s = time.monotonic() + 30.0
    while True:
        blocks = iter(FfmpegSource(url, channel="mix"))
        try:
            got = [next(blocks).samples]
            while sum(map(len, got)) < 3200:
                got.append(next(blocks).samples)
        except SourceError:
            assert time.monotonic() < deadline_s
            time.sleep(0.02)
        else:
            return blocks, np.concatenate(got)


def test_what_is_not_a_url_is_refused_without_its_secrets() -> None:
    """The library that splits URLs would name the password."""
    for url in ("http://[x", "http://user:secret\u2100@host/"):
        with pytest.raises(
            SoundFileError, match=r"^source http://\.\.\.: not a URL, expected http://HOST"
        ):
            SourceOpener().open(SourceSettings(input=url))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (_SECRET_URL, "rtsp://camera:554/live/1"),
        ("http://radio.example/a.mp3", "http://radio.example/a.mp3"),
        ("https://a:b@[::1]:8000/x#y", "https://[::1]:8000/x"),
    ],
)
def test_a_url_is_shown_without_secrets(url: str, expected: str) -> None:
    """User, password, query and fragment are left out."""
    assert public_url(url) == expected
