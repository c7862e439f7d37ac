"""What a release consists of."""

from pathlib import Path

import make_deb
import pytest
from make_release import ROOT, SUMS, changelog_problem, main, sha256

from serd import __version__


def test_the_changelog_has_the_version() -> None:
    """With the date, and first of all what changes for a user."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert changelog_problem(text) == ""
    section = text.partition(f"## [{__version__}]")[2]
    assert section.split("\n### ")[1].startswith("What changes for you\n")
    assert "no section" in changelog_problem("## [Unreleased]\n")


def test_everything_is_in_the_folder_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its path may be relative to the present folder; checksums are those of the files beside them."""
    monkeypatch.chdir(tmp_path)
    assert main(["--out", "out", "--without-debs"]) == 0
    sums = (tmp_path / "out" / SUMS).read_text("utf-8").splitlines()
    names = {path.name for path in (tmp_path / "out").iterdir()} - {SUMS}
    assert {line.split("  ")[1] for line in sums} == names
    assert {Path(name).suffix for name in names} == {".whl", ".gz", ".json"}
    wheel = next((tmp_path / "out").glob("*.whl"))
    assert f"{sha256(wheel)}  {wheel.name}" in sums

    monkeypatch.setattr(make_deb, "main", lambda _arguments: 1)
    assert main(["--out", "out"]) == 1
    assert not (tmp_path / "out" / SUMS).exists(), "the checksums of the release before"
