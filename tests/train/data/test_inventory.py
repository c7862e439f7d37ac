"""The inventory says what is there, what is wrong and what can be done with it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from made_corpora import write_tiny

from train.__main__ import main
from train.data.inventory import take_inventory

_PNG = b"\x89PNG"


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Two actors with little, one clip in stereo, one doubled, one broken, one stranger."""
    for emotion in range(1, 9):
        write_tiny(tmp_path / f"03-01-{emotion:02d}-01-01-01-01.wav", rate_hz=48_000)
    stereo = tmp_path / "Actor_02" / "03-01-05-01-01-01-02.wav"
    write_tiny(stereo, rate_hz=48_000, channels=2)
    shutil.copy(stereo, stereo.with_name("03-01-05-01-01-02-02.wav"))
    (tmp_path / "03-01-06-01-01-01-03.wav").write_bytes(b"no sound")
    soundfile.write(tmp_path / "03-01-06-01-01-02-03.wav", np.empty(0, np.int16), 16_000)
    write_tiny(tmp_path / "holiday.wav")
    write_tiny(tmp_path / "DC_a01.wav")
    return tmp_path


def test_everything_is_counted(mixed: Path) -> None:
    """Each corpus by its clips, genders, emotions, actors and forms of sound; all of it is JSON."""
    facts = take_inventory(mixed).to_json()
    assert list(facts["corpora"]) == ["RAVDESS", "SAVEE"]
    ravdess = facts["corpora"]["RAVDESS"]
    assert (ravdess["n_clips"], ravdess["channels"]) == (10, {"speech": 10})
    assert ravdess["genders"] == {"male": 8, "female": 2}
    assert ravdess["emotions"]["angry"] == 3
    assert ravdess["sounds"] == {"48 kHz mono WAV": 8, "48 kHz stereo WAV": 2}
    assert ravdess["actors"]["2"] == {
        "gender": "female",
        "n_clips": 2,
        "emotions": {"angry": 2},
        "channels": {"speech": 2},
        "genders": {"female": 2},
    }
    assert ravdess["duration_s"]["longest"] == pytest.approx(64 / 48_000, abs=1e-3)
    json.dumps(facts)


def test_all_that_is_wrong_is_named(mixed: Path) -> None:
    """Doubles, clips that cannot be read, files of no corpus, and actors with too few clips."""
    inventory = take_inventory(mixed)
    (alike,) = inventory.duplicates
    assert [path.name for path in alike] == ["03-01-05-01-01-01-02.wav", "03-01-05-01-01-02-02.wav"]
    assert [line.split(": ")[0].rpartition("/")[2] for line in inventory.unreadable] == [
        "03-01-06-01-01-01-03.wav",
        "03-01-06-01-01-02-03.wav",
    ]
    assert "holds no sound" in inventory.unreadable[1]
    (left_out,) = inventory.left_out
    assert "holiday.wav" in left_out
    assert "RAVDESS: actor 2 has only 2 clips" in inventory.remarks()
    assert "SAVEE: actor savee:DC has only one clip" in inventory.remarks()
    assert inventory.missing is not None
    assert "3" not in inventory.missing.actors, "two of the clips are there, but broken"


def test_clips_of_digital_silence_are_named(mixed: Path) -> None:
    """A clip in which every sample is 0 counts as one, and a remark names it."""
    soundfile.write(mixed / "03-01-07-01-01-02-02.wav", np.zeros(9000, np.int16), 16_000)
    remark = "RAVDESS: digital silence alone in 1 of its clips (03-01-07-01-01-02-02.wav)"
    assert remark in take_inventory(mixed).remarks()


def test_protocols_say_whom_they_miss(mixed: Path) -> None:
    """Only an actor with a clip that can be read is there; the split by file misses nobody."""
    protocols = take_inventory(mixed).protocols
    assert not protocols["leaky"]
    assert protocols["article"] == {"21", "22", "23", "24"}
    assert "3" in protocols["dev5"], "none of that actor's clips can be read"


