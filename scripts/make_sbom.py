"""Writes a bill of materials of the service, in the format of CycloneDX, from systemd/requirements.lock.

python scripts/make_sbom.py            to build/serd.cdx.json
python scripts/make_sbom.py FILE
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

from make_lock import LOCK, ROOT

DEFAULT: Final = ROOT / "build" / "serd.cdx.json"


def write_sbom(path: Path) -> None:
    """Write the bill of materials; cyclonedx-py checks it against the schema of its version.

    Raises:
        subprocess.CalledProcessError: it cannot be written, or is invalid.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", str(LOCK), "--output-reproducible"]
    command += ["--pyproject", str(ROOT / "pyproject.toml"), "--validate", "--output-file", str(path)]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    write_sbom(target)
    print(f"Wrote {target}.")
