"""The publisher group passes reports to all, closes all, and replaces those with new settings."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from serd.errors import PublishError, SettingsError
from serd.events.reports import Report, SpeechReport
from serd.publishers import Context
from serd.publishers.group import PublisherGroup
from testkit.brokers import logged_lines

CONTEXT = Context(node="pi", sources=("mic",))
REPORT = SpeechReport(source="mic", is_speaking=True)


@dataclass
class MadePublisher:
    """Notes reports, and closes with an error if that is its setting."""

    complaint: str
    taken: list[Report] = field(default_factory=list)
    is_closed: bool = False

    def publish(self, report: Report) -> None:
        """Note a report."""
        self.taken.append(report)

    def close(self, _timeout_s: float) -> None:
        """Close, with or without an error."""
        self.is_closed = True
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
