"""Builds the Debian packages of serd, each with a virtual environment of its own in /opt/serd.

uv unpacks the wheels of systemd/requirements.lock for the architecture and Python of each package,
whatever machine this runs on, and checks their hashes. packaging/debian/packages.toml says which of them
are taken. The same commit gives the same bytes: all times are that of the commit.

    python scripts/make_deb.py                         all four, into dist/
    python scripts/make_deb.py --arch arm64 --release bookworm
"""

import argparse
import csv
import gzip
import io
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any, Final

import shtab
from argparse_manpage.manpage import Manpage
from make_lock import LOCK, ROOT
from packaging.utils import canonicalize_name

from serd import __version__
from serd.cli import command_parser
from serd.settings.template import FOR_A_SERVICE, settings_template

FILES: Final = ROOT / "packaging" / "debian"
PROGRAM: Final = "opt/serd"
SUMMARY: Final = "speech emotion recognition daemon"
MAINTAINER: Final = "the serd maintainers <maintainers@serd.invalid>"
"""The project has no address; a name that never resolves says so."""
MAX_PACKED_MB: Final = 80
MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
"""The kernel's name of each architecture of Debian."""
_GLIBC: Final = "2_36"
"""The C library of the oldest release, whose wheels run on all of them."""
_SCRIPT: Final = f"""\
#!/{PROGRAM}/bin/python3
import sys

from serd.__main__ import main

sys.exit(main())
"""


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release of Debian."""

    number: int
    python: str
    """Version of its Python."""


RELEASES: Final = {
    "bookworm": Release(number=12, python="3.11"),
    "trixie": Release(number=13, python="3.13"),
}


@dataclass(frozen=True, kw_only=True)
class Package:
    """One Debian package."""

    release: Release
    architecture: str

    @property
    def version(self) -> str:
        """The version of the package: that of serd, and the release that it is for."""
        return f"{__version__}+deb{self.release.number}"

    @property
    def file_name(self) -> str:
        """The name of the package's file."""
        return f"serd_{self.version}_{self.architecture}.deb"


