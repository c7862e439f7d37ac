"""What a check of ``serd doctor`` found."""

from collections.abc import Iterator

from serd.cli.doctor import Finding


def only(findings: Iterator[Finding]) -> Finding:
    """The one finding that there is."""
    (finding,) = findings
    return finding
