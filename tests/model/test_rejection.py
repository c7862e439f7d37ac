"""Who speaks and is taken for noise is told so, once; all others are told nothing."""

from serd.model.rejection import MANY_WINDOWS, RejectionCounter
from testkit.models import made_card


def _counted(*verdicts: bool) -> tuple[RejectionCounter, list[str]]:
    passed = RejectionCounter(made_card(no_speech_threshold=0.25))
    news = []
    for is_rejected in verdicts:
        passed.count(is_rejected=is_rejected)
        news.append(passed.news())
    return passed, news


def test_a_source_of_which_nothing_passes_is_told_once() -> None:
    """The line names the setting and its value, and comes with the window that makes it many."""
    passed, news = _counted(*[True] * (3 * MANY_WINDOWS))
    assert [bool(line) for line in news] == [n == MANY_WINDOWS for n in range(1, 3 * MANY_WINDOWS + 1)]
    assert f"({MANY_WINDOWS} of {MANY_WINDOWS} windows)" in news[MANY_WINDOWS - 1]
    assert "[model] no_speech_threshold (now 0.25)" in news[MANY_WINDOWS - 1]
    assert passed.last_word() == ""


def test_one_window_that_passes_is_enough_for_silence() -> None:
    """Nothing is said then or at the end, however many are rejected; all are counted."""
    passed, news = _counted(*[True] * 5, False, *[True] * (2 * MANY_WINDOWS))
    assert not any(news)
    assert passed.last_word() == ""
    assert (passed.n_windows, passed.n_rejected) == (6 + 2 * MANY_WINDOWS, 5 + 2 * MANY_WINDOWS)


def test_short_sound_is_told_about_at_its_end() -> None:
    """Two rejected windows are no news on the way; with no window at all, no speech was heard."""
    passed, news = _counted(True, True)
    assert not any(news)
    assert "(2 of 2 windows)" in passed.last_word()
    assert RejectionCounter(made_card()).last_word() == "no speech was heard"
