"""The settings for small boards is valid, and the check for wheels covers their platforms."""

import re
import shutil
from pathlib import Path

from check_wheels import ARCHITECTURES, PYTHONS, pip_command
from make_lock import LOCK, locked_text

from serd.model.runtime import ModelSettings, model_path
from serd.settings.loader import load_settings

ROOT = Path(__file__).parents[2]


def test_the_settings_for_small_boards_are_a_fragment(tmp_path: Path) -> None:
    """They change hop and model, and leave the rest of a person's settings alone."""
    settings_file = tmp_path / "serd.toml"
    settings_file.write_text('[mqtt]\nhost = "pi"\n[history]\nenabled = true\n')
    (tmp_path / "conf.d").mkdir()
    shutil.copy(ROOT / "systemd" / "small-board.toml", tmp_path / "conf.d")
    settings = load_settings(settings_file, environment={})
    assert settings.segmenter.hop_s == 2.0
    assert settings.model == ModelSettings(path="tiny")
    assert model_path(settings.model).is_file()
    assert settings.publishers["mqtt"].host == "pi"
    assert settings.publishers["history"].enabled


def test_every_dependency_of_the_daemon_is_checked_for_a_wheel() -> None:
    """Those of the lock, without training and tests; pip may not build any."""
    lock = locked_text(LOCK.read_text("utf-8"), python="3.13", machine="aarch64")
    for needed in ("ai-edge-litert==", "amqtt=="):
        assert f"\n{needed}" in f"\n{lock}"
    assert not re.search("^(tensorflow|pytest)", lock, re.MULTILINE)
    command = pip_command(Path("a.lock"), python="3.13", architecture="aarch64", folder=Path("wheels"))
    assert "--only-binary=:all:" in command
    assert "manylinux_2_27_aarch64" in command
    assert command[-3:] == ["--require-hashes", "--requirement", "a.lock"]


def test_a_package_that_differs_by_platform_is_in_the_lock_of_one() -> None:
    """The lines for pip have the version for the platform, its hashes, and no marker."""
    lock = (
        "a==1 ; python_full_version < '3.12' \\\n    --hash=x\n"
        "a==2 ; python_full_version >= '3.12' \\\n    --hash=y\n    # via b\n"
    )
    assert locked_text(lock, python="3.11", machine="aarch64") == "a==1 \\\n    --hash=x\n"
    assert locked_text(lock, python="3.12", machine="x86_64") == "a==2 \\\n    --hash=y\n"


def test_the_checked_pythons_are_those_that_serd_supports() -> None:
    """3.11 to 3.13, as in pyproject.toml, on aarch64 and x86_64."""
    assert 'requires-python = ">=3.11,<3.14"' in (ROOT / "pyproject.toml").read_text("utf-8")
    assert PYTHONS == ("3.11", "3.12", "3.13")
    assert set(ARCHITECTURES) == {"aarch64", "x86_64"}
