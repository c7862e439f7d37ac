"""An archive of short recordings, for the tests of serd analyze."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from testkit.voices import silence, synthetic_voice

N_FILES = 4


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A folder with four recordings."""
    folder = tmp_path / "archive"
    folder.mkdir()
    for number in range(N_FILES):
        sound = np.concatenate((silence(0.3), synthetic_voice(1.0, seed=number), silence(0.5)))
        soundfile.write(folder / f"{number}.wav", sound, 16_000)
    return folder
