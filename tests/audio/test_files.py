"""Sound files: formats, refused files, and pace."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from serd.audio.files import FileSource, read_samples
from serd.audio.format import AudioBlock, Samples, to_int16
from serd.errors import SoundFileError
from testkit.voices import synthetic_voice

_VOICE = synthetic_voice(1.5)


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    """One and a half seconds of voice in serd's own format."""
    path = tmp_path / "voice.wav"
    soundfile.write(path, _VOICE, 16000, subtype="PCM_16")
    return path


def _all(source: FileSource) -> Samples:
    """All blocks as one, with their offsets checked."""
    blocks = list(source)
    end = 0
    for block in blocks:
        assert block.offset_samples == end
        end += block.samples.size
    return np.concatenate([block.samples for block in blocks])


class TestFormats:
    """Anything that libsndfile reads becomes 16 kHz mono."""

    @pytest.mark.parametrize("paced", [False, True])
    def test_sound_in_serds_own_format_is_bit_exact(self, wav: Path, paced: bool) -> None:  # noqa: FBT001
        """A 16-bit, 16 kHz, mono WAV comes through as it is."""
        soundfile.write(wav, _VOICE[:3000], 16000, subtype="PCM_16")
        np.testing.assert_array_equal(_all(FileSource(wav, paced=paced)), _VOICE[:3000])

    @pytest.mark.parametrize(("name", "kind"), [("a.flac", "FLAC"), ("a.aiff", "AIFF"), ("a.au", "AU")])
    def test_lossless_files_are_bit_exact(self, tmp_path: Path, name: str, kind: str) -> None:
        """FLAC, AIFF and AU files give exactly their samples."""
        soundfile.write(tmp_path / name, _VOICE, 16000, format=kind, subtype="PCM_16")
        np.testing.assert_array_equal(read_samples(tmp_path / name), _VOICE)

    @pytest.mark.parametrize(
        ("name", "kind", "subtype"),
        [
            ("a.ogg", "OGG", "VORBIS"),
            ("a.opus", "OGG", "OPUS"),
            ("a.mp3", "MP3", "MPEG_LAYER_III"),
        ],
    )
    def test_lossy_files_come_close(self, tmp_path: Path, name: str, kind: str, subtype: str) -> None:
        """OGG and MP3 files give the same voice at the same position."""
        soundfile.write(tmp_path / name, _VOICE, 16000, format=kind, subtype=subtype)
        got = read_samples(tmp_path / name)
        assert got.size == _VOICE.size
        assert np.corrcoef(got, _VOICE)[0, 1] > 0.9

    @pytest.mark.parametrize(
        ("rate_hz", "n_channels", "subtype"),
        [
            (8000, 1, "PCM_U8"),
            (8000, 1, "ULAW"),
            (11025, 2, "PCM_16"),
            (44100, 1, "PCM_16"),
            (44100, 2, "PCM_24"),
            (48000, 6, "PCM_32"),
            (96000, 1, "FLOAT"),
            (96000, 6, "DOUBLE"),
        ],
    )
    def test_any_rate_channels_and_width(
        self, tmp_path: Path, rate_hz: int, n_channels: int, subtype: str
    ) -> None:
        """Every rate, width and number of channels equals soxr on the mixed whole."""
        noise = np.random.default_rng(0).normal(0.0, 0.1, (int(1.3 * rate_hz), n_channels))
        path = tmp_path / "a.wav"
        soundfile.write(path, noise, rate_hz, subtype=subtype)
        stored, _ = soundfile.read(path, dtype="float32", always_2d=True)
        mono = stored.mean(axis=1, dtype=np.float64).astype(np.float32)
        expected = to_int16(soxr.resample(mono, rate_hz, 16000))
        got = _all(FileSource(path))
        assert got.size == pytest.approx(1.3 * 16000, abs=1)
        np.testing.assert_array_equal(got, expected)

    def test_a_channel_is_picked_by_its_number(self, tmp_path: Path) -> None:
        """The second channel of two is the second channel alone."""
        path = tmp_path / "a.wav"
        soundfile.write(path, np.stack([_VOICE, _VOICE[::-1]], axis=1), 16000)
        np.testing.assert_array_equal(read_samples(path, channel="2"), _VOICE[::-1])

    def test_samples_that_are_not_numbers_become_silence_and_are_reported(self, tmp_path: Path) -> None:
        """NaN and infinite samples become silence; the summary gives their number."""
        sound = _VOICE.astype(np.float32) / 32768
        sound[[10, 20_000]] = np.nan, np.inf
        path = tmp_path / "a.wav"
        soundfile.write(path, sound, 16000, subtype="FLOAT")
        source = FileSource(path)
        expected = _VOICE.copy()
        expected[[10, 20_000]] = 0
        np.testing.assert_array_equal(_all(source), expected)
        assert source.summary() == f"{path}: 2 samples were not numbers and were replaced by silence"

    def test_a_clip_of_50_ms_is_read(self, tmp_path: Path) -> None:
        """A sound that is too short for speech is read as well."""
        path = tmp_path / "a.wav"
        soundfile.write(path, _VOICE[:800], 16000)
        np.testing.assert_array_equal(read_samples(path), _VOICE[:800])

    @pytest.mark.parametrize("n_samples", [1, 15_999, 16_000, 16_001, 32_000])
    def test_any_length_is_read_whole(self, tmp_path: Path, n_samples: int) -> None:
        """Lengths around whole blocks lose no sample."""
        path = tmp_path / "a.wav"
        samples = np.resize(_VOICE, n_samples)
        soundfile.write(path, samples, 16000)
        np.testing.assert_array_equal(_all(FileSource(path)), samples)

    def test_the_format_does_not_depend_on_the_name(self, tmp_path: Path) -> None:
        """A FLAC file named .wav is read as FLAC."""
        path = tmp_path / "a.wav"
        soundfile.write(path, _VOICE, 16000, format="FLAC")
        np.testing.assert_array_equal(read_samples(path), _VOICE)

    def test_a_file_describes_itself(self, wav: Path) -> None:
        """The log gets its name and length, and no summary if there was no problem."""
        assert FileSource(wav).describe() == "voice.wav (1.5 s)"
        assert FileSource(wav, loop=True).describe() == "voice.wav (1.5 s, again and again)"
        assert FileSource(wav).duration_s == 1.5
        assert FileSource(wav).summary() == ""


