"""A corpus named like RAVDESS, spoken by nobody."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from article_tree import write_tree
from made_corpora import write_release

from serd.audio.format import SAMPLE_RATE_HZ
from testkit.imports import reaches
from testkit.voices import quiet_room, synthetic_voice
from train.data.clips import Clip
from train.data.corpora.ravdess import clip_from_path


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave a module that needs TensorFlow unimported where its tests are deselected."""
    is_left_out = config.option.markexpr == "not tensorflow" and _needs_tensorflow(collection_path)
    return True if is_left_out else None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark each test whose module imports TensorFlow, itself or through the modules it tests."""
    if _needs_tensorflow(item.path):
        item.add_marker("tensorflow")


@cache
def _needs_tensorflow(path: Path) -> bool:
    return path.suffix == ".py" and reaches(path, {"keras", "tensorflow"})


def write_clip(folder: Path, name: str, *, seed: int = 0, duration_s: float = 1.4) -> Path:
    """A clip of RAVDESS whose voice is pitched by its emotion."""
    f0_hz = 90.0 + 20.0 * int(name.split("-")[2])
    return write_voice(folder / f"{name}.wav", seed=seed, f0_hz=f0_hz, duration_s=duration_s)


def write_voice(path: Path, *, seed: int, f0_hz: float, duration_s: float = 1.4) -> Path:
    """A voice between two stretches of a quiet room."""
    voice = synthetic_voice(duration_s, seed=seed, f0_hz=f0_hz)
    sound = np.concatenate((quiet_room(0.5, seed=seed), voice, quiet_room(0.5, seed=seed)))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, SAMPLE_RATE_HZ)
    return path


@pytest.fixture(scope="session")
def corpus_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three actors, all emotions spoken once, one of them sung by each."""
    root = tmp_path_factory.mktemp("corpus")
    for actor in (1, 2, 3):
        folder = root / "Audio_Speech_Actors_01-24" / f"Actor_{actor:02d}"
        for emotion in range(1, 9):
            write_clip(folder, f"03-01-{emotion:02d}-01-01-01-{actor:02d}", seed=actor)
        write_clip(root / "Song", f"03-02-04-01-01-01-{actor:02d}", seed=actor)
    return root


@pytest.fixture(scope="session")
def nemo_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Named like nEMO: two speakers, a clip of each of its six states."""
    root = tmp_path_factory.mktemp("nemo")
    rows = ["file_id\temotion\tspeaker_id\tgender\tage"]
    states = ("anger", "fear", "happiness", "neutral", "sadness", "surprised")
    for number, (speaker, gender) in enumerate((("EB0", "female"), ("MK1", "male"))):
        for place, state in enumerate(states):
            name = f"{speaker}_{state}_{place + 1}"
            write_voice(root / f"{name}.flac", seed=10 + number, f0_hz=100.0 + 30.0 * place)
            rows.append(f"{name}.flac\t{state}\t{speaker}\t{gender}\t27")
    (root / "data.tsv").write_text("\n".join(rows) + "\n", "utf-8")
    return root


@pytest.fixture(scope="session")
def noise_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings of noise that webrtcvad takes for speech, and one of silence."""
    root = tmp_path_factory.mktemp("noise")
    for seed in (0, 1):
        noise = np.random.default_rng(seed).normal(0.0, 0.1, 3 * SAMPLE_RATE_HZ)
        soundfile.write(root / f"rain-{seed}.wav", noise.clip(-1.0, 1.0), SAMPLE_RATE_HZ)
    soundfile.write(root / "silence.wav", np.zeros(SAMPLE_RATE_HZ), SAMPLE_RATE_HZ)
    return root


@pytest.fixture(scope="session")
def release_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of RAVDESS by name; the sounds are made up and of no length."""
    return write_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="session")
def clips(corpus_root: Path) -> list[Clip]:
    """The clips of the corpus, in the order of their names."""
    paths = sorted(corpus_root.rglob("*.wav"), key=lambda path: path.stem)
    return [clip_from_path(path) for path in paths]


@pytest.fixture(scope="session")
def article_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty actors, all emotions spoken once by each, some sung by a few."""
    return write_tree(tmp_path_factory.mktemp("article"))
