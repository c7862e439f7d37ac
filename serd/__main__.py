"""Entry point of the ``serd`` command and of ``python -m serd``."""

import os
import signal
import sys


def main() -> int:
    """Run the command line; the exit code."""
    if sys.argv[1:2] == ["run"]:
        # A reload that is asked for while modules load waits until the daemon can handle it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    # Matrices here are small: BLAS threads only cost memory, and must be named before NumPy loads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from serd.cli import main as command_line  # noqa: PLC0415

    return command_line(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
