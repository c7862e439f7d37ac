"""The Debian package has what serd needs and no more."""

import gzip
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from make_deb import (
    FILES,
    Package,
    Release,
    build_wheel,
    fill,
    installed_kib,
    set_modes_and_times,
    taken_from,
)
from make_lock import LOCK
from packaging.utils import canonicalize_name

CHOICE = tomllib.loads((FILES / "packages.toml").read_text("utf-8"))
TEXT = LOCK.read_text("utf-8")
NAMES = {canonicalize_name(line.split("==")[0]) for line in TEXT.splitlines() if line[:1].isalnum()}
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a package for this Python."""
    folder = tmp_path_factory.mktemp("deb")
    package = Package(release=Release(number=12, python=PYTHON), architecture="amd64")
    fill(folder / "tree", package, build_wheel(folder, 1_000_000_000), 1_000_000_000)
    return folder / "tree"


def serd(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the package's serd with the package's libraries alone."""
    site_packages = tree / f"opt/serd/lib/python{PYTHON}/site-packages"
    program = f"import sys; sys.path.append({str(site_packages)!r}); sys.argv[0] = 'serd'\n"
    script = (tree / "opt/serd/bin/serd").read_text("utf-8")
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", program + script, *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(tree), "SERD_MQTT_ENABLED": "false"},
        cwd=site_packages,
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_package_of_the_lock_is_taken_or_left_out() -> None:
    """A new package in the lock needs a decision, and one that left it is forgotten."""
    assert not set(CHOICE["taken"]) & set(CHOICE["left_out"])
    assert set(CHOICE["taken"]) | set(CHOICE["left_out"]) == NAMES


def test_the_part_of_the_lock_has_the_hashes_of_the_taken_packages() -> None:
    """Each version and hash of a taken package is in it, and nothing else."""
    lock = "# head\na==1 \\\n    --hash=sha256:1\nb==2 \\\n    --hash=sha256:2\n# end\na==3\n"
    assert taken_from(lock, {"a"}) == "a==1 \\\n    --hash=sha256:1\na==3\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("analyze", "serd/data/demo.flac"),
        ("analyze", "serd/data/demo.flac", "--json"),
        ("run", "--source", "serd/data/demo.flac", "--fast", "--json"),
        ("watch", "--help"),
        ("config", "show"),
    ],
)
def test_the_libraries_that_are_taken_suffice(tree: Path, arguments: tuple[str, ...]) -> None:
    """Each command works without the packages and files that are left out."""
    done = serd(tree, *arguments)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_the_files_are_where_debian_looks_for_them(tree: Path) -> None:
    """Command, units, user, settings, manual page and completions are in place; the sizes are noted."""
    assert (tree / "usr/bin/serd").readlink() == Path("/opt/serd/bin/serd")
    assert (tree / "opt/serd/bin/python3").readlink() == Path(f"/usr/bin/python{PYTHON}")
    unit = (tree / "usr/lib/systemd/system/serd.service").read_text("utf-8")
    assert "ExecStart=/opt/serd/bin/serd run" in unit
    assert (tree / "usr/lib/sysusers.d/serd.conf").exists()
    assert (tree / "etc/serd/serd.toml").stat().st_mode & 0o777 == 0o640
    assert (tree / "usr/share/man/man1/serd.1.gz").exists()
    completion = (tree / "usr/share/bash-completion/completions/serd").read_text("utf-8")
    assert "analyze" in completion
    control = (tree / "DEBIAN/control").read_text("utf-8")
    size_kib = int(control.split("Installed-Size: ")[1].split("\n")[0])
    assert 0.9 * installed_kib(tree) < size_kib <= installed_kib(tree)
    assert size_kib < 120 * 1024


def test_nothing_of_the_folder_of_the_build_is_in_it(tree: Path) -> None:
    """The lists of files name what is there alone, so that the same bytes come out of each build."""
    site_packages = tree / f"opt/serd/lib/python{PYTHON}/site-packages"
    records = list(site_packages.glob("*.dist-info/RECORD"))
    assert len(records) >= len(CHOICE["taken"])
    for record in records:
        for line in record.read_text("utf-8").splitlines():
            assert (site_packages / line.split(",")[0]).exists(), line


def test_the_maintainer_scripts_are_shell(tree: Path) -> None:
    """Each script can be read by the shell, and is executable."""
    for name in ("preinst", "postinst", "prerm", "postrm"):
        script = tree / "DEBIAN" / name
        assert os.access(script, os.X_OK)
        subprocess.run(["sh", "-n", str(script)], check=True)


def test_a_program_that_was_removed_by_hand_does_not_keep_the_package(tmp_path: Path) -> None:
    """The script that runs before the removal takes the compiled modules that are there, and no more."""
    script = (FILES / "prerm").read_text("utf-8").replace("/opt/serd", str(tmp_path / "serd"))
    subprocess.run(["sh", "-c", script, "prerm", "upgrade"], check=True)
    compiled = tmp_path / "serd/lib/python3.11/__pycache__"
    compiled.mkdir(parents=True)
    compiled.with_name("serd.py").touch()
    subprocess.run(["sh", "-c", script, "prerm", "upgrade"], check=True)
    assert [path.name for path in compiled.parent.iterdir()] == ["serd.py"]


def test_what_lintian_calls_an_error_is_not_in_it(tree: Path) -> None:
    """Libraries are not executable, Python is a dependency, address and manual page are valid."""
    set_modes_and_times(tree, 1_000_000_000)
    assert not [path for path in tree.rglob("*.so*") if path.is_file() and os.access(path, os.X_OK)]
    control = (tree / "DEBIAN/control").read_text("utf-8")
    assert "Depends: python3, " in control
    assert ".invalid>" in control
    page = gzip.decompress((tree / "usr/share/man/man1/serd.1.gz").read_bytes()).decode()
    assert ".SH NAME\nserd \\- speech emotion recognition daemon\n" in page
