"""Some rooms are kept for evaluation, and a clip is always heard in the same one of them."""

from pathlib import Path

import numpy as np
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from testkit.voices import synthetic_voice
from train.data.corpora.ravdess import clip_from_path
from train.features.rooms import held_out_rooms, in_one_of, training_rooms

VOICE = synthetic_voice(1.0)


@given(st.sets(st.text("abcdef", min_size=1, max_size=3), max_size=12).map(sorted), st.randoms())
def test_every_room_is_on_one_side(names: list[str], random: "np.random.Generator") -> None:
    """In whatever order they are listed; some are left to train on."""
    paths = [Path(name) for name in names]
    shuffled = list(paths)
    random.shuffle(shuffled)
    held_out, trained = held_out_rooms(shuffled), training_rooms(shuffled)
    assert sorted((*held_out, *trained)) == paths
    assert bool(trained) == bool(paths)
    assert (held_out, trained) == (held_out_rooms(paths), training_rooms(paths))


def test_a_fourth_of_the_rooms_is_kept() -> None:
    """None of three, one of four, three of nine."""
    assert [len(held_out_rooms([Path(str(n)) for n in range(total)])) for total in (3, 4, 9)] == [
        0,
        1,
        3,
    ]


def test_a_clip_has_one_room(tmp_path: Path) -> None:
    """Of two rooms, one of which delays the sound by an echo, by the name of the clip alone."""
    rooms = []
    for name, echo in (("dry", 0.0), ("echo", 0.5)):
        response = np.zeros(4000, np.float32)
        response[[100, 3000]] = 0.9, 0.9 * echo
        rooms.append(tmp_path / f"{name}.wav")
        soundfile.write(rooms[-1], response, 16_000)
    clips = [clip_from_path(Path(f"03-01-05-01-01-01-{actor:02}.wav")) for actor in range(1, 21)]
    heard = [in_one_of(rooms, clip, VOICE) for clip in clips if clip]
    assert all(
        np.array_equal(each, in_one_of(rooms, clip, VOICE))
        for each, clip in zip(heard, clips, strict=True)
        if clip
    )
    dry = np.concatenate((np.zeros(40, np.int16), VOICE[:-40]))  # what is kept before the peak
    is_dry = [bool(np.abs(each.astype(int) - dry).max() <= 2) for each in heard]
    assert 0 < sum(is_dry) < 20
    echoed = heard[is_dry.index(False)].astype(float)
    expected = dry.astype(float)
    expected[2900:] += 0.5 * dry[:-2900]
    assert np.abs(echoed - np.clip(expected, -32768, 32767)).max() <= 3
