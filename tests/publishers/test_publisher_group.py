"""Publishers as one: told together, closed whatever becomes of the others, changed where need be."""

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
    """Takes reports, and closes with an error if that is its setting."""

    complaint: str
    taken: list[Report] = field(default_factory=list)
    is_closed: bool = False

    def publish(self, report: Report) -> None:
        """Keep it."""
        self.taken.append(report)

    def close(self, _timeout_s: float) -> None:
        """Close, or say what is left."""
        self.is_closed = True
        if self.complaint:
            raise PublishError(self.complaint)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[MadePublisher]:
    """All publishers that were created, in that order; sections a, b and c, off where the setting is."""
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


def test_all_are_told(made: list[MadePublisher]) -> None:
    """A report reaches each publisher that is on, and one that is off is passed over."""
    group = PublisherGroup({"a": "", "b": "off", "c": ""}, CONTEXT)
    group.publish(REPORT)
    assert [each.taken for each in made] == [[REPORT], [REPORT]]


def test_all_are_closed_and_what_the_first_left_is_raised(made: list[MadePublisher]) -> None:
    """The last that was created is the first to close; what others left is logged."""
    group = PublisherGroup({"a": "a is left", "b": "", "c": "c is left"}, CONTEXT)
    with logged_lines() as said, pytest.raises(PublishError, match="c is left"):
        group.close(1.0, is_patient=True)
    assert said == ["a is left"]
    assert all(each.is_closed for each in made)


def test_who_is_in_a_hurry_reads_it_in_the_log(made: list[MadePublisher]) -> None:
    """Nothing is raised; what each has left is a line."""
    group = PublisherGroup({"a": "a is left", "b": "", "c": "c is left"}, CONTEXT)
    with logged_lines() as said:
        group.close(0.0, is_patient=False)
    assert said == ["c is left", "a is left"]


def test_one_that_cannot_work_closes_the_others(made: list[MadePublisher]) -> None:
    """Its error is raised, and no publisher stays open behind it."""
    with pytest.raises(SettingsError, match="bad"):
        PublisherGroup({"a": "", "b": "", "c": "bad"}, CONTEXT)
    assert [each.is_closed for each in made] == [True, True]


def test_only_those_with_other_settings_change(made: list[MadePublisher]) -> None:
    """What an old one left is logged; the one that stays is not touched."""
    group = PublisherGroup({"a": "", "b": "b is left", "c": "off"}, CONTEXT)
    with logged_lines() as said:
        group.change({"a": "", "b": "off", "c": ""}, CONTEXT, 1.0)
    group.publish(REPORT)
    assert said == ["b is left"]
    assert [(each.is_closed, len(each.taken)) for each in made] == [(False, 1), (True, 0), (False, 1)]