def main(arguments: list[str]) -> int:
    """Build packages and print their sizes; the exit code is 1 if one is too large."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--arch", choices=sorted(MACHINES), action="append", help="default: both")
    parser.add_argument("--release", choices=sorted(RELEASES), action="append", help="default: both")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder (default: dist)")
    args = parser.parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    epoch_s = commit_time_s()
    is_too_large = False
    with tempfile.TemporaryDirectory(prefix="serd-deb-") as name:
        wheel = build_wheel(Path(name), epoch_s)
        for release in args.release or sorted(RELEASES):
            for architecture in args.arch or sorted(MACHINES):
                package = Package(release=RELEASES[release], architecture=architecture)
                tree = Path(name) / package.file_name
                fill(tree, package, wheel, epoch_s)
                path = args.out / package.file_name
                packed_mb = pack(tree, path, epoch_s) / 1e6
                installed_mb = installed_kib(tree) * 1024 / 1e6
                print(f"{path}: {packed_mb:.1f} MB, installed {installed_mb:.1f} MB", flush=True)
                is_too_large |= packed_mb > MAX_PACKED_MB
    return 1 if is_too_large else 0


def commit_time_s() -> int:
    """The time of all files: ``SOURCE_DATE_EPOCH``, else that of the commit, in seconds since 1970."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    command = ["git", "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def build_wheel(folder: Path, epoch_s: int) -> Path:
    """Build the wheel of serd; return its path."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch_s)}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    return next(folder.glob("*.whl"))


def fill(tree: Path, package: Package, wheel: Path, epoch_s: int) -> None:
    """Lay out the files of a package, as they are below the root of a machine, with DEBIAN/."""
    site_packages = tree / PROGRAM / "lib" / f"python{package.release.python}" / "site-packages"
    _install(site_packages, package, wheel)
    _make_environment(tree / PROGRAM, package.release)
    _link(tree / "usr/bin/serd", f"/{PROGRAM}/bin/serd")
    _write(tree / "etc/serd/serd.toml", settings_template(FOR_A_SERVICE), 0o640)
    (tree / "etc/serd/conf.d").mkdir()
    _copy(ROOT / "systemd/serd.service", tree / "usr/lib/systemd/system/serd.service")
    _copy(ROOT / "systemd/serd-user.service", tree / "usr/lib/systemd/user/serd.service")
    _copy(ROOT / "systemd/serd.sysusers", tree / "usr/lib/sysusers.d/serd.conf")
    _write_documents(tree / "usr/share", package, epoch_s)
    _write_control(tree, package)


def _install(site_packages: Path, package: Package, wheel: Path) -> None:
    """Unpack the wheels that the package takes, and that of serd, for the package's platform."""
    choice = tomllib.loads((FILES / "packages.toml").read_text("utf-8"))
    python, machine = package.release.python, MACHINES[package.architecture]
    command = [sys.executable, "-m", "uv", "--no-config", "pip", "install", "--quiet", "--no-deps"]
    command += ["--python-version", python, "--target", str(site_packages), "--link-mode", "copy"]
    command += ["--python-platform", f"{machine}-manylinux_{_GLIBC}"]
    lock = taken_from(LOCK.read_text("utf-8"), choice["taken"])
    hashed = ["--require-hashes", "--only-binary", ":all:", "--requirement", "-"]
    subprocess.run([*command, *hashed], input=lock, text=True, check=True)
    subprocess.run([*command, "--offline", str(wheel)], check=True)
    shutil.rmtree(site_packages / "bin", ignore_errors=True)
    for name in choice["left_out_files"]:
        left_out = site_packages / name
        shutil.rmtree(left_out) if left_out.is_dir() else left_out.unlink(missing_ok=True)
    for record in ("direct_url.json", "uv_cache.json", "REQUESTED", ".lock"):
        for path in site_packages.rglob(record):
            path.unlink()
    for path in site_packages.glob("*.dist-info/RECORD"):
        _write_record(path)


def _write_record(path: Path) -> None:
    """Write the list of a package's files without those that are left out.

    The folder of the build is in one of them, whose checksum would make each build another one.
    """
    rows = csv.reader(path.read_text("utf-8").splitlines())
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        row for row in rows if (path.parent.parent / row[0]).exists()
    )
    path.write_text(text.getvalue(), "utf-8")


def taken_from(lock: str, taken: Iterable[str]) -> str:
    """The part of a lock that has the taken packages, given by their canonical names."""
    wanted = set(taken)
    lines: list[str] = []
    for line in lock.splitlines(keepends=True):
        if line[:1].isalnum():
            is_taken = canonicalize_name(line.split("==", 1)[0]) in wanted
        elif line.startswith("#"):
            is_taken = False
        if is_taken:
            lines.append(line)
    return "".join(lines)


def _make_environment(program: Path, release: Release) -> None:
    """Make a folder with site-packages a virtual environment of Debian's Python."""
    _write(
        program / "pyvenv.cfg",
        f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {release.python}\n",
    )
    _link(program / "bin/python3", f"/usr/bin/python{release.python}")
    _write(program / "bin/serd", _SCRIPT, 0o755)


