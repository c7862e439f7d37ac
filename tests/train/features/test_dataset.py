"""Training windows are the daemon's windows."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from train_helpers import FakeModel, window_settings

from serd.audio.files import FileSource
from serd.audio.format import SAMPLE_RATE_HZ
from serd.model.labels import EMOTIONS, NONE
from serd.model.windows import FeatureWindow, pad
from serd.pipeline import FeatureExtractor, PipelineSettings, speech_segments
from testkit.voices import quiet_room
from train.data.clips import Clip
from train.data.corpora.ravdess import clip_from_path
from train.features.augmentation import SoundAugment
from train.features.dataset import Dataset, build_dataset
from train.features.feature_augmentation import FeatureAugment
from train.features.noise import noise_clips
from train.model.batches import BatchMaker, BatchSettings, plain_windows

N_FRAMES = 298


@pytest.fixture(scope="module")
def dataset(clips: list[Clip]) -> Dataset:
    """All clips, each as recorded and in two copies."""
    return build_dataset(clips, window_settings(), SoundAugment(copies=2), seed=0)


def _daemon_windows(path: Path) -> Iterator[np.ndarray]:
    """Features as the pipeline gives them to the model, block by block."""
    model = FakeModel()
    extractor = FeatureExtractor(model.card)
    for segment in speech_segments(FileSource(path), PipelineSettings(), model.card.window_samples):
        features = extractor.process(segment)
        if isinstance(features, FeatureWindow):
            yield features.features


def test_windows_are_those_of_the_daemon(dataset: Dataset) -> None:
    """Of every clip as recorded, frame for frame, but for the rounding to float16."""
    originals = {each.clip: each.frames for each in dataset.copies if each.copy == 0}
    assert len(originals) == len(dataset.clips)
    for index, clip in enumerate(dataset.clips):
        expected = list(_daemon_windows(clip.path))
        got = [pad(frames, N_FRAMES, "repeat") for frames in originals[index]]
        assert len(got) == len(expected)
        for mine, its in zip(got, expected, strict=True):
            assert np.array_equal(mine, its.astype(np.float16))


def test_copies_do_not_depend_on_the_clips_beside_them(dataset: Dataset) -> None:
    """A clip alone gets the copies that it gets among others, whatever its place."""
    clip = dataset.clips[5]
    alone = build_dataset([clip], window_settings(), SoundAugment(copies=2), seed=0)
    together = [each for each in dataset.copies if each.clip == 5]
    for one, other in zip(alone.copies, together, strict=True):
        assert all(map(np.array_equal, one.frames, other.frames))


def test_another_seed_draws_other_copies(dataset: Dataset) -> None:
    """The clip as recorded stays the same."""
    other = build_dataset(dataset.clips[:1], window_settings(), SoundAugment(copies=1), seed=1)
    assert np.array_equal(other.copies[0].frames[0], dataset.copies[0].frames[0])
    mine, its = other.copies[1].frames[0], dataset.copies[1].frames[0]
    assert mine.shape != its.shape or not np.array_equal(mine, its)


def test_processes_give_what_one_process_gives(clips: list[Clip], dataset: Dataset) -> None:
    """With clips enough for several processes, the windows are those of a set too small for them."""
    many = build_dataset(clips * 2, window_settings(), SoundAugment(copies=2), seed=0)
    assert len(clips) < 50 <= len(many.clips)
    first = [each for each in many.copies if each.clip < len(clips)]
    for one, other in zip(first, dataset.copies, strict=True):
        assert (one.clip, one.copy) == (other.clip, other.copy)
        assert all(map(np.array_equal, one.frames, other.frames))


def test_a_broken_file_is_named_and_left_out(clips: list[Clip], tmp_path: Path) -> None:
    """The clip beside it is read."""
    path = tmp_path / "03-01-03-01-01-01-01.wav"
    path.write_bytes(b"no sound")
    broken = clip_from_path(path)
    dataset = build_dataset([broken, clips[0]], window_settings(), SoundAugment(copies=0), seed=0)
    assert path.name in dataset.left_out[0]
    assert {each.clip for each in dataset.copies} == {1}


def test_a_clip_without_speech_has_no_window(clips: list[Clip], tmp_path: Path) -> None:
    """Nor is it said to be left out: a quiet room is no defect."""
    path = tmp_path / clips[0].path.name
    soundfile.write(path, quiet_room(2.0), 16_000)
    silent = clip_from_path(path)
    dataset = build_dataset([silent], window_settings(), SoundAugment(copies=1), seed=0)
    assert not dataset.copies
    assert not dataset.left_out


def test_a_part_holds_its_actors_alone(dataset: Dataset) -> None:
    """Nobody else's clip is in it."""
    part = dataset.of_actors(frozenset({"2"}))
    assert {part.clips[each.clip].actor for each in part.copies} == {"2"}


def test_normalization_is_over_the_clips_as_recorded(dataset: Dataset) -> None:
    """Augmented copies have no part in mean and standard deviation."""
    originals = [each.frames for each in dataset.copies if each.copy == 0]
    frames = np.concatenate([window for windows in originals for window in windows])
    mean, std = dataset.normalization()
    assert np.allclose(mean, frames.astype(np.float64).mean(axis=0), atol=1e-3)
    assert np.allclose(std, frames.astype(np.float64).std(axis=0), rtol=1e-3)


