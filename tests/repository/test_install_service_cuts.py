"""An installation that is cut or not healthy leaves a program that can start, and can be repeated.

The programs that the installer calls are fakes (``testkit/fake_machine.py``).
"""

from collections.abc import Callable, Hashable
from pathlib import Path

import pytest

from testkit.fake_machine import ROOT, Cut, FakeMachine

UNIT = (ROOT / "systemd" / "serd.service").read_bytes()
MOST_CALLS = 100
"""An installation makes fewer calls than this."""
FOLDER_CALLS = 12
"""The calls that turn a folder into a slot are among the first so many; the others are as usual."""

Prepare = Callable[[FakeMachine], None]


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    """A machine without serd."""
    return FakeMachine(tmp_path)


def without_serd(_: FakeMachine) -> None:
    """Nothing is installed."""


def with_serd(machine: FakeMachine) -> None:
    """An earlier version runs."""
    assert machine.run("install", "old").code == 0
    # A unit of that version, to tell it from the new one.
    for path in (unit(machine), machine.root / "opt/serd/systemd/serd.service"):
        path.write_text("[Service]\nExecStart=old\n")


def with_a_folder(machine: FakeMachine) -> None:
    """An earlier version runs from before there were slots: /opt/serd is a folder."""
    with_serd(machine)
    opt = machine.root / "opt"
    program = (opt / "serd").resolve()
    (opt / "serd").unlink()
    program.rename(opt / "serd")
    (opt / "serd" / "healthy").unlink()


def unit(machine: FakeMachine) -> Path:
    """The system unit."""
    return machine.root / "etc/systemd/system/serd.service"


def left_overs(machine: FakeMachine) -> list[str]:
    """Files of an installation that has not ended."""
    slots = [path.name for path in (machine.root / "opt/serd-slots").iterdir() if path.is_dir()]
    return [path.name for path in machine.root.rglob("*.new")] + slots[1:]


def check_installed(machine: FakeMachine, version: str) -> None:
    """A version is installed and runs, and nothing of another is left."""
    assert machine.installed_version == version
    assert machine.running_version == version
    assert unit(machine).read_bytes() == UNIT
    assert (machine.root / "etc/serd/serd.toml").read_text() == "[mqtt]\n"
    assert left_overs(machine) == []


def state(machine: FakeMachine) -> Hashable:
    """All that the next installation finds: the paths, modes, contents and targets of links."""
    found = []
    for path in sorted(machine.root.rglob("*")):
        content = path.readlink() if path.is_symlink() else path.is_file() and path.read_bytes()
        name = str(path.relative_to(machine.root))
        found.append((name, path.lstat().st_mode, str(content).replace(str(machine.root), "")))
    return tuple(found)


@pytest.mark.parametrize(
    ("prepare", "cuts"),
    [(without_serd, ["kill"]), (with_serd, ["kill", "fail"]), (with_a_folder, ["kill"])],
)
def test_the_next_installation_mends_one_that_was_cut(
    machine: FakeMachine, tmp_path: Path, prepare: Prepare, cuts: list[Cut]
) -> None:
    """Wherever it is killed or a program fails, a complete version can start; the next run completes."""
    prepare(machine)
    before = machine
    most_calls = FOLDER_CALLS if prepare is with_a_folder else MOST_CALLS
    seen = set()
    for cut in cuts:
        for cut_at in range(1, most_calls + 1):
            machine = before.copy(tmp_path / f"{cut}-{cut_at}")
            ended = machine.run("install", "new", cut_at=cut_at, cut=cut)
            where = f"cut at call {cut_at}: {ended}"
            if ended.n_calls < cut_at:
                assert ended.code == 0, where
                break
            assert ended.is_cut or cut == "fail", where
            if prepare is with_serd:
                assert machine.installed_version in {"old", "new"}, where
            if (left := state(machine)) in seen:
                continue
            seen.add(left)
            mended = machine.run("install", "newer")
            assert mended.code == 0, f"{where}, then: {mended}"
            check_installed(machine, "newer")
        else:
            assert prepare is with_a_folder, f"more than {MOST_CALLS} calls"


@pytest.mark.parametrize("version", ["untried", "unready", "stopped", "restarted"])
def test_a_version_that_is_not_healthy_makes_way_for_the_one_before(
    machine: FakeMachine, version: str
) -> None:
    """The earlier program runs again with its own unit, and the exit code is 1."""
    with_serd(machine)
    before = unit(machine).read_bytes()
    ended = machine.run("install", version)
    assert ended.code == 1, ended
    assert machine.installed_version == "old"
    assert machine.running_version == "old"
    assert unit(machine).read_bytes() == before
    if version != "untried":
        assert "the earlier version runs again" in ended.messages
        assert left_overs(machine) == []
    assert machine.run("install", "new").code == 0
    check_installed(machine, "new")


def test_a_first_version_that_is_not_healthy_is_said(machine: FakeMachine) -> None:
    """There is none to go back to; the next installation replaces it."""
    ended = machine.run("install", "unready")
    assert ended.code == 1
    assert "journalctl -u serd" in ended.messages
    assert "there is no earlier version" in ended.messages
    assert machine.run("install", "new").code == 0
    check_installed(machine, "new")


def test_the_old_version_runs_until_the_new_one_is_complete(machine: FakeMachine) -> None:
    """A version that fails its trial is never in use, and the service is not restarted."""
    with_serd(machine)
    ended = machine.run("install", "untried")
    assert (ended.code, machine.installed_version) == (1, "old")
    assert "not healthy" not in ended.messages


def test_an_upgrade_keeps_the_settings(machine: FakeMachine) -> None:
    """A second run of the same version changes no file but those of the program."""
    with_serd(machine)
    settings = machine.root / "etc/serd/serd.toml"
    settings.write_text('[mqtt]\nhost = "pi"\n')
    ended = machine.run("install", "new")
    assert "kept as it is" in ended.messages
    assert settings.read_text() == '[mqtt]\nhost = "pi"\n'
    assert settings.stat().st_mode & 0o777 == 0o640


def test_the_user_unit_is_installed_for_all_users(machine: FakeMachine) -> None:
    """There are no system user and settings, and the unit is not enabled or started."""
    ended = machine.run("install", "new", scope="user")
    assert ended.code == 0, ended
    assert machine.installed_version == "new"
    assert machine.running_version == ""
    path = machine.root / "etc/systemd/user/serd.service"
    assert path.read_bytes() == (ROOT / "systemd" / "serd-user.service").read_bytes()
    assert [path.name for path in (machine.root / "etc").rglob("*") if path.is_file()] == [path.name]
    assert "systemctl --user enable --now serd" in ended.messages
    assert machine.run("uninstall", "new", scope="user").code == 0
    assert not path.exists()
    assert list((machine.root / "opt").iterdir()) == []


def test_a_folder_of_somebody_else_is_left_alone(machine: FakeMachine) -> None:
    """If /opt/serd is no virtual environment, the installer says so and stops."""
    kept = machine.root / "opt/serd/notes.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    ended = machine.run("install", "new")
    assert ended.code == 1
    assert "move it away" in ended.messages
    assert machine.run("uninstall", "new").code == 0
    assert kept.read_text() == "mine"


def test_packages_come_from_the_lock_with_their_hashes(machine: FakeMachine) -> None:
    """Pip checks hashes and builds nothing; the second step needs no index."""
    assert machine.run("install", "new").code == 0
    packages, program = machine.pip_calls
    assert "--require-hashes --only-binary :all: -r systemd/requirements.lock" in packages
    assert "--no-deps --no-index --no-build-isolation new" in program
