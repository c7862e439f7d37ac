"""The publisher group passes reports to all, closes all, and replaces those with new settings."""

import errno
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from serd.daemon.supervisor import Supervisor
from serd.errors import PublishError, SettingsError
from serd.events.reports import LevelReport, Report, SpeechReport
from serd.publishers import Context
from serd.publishers.group import PublisherGroup
from testkit.brokers import logged_lines

CONTEXT = Context(node="pi", sources=("mic",), threads=Supervisor())
REPORT = SpeechReport(source="mic", is_speaking=True)


@dataclass
class MadePublisher:
    """Notes reports, and closes with an error if that is its setting."""

    complaint: str
    taken: list[Report] = field(default_factory=list)
    is_closed: bool = False
    error: Exception | None = None
    """What publish raises."""
    close_error: Exception | None = None
    """What close raises, if it is not a complaint."""

    def publish(self, report: Report) -> None:
        """Note a report, or fail."""
        if self.error is not None:
            raise self.error
        self.taken.append(report)

    def close(self, _timeout_s: float) -> None:
        """Close, with or without an error."""
        self.is_closed = True
        if self.close_error is not None:
            raise self.close_error
        if self.complaint:
            raise PublishError(self.complaint)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[MadePublisher]:
    """All publishers that were created, in that order, of the sections a, b and c."""
    created: list[MadePublisher] = []

    def create(settings: str, context: Context) -> MadePublisher | None:
        if settings == "bad":
            raise SettingsError("bad")
        if settings == "off":
            return None
        created.append(MadePublisher(settings))
        return created[-1]

    modules = dict.fromkeys("abc", SimpleNamespace(create=create))
    monkeypatch.setattr("serd.publishers.group.publisher_modules", lambda: modules)
    return created


def test_all_receive_reports(made: list[MadePublisher]) -> None:
    """A report reaches each publisher that is on."""
    group = PublisherGroup({"a": "", "b": "off", "c": ""}, CONTEXT)
    group.publish(REPORT)
    assert [each.taken for each in made] == [[REPORT], [REPORT]]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "disk full"), ZeroDivisionError()])
def test_one_that_fails_leaves_the_others_alone(made: list[MadePublisher], error: Exception) -> None:
    """The others get each report; the failure is logged once, and so is its end."""
    group = PublisherGroup({"a": "", "b": "", "c": ""}, CONTEXT)
    broken = made[1]
    broken.error = error
    with logged_lines() as said:
        for _ in range(3):
            group.publish(REPORT)
        assert said == ["publisher b fails and is tried again"]
        broken.error = None
        group.publish(REPORT)
        group.publish(REPORT)
    assert said[1:] == ["publisher b works again"]
    assert [len(each.taken) for each in made] == [5, 2, 5]


def test_a_report_that_is_ignored_does_not_end_a_failure(made: list[MadePublisher]) -> None:
    """A publisher of events on a full disk takes levels, and yet its log has one line."""
    other = LevelReport(source="mic", level_dbfs=-40.0, guesses={})
    group = PublisherGroup({"a": "", "b": "off", "c": "off"}, CONTEXT)
    with logged_lines() as said:
        for _ in range(3):
            made[0].error = OSError(errno.ENOSPC, "disk full")
            group.publish(REPORT)
            made[0].error = None
            group.publish(other)
    assert said == ["publisher a fails and is tried again"]


def test_a_reader_that_left_ends_the_command(made: list[MadePublisher]) -> None:
    """BrokenPipeError is passed on, and is no line in the log."""
    group = PublisherGroup({"a": "", "b": "off", "c": "off"}, CONTEXT)
    made[0].error = BrokenPipeError()
    with logged_lines() as said, pytest.raises(BrokenPipeError):
        group.publish(REPORT)
    assert said == []


def test_one_that_fails_until_the_end_is_an_error(made: list[MadePublisher]) -> None:
    """Its lost reports are a PublishError, so that the exit code is 1."""
    group = PublisherGroup({"a": "", "b": "", "c": ""}, CONTEXT)
    made[1].error = OSError(errno.ENOSPC, "disk full")
    group.publish(REPORT)
    with pytest.raises(PublishError, match="publisher b could not deliver all reports"):
        group.close(1.0, raises_errors=True)
    assert [each.is_closed for each in made] == [True, True, True]


def test_one_that_does_not_close_leaves_the_others_alone(made: list[MadePublisher]) -> None:
    """All are closed; an unexpected error is a PublishError, so that the exit code is 1."""
    group = PublisherGroup({"a": "", "b": "", "c": ""}, CONTEXT)
    made[2].close_error = ZeroDivisionError()
    with pytest.raises(PublishError, match="publisher c"):
        group.close(1.0, raises_errors=True)
    assert [each.is_closed for each in made] == [True, True, True]


def test_all_are_closed_and_the_first_error_is_raised(made: list[MadePublisher]) -> None:
    """The last that was created is the first to close; the errors of the others are logged."""
    group = PublisherGroup({"a": "a is left", "b": "", "c": "c is left"}, CONTEXT)
    with logged_lines() as said, pytest.raises(PublishError, match="c is left"):
        group.close(1.0, raises_errors=True)
    assert said == ["a is left"]
    assert all(each.is_closed for each in made)


def test_a_hurried_close_only_logs_errors(made: list[MadePublisher]) -> None:
    """No error is raised; each is one line."""
    group = PublisherGroup({"a": "a is left", "b": "", "c": "c is left"}, CONTEXT)
    with logged_lines() as said:
        group.close(0.0, raises_errors=False)
    assert said == ["c is left", "a is left"]


def test_one_that_cannot_work_closes_the_others(made: list[MadePublisher]) -> None:
    """Its error is raised, and no publisher stays open."""
    with pytest.raises(SettingsError, match="bad"):
        PublisherGroup({"a": "", "b": "", "c": "bad"}, CONTEXT)
    assert [each.is_closed for each in made] == [True, True]


def test_only_publishers_with_new_settings_are_replaced(made: list[MadePublisher]) -> None:
    """The error of an old one is logged; the one that stays is not touched."""
    group = PublisherGroup({"a": "", "b": "b is left", "c": "off"}, CONTEXT)
    with logged_lines() as said:
        group.change({"a": "", "b": "off", "c": ""}, CONTEXT, 1.0)
    group.publish(REPORT)
    assert said == ["b is left"]
    assert [(each.is_closed, len(each.taken)) for each in made] == [(False, 1), (True, 0), (False, 1)]


def test_a_replaced_publisher_has_its_place_again(made: list[MadePublisher]) -> None:
    """The one that keeps events is the first to receive them after a reload as well."""
    taken: list[str] = []
    group = PublisherGroup({"a": "", "b": "", "c": ""}, CONTEXT)
    group.change({"a": "other", "b": "", "c": ""}, CONTEXT, 1.0)
    for name, publisher in zip("abca", made, strict=True):
        publisher.publish = lambda _report, name=name: taken.append(name)  # type: ignore[method-assign]
    group.publish(REPORT)
    assert taken == ["a", "b", "c"]
