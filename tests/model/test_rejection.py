"""A source whose windows are all rejected gets one warning; other sources get none."""

from serd.model.decision import Decision
from serd.model.rejection import MIN_WARNING_WINDOWS, RejectionCounter
from testkit.made_decisions import made_decision
from testkit.models import made_card


def _counted(*rejected: bool) -> tuple[RejectionCounter, list[str]]:
    rejections = RejectionCounter(made_card(no_speech_threshold=0.25))
    warnings = []
    for is_rejected in rejected:
        rejections.count(_window(is_rejected=is_rejected))
        warnings.append(rejections.warning())
    return rejections, warnings


def _window(*, is_rejected: bool) -> Decision:
    return made_decision("window", is_speech=not is_rejected)


def test_a_source_whose_windows_are_all_rejected_warns_once() -> None:
    """The line names the setting and its value, and comes at the minimum number of windows."""
    rejections, warnings = _counted(*[True] * (3 * MIN_WARNING_WINDOWS))
    expected = [n == MIN_WARNING_WINDOWS for n in range(1, 3 * MIN_WARNING_WINDOWS + 1)]
    assert [bool(line) for line in warnings] == expected
    assert (
        f"({MIN_WARNING_WINDOWS} of {MIN_WARNING_WINDOWS} windows)" in warnings[MIN_WARNING_WINDOWS - 1]
    )
    assert "[model] no_speech_threshold (now 0.25)" in warnings[MIN_WARNING_WINDOWS - 1]
    assert rejections.closing_line() == ""


def test_one_accepted_window_prevents_the_warning() -> None:
    """There is none at the end either, however many are rejected; all are counted."""
    rejections, warnings = _counted(*[True] * 5, False, *[True] * (2 * MIN_WARNING_WINDOWS))
    assert not any(warnings)
    assert rejections.closing_line() == ""
    assert (rejections.n_windows, rejections.n_rejected) == (
        6 + 2 * MIN_WARNING_WINDOWS,
        5 + 2 * MIN_WARNING_WINDOWS,
    )


def test_utterances_do_not_count() -> None:
    """The end of an utterance does not change the counts."""
    rejections, _ = _counted(False)
    rejections.count(made_decision("utterance", is_speech=False))
    assert (rejections.n_windows, rejections.n_rejected) == (1, 0)


def test_short_sound_gets_a_line_at_its_end() -> None:
    """Two rejected windows give no warning before; without a window there was no speech."""
    rejections, warnings = _counted(True, True)
    assert not any(warnings)
    assert "(2 of 2 windows)" in rejections.closing_line()
    assert RejectionCounter(made_card()).closing_line() == "no speech was detected"


def test_another_model_is_judged_by_its_own_windows() -> None:
    """One without a threshold rejects none, another is warned of anew; the totals go on."""
    rejections, _ = _counted(*[True] * MIN_WARNING_WINDOWS)
    rejections.use_card(made_card(no_speech_threshold=None))
    assert rejections.warning() == ""
    assert rejections.closing_line() == ""
    rejections.count(_window(is_rejected=False))
    rejections.use_card(made_card(no_speech_threshold=0.75))
    rejections.count(_window(is_rejected=True))
    assert "(1 of 1 windows)" in rejections.closing_line()
    for _ in range(MIN_WARNING_WINDOWS - 1):
        assert rejections.warning() == ""
        rejections.count(_window(is_rejected=True))
    assert "[model] no_speech_threshold (now 0.75)" in rejections.warning()
    totals = (2 * MIN_WARNING_WINDOWS + 1, 2 * MIN_WARNING_WINDOWS)
    assert (rejections.n_windows, rejections.n_rejected) == totals


def test_a_rejection_by_an_earlier_model_is_no_fault_of_a_model_without_a_threshold() -> None:
    """A source that ends just after the change, before its 30th window, ends without a line."""
    rejections, _ = _counted(True)
    rejections.use_card(made_card(no_speech_threshold=None))
    assert rejections.closing_line() == ""
