"""Notes in each wheel and source archive which commit it was built from, for ``serd --version``."""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STAMP = "serd/data/build.txt"


class BuildStamp(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the stamp; an archive without git keeps the one that it has."""

    def initialize(self, _version: str, build_data: dict[str, Any]) -> None:
        """Write the stamp to a file that the build takes and removes."""
        if _version == "editable":
            return
        commit = os.environ.get("SERD_BUILD") or _commit(Path(self.root))
        if commit:
            with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False) as file:
                file.write(f"{commit}\n")
            self._file = Path(file.name)
            self._file.chmod(0o644)
            build_data["force_include"][file.name] = STAMP

    def finalize(self, _version: str, _build_data: dict[str, Any], _path: str) -> None:
        """Remove the file."""
        if hasattr(self, "_file"):
            self._file.unlink(missing_ok=True)


def _commit(root: Path) -> str:
    """The commit of a checkout, with "-dirty" if files differ from it; empty without git."""
    if not (root / ".git").exists():
        return ""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
