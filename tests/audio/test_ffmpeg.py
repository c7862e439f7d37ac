"""Files that ffmpeg decodes."""

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
_SECRET_URL = "rtsp://user:secret@camera:554/live/1?token=hidden"  # noqa: S105


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
    def test_a_video_without_sound_is_refused(self, tmp_path: Path) -> None:
        """It holds no audio track."""
        path = tmp_path / "x.mkv"
        video = ("-f", "lavfi", "-i", "color=size=16x16:duration=0.2", "-c:v", "rawvideo")
        subprocess.run(["ffmpeg", "-v", "error", *video, path], check=True)
        with pytest.raises(SoundFileError, match=r"x\.mkv: is not a sound file that can be read"):
            read_samples(path)
