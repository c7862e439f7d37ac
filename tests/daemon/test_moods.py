"""The moods of the sources go on over losses, reloads and restarts, and alerts never flicker."""

import json
from pathlib import Path

import pytest

from serd.daemon.moods import MAX_GONE, LiveMood, SourceMoods
from serd.events.alert import Alert, AlertKey, AlertSettings
from serd.events.mood import MoodSettings
from serd.events.reports import AlertReport, MoodReport, Report
from testkit.brokers import logged_lines
from testkit.made_moods import heard

ANGRY = AlertSettings()


class Machine:
    """A state folder and two clocks, of which a restart keeps the folder and the wall clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steady_s = 1000.0
        self.wall_s = 1_700_000_000.0
        self.boot()

    def boot(self, *alerts: AlertSettings) -> None:
        """Start with alerts, by default the one alert "angry"."""
        self.moods = SourceMoods(self.folder, steady=lambda: self.steady_s, wall=lambda: self.wall_s)
        self.moods.apply_settings(MoodSettings(), alerts or (ANGRY,))
        self.live = self.moods.start("mic")

    def restart(self, off_s: float, *alerts: AlertSettings) -> None:
        """End the daemon, and start it after a time; the steady clock starts over."""
        self.moods.save(is_last=True)
        self.wall_s += off_s
        self.steady_s = 5.0
        self.boot(*alerts)

    def wait(self, seconds: int) -> list[Report]:
        """Let time pass, with a tick in each second; the reports."""
        reports: list[Report] = []
        for _ in range(seconds):
            self.steady_s += 1.0
            self.wall_s += 1.0
            reports += self.moods.advance()
            self.moods.save()
        return reports

    def talk(self, emotion: str, seconds: int) -> list[Report]:
        """Let somebody speak, with a window in each second; the reports."""
        reports: list[Report] = []
        for _ in range(seconds):
            self.live.add(heard(emotion), 0.0)
            reports += self.wait(1)
        return reports

    @property
    def is_on(self) -> bool:
        """What the snapshot for a new publisher says about the alert."""
        (alert,) = (each for each in self.live.snapshot() if isinstance(each, AlertReport))
        return alert.is_on


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without an earlier start."""
    return Machine(tmp_path)


def switched(reports: list[Report]) -> list[bool]:
    """The changes of alerts among reports."""
    return [each.is_on for each in reports if isinstance(each, AlertReport)]


def test_an_alert_is_still_on_after_a_restart(machine: Machine) -> None:
    """It turns neither off nor on again, in a quiet room not before the rest of its hold."""
    assert switched(machine.talk("angry", 30)) == [True]
    machine.restart(20.0)
    assert machine.is_on
    assert switched(machine.wait(270)) == []
    assert switched(machine.wait(15)) == [False]
    assert not machine.is_on


def test_an_alert_whose_hold_ends_during_a_restart_is_off_from_the_start(machine: Machine) -> None:
    """The first snapshot says so, and no change follows."""
    machine.talk("angry", 30)
    machine.restart(400.0)
    assert not machine.is_on
    assert switched(machine.wait(20)) == []


def test_anger_that_goes_on_over_a_restart_shows_no_change(machine: Machine) -> None:
    """The alert is on before and after it, without a gap."""
    machine.talk("angry", 30)
    machine.restart(20.0)
    assert switched(machine.talk("angry", 400)) == []


@pytest.mark.parametrize("step_s", [-1e9, -100.0])
def test_a_wall_clock_that_was_set_back_ends_no_alert(machine: Machine, step_s: float) -> None:
    """The saved time is in the future then, and counts as the present."""
    machine.talk("angry", 30)
    machine.restart(step_s)
    assert machine.is_on
    assert switched(machine.wait(299)) == []
    assert switched(machine.wait(2)) == [False]


def test_a_step_of_the_wall_clock_changes_nothing_while_serd_runs(machine: Machine) -> None:
    """Ages are measured with the steady clock."""
    machine.talk("angry", 30)
    machine.wall_s += 1e9
    assert switched(machine.wait(100)) == []
    assert machine.is_on


def test_a_machine_that_slept_has_a_mood_without_speech(machine: Machine) -> None:
    """The steady clock goes on meanwhile, and the sound that follows is placed at the present."""
    machine.talk("angry", 30)
    machine.steady_s += 8 * 3600.0
    reports = machine.wait(1)
    assert switched(reports) == [False]
    (mood,) = (each.mood for each in reports if isinstance(each, MoodReport))
    assert mood.long.speech_s == 0.0
    machine.talk("sad", 1)
    assert [
        each.mood.short.shares for each in machine.live.snapshot() if isinstance(each, MoodReport)
    ] == [{"sad": 1.0}]


