"""The synthetic sound is reproducible, holds speech and pauses, and has the given length."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.pipelines import windows_of
from bench.sound import blocks_of, made_sound, recorded_sound, spoken_turns, talk, turn_starts
from serd.audio.format import SAMPLE_RATE_HZ
from serd.errors import InputError
from testkit.voices import quiet_room, synthetic_voice

_WINDOW = 48_000


def test_the_same_seed_gives_the_same_sound() -> None:
    """Sample by sample, although the scenes differ."""
    one, two = made_sound(2, 20.0), made_sound(2, 20.0)
    for left, right in zip(one.scenes, two.scenes, strict=True):
        np.testing.assert_array_equal(left, right)
    assert not np.array_equal(one.scenes[0], one.scenes[1])
    assert one.duration_s == 40.0


def test_a_scene_holds_speech_and_pauses() -> None:
    """Of a minute, 20 to 55 s are speech."""
    (scene,) = made_sound(1, 60.0).scenes
    speech_s = sum(window.new_speech_s for window in windows_of(scene, _WINDOW))
    assert 20.0 < speech_s < 55.0


def test_talk_brings_a_window_each_second_from_three_seconds_on() -> None:
    """Without pauses, full windows end a second apart, the first three seconds into the speech."""
    sound = talk(20.0, lead_s=0.5, turn_s=20.0)
    ends_s = [window.end_s for window in windows_of(sound, _WINDOW) if not window.is_last]
    assert np.diff(ends_s) == pytest.approx(1.0)
    assert ends_s[0] == pytest.approx(0.5 + 3.0, abs=0.1)
    assert len(ends_s) >= 16


def test_turns_begin_at_their_starts() -> None:
    """The 0.1 s before a start is quiet, the 0.1 s after it is not."""
    sound = talk(70.0, lead_s=1.0, turn_s=28.0, pause_s=2.0)
    assert turn_starts(70.0, lead_s=1.0) == [1.0, 31.0, 61.0]
    for start_s in turn_starts(70.0, lead_s=1.0):
        at = round(start_s * SAMPLE_RATE_HZ)
        assert np.abs(sound[at - 1600 : at]).max() < 50 < np.abs(sound[at : at + 1600]).max()


def test_a_recording_is_cut_at_its_pauses() -> None:
    """A turn has the length of its voice, without the quiet around it."""
    parts = [
        quiet_room(1.0),
        synthetic_voice(2.0),
        quiet_room(1.0),
        synthetic_voice(1.0),
        quiet_room(0.3),
    ]
    lengths_s = [turn.size / SAMPLE_RATE_HZ for turn in spoken_turns(np.concatenate(parts))]
    assert lengths_s == pytest.approx([2.0, 1.0], abs=0.1)


def test_blocks_joined_are_the_sound() -> None:
    """Each has its own offset, and the last may be shorter."""
    sound = synthetic_voice(0.7)
    blocks = list(blocks_of(sound, 0.03))
    np.testing.assert_array_equal(np.concatenate([block.samples for block in blocks]), sound)
    assert [block.offset_samples for block in blocks] == list(range(0, sound.size, 480))


def test_recordings_of_a_folder_are_taken_in_order_and_cut_into_scenes(tmp_path: Path) -> None:
    """By name, one after the other, in whole scenes, even if that is fewer than wanted."""
    for name, number in (("b.wav", 2), ("a.wav", 1)):
        soundfile.write(tmp_path / name, np.full(24_000, number, np.int16), SAMPLE_RATE_HZ)
    sound = recorded_sound(tmp_path, 5, 1.0)
    assert len(sound.scenes) == 3
    assert [set(scene.tolist()) for scene in sound.scenes] == [{1}, {1, 2}, {2}]


def test_a_folder_with_too_little_sound_is_refused(tmp_path: Path) -> None:
    """The error gives the length found and the length expected."""
    with pytest.raises(InputError, match=r"0\.0 s of sound, expected 60 s or more"):
        recorded_sound(tmp_path, 1, 60.0)
