"""What a release consists of."""

from make_release import ROOT, changelog_problem

from serd import __version__


def test_the_changelog_has_the_version() -> None:
    """With the date, and first of all what changes for a user."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert changelog_problem(text) == ""
    section = text.partition(f"## [{__version__}]")[2]
    assert section.split("\n### ")[1].startswith("What changes for you\n")
    assert "no section" in changelog_problem("## [Unreleased]\n")
