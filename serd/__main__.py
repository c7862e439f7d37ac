"""Entry point of the ``serd`` command and of ``python -m serd``."""

import os
import sys


def main() -> int:
    """Run the command line; the exit code."""
    # Matrices here are small: BLAS threads only cost memory, and must be named before NumPy loads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from serd.cli import main as command_line  # noqa: PLC0415

    return command_line(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
