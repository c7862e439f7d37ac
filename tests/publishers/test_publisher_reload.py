"""A reload creates the successors of publishers first; what cannot be created changes nothing."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest

from serd.daemon.supervisor import Supervisor
from serd.errors import PublishError, SettingsError
from serd.events.reports import Report, SpeechReport
from serd.publishers import Context
from serd.publishers.group import PublisherGroup
from testkit.brokers import logged_lines

CONTEXT = Context(node="pi", sources=("mic",), threads=Supervisor())
TWO_SOURCES = replace(CONTEXT, sources=("mic", "door"))
REPORT = SpeechReport(source="mic", is_speaking=True)


@dataclass
class Outside:
    """What the publishers of a test depend on, and what they did."""

    unreadable: set[str] = field(default_factory=set)
    """Settings with which no publisher can be created, such as a file that is missing."""
    held_by: str | None = None
    """Settings of the publisher that holds the port; only one can."""
    occupied: set[str] = field(default_factory=set)
    """Settings whose publisher finds its port in use."""
    log: list[str] = field(default_factory=list)


@dataclass
class MadePublisher:
    """Holds a port from its start to its close."""

    name: str
    outside: Outside
    taken: list[Report] = field(default_factory=list)

    def start(self) -> None:
        """Take the port."""
        self.outside.log.append(f"start {self.name}")
        if self.name in self.outside.occupied or self.outside.held_by is not None:
            raise PublishError(f"the port of {self.name} is in use")
        self.outside.held_by = self.name

    def publish(self, report: Report) -> None:
        """Note a report."""
        self.taken.append(report)
        self.outside.log.append(f"publish {self.name}")

    def close(self, _timeout_s: float) -> None:
        """Release the port."""
        self.outside.log.append(f"close {self.name}")
        if self.outside.held_by == self.name:
            self.outside.held_by = None


class Follower(MadePublisher):
    """Follows a change of the sources, and of nothing else."""

    def adapt(self, context: Context) -> bool:
        """Whether the node is the same."""
        self.outside.log.append(f"adapt {self.name}")
        return context.node == "pi"


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    """The outside of publishers of the sections a and b; those of b depend on nothing."""
    outside = Outside()

    def create_a(settings: str, _context: Context) -> MadePublisher | None:
        if settings in outside.unreadable:
            raise SettingsError(f"{settings} cannot be read")
        outside.log.append(f"create {settings}")
        kind = Follower if settings.startswith("following") else MadePublisher
        return kind(settings, outside) if settings != "off" else None

    def create_b(settings: str, _context: Context) -> MadePublisher:
        return MadePublisher(settings, Outside(log=outside.log))

    modules = {"a": SimpleNamespace(create=create_a), "b": SimpleNamespace(create=create_b)}
    monkeypatch.setattr("serd.publishers.group.publisher_modules", lambda: modules)
    return outside


def reports_reach(group: PublisherGroup, outside: Outside) -> list[str]:
    """Names of the publishers that take a report, in order."""
    outside.log.clear()
    group.publish(REPORT)
    return [line.removeprefix("publish ") for line in outside.log]


def test_a_successor_is_created_before_the_earlier_one_is_closed(outside: Outside) -> None:
    """It starts once the earlier one has given back what only one can hold."""
    group = PublisherGroup({"a": "old", "b": "b"}, CONTEXT)
    outside.log.clear()
    group.change({"a": "new", "b": "b"}, CONTEXT, 1.0)
    assert outside.log[:3] == ["create new", "close old", "start new"]
    assert reports_reach(group, outside) == ["new", "b"]


def test_settings_that_cannot_be_applied_change_nothing(outside: Outside) -> None:
    """The earlier publisher goes on undisturbed, and the sections after it get their new settings."""
    outside.unreadable.add("broken")
    group = PublisherGroup({"a": "old", "b": "b"}, CONTEXT)
    outside.log.clear()
    with logged_lines() as lines:
        group.change({"a": "broken", "b": "other"}, CONTEXT, 1.0)
    assert lines == ["[a] stays as it was: broken cannot be read"]
    assert "close old" not in outside.log
    assert reports_reach(group, outside) == ["old", "other"]


def test_the_next_reload_tries_refused_settings_again(outside: Outside) -> None:
    """The same text may work by then, because a file was mended."""
    outside.unreadable.add("broken")
    group = PublisherGroup({"a": "old", "b": "b"}, CONTEXT)
    with logged_lines():
        group.change({"a": "broken", "b": "b"}, CONTEXT, 1.0)
    outside.unreadable.clear()
    group.change({"a": "broken", "b": "b"}, CONTEXT, 1.0)
    assert reports_reach(group, outside) == ["broken", "b"]


def test_one_whose_successor_does_not_start_comes_back(outside: Outside) -> None:
    """The new port is in use: the earlier one opens again, and the next reload tries the new one."""
    outside.occupied.add("new")
    group = PublisherGroup({"a": "old", "b": "b"}, CONTEXT)
    with logged_lines() as lines:
        group.change({"a": "new", "b": "b"}, CONTEXT, 1.0)
    assert lines == ["[a] stays as it was: the port of new is in use"]
    assert reports_reach(group, outside) == ["old", "b"]
    outside.occupied.clear()
    group.change({"a": "new", "b": "b"}, CONTEXT, 1.0)
    assert reports_reach(group, outside) == ["new", "b"]


def test_one_that_does_not_come_back_is_tried_at_the_next_reload(outside: Outside) -> None:
    """Even with the settings that it had."""
    group = PublisherGroup({"a": "old", "b": "b"}, CONTEXT)
    outside.occupied |= {"new", "old"}
    with logged_lines() as lines:
        group.change({"a": "new", "b": "b"}, CONTEXT, 1.0)
    assert lines[1] == "the earlier publisher a does not start again"
    assert reports_reach(group, outside) == ["b"]
    outside.occupied.clear()
    group.change({"a": "old", "b": "b"}, CONTEXT, 1.0)
    assert reports_reach(group, outside) == ["old", "b"]


def test_a_defect_in_a_publisher_leaves_the_earlier_one(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any exception counts as a refusal; its traceback is in the log."""
    group = PublisherGroup({"a": "old", "b": "b"}, CONTEXT)
    monkeypatch.setattr(MadePublisher, "__init__", lambda *_: 1 / 0)
    with logged_lines() as lines:
        group.change({"a": "new", "b": "b"}, CONTEXT, 1.0)
    assert lines == ["[a] stays as it was"]
    assert reports_reach(group, outside) == ["old", "b"]


def test_one_that_follows_the_daemon_is_not_replaced(outside: Outside) -> None:
    """Another source is no reason to reconnect; another node is."""
    group = PublisherGroup({"a": "following", "b": "b"}, CONTEXT)
    outside.log.clear()
    group.change({"a": "following", "b": "b"}, TWO_SOURCES, 1.0)
    assert "close following" not in outside.log
    group.change({"a": "following", "b": "b"}, replace(TWO_SOURCES, node="other"), 1.0)
    assert "close following" in outside.log


def test_one_that_does_not_follow_is_replaced(outside: Outside) -> None:
    """A publisher without ``adapt`` may depend on the sources."""
    group = PublisherGroup({"a": "old", "b": "b"}, CONTEXT)
    outside.log.clear()
    group.change({"a": "old", "b": "b"}, TWO_SOURCES, 1.0)
    assert outside.log[:3] == ["create old", "close old", "start old"]


def test_each_reload_reaches_one_that_follows(outside: Outside) -> None:
    """Its files may have changed although its settings have not."""
    group = PublisherGroup({"a": "following", "b": "b"}, CONTEXT)
    outside.log.clear()
    group.change({"a": "following", "b": "b"}, CONTEXT, 1.0)
    assert outside.log == ["adapt following"]
