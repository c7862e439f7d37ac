"""Sound files that arrive on standard input or a FIFO; most tests need ffmpeg itself."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from serd.audio.opening import SourceOpener
from serd.audio.pipe import PipeSource, fifo, sound_file_of
from serd.audio.source import MIX, SourceSettings
from serd.audio.stream import ByteStream
from serd.errors import SoundFileError, SourceError, SourceStalledError
from testkit.brokers import wait_until
from testkit.pipes import fed_pipe
from testkit.voices import synthetic_voice

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
_VOICE = synthetic_voice(1.5)
_KINDS = (
    "x.wav", "x.rf64", "x.w64", "x.flac", "x.ogg", "x.mp3", "x.aiff", "x.au", "x.caf", "x.aac", "x.webm",
    "x.mkv", "x.wma", "x.ts", "fragments.mp4",
)  # fmt: skip


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the voice in each format, in two channels at 32 kHz."""
    folder = tmp_path_factory.mktemp("encoded")
    soundfile.write(folder / "x.wav", np.repeat(_VOICE, 2)[:, np.newaxis].repeat(2, axis=1), 32_000)
    special = {
        "x.rf64": ("-rf64", "always", "-f", "wav"),
        "fragments.mp4": ("-movflags", "frag_keyframe+empty_moov"),
        "index at the end.mov": ("-c:a", "pcm_s16le"),
    }
    outputs = [(*special.get(name, ()), folder / name) for name in (*_KINDS[1:], "index at the end.mov")]
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-i",
        folder / "x.wav",
        *(each for one in outputs for each in one),
    ]
    subprocess.run(command, check=True)
    return folder


def _source(descriptor: int, channel: str = MIX) -> PipeSource:
    return PipeSource(ByteStream(descriptor, "standard input"), channel=channel)


def _heard(source: PipeSource) -> NDArray[np.int16]:
    blocks = list(source)
    offsets = np.cumsum([0, *(block.samples.size for block in blocks)])
    assert [block.offset_samples for block in blocks] == offsets[:-1].tolist()
    return np.concatenate([block.samples for block in blocks])


def _is_the_voice(got: NDArray[np.int16]) -> bool:
    """Whether some samples are the voice, of the same length and with the delay of a codec at most."""
    n_fft = 2 * max(got.size, _VOICE.size)
    cross = np.fft.rfft(got, n_fft) * np.conj(np.fft.rfft(_VOICE, n_fft))
    energy = np.linalg.norm(got.astype(float)) * np.linalg.norm(_VOICE.astype(float))
    likeness = np.fft.irfft(cross).max() / energy
    return bool(abs(got.size - _VOICE.size) < 3500 and likeness > 0.6)


def _children() -> list[str]:
    """The ids of the child processes of this one."""
    return Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()


def _n_open() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("name", _KINDS)
def test_a_file_on_a_pipe_is_heard_and_never_taken_for_samples(name: str, encoded: Path) -> None:
    """At its own rate and with its own channels, also if its first bytes come alone."""
    data = (encoded / name).read_bytes()
    read = fed_pipe([data[:3], *(data[start : start + 4096] for start in range(3, len(data), 4096))])
    assert _is_the_voice(_heard(_source(read)))
    os.close(read)


def test_a_channel_of_a_file_is_chosen_as_in_a_file(encoded: Path) -> None:
    """The second exists; a third does not, and is named."""
    for channel in ("2", "3"):
        with (encoded / "x.wav").open("rb") as file:
            read = fed_pipe([file.read()])
        if channel == "2":
            assert _is_the_voice(_heard(_source(read, channel)))
        else:
            with pytest.raises(
                SourceError, match="channel = '3', expected 'mix' or a number from 1 to 2"
            ):
                list(_source(read, channel))
        os.close(read)


def test_nothing_is_left_behind(encoded: Path) -> None:
    """Neither a child nor a descriptor, at the end, after a stop, and after ffmpeg was killed."""
    sound = (encoded / "x.au").read_bytes()  # ffmpeg reads the first 64 kB of a WAV before it gives any
    n_open, children = _n_open(), _children()
    read = fed_pipe([sound])
    assert _is_the_voice(_heard(_source(read)))
    os.close(read)
    for ends in ("stop", "kill"):
        read, write = os.pipe()
        os.write(write, sound[:60_000])
        source = _source(read)
        blocks = iter(source)
        next(blocks)
        if ends == "stop":
            source.stop()
            list(blocks)
        else:
            for child in set(_children()) - set(children):
                os.kill(int(child), 9)
            with pytest.raises(SourceError, match="standard input: ffmpeg ended"):
                list(blocks)
        # What follows in the pipe is the middle of the file, and nobody may take it for samples.
        with pytest.raises(SoundFileError, match="ended without any sound"):
            list(_source(read))
        os.close(read)
        os.close(write)
    assert (_n_open(), _children()) == (n_open, children)


def test_a_file_that_is_cut_gives_what_it_holds(encoded: Path) -> None:
    """As of a recorder that is killed while it writes."""
    read = fed_pipe([(encoded / "x.flac").read_bytes()[:-3000]])
    assert _heard(_source(read)).size > 8000
    os.close(read)


