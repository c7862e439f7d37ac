"""Marks are kept with their sound, and become a corpus that training reads."""

import csv
import io
import stat
from pathlib import Path

import pytest

from serd.cli import main
from serd.errors import HistoryError, InputError
from serd.publishers.clip_files import StoredClip, clips_between, find_clip
from serd.publishers.history import HISTORY_FILE, marks
from serd.publishers.history.marks import Marks, table
from testkit.made_clips import clip_time_s, make_clips
from testkit.made_events import make_event
from testkit.made_history import make_history, timed_event
from train.data.corpora.table import read_table
from train.data.labels import LabelMap


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's state folder, with a history in it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    make_history(tmp_path / "serd" / HISTORY_FILE, [timed_event()])
    return tmp_path / "serd"


def clip(folder: Path, number: int) -> StoredClip:
    """The clip of an event."""
    found = find_clip(folder, str(number))
    assert found is not None
    return found


def test_a_mark_keeps_its_sound(state: Path) -> None:
    """When the clip gives way to newer ones, as only its owner can read it."""
    folder = make_clips(state, 1)
    sound = clip(folder, 1).sound()
    kept = Marks(state / HISTORY_FILE)
    kept.put(clip(folder, 1), "sad")
    make_clips(state, 2, max_clips=1)
    assert find_clip(folder, "1") is None
    assert clip(kept.folder, 1).sound() == sound
    assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in kept.folder.iterdir()} == {0o600}


def test_a_mark_is_replaced_and_removed(state: Path) -> None:
    """There is one for each event, and its sound goes with it."""
    folder, kept = make_clips(state, 1, 2), Marks(state / HISTORY_FILE)
    for number, emotion in ((1, "sad"), (1, ""), (2, "angry")):
        kept.put(clip(folder, number), emotion)
    kept.put(clip(kept.folder, 1), "calm")
    assert [(each.id, each.heard, each.emotion) for each in kept.all()] == [
        ("1", "angry", "calm"),
        ("2", "angry", "angry"),
    ]
    assert kept.remove("1")
    assert not kept.remove("1")
    assert find_clip(kept.folder, "1") is None
    assert [each.id for each in kept.all()] == ["2"]


def test_marks_are_bounded(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many is refused and leaves no sound; a present one can still be changed."""
    monkeypatch.setattr(marks, "MAX_MARKS", 1)
    folder, kept = make_clips(state, 1, 2), Marks(state / HISTORY_FILE)
    kept.put(clip(folder, 1), "sad")
    with pytest.raises(InputError, match="there are 1 marks already"):
        kept.put(clip(folder, 2), "sad")
    assert find_clip(kept.folder, "2") is None
    kept.put(clip(folder, 1), "calm")
    assert [each.emotion for each in kept.all()] == ["calm"]


def test_without_a_history_there_are_none(tmp_path: Path) -> None:
    """Nothing is created by looking."""
    assert Marks(tmp_path / HISTORY_FILE).all() == []
    assert list(tmp_path.iterdir()) == []


def test_a_sound_that_cannot_be_kept_leaves_no_mark(state: Path) -> None:
    """The error names the folder."""
    folder = make_clips(state, 1)
    (state / marks.MARKS_FOLDER).write_text("in the way")
    kept = Marks(state / HISTORY_FILE)
    with pytest.raises(HistoryError, match="marks: the sound cannot be kept"):
        kept.put(clip(folder, 1), "sad")
    assert kept.all() == []


def test_training_reads_the_exported_table(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its own reader finds each sound with the emotion that was marked; a bare "wrong" is left out."""
    folder, kept = make_clips(state, 1, 2, 3), Marks(state / HISTORY_FILE)
    for number, emotion in ((1, "sad"), (2, ""), (3, "angry")):
        kept.put(clip(folder, number), emotion)
    out = state / "own"
    assert main(["history", "marks", "--out", str(out)]) == 0
    assert "3 marks, 2 of them with an emotion." in capsys.readouterr().out
    listing = read_table(out / "marks.csv", Path("/nowhere"))
    assert listing.left_out == []
    clips, unknown = LabelMap().translated(listing.clips.values())
    assert unknown == []
    assert [(each.emotion, each.actor) for each in clips] == [
        ("sad", "marks:mic"),
        ("angry", "marks:mic"),
    ]
    assert [each.path.read_bytes() for each in clips] == [clip(folder, each).sound() for each in (1, 3)]
    assert main(["history", "marks", "--out", str(out)]) == 2
    assert "expected the name of a new folder" in capsys.readouterr().err


def test_marks_are_listed(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with what serd has heard and what it was."""
    folder, kept = make_clips(state, 1, 2), Marks(state / HISTORY_FILE)
    kept.put(clip(folder, 1), "sad")
    kept.put(clip(folder, 2), "")
    assert main(["history", "marks"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.rpartition("  ")[2] for line in lines[:2]] == ["angry -> sad", "angry -> wrong"]


def test_deleting_the_history_deletes_marks_and_sounds(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of the same time and source, and sounds that no mark has."""
    folder, kept = make_clips(state, 1, 2), Marks(state / HISTORY_FILE)
    for number in (1, 2):
        kept.put(clip(folder, number), "sad")
    (kept.folder / "left over.wav").write_bytes(b"")
    assert main(["history", "delete", "--before", "2026-11-28T12:00:02Z", "--yes"]) == 0
    assert "with their marks and the sound of these" in capsys.readouterr().out
    assert [each.id for each in kept.all()] == ["2"]
    assert [path.stem[-2:] for path in sorted(kept.folder.iterdir())] == ["-2", "-2"]


def test_names_are_written_as_csv(state: Path) -> None:
    """A source may be called anything."""
    folder, kept = make_clips(state, 1), Marks(state / HISTORY_FILE)
    mark = kept.put(clip(folder, 1), 'sad, "very"')
    (row,) = csv.DictReader(io.StringIO(table([mark])))
    assert row == {"file": mark.file, "emotion": 'sad, "very"', "speaker": "mic"}


class TestClips:
    """The clips of a folder are found by id and by time."""

    def test_by_time(self, state: Path) -> None:
        """Both ends included."""
        folder = make_clips(state, 1, 2, 3, 4)
        first_s = clip_time_s(2)
        found = clips_between(folder, first_s, first_s + 1.0)
        assert sorted(each.event.id for each in found) == ["2", "3"]

    @pytest.mark.parametrize("event_id", ["", "9", "../1", "*", "1/../../1", "\0", "1" * 10_000])
    def test_an_id_is_never_part_of_a_path(self, state: Path, event_id: str) -> None:
        """Only an event of exactly that id is found."""
        assert find_clip(make_clips(state, 1), event_id) is None

    def test_links_and_foreign_files_are_not_found(self, state: Path) -> None:
        """Whatever they are called."""
        folder = make_clips(state, 1)
        path = clip(folder, 1).path
        secret = state / "secret"
        secret.write_bytes(b"secret")
        path.unlink()
        path.symlink_to(secret)
        assert find_clip(folder, "1") is None
        with pytest.raises(OSError, match="symbolic links"):
            StoredClip(make_event(1), path).sound()

    def test_a_missing_folder_has_none(self, tmp_path: Path) -> None:
        """It may not be there yet."""
        assert find_clip(tmp_path / "clips", "1") is None
        assert list(clips_between(tmp_path / "clips", 0.0, 1e12)) == []