class TestRefused:
    """Files that cannot be used give an error of one line before they are read."""

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda _: None, "no such file"),
            (lambda path: path.mkdir(), "is a folder, expected a sound file"),
            (lambda path: path.write_bytes(b""), "is empty, expected a sound file"),
            (
                lambda path: path.write_text("this is text\n" * 99),
                "is not a sound file that can be read",
            ),
            (lambda path: path.write_bytes(bytes(5000)), "is not a sound file that can be read"),
            (lambda path: soundfile.write(path, _VOICE[:0], 16000), r"holds no sound \(0 samples\)"),
            (lambda path: soundfile.write(path, _VOICE, 500), "500 Hz, expected 1000 Hz or more"),
        ],
        ids=["missing", "folder", "empty", "text", "zeros", "0 samples", "500 Hz"],
    )
    def test_a_file_without_sound_is_refused(
        self, make: Callable[[Path], object], message: str, tmp_path: Path
    ) -> None:
        """The message names the file and the problem."""
        path = tmp_path / "a.wav"
        make(path)
        with pytest.raises(SoundFileError, match=message) as caught:
            FileSource(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 2

    @pytest.mark.parametrize("n_bytes", [4, 12, 20, 30, 40, 44])
    def test_a_cut_header_is_refused(self, wav: Path, n_bytes: int) -> None:
        """A file that ends in its header holds no sound, wherever the cut is."""
        wav.write_bytes(wav.read_bytes()[:n_bytes])
        with pytest.raises(SoundFileError):
            FileSource(wav)

    def test_cut_samples_are_read_as_far_as_they_go(self, wav: Path) -> None:
        """An interrupted recording gives its samples so far."""
        wav.write_bytes(wav.read_bytes()[: 44 + 2 * 10_000 + 1])
        np.testing.assert_array_equal(read_samples(wav), _VOICE[:10_000])

    def test_a_cut_flac_file_is_read_as_far_as_it_goes(self, tmp_path: Path) -> None:
        """Its samples up to the cut are bit-exact, and the summary tells where it is."""
        path = tmp_path / "a.flac"
        sound = np.random.default_rng(0).integers(-9000, 9000, 48_000, np.int16)
        soundfile.write(path, sound, 16000)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        source = FileSource(path)
        got = _all(source)
        assert 16_000 < got.size < 24_000
        np.testing.assert_array_equal(got, sound[: got.size])
        assert source.summary() == (
            f"{path}: damaged or cut after {got.size / 16000:.1f} s of 3.0 s, and read up to there"
        )

    def test_damage_from_the_first_sample_is_an_error(self, tmp_path: Path) -> None:
        """A FLAC file with nothing but its header intact is an error of one line, not silence."""
        path = tmp_path / "a.flac"
        soundfile.write(path, _VOICE, 16000)
        data = path.read_bytes()
        path.write_bytes(data[:100] + bytes(len(data) - 100))
        with pytest.raises(SoundFileError, match=r"a\.flac: damaged: "):
            read_samples(path)

    @pytest.mark.parametrize("n_samples", [100, 16_000, 24_001])
    def test_a_flac_file_that_does_not_name_its_length_is_read(
        self, tmp_path: Path, n_samples: int
    ) -> None:
        """As a program writes it to a pipe."""
        path = tmp_path / "a.flac"
        soundfile.write(path, _VOICE[:n_samples], 16000)
        data = bytearray(path.read_bytes())
        data[21] &= 0xF0  # the number of samples: 36 bits of the first metadata block
        data[22:26] = bytes(4)
        path.write_bytes(data)
        source = FileSource(path)
        assert source.duration_s is None
        assert source.describe() == "a.flac"
        np.testing.assert_array_equal(_all(source), _VOICE[:n_samples])
        assert source.summary() == ""

    @pytest.mark.parametrize("riff_size", [0, 36, 0xFFFF_FFFF])
    @pytest.mark.parametrize("data_size", [0, 0xFFFF_FFFF])
    @pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
    def test_a_wav_file_whose_recorder_was_killed_is_read(
        self, tmp_path: Path, riff_size: int, data_size: int, subtype: str
    ) -> None:
        """Its header has no sizes yet; all of its samples count."""
        path = tmp_path / "a.wav"
        soundfile.write(path, _VOICE.astype(np.float32) / 32768, 16000, subtype=subtype)
        data = bytearray(path.read_bytes())
        data[4:8] = riff_size.to_bytes(4, "little")
        at = data.index(b"data") + 4
        data[at : at + 4] = data_size.to_bytes(4, "little")
        path.write_bytes(data)
        np.testing.assert_array_equal(read_samples(path), _VOICE)

    @pytest.mark.parametrize("factor", [1.5, 30_000.0])
    def test_float_samples_beyond_full_scale_are_scaled(self, tmp_path: Path, factor: float) -> None:
        """Clipping would distort them; the summary gives the factor."""
        path = tmp_path / "a.wav"
        sound = np.sin(np.arange(24_000) / 20.0)
        soundfile.write(path, sound * factor, 16000, subtype="FLOAT")
        source = FileSource(path)
        np.testing.assert_allclose(_all(source), sound * 32767, atol=3)
        assert f"samples reach {factor:.4g} times full scale" in source.summary()

    def test_a_name_that_is_not_utf_8_is_read_and_escaped(self, tmp_path: Path) -> None:
        """As from an old disk; messages and descriptions can be printed."""
        path = tmp_path / os.fsdecode(b"caf\xe9.wav")
        soundfile.write(tmp_path / "a.wav", _VOICE, 16000)
        (tmp_path / "a.wav").rename(path)
        source = FileSource(path)
        np.testing.assert_array_equal(_all(source), _VOICE)
        assert source.describe() == "caf\\xe9.wav (1.5 s)"
        path.unlink()
        with pytest.raises(SoundFileError, match=r"caf\\xe9\.wav: no such file"):
            FileSource(path)

    def test_a_fifo_is_refused_without_waiting(self, tmp_path: Path) -> None:
        """The message says which command reads one."""
        os.mkfifo(tmp_path / "fifo")
        with pytest.raises(SoundFileError, match="serd run --source reads pipes"):
            FileSource(tmp_path / "fifo")

    def test_a_file_that_is_removed_is_an_error(self, wav: Path) -> None:
        """A file may be removed between the check and the reading."""
        source = FileSource(wav)
        wav.unlink()
        with pytest.raises(SoundFileError, match=r"voice\.wav: no such file"):
            list(source)

    def test_a_file_that_is_replaced_during_a_loop_is_checked_again(self, tmp_path: Path) -> None:
        """A replacement without the channel in use gives the usual error."""
        path = tmp_path / "stereo.wav"
        soundfile.write(path, np.stack((_VOICE, _VOICE), axis=1), 16000)
        blocks = iter(FileSource(path, channel="2", loop=True))
        next(blocks)
        soundfile.write(path, _VOICE, 16000)
        with pytest.raises(
            SoundFileError, match="channel = '2', expected 'mix' or a number from 1 to 1"
        ):
            list(blocks)

    @pytest.mark.parametrize("loop", [False, True])
    def test_one_that_is_too_short_is_refused(self, tmp_path: Path, loop: bool) -> None:  # noqa: FBT001
        """In a loop, it would be read without end and give nothing."""
        path = tmp_path / "short.wav"
        soundfile.write(path, np.zeros(1), 96_000)
        with pytest.raises(SoundFileError, match=r"short\.wav: holds no sound that fills a sample"):
            list(FileSource(path, loop=loop))

    @pytest.mark.parametrize(
        ("name", "message"),
        [("x" * 300, "File name too long"), ("voice.wav/x.wav", "Not a directory")],
    )
    def test_an_impossible_path_is_refused(self, wav: Path, name: str, message: str) -> None:
        """The system's reason is part of the message."""
        with pytest.raises(SoundFileError, match=f"cannot be read: {message}"):
            FileSource(wav.parent / name)

    def test_a_missing_channel_is_refused(self, wav: Path) -> None:
        """The message gives the number of channels."""
        with pytest.raises(
            SoundFileError, match="channel = '2', expected 'mix' or a number from 1 to 1"
        ):
            FileSource(wav, channel="2")


class TestPace:
    """The pace of blocks, and the end of a source."""

    def test_a_paced_file_never_runs_ahead_of_its_sound(self, wav: Path) -> None:
        """A block comes no earlier than the end of its sound."""
        soundfile.write(wav, _VOICE[:4000], 16000)
        started_s = time.monotonic()
        blocks = list(FileSource(wav, paced=True))
        assert len(blocks) > 5
        for block in blocks:
            played_s = (block.offset_samples + block.samples.size) / 16000
            assert block.captured.arrived_s - started_s >= played_s - 0.002

    def test_arrival_is_the_time_of_the_block(self, wav: Path) -> None:
        """Arrivals lie between the start and the end of the reading, in order."""
        before_s = time.monotonic()
        arrivals = [block.captured.arrived_s for block in FileSource(wav)]
        moments = [before_s, *arrivals, time.monotonic()]
        assert moments == sorted(moments)

    def test_all_blocks_of_a_paced_file_share_the_time_of_the_first_sample(self, wav: Path) -> None:
        """The sound of a paced file starts when its reading starts."""
        (epoch_s,) = {block.captured.epoch_s for block in FileSource(wav, paced=True)}
        assert epoch_s is not None
        assert abs(epoch_s - time.time()) < 60.0

    def test_a_file_that_is_not_paced_has_no_time(self, wav: Path) -> None:
        """The time of a recording is unknown."""
        assert {block.captured.epoch_s for block in FileSource(wav)} == {None}

    def test_a_loop_goes_on_without_a_gap(self, wav: Path) -> None:
        """The sound repeats, and its positions continue."""
        source = FileSource(wav, loop=True)
        blocks = []
        for block in source:
            blocks.append(block)
            if block.offset_samples > 3 * _VOICE.size:
                break
        joined = np.concatenate([block.samples for block in blocks])
        assert [b.offset_samples for b in blocks] == np.cumsum(
            [0, *(b.samples.size for b in blocks[:-1])]
        ).tolist()
        np.testing.assert_array_equal(joined, np.resize(_VOICE, joined.size))

    @pytest.mark.parametrize("paced", [False, True])
    def test_stop_from_another_thread_ends_a_loop(self, wav: Path, paced: bool) -> None:  # noqa: FBT001
        """``stop`` ends a source that repeats for ever."""
        soundfile.write(wav, _VOICE[:800], 16000)
        source = FileSource(wav, paced=paced, loop=True)
        enough = threading.Event()
        blocks: list[AudioBlock] = []

        def listen() -> None:
            for block in source:
                blocks.append(block)
                if len(blocks) == 6:
                    enough.set()

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        assert enough.wait(30.0)
        source.stop()
        listener.join(30.0)
        assert not listener.is_alive()

    def test_stop_before_the_start_gives_nothing(self, wav: Path) -> None:
        """A stopped source yields no block."""
        source = FileSource(wav)
        source.stop()
        assert list(source) == []
