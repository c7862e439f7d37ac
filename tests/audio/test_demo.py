"""The bundled recording and its intended emotions."""

import csv

import soundfile

from serd.audio.demo import DEMO_PATH, TRUTH_PATH, demo_emotions, demo_note
from serd.audio.files import FileSource
from serd.model.labels import EMOTIONS
from serd.pipeline import PipelineSettings, SpeechDetector
from serd.speech.segments import UtteranceEnd

_WINDOW_SAMPLES = 48_000


def test_every_clip_is_an_utterance() -> None:
    """The voice detector finds one utterance at the place of each clip, and no other."""
    detector = SpeechDetector(PipelineSettings(), _WINDOW_SAMPLES)
    segments = [each for block in FileSource(DEMO_PATH) for each in detector.process(block)[1]]
    segments += detector.flush()
    ends_s = [each.end_s for each in segments if isinstance(each, UtteranceEnd)]
    with TRUTH_PATH.open(newline="", encoding="utf-8") as file:
        spans_s = [(float(row["start_s"]), float(row["end_s"])) for row in csv.DictReader(file)]
    assert len(ends_s) == len(spans_s) == 10
    assert all(start < end <= last + 0.1 for end, (start, last) in zip(ends_s, spans_s, strict=True))
    assert spans_s[-1][1] < soundfile.info(DEMO_PATH).duration


def test_the_log_says_what_to_expect() -> None:
    """The line has the emotions in order, all of them labels of serd, from ten different people."""
    assert set(demo_emotions()) == set(EMOTIONS) - {"calm", "surprised"}
    assert demo_note().endswith(f"in turn, {', '.join(demo_emotions())}")
    with TRUTH_PATH.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len({row["speaker"] for row in rows}) == len(rows)
    assert all(int(row["n_agree"]) >= 0.9 * int(row["n_listeners"]) for row in rows)
