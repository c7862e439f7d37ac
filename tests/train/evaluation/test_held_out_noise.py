"""Noise for scoring is noise that the network was not trained on, under any name."""

from pathlib import Path

import numpy as np
import soundfile

from serd.audio.format import SAMPLE_RATE_HZ
from train.evaluation.held_out_noise import folds_of_sounds, held_out_noise
from train.features.noise import noise_fold, open_banks


def test_a_sound_that_was_trained_on_under_another_name_scores_nothing(tmp_path: Path) -> None:
    """Of six recordings, two that sound alike lie in different folds, and neither is held out."""
    names = [f"{number}-100-A-0.wav" for number in (1, 1, 2, 2, 3, 3)]
    sounds = [
        np.random.default_rng(seed).normal(0.0, 0.1, SAMPLE_RATE_HZ) for seed in (0, 1, 0, 2, 3, 3)
    ]
    for number, (name, sound) in enumerate(zip(names, sounds, strict=True)):
        path = tmp_path / str(number) / name
        path.parent.mkdir()
        soundfile.write(path, sound, SAMPLE_RATE_HZ)
    bank = open_banks([tmp_path])
    assert sorted(map(noise_fold, bank.paths)) == ["1", "1", "2", "2", "3", "3"]
    folds = folds_of_sounds(bank)
    held_out = {fold: [path.parent.name for path in held_out_noise(folds, fold)] for fold in "123"}
    assert held_out == {"1": ["1"], "2": ["3"], "3": ["4", "5"]}
    assert len(held_out_noise(folds, "")) == 6, "a network that was trained without noise knows none"