@pytest.mark.parametrize("name", ["index at the end.mov", "garbage"])
def test_a_file_that_cannot_be_decoded_is_one_line(name: str, encoded: Path) -> None:
    """It says what was found, and what would help."""
    path = encoded / name
    data = path.read_bytes() if path.exists() else b"fLaC" + bytes(range(256)) * 40
    read = fed_pipe([data])
    with pytest.raises(SoundFileError, match=r"ffmpeg finds no sound in it \(.*--source FILE"):
        list(_source(read))
    os.close(read)


def test_a_file_that_never_ends_after_its_sound_is_an_error(encoded: Path) -> None:
    """The daemon would be deaf otherwise, and say nothing."""
    read, write = os.pipe()
    data = (encoded / "x.w64").read_bytes()

    def write_all() -> None:
        os.write(write, data[:60_000])
        os.write(write, data[60_000:])
        try:
            while True:
                os.write(write, bytes(50_000))
        except BrokenPipeError:
            os.close(write)

    writer = threading.Thread(target=write_all)
    writer.start()
    with pytest.raises(SourceError, match="goes on after the end of its W64 sound"):
        list(_source(read))
    os.close(read)
    writer.join()


def test_without_ffmpeg_a_file_is_refused_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if its first bytes come one by one: it is never taken for samples."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for parts in ([b"RIFF\x24\x00\x00\x00WAVE"], [b"RI", b"FF\x24\x00\x00", b"\x00WAVE" + bytes(99)],
                  [b"fLaC\x00"]):  # fmt: skip
        read = fed_pipe(parts)
        with pytest.raises(SoundFileError, match=r"needs ffmpeg: sudo apt-get install ffmpeg"):
            list(_source(read))
        os.close(read)


def test_an_ffmpeg_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source stalls first, as one whose writer pauses; a writer alone may pause for ever."""
    monkeypatch.setattr("serd.audio.stream.STALL_S", 0.05)
    monkeypatch.setattr("serd.audio.stream._STALLED_READ_S", 0.05)
    (tmp_path / "ffmpeg").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    children = _children()
    read, write = os.pipe()
    os.write(write, b"fLaC" + bytes(100))
    source = _source(read)
    for _ in range(3):
        with pytest.raises(SourceStalledError):
            list(source)
    monkeypatch.setattr("serd.audio.piped_file._HANG_S", 0.0)
    with pytest.raises(SourceStalledError):  # ffmpeg has taken all, so it is the writer that pauses
        list(source)
    os.close(write)
    with pytest.raises(SourceError, match="standard input: ffmpeg hangs"):
        list(source)
    assert _children() == children
    os.close(read)


class TestFifo:
    """A FIFO with one writer after another."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Iterator[Path]:
        """The FIFO."""
        path = tmp_path / "fifo"
        os.mkfifo(path)
        return path

    def test_each_writer_may_have_a_format_of_its_own(self, path: Path, encoded: Path) -> None:
        """Two files and raw samples, without a gap, and the last is heard to its end."""
        raw = np.full(1000, 7, "<i2")
        source = fifo(path, channel=MIX)
        blocks = iter(source)
        for data in ((encoded / "x.flac").read_bytes(), (encoded / "x.wav").read_bytes()):
            writer = threading.Thread(target=path.write_bytes, args=(data,))
            writer.start()
            got = [next(blocks)]
            while sum(block.samples.size for block in got) < _VOICE.size:
                got.append(next(blocks))
            writer.join()
            assert _is_the_voice(np.concatenate([block.samples for block in got]))
        path.write_bytes(raw.tobytes())
        block = next(blocks)
        while not block.samples.size:
            block = next(blocks)
        assert block.samples.tolist() == raw.tolist()

    def test_it_is_not_entered_in_the_middle_of_a_file(self, path: Path, encoded: Path) -> None:
        """A reload has to end the decoding first, and the writer then ends as well."""
        opener, settings = SourceOpener(), SourceSettings(input=str(path))
        source = opener.open(settings)
        blocks = iter(source)
        data = (encoded / "x.wav").read_bytes() * 3  # more than all pipes hold
        ended = threading.Event()

        def write() -> None:
            try:
                path.write_bytes(data)
            except BrokenPipeError:
                ended.set()

        threading.Thread(target=write).start()
        next(blocks)
        with pytest.raises(SourceError, match="in the middle of a sound file"):
            opener.open(settings)
        source.stop()
        list(blocks)
        wait_until(ended.is_set, "the end of the writer")
        opener.open(settings)


def test_a_redirected_file_is_that_file(encoded: Path, tmp_path: Path) -> None:
    """``serd run --source - < FILE`` decodes what needs to seek, and leaves raw samples to the pipe."""
    (tmp_path / "raw").write_bytes(_VOICE.tobytes())
    for path, expected in (
        (encoded / "index at the end.mov", encoded / "index at the end.mov"),
        (tmp_path / "raw", None),
    ):
        with path.open("rb") as file:
            assert sound_file_of(file.fileno()) == expected
    read = fed_pipe([])
    assert sound_file_of(read) is None
    os.close(read)
