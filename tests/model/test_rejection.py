"""A speaker who is taken for noise gets a warning, once; nobody else gets any."""

from serd.model.decision import Decision
from serd.model.rejection import MANY_WINDOWS, RejectionCounter
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
    """The line names the setting and its value, and comes with the window that makes it many."""
    rejections, warnings = _counted(*[True] * (3 * MANY_WINDOWS))
    expected = [n == MANY_WINDOWS for n in range(1, 3 * MANY_WINDOWS + 1)]
    assert [bool(line) for line in warnings] == expected
    assert f"({MANY_WINDOWS} of {MANY_WINDOWS} windows)" in warnings[MANY_WINDOWS - 1]
    assert "[model] no_speech_threshold (now 0.25)" in warnings[MANY_WINDOWS - 1]
    assert rejections.closing_line() == ""


def test_one_window_of_speech_is_enough_for_no_warning() -> None:
    """There is none then or at the end, however many are rejected; all are counted."""
    rejections, warnings = _counted(*[True] * 5, False, *[True] * (2 * MANY_WINDOWS))
    assert not any(warnings)
    assert rejections.closing_line() == ""
    assert (rejections.n_windows, rejections.n_rejected) == (6 + 2 * MANY_WINDOWS, 5 + 2 * MANY_WINDOWS)


def test_utterances_do_not_count() -> None:
    """The counter is one of windows; the end of an utterance adds nothing."""
    rejections, _ = _counted(False)
    rejections.count(made_decision("utterance", is_speech=False))
    assert (rejections.n_windows, rejections.n_rejected) == (1, 0)


def test_short_sound_gets_its_line_at_its_end() -> None:
    """Two rejected windows warn of nothing on the way; without any window, no speech was heard."""
    rejections, warnings = _counted(True, True)
    assert not any(warnings)
    assert "(2 of 2 windows)" in rejections.closing_line()
    assert RejectionCounter(made_card()).closing_line() == "no speech was heard"
