"""Checks of the voice detector, the model, the alerts, the state folder and the history."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from serd.audio.folders import state_folder
from serd.audio.format import SAMPLE_RATE_HZ
from serd.cli.doctor.findings import Finding, fail, ok
from serd.daemon.state import ControlStore
from serd.events.alert import AlertSettings, check_emotions
from serd.events.controls import MUTE, Controls
from serd.model.runtime import ModelSettings, load_model, read_card
from serd.mqtt.topics import NodeTopics
from serd.publishers.history import HISTORY_FILE
from serd.publishers.history import Settings as HistorySettings
from serd.publishers.history.reader import HistoryReader, Selection
from serd.speech.vad import VoiceSettings, voice_detector

_MEGABYTE = 1_000_000
_MIN_FREE_MB = 50


def voice_findings(settings: VoiceSettings) -> Iterator[Finding]:
    """Check that the voice detector loads and does not detect speech in silence."""
    detector = voice_detector(settings)
    silence = np.zeros(detector.frame_samples, np.int16)
    if detector.speech_probability(silence) >= settings.min_probability:
        yield fail("voice detector", "it detects speech in silence", "pip install webrtcvad-wheels")
    else:
        frame_ms = 1000 * detector.frame_samples / SAMPLE_RATE_HZ
        yield ok("voice detector", f"{settings.detector}, frames of {frame_ms:g} ms")


def model_findings(settings: ModelSettings) -> Iterator[Finding]:
    """Check that the model loads, matches its card and returns probabilities."""
    model = load_model(settings)
    card = model.card
    features = np.zeros((card.n_frames, card.feature_set.n_features), np.float32)
    start_s = time.perf_counter()
    probabilities = model.outputs(features)
    inference_ms = 1000.0 * (time.perf_counter() - start_s)
    name = f"{card.name} {card.version} on {model.runtime}"
    if np.isfinite(probabilities).all() and abs(float(probabilities.sum()) - 1.0) < 1e-3:
        yield ok("model", f"{name}: {len(card.labels)} emotions, one inference in {inference_ms:.1f} ms")
    else:
        yield fail("model", f"{name} returns no probabilities: {probabilities}", "use another model")


def alert_finding(alert: AlertSettings, models: Mapping[str, ModelSettings]) -> Iterator[Finding]:
    """Check that the models of its sources know the emotions of an alert.

    Args:
        alert: the alert.
        models: the settings of the model of each source.
    """
    for settings in dict.fromkeys(each for source, each in models.items() if alert.concerns(source)):
        check_emotions([alert], read_card(settings).labels)
    where = f" at {alert.source}" if alert.source else ""
    yield ok(f"alert {alert.name}", f"{alert.when}, over {alert.over_s:g} s{where}")


def mute_findings(
    sources: Sequence[str], topics: NodeTopics, environment: Mapping[str, str]
) -> Iterator[Finding]:
    """Check that no source is muted, which outlives a restart; no finding if none is.

    Args:
        sources: names of the sources.
        topics: topics of the node.
        environment: variables of the daemon, which name the state folder.
    """
    store = ControlStore(state_folder(environment))
    for source in sources:
        if store.controls(source, Controls()).mute:
            advice = f"publish OFF to {topics.control_set(source, MUTE)}"
            yield fail(f"source {source}", "it is muted, so serd hears nothing", advice)


def state_folder_findings(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Check that the state folder can be written and has free space."""
    folder = state_folder(environment)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(bytes(4096))
            trial.flush()
            os.fsync(trial.fileno())
        free_mb = shutil.disk_usage(folder).free // _MEGABYTE
    except OSError as exc:
        yield fail(
            "state folder",
            f"{folder} cannot be written: {exc.strerror or exc}",
            "free some space, make the user that runs serd the owner of the folder, or run this command"
            " as that user or with sudo",
        )
        return
    if free_mb < _MIN_FREE_MB:
        yield fail("state folder", f"{folder}: only {free_mb} MB free", "free some space")
    else:
        yield ok("state folder", f"{folder}, {free_mb} MB free")


def history_findings(settings: HistorySettings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Check that the file of the history can be read; no finding if events are not kept.

    Raises:
        HistoryError: it cannot be read, is damaged or is of another version.
    """
    path = state_folder(environment) / HISTORY_FILE
    if not settings.enabled:
        return
    if not path.exists():
        yield ok("history", f"on; nothing is in {path} yet")
        return
    with HistoryReader(path) as reader:
        totals = reader.totals(Selection())
        n_events = sum(each.n_utterances + each.n_windows for each in totals)
        yield ok("history", f"{path}, {n_events} events, {reader.n_bytes / _MEGABYTE:.1f} MB")
