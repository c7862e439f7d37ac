"""What was examined once is not examined again, unless the file, the code or the store has changed."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from serd.errors import OperationError
from testkit.voices import synthetic_voice
from train.data import sound_store
from train.data.duplicates import sound_keys
from train.data.sound_store import examine


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Five voices, the last of which sounds as the first."""
    paths = []
    for number in range(5):
        voice = synthetic_voice(0.3, f0_hz=100.0 + 20.0 * (number % 4))
        paths.append(tmp_path / f"{number}.wav")
        soundfile.write(paths[-1], voice, 16_000)
    return paths


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are read, as they are."""
    names: list[str] = []
    read = sound_store.content_digest

    def noted(path: Path) -> str:
        names.append(path.name)
        return read(path)

    monkeypatch.setattr(sound_store, "content_digest", noted)
    return names


def _read_again(examined: list[str], paths: list[Path], store: Path) -> list[str]:
    examined.clear()
    examine(paths, store)
    return sorted(examined)


def test_a_file_is_read_once(paths: list[Path], examined: list[str], tmp_path: Path) -> None:
    """The second time gives the same digests and spectra, bit by bit, and the keys are the same."""
    store = tmp_path / "new" / "sounds.sqlite"
    first, second = examine(paths, store), examine(paths, store)
    assert len(examined) == len(paths)
    for one, other in zip(first, second, strict=True):
        assert one.digest == other.digest
        assert np.array_equal(one.spectrum, other.spectrum)
    assert sound_keys(paths, store) == sound_keys(paths)


def test_another_choice_of_files_reads_only_new_ones(
    paths: list[Path], examined: list[str], tmp_path: Path
) -> None:
    """The store is of files, not of the list that was asked for."""
    store = tmp_path / "sounds.sqlite"
    examine(paths[:3], store)
    assert _read_again(examined, paths[1:], store) == ["3.wav", "4.wav"]


@pytest.mark.parametrize("is_resized", [True, False])
def test_a_changed_file_is_read_again(
    paths: list[Path], examined: list[str], tmp_path: Path, *, is_resized: bool
) -> None:
    """Of another size, or of the same size at another time."""
    store = tmp_path / "sounds.sqlite"
    before = examine(paths, store)[2]
    soundfile.write(paths[2], synthetic_voice(0.6 if is_resized else 0.3, f0_hz=200.0), 16_000)
    os.utime(paths[2], ns=(1, 1))
    assert _read_again(examined, paths, store) == ["2.wav"]
    assert examine(paths, store)[2].digest != before.digest


def test_other_code_reads_all_again(
    paths: list[Path], examined: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results of two versions never stand side by side."""
    store = tmp_path / "sounds.sqlite"
    examine(paths, store)
    monkeypatch.setattr(sound_store, "code_digest", lambda *_modules: "another")
    assert _read_again(examined, paths[:2], store) == ["0.wav", "1.wav"]
    assert _read_again(examined, paths, store) == ["2.wav", "3.wav", "4.wav"]


def test_an_unreadable_file_is_tried_each_time(examined: list[str], tmp_path: Path) -> None:
    """Permissions may change without a trace in size and time."""
    path = tmp_path / "broken.wav"
    path.write_bytes(b"no sound")
    examine([path], tmp_path / "sounds.sqlite")
    assert _read_again(examined, [path], tmp_path / "sounds.sqlite") == ["broken.wav"]


def _cut(store: Path) -> None:
    store.write_bytes(store.read_bytes()[:5000])


def _overwritten(store: Path) -> None:
    store.write_bytes(b"no database, but longer than a header" * 100)


def _other_tables(store: Path) -> None:
    store.unlink()
    database = sqlite3.connect(store)
    database.execute("CREATE TABLE sounds (other TEXT)")
    database.commit()
    database.close()


def _shorter_spectra(store: Path) -> None:
    database = sqlite3.connect(store)
    database.execute("UPDATE sounds SET spectrum = x'00'")
    database.commit()
    database.close()


@pytest.mark.parametrize("damage", [_cut, _overwritten, _other_tables, _shorter_spectra])
def test_a_damaged_store_is_made_anew(
    paths: list[Path], examined: list[str], tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """Nobody has to remove it, and the results are right."""
    store = tmp_path / "sounds.sqlite"
    before = [sound.digest for sound in examine(paths, store)]
    damage(store)
    assert len(_read_again(examined, paths, store)) == len(paths)
    assert [sound.digest for sound in examine(paths, store)] == before
    assert _read_again(examined, paths, store) == []


def test_a_store_that_cannot_be_written_is_named(paths: list[Path], tmp_path: Path) -> None:
    """In one line, with what to do."""
    (tmp_path / "file").touch()
    with pytest.raises(OperationError, match=r"file/sounds\.sqlite: cannot be used: .*another folder"):
        examine(paths, tmp_path / "file" / "sounds.sqlite")


def test_the_store_is_bounded(
    paths: list[Path], examined: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files that were read first are dropped first."""
    store = tmp_path / "sounds.sqlite"
    monkeypatch.setattr(sound_store, "MOST_ROWS", 3)
    assert len(examine(paths, store)) == len(paths), "more than it holds are given back"
    assert len(_read_again(examined, paths[2:], store)) <= len(paths) - 3 + 1
    database = sqlite3.connect(store)
    assert database.execute("SELECT count(*) FROM sounds").fetchone() == (3,)
    database.close()


def test_what_was_read_before_an_interruption_is_kept(
    paths: list[Path], examined: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupted search goes on where it was, but for the last rows."""
    store = tmp_path / "sounds.sqlite"
    monkeypatch.setattr(sound_store, "_AT_A_TIME", 1)
    read = sound_store.mean_spectrum

    def stopped_at_the_fourth(path: Path) -> object:
        if path.name == "3.wav":
            raise KeyboardInterrupt
        return read(path)

    with monkeypatch.context() as patch:
        patch.setattr(sound_store, "mean_spectrum", stopped_at_the_fourth)
        with pytest.raises(KeyboardInterrupt):
            examine(paths, store)
    assert _read_again(examined, paths, store) == ["3.wav", "4.wav"]
