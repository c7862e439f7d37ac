"""Breaks each part of a daemon in turn while it hears speech, 200 times, and counts lost events.

A service with a real Mosquitto and ``durability = "always"`` hears a synthetic voice without end. The
sender, the link, the source, the metrics server, the screen, the clips, the broker, the spool and the
settings are broken one after the other (``testkit.chaos``). The exit code is 1 if an event was lost, if
the daemon was not whole again within 10 s of a break, or if it ended in another way than with exit
code 1.

    python scripts/check_chaos.py               200 breaks, about 2 minutes
    python scripts/check_chaos.py --breaks 20
"""

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path

from testkit.brokers import Listener, mosquitto
from testkit.chaos import KINDS, Break, Chaos


def table(breaks: list[Break]) -> str:
    """A line for each kind of break."""
    lines = [f"{'break':<16} {'times':>5}  {'median s':>8}  {'longest s':>9}  {'ended':>5}"]
    for kind in KINDS:
        times_s = sorted(each.broken_s for each in breaks if each.kind == kind)
        n_ended = sum(each.has_ended for each in breaks if each.kind == kind)
        if times_s:
            middle_s = times_s[len(times_s) // 2]
            lines.append(
                f"{kind:<16} {len(times_s):>5}  {middle_s:>8.2f}  {times_s[-1]:>9.2f}  {n_ended:>5}"
            )
    return "\n".join(lines)


def main() -> int:
    """Break the daemon; the exit code is 0 if it lost nothing and always recovered."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--breaks", type=int, default=200, help="number of breaks (200)")
    args = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    breaks: list[Break] = []
    error: AssertionError | None = None
    began_s = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="serd-chaos-") as name,
        mosquitto() as broker,
        Listener(broker) as listener,
    ):
        chaos = Chaos(broker, listener, Path(name))
        try:
            breaks.extend(chaos.breaks(args.breaks))
        except AssertionError as exc:
            error = exc
        restarts = dict(chaos.n_restarts)
        lost = chaos.end()
    print(table(breaks))
    print(
        f"{len(breaks)} breaks in {time.monotonic() - began_s:.0f} s; {len(chaos.ids)} events,"
        f" {len(lost)} lost; restarts of parts: {restarts}"
    )
    if error is not None:
        print(f"failed: {error}")
    return 1 if lost or error is not None else 0


if __name__ == "__main__":
    sys.exit(main())
