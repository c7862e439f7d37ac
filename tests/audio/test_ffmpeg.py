"""Files that ffmpeg decodes."""

import errno
import gc
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from serd.audio.files import FileSource, read_samples
from serd.errors import SoundFileError
from testkit.voices import synthetic_voice

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
_VOICE = synthetic_voice(1.5)


class TestFile:
    """A file that libsndfile does not know."""

    @needs_ffmpeg
    @pytest.mark.parametrize(
        ("name", "paced"), [("x.m4a", True), ("x.webm", False), ("x.aac", False), ("no suffix", False)]
    )
    def test_it_gives_the_same_voice(self, tmp_path: Path, name: str, paced: bool) -> None:  # noqa: FBT001
        """Its format is found by its content as well as by its name."""
        path = tmp_path / name
        soundfile.write(tmp_path / "a.wav", _VOICE[:8000], 16000)
        kind = ["-f", "ipod"] if name == "no suffix" else []
        subprocess.run(["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", *kind, path], check=True)
        got = np.concatenate([block.samples for block in FileSource(path, paced=paced)])
        assert got.size == pytest.approx(8000, abs=3500)
        spectrum = np.correlate(got.astype(float), _VOICE[:8000].astype(float), "full")
        energy = np.sqrt(np.sum(got.astype(float) ** 2) * np.sum(_VOICE[:8000].astype(float) ** 2))
        assert np.abs(spectrum).max() > 0.6 * energy

    @needs_ffmpeg
    def test_a_broken_one_is_one_line(self, tmp_path: Path) -> None:
        """With the reason of ffmpeg."""
        path = tmp_path / "x.m4a"
        path.write_bytes(b"\0\0\0\x20ftypM4A " + bytes(500))
        with pytest.raises(
            SoundFileError, match=r"x\.m4a: is not a sound file that can be read \("
        ) as caught:
            read_samples(path)
        assert "\n" not in str(caught.value)

    @needs_ffmpeg
    @pytest.mark.parametrize(
        ("name", "reason"), [("x.m4a", "partial file"), ("x.mka", "File ended prematurely")]
    )
    def test_a_cut_one_gives_its_sound_and_a_line(self, tmp_path: Path, name: str, reason: str) -> None:
        """The exit code of ffmpeg is that of a whole file."""
        path = tmp_path / name
        soundfile.write(tmp_path / "a.wav", np.tile(_VOICE, 6), 16000)
        index_first = ["-movflags", "+faststart"] if name == "x.m4a" else []
        subprocess.run(
            ["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", *index_first, path], check=True
        )
        whole = FileSource(path)
        n_samples = sum(block.samples.size for block in whole)
        assert whole.summary() == ""
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        cut = FileSource(path)
        assert 0.3 * n_samples < sum(block.samples.size for block in cut) < 0.7 * n_samples
        assert cut.summary() == f"{path}: damaged or cut ({reason}), and read as far as possible"

    def test_one_whose_decoder_is_killed_is_no_whole_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A line says that ffmpeg ended too early."""
        fake = tmp_path / "ffmpeg"
        soundfile.write(tmp_path / "out.au", np.zeros(8000, np.float32), 16000, subtype="FLOAT")
        fake.write_text(f"#!/bin/sh\ncat {tmp_path}/out.au\nkill -9 $$\n")
        fake.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        (tmp_path / "x.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(99))
        source = FileSource(tmp_path / "x.m4a")
        assert sum(block.samples.size for block in source) == 8000
        assert "x.m4a: damaged or cut (ffmpeg ended with code -9)" in source.summary()

    @needs_ffmpeg
    @pytest.mark.parametrize("function", ["os.pipe", "subprocess.Popen"])
    def test_without_files_left_it_cannot_be_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
    ) -> None:
        """The error is one of serd, and no descriptor stays open."""
        path = tmp_path / "x.m4a"
        path.write_bytes(b"\0\0\0\x20ftypM4A " + bytes(99))
        gc.collect()
        n_open = len(list(Path("/proc/self/fd").iterdir()))

        def fail(*_: object, **__: object) -> None:
            raise OSError(errno.EMFILE, "Too many open files")

        monkeypatch.setattr(function, fail)
        with pytest.raises(SoundFileError, match=r"x\.m4a: .* Too many open files"):
            FileSource(path)
        assert len(list(Path("/proc/self/fd").iterdir())) <= n_open

    @needs_ffmpeg
    def test_a_video_without_sound_is_refused(self, tmp_path: Path) -> None:
        """It holds no audio track."""
        path = tmp_path / "x.mkv"
        video = ("-f", "lavfi", "-i", "color=size=16x16:duration=0.2", "-c:v", "rawvideo")
        subprocess.run(["ffmpeg", "-v", "error", *video, path], check=True)
        with pytest.raises(SoundFileError, match=r"x\.mkv: is not a sound file that can be read"):
            read_samples(path)
