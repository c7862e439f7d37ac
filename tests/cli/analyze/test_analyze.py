"""serd analyze: the events, rows and tables of sound files and folders."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from serd.cli import main
from testkit.voices import silence, synthetic_voice

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def serd(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command line; returns its exit code, standard output and standard error."""

    def run(*argv: object) -> tuple[int, str, str]:
        code = main([str(part) for part in argv])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    """A sound file with two seconds of voice between pauses."""
    path = tmp_path / "spoken.wav"
    sound = np.concatenate((silence(0.6), synthetic_voice(2.0), silence(1.5)))
    soundfile.write(path, sound, 16_000)
    return path


def test_json_gives_every_event_and_one_for_the_file(serd: Run, spoken: Path) -> None:
    """One event a line, each with the file; the last is of kind "file"."""
    code, out, _ = serd("analyze", "--json", spoken)
    events = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [event["kind"] for event in events] == ["window", "utterance", "file"]
    assert {event["file"] for event in events} == {str(spoken)}
    utterance, whole = events[1], events[2]
    assert whole["scores"] == pytest.approx(utterance["scores"], abs=2e-4)
    assert (whole["start_s"], whole["end_s"]) == (0.0, 4.1)


def test_a_file_is_the_speech_weighted_mean_of_its_utterances(serd: Run, tmp_path: Path) -> None:
    """A long utterance has more weight than a short one."""
    path = tmp_path / "two.wav"
    short = synthetic_voice(1.2, seed=2, f0_hz=220.0)
    parts = (silence(1.0), synthetic_voice(3.0, seed=1), silence(2.0), short)
    soundfile.write(path, np.concatenate(parts), 16_000)
    _, out, _ = serd("analyze", "--json", path)
    events = [json.loads(line) for line in out.splitlines()]
    utterances = [event for event in events if event["kind"] == "utterance"]
    assert len(utterances) == 2
    speech_s = [event["speech_ratio"] * (event["end_s"] - event["start_s"]) for event in utterances]
    for label, score in events[-1]["scores"].items():
        expected = np.average([event["scores"][label] for event in utterances], weights=speech_s)
        # speech_ratio has three digits, and with it the weights.
        assert score == pytest.approx(expected, abs=6e-4)


def test_csv_gives_one_row_a_file(serd: Run, spoken: Path, tmp_path: Path) -> None:
    """A header, plain numbers, and empty scores without speech."""
    soundfile.write(tmp_path / "quiet.wav", silence(1.0), 16_000)
    code, out, _ = serd("analyze", "--csv", spoken, tmp_path / "quiet.wav")
    rows = list(csv.DictReader(out.splitlines()))
    assert code == 0
    assert [Path(row["file"]).name for row in rows] == ["spoken.wav", "quiet.wav"]
    assert float(rows[0]["speech_s"]) > 1.5
    assert (rows[1]["emotion"], rows[1]["speech_s"], rows[1]["happy"]) == ("none", "0.0", "")


def test_the_table_has_the_complete_path(serd: Run, spoken: Path) -> None:
    """A long path is not cut or wrapped, so that it can be copied."""
    code, out, _ = serd("analyze", spoken)
    assert code == 0
    assert any(line.rstrip().endswith(str(spoken)) for line in out.splitlines())


def test_a_folder_stands_for_all_sound_files_below_it(serd: Run, spoken: Path, tmp_path: Path) -> None:
    """Nested folders are searched and other files ignored, with two processes."""
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "notes.txt").write_text("no sound")
    for number in range(3):
        soundfile.write(
            deep / f"{number}.FLAC", synthetic_voice(1.0, seed=number), 16_000, format="FLAC"
        )
    code, out, _ = serd("analyze", "--json", "--jobs", 2, tmp_path)
    files = [event["file"] for event in map(json.loads, out.splitlines()) if event["kind"] == "file"]
    assert code == 0
    assert files == [*(str(deep / f"{number}.FLAC") for number in range(3)), str(spoken)]


def test_processes_do_not_change_the_result(serd: Run, spoken: Path, tmp_path: Path) -> None:
    """One process and two give the same scores in the same order."""
    soundfile.write(tmp_path / "other.wav", synthetic_voice(1.5, seed=5), 16_000)
    _, one, _ = serd("analyze", "--csv", "--jobs", 1, tmp_path)
    _, two, _ = serd("analyze", "--csv", "--jobs", 2, tmp_path)
    assert one == two
    assert str(spoken) in one


def _bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    """Files that cannot be read, each with a part of its error message."""
    wav = folder / "good-for-cutting.wav"
    soundfile.write(wav, synthetic_voice(1.0), 16_000)
    header = wav.read_bytes()[:30]
    wav.unlink()
    bad = {
        "missing.wav": (None, "no such file"),
        "empty.wav": (b"", "is empty"),
        "text.wav": (b"this is no sound\n" * 20, "not a sound file"),
        "header.wav": (header, "not a sound file"),
    }
    for name, (content, _) in bad.items():
        if content is not None:
            (folder / name).write_bytes(content)
    return {name: (folder / name, part) for name, (_, part) in bad.items()}


def test_unreadable_files_are_reported_and_the_others_analyzed(
    serd: Run, spoken: Path, tmp_path: Path
) -> None:
    """Each unreadable file has an error line, the other its result; the exit code is 2."""
    bad = _bad_files(tmp_path)
    code, out, err = serd("analyze", "--csv", *(path for path, _ in bad.values()), spoken)
    assert code == 2
    assert [row["file"] for row in csv.DictReader(out.splitlines())] == [str(spoken)]
    for path, part in bad.values():
        (line,) = [line for line in err.splitlines() if str(path) in line]
        assert line.startswith("serd: error:")
        assert part in line
    assert "Traceback" not in err


