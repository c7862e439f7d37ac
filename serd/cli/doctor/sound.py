"""Checks of PortAudio, the microphones and the sound of the configured sources."""

import contextlib
from collections.abc import Iterator

import numpy as np

from serd.audio.devices import microphones
from serd.audio.format import SAMPLE_RATE_HZ, Samples, level_dbfs
from serd.audio.opening import SourceOpener
from serd.audio.portaudio import portaudio_module
from serd.audio.source import STANDARD_INPUTS, Source, SourceSettings
from serd.cli.doctor.findings import Finding, fail, ok, skipped
from serd.cli.doctor.interference import find_hum, offset_dbfs
from serd.errors import DeviceError, LibraryError
from serd.speech.high_pass import HighPass

_NOT_OPENED = (
    "if another program uses it (fuser -v /dev/snd/*), perhaps the service itself, stop that program"
    " (sudo systemctl stop serd); this user must be in the group audio"
)
_LEAST_DBFS = -66.0
"""Level from which an offset or hum is mentioned."""
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
    """Read sound from a source, and measure its level, offset and hum."""
    parts: list[Samples] = []
    n_samples = 0
    with contextlib.closing(iter(source)) as blocks:  # type: ignore[type-var]
        for block in blocks:
            parts.append(block.samples)
            n_samples += block.samples.size
            if n_samples >= listen_s * SAMPLE_RATE_HZ:
                break
        name = source.describe()
    if not n_samples:
        return fail(check, f"{name}: no sound at all")
    samples = np.concatenate(parts)[: round(listen_s * SAMPLE_RATE_HZ)]
    span = f"{samples.size / SAMPLE_RATE_HZ:.1f} s"
    if not samples.any():
        return fail(check, f"{name}: digital silence for {span}", _SILENT)
    audible = HighPass().filter(samples)
    disturbances = "".join(f"; {each}" for each in _disturbances(samples))
    if not audible.any():
        return fail(check, f"{name}: no sound for {span}{disturbances}", _SILENT)
    level = level_dbfs(float(np.mean(np.square(audible, dtype=np.float64))))
    lost = source.summary()
    text = f"{name}: {level:.0f} dBFS over {span}{f' ({lost})' if lost else ''}{disturbances}"
    return ok(check, text)


def _disturbances(samples: Samples) -> Iterator[str]:
    """Describe the offset and the hum in a sound, if there is any worth a word."""
    offset = offset_dbfs(samples)
    if offset >= _LEAST_DBFS:
        share = 100.0 * 10.0 ** (offset / 20.0)
        yield f"an offset of {offset:.0f} dBFS ({share:.2g} % of full scale), which serd removes"
    hum = find_hum(samples)
    if hum is not None and hum.level_dbfs >= _LEAST_DBFS:
        yield f"hum of {hum.mains_hz} Hz at {hum.level_dbfs:.0f} dBFS, which serd removes"
        if hum.harmonics_dbfs >= _LEAST_DBFS:
            yield (
                f"its harmonics at {hum.harmonics_dbfs:.0f} dBFS stay: look for a ground loop, another"
                " power supply or cable"
            )
