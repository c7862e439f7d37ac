"""Nobody that a model has heard is scored unless one asks for it."""

import pytest
from evaluation_helpers import made_clip

from serd.model.card import ModelCard
from testkit.models import made_card
from train.data.clips import Corpus, CorpusError, numbered
from train.evaluation.selection import Request, select, trained_actors


def _corpus(*actors: str) -> Corpus:
    clips = [made_clip(actor=actor) for actor in actors]
    songs = [made_clip(actor=actor, channel="song") for actor in actors if actor != "18"]
    return Corpus(clips=(*clips, *songs), left_out=())


TWENTY = _corpus(*(str(number) for number in range(1, 21)))


def _card(actors: str, validation: str = "") -> ModelCard:
    return made_card(training={"actors": actors, "validation_actors": validation})


@pytest.mark.parametrize(
    ("training", "actors"),
    [
        ({"actors": "1-3"}, {"1", "2", "3"}),
        ({"actors": "1", "validation_actors": "2,nemo:EB0"}, {"1", "2", "nemo:EB0"}),
        ({}, None),
        ({"actors": ""}, None),
        ({"actors": "everybody!"}, None),
        ({"actors": 7}, None),
    ],
)
def test_the_card_says_whom_a_model_has_heard(
    training: dict[str, object], actors: set[str] | None
) -> None:
    """Actors of training and validation; None where it does not say or cannot be read."""
    assert trained_actors(made_card(training=training)) == actors


def test_actors_of_the_training_are_an_error_that_names_them() -> None:
    """Those of the validation too; the message offers the others, and the option that allows it."""
    with pytest.raises(CorpusError, match=r"trained on actors 1-16.*--actors 17-20.*--allow-seen"):
        select(TWENTY, _card("1-16"), Request())
    with pytest.raises(CorpusError, match=r"trained on actors 15-16.*--actors 17\)"):
        select(TWENTY, _card("1-16"), Request(actors=numbered(15, 16, 17)))
    with pytest.raises(CorpusError, match="trained on actors 5"):
        select(TWENTY, _card("1-4", "5"), Request(actors=numbered(5)))


def test_seen_actors_are_scored_if_allowed_and_named() -> None:
    """Everybody is scored, and the selection holds who was heard."""
    selection = select(TWENTY, _card("1-16"), Request(allow_seen=True))
    assert selection.actors == TWENTY.actors
    assert selection.seen == numbered(*range(1, 17))


def test_only_speech_is_scored_unless_song_is_asked_for() -> None:
    """An actor without song is remarked upon, and is an error where nobody else is asked for."""
    card = _card("1-16")
    for channel, channels in (("speech", {"speech"}), ("song", {"song"}), ("all", {"speech", "song"})):
        selection = select(TWENTY, card, Request(actors=numbered(17, 18), channel=channel))
        assert {clip.channel for clip in selection.clips} == channels
    song = select(TWENTY, card, Request(actors=numbered(17, 18), channel="song"))
    assert song.actors == {"17"}
    assert "no song clip of actors 18" in song.remarks
    with pytest.raises(CorpusError, match="no song clip of actors 18 to score"):
        select(TWENTY, card, Request(actors=numbered(18), channel="song"))


def test_actors_that_are_not_there_are_named() -> None:
    """The message says which there are."""
    with pytest.raises(CorpusError, match=r"no clip of actor 21-24; there are actors 1-20"):
        select(TWENTY, _card("1-16"), Request(actors=numbered(20, 21, 22, 23, 24)))


def test_a_protocol_scores_those_of_its_test_actors_that_were_not_heard() -> None:
    """Others are remarked upon as left out or missing; where none is left, it is an error."""
    dev5 = select(TWENTY, _card("1-16"), Request(protocol="dev5"))
    assert dev5.actors == numbered(17, 18, 19, 20)
    assert "actors 1-16 of dev5 are left out" in dev5.remarks[0]
    mmer5 = select(TWENTY, _card("1-16"), Request(protocol="mmer5"))
    assert mmer5.actors == numbered(17, 18, 19, 20)
    assert "actors 21-24 of mmer5 are missing" in mmer5.remarks[0]
    everybody = select(TWENTY, _card("1-16"), Request(protocol="dev5", allow_seen=True))
    assert everybody.seen == numbered(*range(1, 17))
    with pytest.raises(CorpusError, match=r"none of the test actors of article \(21-24\) is here"):
        select(TWENTY, _card("1-16"), Request(protocol="article"))
    with pytest.raises(CorpusError, match="trained on every test actor of dev5"):
        select(TWENTY, _card("1-20"), Request(protocol="dev5"))


def test_a_card_that_does_not_say_is_remarked_upon() -> None:
    """Nobody passes for seen, and the reader is told."""
    selection = select(TWENTY, made_card(), Request())
    assert not selection.seen
    assert "does not name its training actors" in selection.remarks[0]


def test_any_corpus_has_actors() -> None:
    """Speakers with names are chosen, refused and offered as numbered actors are."""
    corpus = _corpus("1", "nemo:EB0", "savee:DC")
    selection = select(corpus, _card("1-20,savee:DC"), Request(actors=frozenset({"nemo:EB0"})))
    assert {clip.actor for clip in selection.clips} == {"nemo:EB0"}
    with pytest.raises(CorpusError, match=r"trained on actors 1,savee:DC.*--actors nemo:EB0"):
        select(corpus, _card("1-20,savee:DC"), Request())