def test_a_source_that_is_lost_or_muted_keeps_its_alert_for_its_hold(machine: Machine) -> None:
    """As in a quiet room: ticks alone age the speech, and new sound does not start over."""
    machine.talk("angry", 60)
    assert switched(machine.wait(200)) == []
    machine.moods.start("mic")
    assert switched(machine.wait(145)) == []
    assert switched(machine.wait(10)) == [False]


def test_sound_that_is_read_faster_than_it_plays_counts_by_its_own_time() -> None:
    """An hour of a file in a moment: the alert turns on in its angry minute and off after it."""
    live = LiveMood("mic", MoodSettings(), [Alert(ANGRY)])
    live.start_sound(1000.0)
    changes = []
    for second in range(3600):
        if 600 <= second < 660:
            live.add(heard(), float(second))
        changes += [(second, each.is_on) for each in live.hear(second) if isinstance(each, AlertReport)]
    assert changes == [(609, True), (1009, False)]


def test_a_mood_is_reported_every_5_s_at_most(machine: Machine) -> None:
    """While somebody speaks, and not at all once nothing changes."""
    n_moods = sum(isinstance(each, MoodReport) for each in machine.talk("happy", 60))
    assert 10 <= n_moods <= 13
    machine.wait(1000)
    assert machine.wait(100) == []


def test_a_reload_leaves_an_alert_on_and_follows_its_rule(machine: Machine) -> None:
    """The same rule goes on as if nothing was; a changed one keeps its state until it decides."""
    machine.talk("angry", 30)
    machine.moods.apply_settings(MoodSettings(), [ANGRY, AlertSettings(name="sad", when="sad > 0.5")])
    assert [each.is_on for each in machine.live.alerts.values()] == [True, False]
    machine.moods.apply_settings(MoodSettings(), [AlertSettings(hold_s=20.0)])
    assert machine.is_on
    assert switched(machine.wait(25)) == [False]


def test_removed_alerts_are_known_after_a_restart(machine: Machine) -> None:
    """So that their retained messages can be removed; one that comes back is not removed."""
    machine.wait(2)
    machine.restart(1.0, AlertSettings(name="sad", when="sad > 0.5"))
    assert machine.moods.alerts == (AlertKey("mic", "sad"),)
    assert machine.moods.gone_alerts == (AlertKey("mic", "angry"),)
    machine.wait(2)
    machine.restart(1.0, ANGRY)
    assert machine.moods.gone_alerts == (AlertKey("mic", "sad"),)


def test_the_alerts_of_a_removed_source_are_gone(machine: Machine) -> None:
    """Nobody would turn them off."""
    machine.talk("angry", 30)
    machine.moods.remove("mic")
    assert machine.moods.gone_alerts == (AlertKey("mic", "angry"),)


def test_the_number_of_removed_alerts_is_bounded(machine: Machine) -> None:
    """The latest are known."""
    names = {f"a{number}": None for number in range(MAX_GONE + 50)}
    (machine.folder / "alerts.json").write_text(json.dumps({"mic": names}))
    machine.boot()
    machine.moods.save(is_last=True)
    assert len(json.loads((machine.folder / "alerts.json").read_text())["mic"]) == MAX_GONE + 1
    assert machine.moods.gone_alerts[-1] == AlertKey("mic", f"a{MAX_GONE + 49}")


@pytest.mark.parametrize("value", ['"x"', "[1]", "true", "1e999", "{}", "-1"])
def test_a_saved_value_that_is_no_time_turns_nothing_on(machine: Machine, value: str) -> None:
    """Nor does it stop the daemon."""
    (machine.folder / "alerts.json").write_text(f'{{"mic": {{"angry": {value}}}}}')
    machine.boot()
    assert not machine.is_on


def test_a_file_that_is_damaged_is_logged(machine: Machine) -> None:
    """The alerts begin off."""
    (machine.folder / "alerts.json").write_text("{")
    with logged_lines() as lines:
        machine.boot()
    assert "alerts.json: cannot be read" in lines[0]
    assert lines[0].endswith("no alert is on")
    assert not machine.is_on


def test_a_quiet_machine_writes_nothing(machine: Machine) -> None:
    """Writes wear out SD cards: one at the start, and one a minute while an alert is on."""
    machine.wait(2)
    file = machine.folder / "alerts.json"
    file.unlink()
    machine.wait(600)
    assert not file.exists()
    machine.talk("angry", 12)
    assert file.exists()
    file.unlink()
    machine.talk("angry", 45)
    assert not file.exists()
    machine.talk("angry", 20)
    assert file.exists()


def test_without_alerts_there_is_no_file(tmp_path: Path) -> None:
    """The folder stays as it is."""
    moods = SourceMoods(tmp_path)
    moods.apply_settings(MoodSettings(), [])
    moods.start("mic")
    moods.save(is_last=True)
    assert list(tmp_path.iterdir()) == []
