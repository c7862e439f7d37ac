"""The wheel holds the files that serd needs to run, and none of training."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_model_and_demo_are_in_the_wheel(tmp_path: Path) -> None:
    """An installed wheel runs serd without another file, and has no training code."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    demo = ("serd/data/demo.flac", "serd/data/demo.csv", "serd/data/README.md")
    units = ("serd/systemd/serd.service", "serd/systemd/serd.sysusers", "serd/systemd/small-board.toml")
    for needed in ("serd/models/serd-ravdess8.tflite", "serd/py.typed", *demo, *units):
        assert needed in names
    assert any(name.endswith("entry_points.txt") for name in names)
    stamp = zipfile.ZipFile(wheel).read("serd/data/build.txt").decode()
    assert re.fullmatch(r"[0-9a-f]{12}(-dirty)?\n", stamp)
    assert not [name for name in names if name.startswith(("train/", "tests/"))]
