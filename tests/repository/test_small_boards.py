"""What small boards are told to use is there: a settings file that is valid, and wheels to look for."""

from pathlib import Path

from check_wheels import ARCHITECTURES, PYTHONS, dependencies, pip_command

from serd.model.runtime import ModelSettings, model_path
from serd.settings.loader import load_settings

ROOT = Path(__file__).parents[2]


def test_the_settings_for_small_boards_are_valid_and_bring_a_window_each_two_seconds() -> None:
    """Their model is the tiny one, which comes with serd."""
    settings = load_settings(ROOT / "systemd" / "small-board.toml", environment={})
    assert settings.segmenter.hop_s == 2.0
    assert settings.model == ModelSettings(path="tiny")
    assert model_path(settings.model).is_file()


def test_every_dependency_of_the_daemon_is_looked_for_as_a_wheel_and_nothing_is_built() -> None:
    """Those of pyproject.toml, without what training and tests need."""
    wanted = dependencies((ROOT / "pyproject.toml").read_text("utf-8"))
    assert any(name.startswith("ai-edge-litert") for name in wanted)
    assert not any(name.startswith(("tensorflow", "pytest")) for name in wanted)
    command = pip_command(wanted, python="3.13", architecture="aarch64", folder=Path("wheels"))
    assert "--only-binary=:all:" in command
    assert "manylinux_2_27_aarch64" in command
    assert command[-len(wanted) :] == wanted


def test_the_pythons_looked_for_are_those_that_serd_runs_on() -> None:
    """3.11 to 3.13, as pyproject.toml has them, on aarch64 and x86_64."""
    assert 'requires-python = ">=3.11,<3.14"' in (ROOT / "pyproject.toml").read_text("utf-8")
    assert PYTHONS == ("3.11", "3.12", "3.13")
    assert set(ARCHITECTURES) == {"aarch64", "x86_64"}