@pytest.mark.parametrize("name", ["8k", "96k-float", "six-channels"])
def test_unusual_formats_are_analyzed(serd: Run, tmp_path: Path, name: str) -> None:
    """Other rates, sample formats and numbers of channels are accepted."""
    voice = synthetic_voice(2.0).astype(np.float64) / 32_768
    path = tmp_path / f"{name}.wav"
    if name == "8k":
        soundfile.write(path, voice[::2], 8_000)
    elif name == "96k-float":
        soundfile.write(path, np.repeat(voice, 6).astype(np.float32), 96_000, subtype="FLOAT")
    else:
        soundfile.write(path, np.repeat(voice[:, None], 6, axis=1), 16_000)
    code, out, err = serd("analyze", "--json", path)
    kinds = [json.loads(line)["kind"] for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert kinds == ["window", "utterance", "file"]


def test_samples_that_are_no_numbers_are_reported(serd: Run, tmp_path: Path) -> None:
    """NaN and infinity become silence; the file is analyzed, and a line has their number."""
    sound = synthetic_voice(2.0).astype(np.float32) / 32_768
    sound[1000:1010] = np.nan
    sound[2000] = np.inf
    sound[2001] = -np.inf
    path = tmp_path / "nan.wav"
    soundfile.write(path, sound, 16_000, subtype="FLOAT")
    code, out, err = serd("analyze", "--json", path)
    assert code == 0
    assert json.loads(out.splitlines()[-1])["emotion"] != "none"
    assert "12 samples were not numbers" in err


@pytest.mark.parametrize("duration_s", [0.05, 3600.0])
def test_sound_without_speech_is_none(serd: Run, tmp_path: Path, duration_s: float) -> None:
    """A click of 50 ms and an hour of silence are both "none", without scores."""
    path = tmp_path / "quiet.flac"
    sound = synthetic_voice(0.05) if duration_s < 1 else silence(duration_s)
    soundfile.write(path, sound, 16_000)
    code, out, _ = serd("analyze", "--json", path)
    (event,) = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert (event["kind"], event["emotion"], event["scores"], event["confidence"]) == (
        "file",
        "none",
        {},
        0.0,
    )
    assert event["end_s"] == duration_s


def test_files_with_only_rejected_speech_are_counted(serd: Run, spoken: Path, tmp_path: Path) -> None:
    """The message names the setting that accepts more speech."""
    noise = np.random.default_rng(0).normal(0.0, 2000.0, 5 * 16_000).astype(np.int16)
    soundfile.write(tmp_path / "noise.wav", noise, 16_000)
    code, out, err = serd("analyze", "--csv", tmp_path / "noise.wav", spoken)
    assert code == 0
    assert ",none," in out.splitlines()[1]
    assert "in 1 of 2 files the model rejected everything as no speech" in err
    assert "raise [model] no_speech_threshold (now 0.1)" in err
    assert "rejected everything" not in serd("analyze", "--csv", spoken)[2]


def test_a_folder_without_sound_files_is_wrong_input(serd: Run, tmp_path: Path) -> None:
    """An error line and exit code 2."""
    code, _, err = serd("analyze", tmp_path)
    assert code == 2
    assert "no sound file in this folder" in err


def test_real_recordings_at_48_khz_give_the_emotion_of_the_16_khz_copy(
    serd: Run, shared_data: Path
) -> None:
    """Resampling inside serd gives the emotions of files that were converted before."""
    originals = sorted((shared_data / "ravdess_original_48k").glob("*.wav"))
    copies = [next((shared_data / "ravdess").rglob(f"{path.stem}.flac")) for path in originals]
    results = []
    for paths in (originals, copies):
        _, out, _ = serd("analyze", "--json", *paths)
        files = [event for event in map(json.loads, out.splitlines()) if event["kind"] == "file"]
        results.append([event["scores"] for event in files])
    agreeing = [max(a, key=a.get) == max(b, key=b.get) for a, b in zip(*results, strict=True)]
    assert sum(agreeing) >= len(agreeing) - 1


@pytest.mark.parametrize("form", ["--json", "--csv", "--jobs=1"])
def test_a_name_that_is_not_utf_8_costs_nothing(
    serd: Run, spoken: Path, tmp_path: Path, form: str
) -> None:
    """The file is analyzed as well as the others, and its name is escaped."""
    spoken.with_name(os.fsdecode(b"caf\xe9.wav")).write_bytes(spoken.read_bytes())
    code, out, err = serd("analyze", form, tmp_path)
    assert (code, err) == (0, "")
    assert "caf\\xe9.wav" in out.replace("\\\\", "\\")  # JSON doubles the backslash
    assert "spoken.wav" in out


def test_closed_standard_streams_are_no_error(spoken: Path) -> None:
    """As from a service manager or cron; what would be printed is dropped."""
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" -m serd analyze "$1" <&- >&- 2>&-', sys.executable, spoken],
        check=False,
        timeout=60.0,
    )
    assert done.returncode == 0


def test_a_home_folder_of_nobody_is_one_line(serd: Run) -> None:
    """In place of a traceback."""
    code, _, err = serd("analyze", "~nobody-has-this-name/x.wav")
    assert code == 2
    assert err.count("\n") == 1