def _write_documents(share: Path, package: Package, epoch_s: int) -> None:
    """Write the manual page, completions for shells, and what Debian wants in usr/share/doc."""
    parser = command_parser()
    # The page must not depend on the terminal or the day of the build.
    os.environ |= {"COLUMNS": "80", "SOURCE_DATE_EPOCH": str(epoch_s)}
    page = str(Manpage(parser)).replace(".SH NAME\nserd\n", f".SH NAME\nserd \\- {SUMMARY}\n")
    _write_packed(share / "man/man1/serd.1.gz", page)
    _write(share / "bash-completion/completions/serd", shtab.complete(parser, "bash"))
    _write(share / "zsh/vendor-completions/_serd", shtab.complete(parser, "zsh"))
    doc = share / "doc/serd"
    _copy(ROOT / "systemd/small-board.toml", doc / "examples/small-board.toml")
    _write_packed(doc / "changelog.gz", (ROOT / "CHANGELOG.md").read_text("utf-8"))
    entry = f"serd ({package.version}) stable; urgency=medium\n\n  * See changelog.gz.\n\n"
    _write_packed(
        doc / "changelog.Debian.gz", f"{entry} -- {MAINTAINER}  {formatdate(epoch_s, localtime=False)}\n"
    )
    text = (FILES / "copyright").read_text("utf-8")
    lines = (ROOT / "LICENSE").read_text("utf-8").strip().splitlines()
    holder = next(line for line in lines if line.startswith("Copyright"))
    terms = "\n".join(f" {line or '.'}" for line in lines[lines.index(holder) + 2 :])
    holder = holder.removeprefix("Copyright (c) ")
    _write(doc / "copyright", text.replace("@HOLDER@", holder).replace("@LICENSE@", terms))
    _copy(FILES / "lintian-overrides", share / "lintian/overrides/serd")


def _write_control(tree: Path, package: Package) -> None:
    control = {
        "Package": "serd",
        "Version": package.version,
        "Architecture": package.architecture,
        "Maintainer": MAINTAINER,
        "Installed-Size": installed_kib(tree),
        "Depends": f"python3, python{package.release.python}, libportaudio2, libc6, libgcc-s1,"
        " libstdc++6, systemd | systemd-standalone-sysusers | systemd-sysusers",
        "Recommends": "mosquitto, ffmpeg",
        "Section": "sound",
        "Priority": "optional",
        "Description": f"{SUMMARY}\n"
        " serd listens to a microphone, recognizes emotions in speech on this machine and\n"
        " publishes them over MQTT, for Home Assistant, Node-RED and scripts. No sound\n"
        " leaves the machine.",
    }
    _write(tree / "DEBIAN/control", "".join(f"{key}: {value}\n" for key, value in control.items()))
    _write(tree / "DEBIAN/conffiles", "/etc/serd/serd.toml\n")
    for name in ("preinst", "postinst", "prerm", "postrm"):
        _copy(FILES / name, tree / "DEBIAN" / name, 0o755)


def pack(tree: Path, path: Path, epoch_s: int) -> int:
    """Pack a tree; return the size of the package in bytes."""
    set_modes_and_times(tree, epoch_s)
    command = ["dpkg-deb", "--build", "--root-owner-group", "-Zxz", "--threads-max=1"]
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch_s)}
    subprocess.run(
        [*command, str(tree), str(path)], env=environment, check=True, stdout=subprocess.DEVNULL
    )
    return path.stat().st_size


def set_modes_and_times(tree: Path, epoch_s: int) -> None:
    """Give each file the mode that Debian wants, and the time of the commit."""
    for each in sorted(tree.rglob("*")):
        if not each.is_symlink():
            is_library = ".so" in each.suffixes
            executable = each.is_dir() or (each.stat().st_mode & 0o100 and not is_library)
            is_private = each.relative_to(tree).as_posix() == "etc/serd/serd.toml"
            each.chmod(0o640 if is_private else 0o755 if executable else 0o644)
        os.utime(each, (epoch_s, epoch_s), follow_symlinks=False)
    tree.chmod(0o755)
    os.utime(tree, (epoch_s, epoch_s))


def installed_kib(tree: Path) -> int:
    """The size of all files in KiB, as Debian counts it."""
    files: list[Any] = [each for each in tree.rglob("*") if each.is_file() and not each.is_symlink()]
    return sum(-(-each.stat().st_size // 1024) for each in files)


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    path.chmod(mode)


def _write_packed(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def _copy(source: Path, target: Path, mode: int = 0o644) -> None:
    _write(target, source.read_text("utf-8"), mode)


def _link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
