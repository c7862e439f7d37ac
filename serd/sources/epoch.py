"""Joins the sample count of live sound to the wall clock."""

import time

from serd.audio import CaptureTime


class EpochEstimate:
    """When sample 0 of a live source was captured, as far as the arrival of its blocks tells.

    A block can arrive late but never early, so the earliest estimate is the best. Sample clocks drift
    against the wall clock (50 ppm are 4 s a day) and the wall clock itself may be set: an estimate that
    is off by more than ``MAX_ERROR_S`` is replaced.
    """

    MAX_ERROR_S = 0.15

    def __init__(self) -> None:
        self._epoch_s: float | None = None

    def update(self, end_s: float, *, arrived_s: float | None = None) -> CaptureTime:
        """Take the arrival of sound that ends ``end_s`` seconds behind sample 0.

        Args:
            end_s: end of the sound, in seconds.
            arrived_s: monotonic time at which it arrived; now, if not given.
        """
        now_s = time.monotonic()
        if arrived_s is None:
            arrived_s = now_s
        observed_s = time.time() - (now_s - arrived_s) - end_s
        epoch_s = self._epoch_s
        if epoch_s is None or abs(observed_s - epoch_s) > self.MAX_ERROR_S:
            epoch_s = observed_s
        self._epoch_s = min(epoch_s, observed_s)
        return CaptureTime(epoch_s=self._epoch_s, arrived_s=arrived_s)
