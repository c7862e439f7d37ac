"""Entry point of ``python -m train``."""

import signal
import sys

from train.cli import main

if __name__ == "__main__":
    # As Ctrl-C does, or the processes that train for it would go on without it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
