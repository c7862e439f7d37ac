"""Corpora are read by the names that their authors gave the files, in trees as people have them."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from made_corpora import write_tiny

from serd.model.labels import EMOTIONS
from train.data.clips import UNLABELED, Clip, CorpusError
from train.data.corpora import CORPORA, find_clips, labeled_corpora
from train.data.labels import parse_labels


def _read(root: Path, *names: str) -> dict[str, Clip]:
    """The clips of made-up files, by their names."""
    for name in names:
        write_tiny(root / name)
    corpus = find_clips(root, corpora=CORPORA, with_folders=True, with_unlabeled=True)
    return {clip.path.relative_to(root).as_posix(): clip for clip in corpus.clips}


@pytest.mark.parametrize(
    ("name", "actor", "gender", "emotion"),
    [
        ("wav/03a01Fa.wav", "emodb:03", "male", "happy"),
        ("wav/08b10Wb.wav", "emodb:08", "female", "angry"),
        ("OAF_angry/OAF_back_angry.wav", "tess:OA", "female", "angry"),
        ("YAF_pleasant_surprised/YAF_dog_ps.wav", "tess:YA", "female", "surprised"),
        ("OAF_neutral/OA_bite_neutral.wav", "tess:OA", "female", "neutral"),
        ("f1/gio-f1-b1.wav", "emovo:f1", "female", "happy"),
        ("m3/pau-m3-n5.wav", "emovo:m3", "male", "fearful"),
        ("anger/a03 (4).wav", "aesdd:4", "unknown", "angry"),
        ("fear/f18 (5)b.wav", "aesdd:5", "unknown", "fearful"),
        ("DC/sa15.wav", "savee:DC", "male", "sad"),
        ("Sad/MAL_AsserYassin_sad (7).wav", "eyase:MAL_AsserYassin", "male", "sad"),
        ("FEM_Menna_hap_12.wav", "eyase:FEM_Menna", "female", "happy"),
        ("01Neutral/n1-01-02-01-29.wav", "ased:29", "female", "neutral"),
        ("S4-04-02-01-29.wav", "ased:29", "female", "sad"),
        ("Angry/SM1_F2_A01.wav", "urdu:SM1", "male", "angry"),
        ("Actor_05/03-01-06-01-02-01-05.wav", "5", "male", "fearful"),
        ("AudioWAV/1001_DFA_ANG_XX.wav", "crema-d:1001", "unknown", "angry"),
    ],
)
def test_a_name_says_who_speaks_and_how(
    name: str, actor: str, gender: str, emotion: str, tmp_path: Path
) -> None:
    """Speaker, gender where it is known, and the emotion in serd's words."""
    ((path, clip),) = _read(tmp_path, name).items()
    assert (path, clip.actor, clip.gender, clip.emotion) == (name, actor, gender, emotion)


def test_two_takes_are_two_clips(tmp_path: Path) -> None:
    """A letter behind the name of AESDD or EmoDB tells takes apart."""
    assert len(_read(tmp_path, "f18 (5).wav", "f18 (5)b.wav", "03a01Fa.wav", "03a01Fb.wav")) == 4


def test_boredom_of_emodb_is_named(tmp_path: Path) -> None:
    """A state that serd lacks is left out in one line, unless --labels gives it an emotion."""
    for name in ("03a01La.wav", "03a02La.wav", "03a01Na.wav"):
        write_tiny(tmp_path / name)
    corpus = find_clips(tmp_path, corpora=CORPORA)
    assert [clip.emotion for clip in corpus.clips] == ["neutral"]
    assert [line.partition(",")[0] for line in corpus.left_out] == ["emodb: 2 clips labeled 'boredom'"]
    mapped = find_clips(tmp_path, corpora=CORPORA, labels=parse_labels("boredom=neutral"))
    assert len(mapped.clips) == 3


def test_a_folder_named_after_an_emotion_labels_its_files(tmp_path: Path) -> None:
    """In any case and behind a number; all have one speaker, whom no split divides."""
    names = ("Angry/one.wav", "02_Happiness/x/two.wav", "other/three.wav")
    found = _read(tmp_path / "calls", *names)
    assert {name: clip.emotion for name, clip in found.items()} == {
        "Angry/one.wav": "angry",
        "02_Happiness/x/two.wav": "happy",
    }
    assert {(clip.corpus, clip.actor) for clip in found.values()} == {("calls", "calls:unknown")}


def test_orders_have_no_emotion_and_no_speakers(tmp_path: Path) -> None:
    """They are used where they are asked for alone, and a line counts them otherwise."""
    name = "0075d273-51bb-47cb-b323-4437bd0de029.wav"
    (clip,) = _read(tmp_path, name).values()
    assert (clip.corpus, clip.actor, clip.emotion) == ("orders", "orders:unknown", UNLABELED)
    with pytest.raises(CorpusError, match="1 clips without an emotion, for --protocol orders alone"):
        find_clips(tmp_path, corpora=CORPORA)
    (tmp_path / "calls.csv").write_text(f"file,emotion,speaker\n{name},sad,x\n", "utf-8")
    listed = find_clips(tmp_path, corpora=CORPORA, table=tmp_path / "calls.csv")
    assert [clip.emotion for clip in listed.clips] == ["sad"], "a table may say more"