def test_speech_as_recorded_says_what_is_faint(dataset: Dataset) -> None:
    """Augmented copies have no part in it either."""
    windows = [window for each in dataset.copies if each.copy == 0 for window in each.frames]
    levels = np.sort([window[:, 0].astype(np.float64).mean() for window in windows])
    assert levels[0] <= dataset.min_log_energy() <= levels[len(levels) // 10 + 1]


def _maker(dataset: Dataset, **settings: float) -> BatchMaker:
    return BatchMaker(
        dataset,
        window_settings().feature_set,
        N_FRAMES,
        BatchSettings(batch=8, **settings),
        FeatureAugment(),
        np.zeros(40, np.float32),
    )


def test_an_epoch_shows_each_speech_clip_once(dataset: Dataset) -> None:
    """Without song each emotion comes three times, once for each actor; every batch is full."""
    maker = _maker(dataset, song_share=0.0)
    batches = maker.batches(np.random.default_rng(0))
    epoch = [next(batches) for _ in range(maker.n_batches)]
    targets = np.concatenate([batch[1] for batch in epoch])
    assert targets.sum(axis=0).tolist() == [3.0] * len(EMOTIONS)
    assert all(batch[0].shape == (8, N_FRAMES, 40) for batch in epoch)


def test_the_same_seed_gives_the_same_batches(dataset: Dataset) -> None:
    """Inputs, targets and weights alike."""
    first, again = (next(_maker(dataset).batches(np.random.default_rng(4))) for _ in range(2))
    assert all(map(np.array_equal, first, again))


def test_validation_windows_are_speech_as_recorded(dataset: Dataset) -> None:
    """One window for each spoken clip, of all emotions; no song and no copy."""
    inputs, labels = plain_windows(dataset, N_FRAMES, "repeat")
    assert inputs.shape[1:] == (N_FRAMES, 40)
    assert sorted(set(labels.tolist())) == list(range(len(EMOTIONS)))
    n_speech = sum(clip.channel == "speech" for clip in dataset.clips)
    assert len(inputs) == n_speech


def test_noise_belongs_to_nobody_and_goes_into_every_part(clips: list[Clip], noise_root: Path) -> None:
    """It adds the output that nobody speaks, and leaves the normalization as it is."""
    noises = noise_clips(sorted(noise_root.glob("rain-*.wav")))
    settings, augment = window_settings(), SoundAugment(copies=0)
    mixed = build_dataset([*clips[:2], *noises], settings, augment, seed=0)
    speech = build_dataset(clips[:2], settings, augment, seed=0)
    assert (speech.outputs, mixed.outputs) == (EMOTIONS, (*EMOTIONS, NONE))
    nobody = mixed.of_actors(frozenset())
    assert [mixed.clips[each.clip].emotion for each in nobody.copies] == [NONE, NONE]
    for mine, its in zip(mixed.normalization(), speech.normalization(), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_clips_of_the_smallest_corpus_have_the_most_copies(clips: list[Clip], noise_root: Path) -> None:
    """Those of RAVDESS have ``copies``, all others ``other_copies``, but never more."""
    noises = noise_clips(sorted(noise_root.glob("rain-*.wav"))[:1])
    for augment, expected in (
        (SoundAugment(copies=2, other_copies=1), [0, 1, 2, 0, 1]),
        (SoundAugment(copies=1, other_copies=5), [0, 1, 0, 1]),
    ):
        dataset = build_dataset([clips[0], *noises], window_settings(), augment, seed=0)
        assert [each.copy for each in dataset.copies] == expected


def test_measured_rooms_change_copies_alone(clips: list[Clip], tmp_path: Path) -> None:
    """A copy in a measured room differs from one in a synthetic room; the clip as recorded does not."""
    response = np.zeros(4000)
    response[[100, 2000]] = 0.5, 0.3
    room = tmp_path / "room.wav"
    soundfile.write(room, response, SAMPLE_RATE_HZ)
    augment = SoundAugment(copies=1, p_room=1.0, p_measured=1.0)
    dry = build_dataset(clips[:1], window_settings(), augment, seed=0)
    measured = build_dataset(clips[:1], window_settings(), augment, seed=0, rooms=[room])
    assert np.array_equal(dry.copies[0].frames[0], measured.copies[0].frames[0])
    mine, its = dry.copies[1].frames[0], measured.copies[1].frames[0]
    assert mine.shape != its.shape or not np.array_equal(mine, its)


def test_recorded_noise_lies_under_copies_alone(clips: list[Clip], noise_root: Path) -> None:
    """A copy differs from one with made noise, and the clip as recorded does not."""
    augment = SoundAugment(copies=1, p_noise=1.0, p_recorded=1.0, snr_db=(0.0, 0.0))
    noises = sorted(noise_root.glob("rain-*.wav"))
    made = build_dataset(clips[:1], window_settings(), augment, seed=0)
    recorded = build_dataset(clips[:1], window_settings(), augment, seed=0, noises=noises)
    assert np.array_equal(made.copies[0].frames[0], recorded.copies[0].frames[0])
    mine, its = made.copies[1].frames[0], recorded.copies[1].frames[0]
    assert mine.shape != its.shape or not np.array_equal(mine, its)