def test_all_of_the_release_can_run_everything(release_root: Path) -> None:
    """2,452 clips: none is missing or doubled, and no protocol of RAVDESS misses anybody."""
    inventory = take_inventory(release_root)
    assert len(inventory.sounds) == 1440 + 1012
    assert inventory.missing is not None
    assert inventory.missing.n_clips == 0
    missed = {name for name, missing in inventory.protocols.items() if missing}
    assert missed == {"crema5", "nemo3", "all5"}
    assert not inventory.duplicates
    assert not inventory.remarks()


def test_the_command_prints_and_draws(
    mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person reads what is there, broken and missing, and finds two pictures in a new folder."""
    out = tmp_path / "pictures" / "new"
    assert main(["data", str(mixed), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    for text in (
        "11 clips that can be read",
        "8 48 kHz mono WAV",
        "Missing from RAVDESS: 2,440 clips",
        "all clips of actors 4-24",
        "The same sound under several names",
        "Clips that cannot be read",
        "Left out",
        "article  cannot run: no clip of test actors 21-24",
        "leaky    can run",
    ):
        assert text in printed
    assert sorted(path.name for path in out.iterdir()) == ["breakdown.png", "emotions.png"]
    assert all(path.read_bytes().startswith(_PNG) for path in out.iterdir())


def test_json_is_all_that_standard_output_holds(
    mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is written goes to standard error; clips of a table are among the facts."""
    table = tmp_path / "calls.csv"
    table.write_text("file,emotion,speaker\nholiday.wav,calm,x\nnowhere.wav,calm,x\n", "utf-8")
    arguments = ["data", str(mixed), "--json", "--table", str(table), "--out", str(tmp_path / "p")]
    assert main(arguments) == 0
    captured = capsys.readouterr()
    facts = json.loads(captured.out)
    assert facts["root"] == str(mixed)
    assert facts["corpora"]["calls"]["actors"]["calls:x"]["gender"] == "unknown"
    assert ["line 3" in line for line in facts["left_out"]] == [True]
    assert "wrote" in captured.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: no such folder"),
        (["EMPTY"], "no clip of RAVDESS, SAVEE, nEMO or 10 other corpora in it"),
        (["OTHER"], "1 other files or lines, such as"),
        (["BROKEN"], "none of its 1 clips can be read; "),
        (["MIXED", "--table", "nowhere.csv"], "nowhere.csv: cannot be read"),
        (["MIXED", "--table", "BAD"], "expected the columns file, emotion, speaker, got 'file,speaker'"),
        (["MIXED", "--out", "BAD/x"], "cannot be written to"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(
    arguments: list[str],
    message: str,
    mixed: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A folder, a table or a place to write that is of no use ends with 2, and the line says why."""
    (tmp_path / "empty").mkdir()
    write_tiny(tmp_path / "other" / "song.wav")
    (tmp_path / "broken").mkdir()
    shutil.copy(mixed / "03-01-06-01-01-01-03.wav", tmp_path / "broken")
    (tmp_path / "bad.csv").write_text("file,speaker\n")
    places = {
        "EMPTY": "empty",
        "OTHER": "other",
        "BROKEN": "broken",
        "BAD": "bad.csv",
        "BAD/x": "bad.csv/x",
        "MIXED": ".",
    }
    words = [str(tmp_path / places[each]) if each in places else each for each in arguments]
    assert main(["data", "--out", str(tmp_path / "out"), *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("train: ")
    assert message in line


def test_the_real_data_are_as_they_should_be(shared_data: Path) -> None:
    """Actors 1-20 but for two songs, none broken or doubled; originals at 48 kHz."""
    inventory = take_inventory(shared_data / "ravdess")
    assert len(inventory.sounds) == 2034
    assert inventory.missing is not None
    assert inventory.missing.actors == {"21", "22", "23", "24"}
    assert inventory.missing.stems == ("03-02-02-01-01-02-17", "03-02-03-01-01-01-17")
    assert inventory.missing.n_clips == 4 * 104 + 2
    assert not any((inventory.duplicates, inventory.unreadable, inventory.left_out))
    able = [name for name, missing in inventory.protocols.items() if not missing]
    assert able == ["dev5", "text", "leaky"]
    untouched = take_inventory(shared_data / "ravdess_original_48k").corpora["ravdess"]
    assert {sound.form for sound in untouched} == {"48 kHz mono WAV", "48 kHz stereo WAV"}