def test_crema_d_has_votes_and_genders(tmp_path: Path) -> None:
    """Votes become shares of serd's emotions; a bad row is named, and its clip has no votes."""
    (tmp_path / "voice-votes.csv").write_text(
        "clip,angry,disgust,fearful,happy,neutral,sad\n1001_DFA_ANG_XX,6,0,0,0,2,0\n1001_IEO_SAD_LO,x,0,0,0,0,0\n",
        "utf-8",
    )
    (tmp_path / "VideoDemographics.csv").write_text("ActorID,Age,Sex\n1001,51,Male\n", "utf-8")
    for name in ("1001_DFA_ANG_XX.wav", "1001_IEO_SAD_LO.wav", "1002_IEO_SAD_HI.wav"):
        write_tiny(tmp_path / "AudioWAV" / name)
    corpus = find_clips(tmp_path, corpora=["crema-d"])
    first, second, third = corpus.clips
    assert first.votes == tuple(
        {"angry": 0.75, "neutral": 0.25}.get(emotion, 0.0) for emotion in EMOTIONS
    )
    assert (second.votes, third.votes) == (None, None)
    assert [clip.gender for clip in corpus.clips] == ["male", "male", "unknown"]
    assert [clip.intensity for clip in corpus.clips] == ["unknown", "normal", "strong"]
    (line,) = corpus.left_out
    assert "line 3: expected numbers of votes" in line


def test_emotiontts_is_read_by_the_numbers_of_its_sentences(tmp_path: Path) -> None:
    """A hundred for each state, sad before angry; a list that says otherwise is not believed."""
    stems = ["ema00001", "ema00100", "ema00101", "nea00205", "neb00301", "neb00400", "neb00401"]
    for stem in stems:
        write_tiny(tmp_path / f"{stem}.wav")
    rows = "nea00205.opus,nea,angry\nneb00301.opus,neb,sad\n"
    (tmp_path / "labels.csv").write_text(f"file,speaker,emotion\n{rows}", "utf-8")
    corpus = find_clips(tmp_path, corpora=["emotiontts-ko"])
    assert [(clip.path.stem, clip.actor[-3:], clip.emotion) for clip in corpus.clips] == [
        ("ema00001", "ema", "neutral"),
        ("ema00100", "ema", "neutral"),
        ("ema00101", "ema", "happy"),
        ("nea00205", "nea", "sad"),
        ("neb00301", "neb", "angry"),
        ("neb00400", "neb", "angry"),
    ]
    assert "neb00401.wav: not named like a clip" in corpus.left_out[0]


def test_copies_of_macos_are_passed_over_without_a_line(tmp_path: Path) -> None:
    """Neither ._clip.wav nor what lies in __MACOSX is a sound that is left out."""
    name = "03-01-06-01-02-01-05.wav"
    for copy in (f"._{name}", f"__MACOSX/{name}", f"Actor_05/.{name}"):
        write_tiny(tmp_path / copy)
    write_tiny(tmp_path / name)
    corpus = find_clips(tmp_path)
    assert ([clip.path.name for clip in corpus.clips], corpus.left_out) == ([name], ())


def test_a_name_with_the_folders_of_windows_is_read(tmp_path: Path) -> None:
    """As some programs unpack an archive that was packed on Windows."""
    write_tiny(tmp_path / "Actor_05\\03-01-06-01-02-01-05.wav")
    (clip,) = find_clips(tmp_path).clips
    assert clip.emotion == "fearful"


def test_an_archive_that_is_not_unpacked_is_named(tmp_path: Path) -> None:
    """Alone, beside clips, and as ROOT itself; one with its folder beside it is not."""
    shutil.make_archive(str(tmp_path / "Actor_01"), "zip", root_dir=tmp_path)
    with pytest.raises(CorpusError, match=r"Actor_01\.zip: not read, unpack first"):
        find_clips(tmp_path)
    with pytest.raises(CorpusError, match="unpack it first"):
        find_clips(tmp_path / "Actor_01.zip")
    write_tiny(tmp_path / "03-01-06-01-02-01-05.wav")
    assert "not read, unpack first" in find_clips(tmp_path).left_out[0]
    (tmp_path / "Actor_01").mkdir()
    assert not find_clips(tmp_path).left_out


@pytest.mark.parametrize("name", labeled_corpora())
def test_what_a_corpus_says_is_what_it_declares(name: str) -> None:
    """A corpus that can be trained on has a credit, and RAVDESS its license."""
    assert bool(CORPORA[name].credit) == (name != "ravdess")


def test_the_corpora_beside_the_project_are_read_whole(shared_data: Path) -> None:
    """CREMA-D with votes and genders, Korean, Polish and the orders, with nothing left out."""
    root = shared_data
    crema = find_clips(root / "crema-d", corpora=["crema-d"])
    assert (len(crema.clips), len(crema.actors), crema.left_out) == (5715, 70, ())
    assert not any(clip.votes is None or clip.gender == "unknown" for clip in crema.clips)
    korean = find_clips(root / "emotiontts-ko", corpora=CORPORA)
    assert Counter(clip.emotion for clip in korean.clips) == dict.fromkeys(
        ("neutral", "happy", "sad", "angry"), 75
    )
    assert (len(korean.actors), korean.left_out) == (15, ())
    orders = find_clips(root / "orders", corpora=CORPORA, with_unlabeled=True)
    assert (len(orders.clips), orders.left_out) == (310, ())
