"""Voice decisions: frames from blocks of any size, webrtcvad, and the level gate."""

import sys
from collections.abc import Iterable
from functools import partial

import numpy as np
import pytest
import webrtcvad
from hypothesis import given
from hypothesis import strategies as st

from serd.audio.format import SAMPLE_RATE_HZ, AudioBlock, CaptureTime, Samples
from serd.errors import LibraryError
from serd.speech.segments import VoicedFrames
from serd.speech.vad import VoiceActivity, VoiceSettings, voice_detector
from testkit.voices import quiet_room, silence, synthetic_voice

_CAPTURED = CaptureTime(epoch_s=0.0, arrived_s=0.0)
_FRAMES_MS = [10, 20, 30]


class _Always:
    """A detector that takes every frame for speech, and records the frames."""

    def __init__(self, frame_samples: int = 480) -> None:
        self.frame_samples = frame_samples
        self.frames: list[bytes] = []

    def speech_probability(self, frame: Samples) -> float:
        self.frames.append(frame.tobytes())
        return 1.0


def _block(samples: Samples, offset_samples: int = 0) -> AudioBlock:
    return AudioBlock(samples=samples, offset_samples=offset_samples, captured=_CAPTURED)


def _in_blocks(voice: VoiceActivity, sound: Samples, sizes: Iterable[int]) -> list[VoicedFrames]:
    pieces = np.split(sound, np.cumsum(list(sizes)).clip(max=sound.size))
    offsets = np.cumsum([0, *(piece.size for piece in pieces)]).tolist()
    return [voice.process(_block(piece, offset)) for piece, offset in zip(pieces, offsets, strict=False)]


@pytest.mark.parametrize("frame_ms", _FRAMES_MS)
@pytest.mark.parametrize("aggressiveness", [0, 1, 2, 3])
def test_decisions_are_those_of_webrtcvad(frame_ms: int, aggressiveness: int) -> None:
    """Every decision equals that of a direct call of webrtcvad."""
    settings = VoiceSettings(
        frame_ms=frame_ms, aggressiveness=aggressiveness, min_level_dbfs=-100.0, max_gain_db=0.0
    )
    sound = np.concatenate((quiet_room(0.5), synthetic_voice(1.0), quiet_room(0.5), silence(0.2)))
    n = frame_ms * SAMPLE_RATE_HZ // 1000
    vad = webrtcvad.Vad(aggressiveness)
    starts = range(0, sound.size - n + 1, n)
    direct = [vad.is_speech(sound[i : i + n].tobytes(), SAMPLE_RATE_HZ) for i in starts]
    frames = VoiceActivity(partial(voice_detector, settings), settings).process(_block(sound))
    assert list(frames.voiced) == direct
    assert any(direct)
    assert not all(direct)


