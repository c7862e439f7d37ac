"""Makes everything of a release in dist/: archives, Debian packages, bill of materials and checksums.

Nothing is published. The files of one commit are the same on every machine, byte by byte.

    python scripts/make_release.py                   everything, about 4 minutes
    python scripts/make_release.py --without-debs    wheel, source archive, bill of materials
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import make_deb
from make_lock import ROOT
from make_sbom import write_sbom

from serd import __version__

SUMS: Final = "SHA256SUMS"


def main(arguments: list[str]) -> int:
    """Make the files and print their sizes; the exit code is 1 if something is missing or too large."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder (default: dist)")
    parser.add_argument("--without-debs", action="store_true", help="leave out the Debian packages")
    args = parser.parse_args(arguments)
    out: Path = args.out.resolve()  # the build runs in the checkout
    out.mkdir(parents=True, exist_ok=True)
    if problem := changelog_problem((ROOT / "CHANGELOG.md").read_text("utf-8")):
        print(f"make_release: {problem}", file=sys.stderr)
        return 1
    if is_dirty():
        print("make_release: files differ from the commit, and the build says so", file=sys.stderr)
    for old in (*out.glob("serd[-_.]*"), out / SUMS):
        old.unlink(missing_ok=True)
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(make_deb.commit_time_s())}
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(out)]
    subprocess.run(build, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    write_sbom(out / f"serd-{__version__}.cdx.json")
    if not args.without_debs and (code := make_deb.main(["--out", str(out)])):
        return code
    files = sorted(out.glob("serd[-_.]*"))
    (out / SUMS).write_text("".join(f"{sha256(file)}  {file.name}\n" for file in files), "utf-8")
    for file in [*files, out / SUMS]:
        print(f"{file.stat().st_size / 1e6:8.2f} MB  {file.name}")
    return 0


def changelog_problem(text: str) -> str:
    """What is missing in the changelog for a release of this version; empty if nothing is."""
    if re.search(rf"^## \[{re.escape(__version__)}\] - \d{{4}}-\d\d-\d\d$", text, re.MULTILINE):
        return ""
    return f"CHANGELOG.md has no section '## [{__version__}] - YYYY-MM-DD'"


def is_dirty() -> bool:
    """Whether files of the checkout differ from its commit."""
    command = ["git", "status", "--porcelain", "--untracked-files=no"]
    return bool(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


def sha256(file: Path) -> str:
    """The SHA-256 of a file, in 64 hex digits."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
