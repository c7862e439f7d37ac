"""Checks of PortAudio, the microphones and the sound of the configured sources."""

import contextlib
from collections.abc import Iterator

import numpy as np

from serd.audio.format import SAMPLE_RATE_HZ, level_dbfs
from serd.audio.microphone import microphones
from serd.audio.opening import SourceOpener
from serd.audio.portaudio import portaudio_module
from serd.audio.source import STANDARD_INPUTS, Source, SourceSettings
from serd.cli.doctor.findings import Finding, fail, ok, skipped
from serd.errors import DeviceError, LibraryError

_NOT_OPENED = (
    "if another program uses it (fuser -v /dev/snd/*), perhaps the service itself, stop that program"
    " (sudo systemctl stop serd); this user must be in the group audio"
)
_SILENT = (
    "it is muted, or it is the wrong microphone: see serd devices, and alsamixer or the sound settings"
    " of the desktop"
)


def portaudio_findings() -> Iterator[Finding]:
    """Check that the library is installed."""
    version = portaudio_module().get_portaudio_version()[1]
    yield ok("PortAudio", version.partition(",")[0])


def device_findings() -> Iterator[Finding]:
    """List the microphones; none at all is an error only of a source that needs one."""
    try:
        found = microphones(portaudio_module())
    except LibraryError:
        yield skipped("microphones", "no PortAudio")
        return
    names = [f"{each.index} {each.name!r}{' (default)' if each.is_default else ''}" for each in found]
    if names:
        yield ok("microphones", ", ".join(names))
    else:
        yield skipped("microphones", "none found")


def source_findings(settings: SourceSettings, listen_s: float) -> Iterator[Finding]:
    """Check that the source opens and that its sound is not digital silence."""
    check = f"source {settings.name}"
    if settings.input in STANDARD_INPUTS:
        yield skipped(check, "standard input is read only by the daemon")
        return
    try:
        source = SourceOpener(paced=False).open(settings)
    except DeviceError as exc:
        yield fail(check, str(exc), _NOT_OPENED if "does not open" in str(exc) else "")
        return
    yield _level_finding(check, source, listen_s)


def _level_finding(check: str, source: Source, listen_s: float) -> Finding:
    """Read sound from a source and measure its level."""
    n_samples = 0
    energy = 0.0
    with contextlib.closing(iter(source)) as blocks:  # type: ignore[type-var]
        for block in blocks:
            n_samples += block.samples.size
            energy += float(np.square(block.samples, dtype=np.float64).sum())
            if n_samples >= listen_s * SAMPLE_RATE_HZ:
                break
        name = source.describe()
    if not n_samples:
        return fail(check, f"{name}: no sound at all")
    span = f"{n_samples / SAMPLE_RATE_HZ:.1f} s"
    if energy == 0.0:
        return fail(check, f"{name}: digital silence for {span}", _SILENT)
    lost = source.summary()
    level = level_dbfs(energy / n_samples)
    return ok(check, f"{name}: {level:.0f} dBFS over {span}{f' ({lost})' if lost else ''}")
