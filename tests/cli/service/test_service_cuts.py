"""An installation that is cut or not healthy leaves a program that can start, and can be repeated."""

import os
from collections.abc import Callable, Hashable
from pathlib import Path

import pytest

from serd.cli.service.machine import systemd_folder
from serd.errors import SerdError
from testkit.cuts import Cut, CutError, Steps
from testkit.fake_machine import FakeMachine

UNIT = (systemd_folder() / "serd.service").read_bytes()
MOST_STEPS = 150
"""An installation has fewer steps than this."""

Prepare = Callable[[FakeMachine], None]


@pytest.fixture(scope="module")
def steps() -> Steps:
    """The steps of the installer; audit hooks cannot be removed, so there is one."""
    return Steps()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing all disks takes long, and so does the text of the settings; neither matters here."""
    monkeypatch.setattr(os, "sync", lambda: None)
    monkeypatch.setattr("serd.cli.service.machine.settings_template", lambda _values: "[mqtt]\n")


@pytest.fixture
def machine(tmp_path: Path, steps: Steps) -> FakeMachine:
    """A machine without serd."""
    return FakeMachine(tmp_path / "machine", steps.step)


def without_serd(_: FakeMachine) -> None:
    """Nothing is installed."""


def with_serd(machine: FakeMachine) -> None:
    """An earlier version runs."""
    machine.service("old").install()
    # A unit of that version, to tell it from the new one.
    for path in (machine.unit, machine.root / "opt/serd/systemd/serd.service"):
        path.write_text("[Service]\nExecStart=old\n")


def with_a_folder(machine: FakeMachine) -> None:
    """An earlier version runs from before there were slots: /opt/serd is a folder."""
    with_serd(machine)
    opt = machine.root / "opt"
    program = (opt / "serd").resolve()
    (opt / "serd").unlink()
    program.rename(opt / "serd")
    (opt / "serd" / "healthy").unlink()


def left_overs(machine: FakeMachine) -> list[str]:
    """Files of an installation that has not ended."""
    slots = [path.name for path in (machine.root / "opt/serd-slots").iterdir() if path.is_dir()]
    return [path.name for path in machine.root.rglob("*.new")] + slots[1:]


def check_installed(machine: FakeMachine, version: str) -> None:
    """A version is installed and runs, and nothing of another is left."""
    assert machine.installed_version == version
    assert machine.running_version == version
    assert machine.unit.read_bytes() == UNIT
    assert "[mqtt]" in (machine.root / "etc/serd/serd.toml").read_text()
    assert left_overs(machine) == []


def state(machine: FakeMachine) -> Hashable:
    """All that the next installation finds: the paths, modes, contents and targets of links."""
    found = []
    for path in sorted(machine.root.rglob("*")):
        content = path.readlink() if path.is_symlink() else path.is_file() and path.read_bytes()
        found.append((str(path.relative_to(machine.root)), path.lstat().st_mode, str(content)))
    return tuple(found)


@pytest.mark.parametrize("how", ["kill", "fail"])
@pytest.mark.parametrize("prepare", [without_serd, with_serd, with_a_folder])
def test_the_next_installation_mends_one_that_was_cut(
    machine: FakeMachine, tmp_path: Path, steps: Steps, prepare: Prepare, how: Cut
) -> None:
    """Wherever it is killed or a step fails, a complete version can start; the next run completes."""
    prepare(machine)
    before = machine
    seen = set()
    for at in range(1, MOST_STEPS):
        machine = before.copy(tmp_path / str(at))
        service = machine.service("new")
        is_cut = True
        with steps.cut(at, how):
            try:
                service.install()
            except (CutError, SerdError, OSError):
                pass
            else:
                is_cut = False
        if steps.n < at:
            assert not is_cut
            break
        where = f"{how} at step {at}"
        if prepare is with_serd:
            assert machine.installed_version in {"old", "new"}, where
        if (left := state(machine)) not in seen:
            seen.add(left)
            machine.service("newer").install()
            check_installed(machine, "newer")
    else:
        pytest.fail(f"more than {MOST_STEPS} steps")
    assert len(seen) > 15


@pytest.mark.parametrize("version", ["untried", "unready", "stopped", "restarted"])
def test_a_version_that_is_not_healthy_makes_way_for_the_one_before(
    machine: FakeMachine, version: str
) -> None:
    """The earlier program runs again with its own unit, and an error says so."""
    with_serd(machine)
    before = machine.unit.read_bytes()
    with pytest.raises(SerdError) as caught:
        machine.service(version).install()
    assert machine.installed_version == "old"
    assert machine.running_version == "old"
    assert machine.unit.read_bytes() == before
    if version != "untried":
        assert "the earlier version runs again" in str(caught.value)
        assert left_overs(machine) == []
    machine.service("new").install()
    check_installed(machine, "new")


def test_a_first_version_that_is_not_healthy_is_said(machine: FakeMachine) -> None:
    """There is none to go back to; the next installation replaces it."""
    with pytest.raises(SerdError, match=r"\(no microphone\); there is no earlier version"):
        machine.service("unready").install()
    machine.service("new").install()
    check_installed(machine, "new")


def test_an_upgrade_keeps_the_settings(machine: FakeMachine) -> None:
    """Settings of a person stay, and only the service can read them."""
    with_serd(machine)
    settings = machine.root / "etc/serd/serd.toml"
    settings.write_text('[mqtt]\nhost = "pi"\n')
    machine.service("new").install()
    assert settings.read_text() == '[mqtt]\nhost = "pi"\n'
    assert settings.stat().st_mode & 0o777 == 0o640


def test_a_folder_of_somebody_else_is_left_alone(machine: FakeMachine) -> None:
    """If /opt/serd is no virtual environment, the installer says so and stops."""
    kept = machine.root / "opt/serd/notes.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    with pytest.raises(SerdError, match="move it away"):
        machine.service("new").install()
    machine.service("new").uninstall()
    assert kept.read_text() == "mine"


def test_another_serd_on_the_path_is_left_alone(machine: FakeMachine) -> None:
    """A command that is not a link into /opt/serd stays, also when the service is removed."""
    command = machine.root / "usr/local/bin/serd"
    command.parent.mkdir(parents=True)
    command.write_text("mine")
    machine.service("new").install()
    machine.service("new").uninstall()
    assert command.read_text() == "mine"


def test_the_debian_package_is_left_to_apt(machine: FakeMachine) -> None:
    """Its files belong to dpkg."""
    listed = machine.root / "var/lib/dpkg/info/serd.list"
    listed.parent.mkdir(parents=True)
    listed.touch()
    for action in ("install", "uninstall"):
        with pytest.raises(SerdError, match="use apt"):
            getattr(machine.service("new"), action)()
    assert not (machine.root / "opt").exists()