@given(st.lists(st.integers(0, 2000), max_size=40), st.sampled_from(_FRAMES_MS))
def test_blocks_of_any_size_give_the_same_frames(sizes: list[int], frame_ms: int) -> None:
    """Frames and decisions do not depend on the blocks, which may be empty."""
    settings = VoiceSettings(frame_ms=frame_ms)
    sound = synthetic_voice(1.0)
    whole = VoiceActivity(partial(voice_detector, settings), settings).process(_block(sound))
    parts = _in_blocks(VoiceActivity(partial(voice_detector, settings), settings), sound, sizes)
    for name in ("samples", "voiced", "mean_square"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(joined, getattr(whole, name))
    end = 0
    for part in parts:
        assert part.offset_samples == end
        end += part.samples.size
        assert part.samples.size == len(part.voiced) * frame_ms * SAMPLE_RATE_HZ // 1000


def test_frames_carry_their_sound_and_its_power() -> None:
    """The mean square is that of the frame's 16-bit samples."""
    settings = VoiceSettings(frame_ms=10)
    sound = synthetic_voice(0.105)
    frames = VoiceActivity(partial(_Always, 160), settings).process(_block(sound))
    assert frames.voiced == (True,) * 10
    np.testing.assert_array_equal(frames.samples, sound[:1600])
    expected = [np.mean(part.astype(np.float64) ** 2) for part in sound[:1600].reshape(10, 160)]
    np.testing.assert_allclose(frames.mean_square, expected)


def test_a_loud_frame_does_not_overflow_its_power() -> None:
    """The sum of squares of the most negative sample needs more than 31 bits."""
    frames = VoiceActivity(_Always, VoiceSettings()).process(_block(np.full(480, -32768, np.int16)))
    assert frames.mean_square == (32768.0**2,)


def test_sound_below_the_minimum_level_is_not_voiced() -> None:
    """The gate at exactly min_level_dbfs overrules the detector."""
    settings = VoiceSettings(min_level_dbfs=-40.0)
    loud, faint = 328, 327  # -40 dBFS is 327.68
    sound = np.repeat(np.array([loud, faint, loud, 0], np.int16), 160)
    frames = VoiceActivity(partial(_Always, 160), settings).process(_block(sound))
    assert frames.voiced == (True, False, True, False)


def test_the_detector_gets_every_frame() -> None:
    """It tracks the noise floor, so it gets the frames below the gate as well."""
    detector = _Always(320)
    VoiceActivity(lambda: detector, VoiceSettings()).process(_block(silence(0.1)))
    assert detector.frames == [bytes(640)] * 5


def test_a_gap_discards_the_remainder_before_it() -> None:
    """No frame holds sound from both sides of a gap."""
    voice = VoiceActivity(partial(_Always, 160), VoiceSettings())
    before = voice.process(_block(np.full(250, 1000, np.int16)))
    after = voice.process(_block(np.full(330, 2000, np.int16), offset_samples=1000))
    assert (before.offset_samples, before.samples.size) == (0, 160)
    assert (after.offset_samples, after.samples.tolist()) == (1000, [2000] * 320)
    later = voice.process(_block(np.full(150, 3000, np.int16), offset_samples=1330))
    assert (later.offset_samples, later.samples.tolist()) == (1320, [2000] * 10 + [3000] * 150)


def test_the_remainder_is_a_copy() -> None:
    """A source may reuse its buffer after the block."""
    voice = VoiceActivity(partial(_Always, 160), VoiceSettings())
    buffer = np.full(100, 7, np.int16)
    voice.process(_block(buffer))
    buffer[:] = 9
    frames = voice.process(_block(np.full(60, 8, np.int16), offset_samples=100))
    assert frames.samples.tolist() == [7] * 100 + [8] * 60


@pytest.mark.parametrize("frame_ms", _FRAMES_MS)
@pytest.mark.parametrize("f0_hz", [100.0, 120.0, 220.0])
def test_a_voice_is_voiced_and_silence_is_not(frame_ms: int, f0_hz: float) -> None:
    """90 % of the frames of a synthetic voice are voiced, and none of silence or a quiet room."""
    settings = VoiceSettings(frame_ms=frame_ms)

    def share(sound: Samples) -> float:
        frames = VoiceActivity(partial(voice_detector, settings), settings).process(_block(sound))
        return float(np.mean(frames.voiced))

    assert share(synthetic_voice(3.0, f0_hz=f0_hz)) >= 0.9
    assert share(silence(3.0)) == 0.0
    assert share(quiet_room(3.0)) == 0.0


def test_without_webrtcvad_the_package_to_install_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A missing voice detector is an error, not a fallback, and the message says what to install."""
    monkeypatch.setitem(sys.modules, "webrtcvad", None)
    with pytest.raises(LibraryError, match="pip install webrtcvad-wheels"):
        voice_detector(VoiceSettings())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("detector", "silero"),
        ("min_probability", 0.0),
        ("min_probability", 1.1),
        ("frame_ms", 15),
        ("aggressiveness", 4),
        ("aggressiveness", -1),
        ("min_level_dbfs", 1.0),
        ("min_level_dbfs", -101.0),
        ("min_level_dbfs", float("nan")),
        ("max_gain_db", -1.0),
        ("max_gain_db", 49.0),
    ],
)
def test_a_bad_value_is_named(key: str, value: object) -> None:
    """One problem for one bad value, under its own name; the defaults have none."""
    assert [name for name, _ in VoiceSettings(**{key: value}).problems()] == [key]
    assert list(VoiceSettings().problems()) == []


@pytest.mark.parametrize(("pause_s", "n_detectors"), [(0.93, 1), (1.02, 2), (5.0, 2)])
def test_a_second_of_digital_silence_replaces_the_detector(pause_s: float, n_detectors: int) -> None:
    """The estimate of the background from before a mute is discarded, whatever the blocks."""
    made: list[_Always] = []

    def new_detector() -> _Always:
        made.append(_Always())
        return made[-1]

    voice = VoiceActivity(new_detector, VoiceSettings(frame_ms=30))
    sound = np.concatenate((synthetic_voice(0.6), silence(pause_s), synthetic_voice(0.6)))
    _in_blocks(voice, sound, [1000] * (sound.size // 1000 + 1))
    assert len(made) == n_detectors


def test_speech_after_digital_silence_gets_the_decisions_of_a_file() -> None:
    """Faint speech gets the same decisions alone and after loud speech and a mute."""
    settings = VoiceSettings()
    faint = synthetic_voice(1.2, level_dbfs=-60.0, seed=3)
    sound = np.concatenate((quiet_room(0.6), faint, quiet_room(0.6)))
    before = np.concatenate((synthetic_voice(1.5, seed=4), silence(1.5)))
    alone = VoiceActivity(partial(voice_detector, settings), settings).process(_block(sound))
    after = VoiceActivity(partial(voice_detector, settings), settings).process(
        _block(np.concatenate((before, sound)))
    )
    assert after.voiced[before.size // 480 :] == alone.voiced
    assert any(alone.voiced)


def _voiced_share(sound: Samples, max_gain_db: float) -> float:
    """Return the share of voiced frames."""
    settings = VoiceSettings(max_gain_db=max_gain_db)
    voice = VoiceActivity(partial(voice_detector, settings), settings)
    return float(np.mean(voice.process(_block(sound)).voiced))


def test_a_distant_voice_is_detected_like_a_near_one() -> None:
    """A voice that is 40 dB fainter is amplified for the detector."""
    room = np.random.default_rng(0).normal(0.0, 0.8, SAMPLE_RATE_HZ).round().astype(np.int16)
    near, faint = (synthetic_voice(2.0, level_dbfs=level) for level in (-25.0, -66.0))
    near_share = _voiced_share(np.concatenate((room, near)), 36.0)
    assert near_share > 0.6
    assert _voiced_share(np.concatenate((room, faint)), 36.0) == pytest.approx(near_share, abs=0.05)
    assert _voiced_share(np.concatenate((room, faint)), 0.0) < 0.5 * near_share


@pytest.mark.parametrize("level_dbfs", [-80.0, -70.0, -60.0, -50.0])
def test_the_noise_of_a_room_is_not_amplified_to_speech(level_dbfs: float) -> None:
    """At any level, the gain does not make webrtcvad take noise for speech."""
    noise = np.random.default_rng(0).standard_normal(4 * SAMPLE_RATE_HZ)
    sound = np.rint(noise * 32768 * 10.0 ** (level_dbfs / 20.0)).astype(np.int16)
    assert _voiced_share(sound, 36.0) == _voiced_share(sound, 0.0) < 0.04


def test_the_recognized_sound_is_not_amplified() -> None:
    """Only the detector gets the amplified sound."""
    faint = synthetic_voice(1.0, level_dbfs=-60.0)
    detector = _Always()
    frames = VoiceActivity(lambda: detector, VoiceSettings(max_gain_db=36.0)).process(_block(faint))
    np.testing.assert_array_equal(frames.samples, faint[: frames.samples.size])
    assert b"".join(detector.frames) != frames.samples.tobytes()
