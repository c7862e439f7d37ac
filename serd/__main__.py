"""Entry point of the ``serd`` command and of ``python -m serd``."""

import os
import signal
import sys


def _open_closed_streams() -> None:
    """Give output that the parent process has closed to the null device, and keep its number taken.

    A socket or file that is opened later would otherwise get the number, and with it what is printed.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8")  # noqa: SIM115


def main() -> int:
    """Run the command line; the exit code."""
    _open_closed_streams()
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
