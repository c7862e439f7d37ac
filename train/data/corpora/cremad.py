"""CREMA-D: clips from file names, with the votes of listeners to the voice alone.

H. Cao, D. G. Cooper, M. K. Keutmann, R. C. Gur, A. Nenkova and R. Verma, "CREMA-D: Crowd-Sourced
Emotional Multimodal Actors Dataset", IEEE Transactions on Affective Computing 5(4), 2014: 91 actors, 12
sentences, six states. A clip is 1001_DFA_ANG_XX.wav: actor, sentence, state, level. ``voice-votes.csv``
has the number of votes for each state; ``speakers.csv`` and the release's ``VideoDemographics.csv``
have the actors' genders. Tables lie in the folder of the clips or above it, within the folder that is
read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from serd.model.labels import EMOTIONS
from train.data.clips import CorpusError, Gender, OtherNameError
from train.data.corpora.reader import CorpusReader, Listing, NameCode, stem_of
from train.data.corpora.table import listed_gender, read_rows

NAME: Final = "crema-d"
CLASSES: Final = ("neutral", "happy", "sad", "angry", "fearful", "disgust")
"""Emotions of the corpus; it has neither calm nor surprised."""
VOTES: Final = "voice-votes.csv"
_SPEAKERS: Final[Mapping[str, tuple[str, str]]] = {
    "speakers.csv": ("actor", "gender"),
    "VideoDemographics.csv": ("actorid", "sex"),
}
"""Columns of the actor and of the gender in each table of actors."""
CODE: Final = NameCode(
    corpus=NAME,
    title="CREMA-D",
    pattern=r"(?P<speaker>10[0-9]{2})_(?P<sentence>[A-Z]{3})_(?P<emotion>ANG|DIS|FEA|HAP|NEU|SAD)"
    r"_(?P<intensity>LO|MD|HI|XX?)",
    example="1001_DFA_ANG_XX",
    emotions={each: each for each in ("ang", "dis", "fea", "hap", "neu", "sad")},
    intensities={"LO": "normal", "MD": "normal", "HI": "strong"},
)


def list_clips(root: Path, files: Sequence[Path]) -> Listing:
    """The clips of CREMA-D among some files, with votes and genders from the tables below a folder.

    Args:
        root: the folder.
        files: sound files below it.
    """
    listing = Listing()
    clips = {}
    for path in files:
        try:
            clips[path] = CODE.clip(path)
        except OtherNameError:
            continue
    if not clips:
        return listing
    genders = _genders(root, listing)
    votes = _votes(root, listing)
    for path, clip in clips.items():
        speaker = clip.actor.partition(":")[2]
        listing.clips[path.resolve()] = replace(
            clip, gender=genders.get(speaker, "unknown"), votes=votes.get(stem_of(path))
        )
    return listing


def _genders(root: Path, listing: Listing) -> dict[str, Gender]:
    """Gender by actor."""
    genders: dict[str, Gender] = {}
    for name, (actor, gender) in _SPEAKERS.items():
        for table in sorted(root.rglob(name)):
            try:
                for where, row in read_rows(table, (actor, gender)):
                    genders[row[actor]] = _gender(row[gender], where, listing)
            except CorpusError as exc:
                listing.left_out.append(str(exc))
    return genders


def _gender(word: str, where: str, listing: Listing) -> Gender:
    try:
        return listed_gender(word)
    except CorpusError as exc:
        listing.left_out.append(f"{where}: {exc}")
        return "unknown"


def _votes(root: Path, listing: Listing) -> dict[str, tuple[float, ...]]:
    """Shares of the votes for each of ``EMOTIONS``, by the stem of the clip."""
    votes: dict[str, tuple[float, ...]] = {}
    for table in sorted(root.rglob(VOTES)):
        try:
            for where, row in read_rows(table, ("clip", *CLASSES)):
                shares = _shares(row)
                if shares is None:
                    listing.left_out.append(f"{where}: expected numbers of votes, one or more in all")
                else:
                    votes[stem_of(Path(row["clip"]))] = shares
        except CorpusError as exc:
            listing.left_out.append(str(exc))
    return votes


def _shares(row: Mapping[str, str]) -> tuple[float, ...] | None:
    """The votes of a row as shares; None without a vote, or where one is no number."""
    counts = [row.get(emotion, "") or "0" for emotion in EMOTIONS]
    total = sum(map(int, counts)) if all(count.isdecimal() for count in counts) else 0
    return tuple(int(count) / total for count in counts) if total else None


CORPUS: Final = CorpusReader(
    name=NAME,
    title="CREMA-D",
    classes=CLASSES,
    example=CODE.example,
    credit="Trained on CREMA-D as well: H. Cao, D. G. Cooper, M. K. Keutmann, R. C. Gur, A. Nenkova and"
    " R. Verma, 2014, CREMA-D, IEEE Transactions on Affective Computing 5(4), made available under the"
    " Open Database License 1.0, its contents under the Database Contents License 1.0.",
    list_clips=list_clips,
)
