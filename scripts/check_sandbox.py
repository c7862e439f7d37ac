"""Tests the dependencies of serd under the restrictions of systemd/serd.service.

systemd itself need not run: PR_SET_MDWE stands in for MemoryDenyWriteExecute=, and libseccomp loads the
SystemCallFilter= as systemd does. The exit code is 1 if a part does not work under the filter, or if the
unit could have MemoryDenyWriteExecute= after all.

    python scripts/check_sandbox.py                  a table: which part works under which restriction
    python scripts/check_sandbox.py run COMMAND...   a command under the unit's system call filter
"""

import ctypes
import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

UNIT = Path(__file__).parent.parent / "systemd" / "serd.service"

# include/uapi/linux/prctl.h
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_MDWE = 65
_PR_MDWE_REFUSE_EXEC_GAIN = 1
# seccomp.h of libseccomp
_SCMP_ACT_ALLOW = 0x7FFF0000
_SCMP_ACT_ERRNO = 0x00050000

CALLBACK: Final = "PortAudio's callback through cffi"
"""The part for which the unit does without MemoryDenyWriteExecute=."""

PARTS = {
    "TFLite with the model of serd": (
        "import numpy as np; from serd.model.runtime import ModelSettings, load_model;"
        "model = load_model(ModelSettings()); card = model.card;"
        "model.outputs(np.zeros((card.n_frames, card.feature_set.n_features), np.float32))"
    ),
    "webrtcvad": (
        "import numpy as np; from serd.speech.vad import VoiceSettings, voice_detector;"
        "voice_detector(VoiceSettings()).speech_probability(np.zeros(480, np.int16))"
    ),
    CALLBACK: ("import sounddevice as sd; sd._ffi.callback('PaStreamCallback', lambda *_: 0)"),
    "libsndfile and soxr": (
        "import numpy as np, soundfile, soxr; soundfile.available_formats();"
        "soxr.resample(np.zeros(4800, np.float32), 48000, 16000)"
    ),
    "a TLS context": "import ssl; ssl.create_default_context()",
}
"""The dependencies of serd, each with code that uses it."""


def main(arguments: Sequence[str]) -> int:
    """Print the table, or run a command."""
    calls = allowed_calls(UNIT)
    if arguments[:1] == ["run"]:
        filter_system_calls(calls)
        os.execvp(arguments[1], arguments[1:])  # noqa: S606
    failed = {
        title: _failed_parts(title, apply)
        for title, apply in (
            ("MemoryDenyWriteExecute=yes", deny_write_execute),
            (f"SystemCallFilter= of {UNIT.name}", lambda: filter_system_calls(calls)),
        )
    }
    return 0 if list(failed.values()) == [[CALLBACK], []] else 1


def _failed_parts(title: str, apply: Callable[[], None]) -> list[str]:
    """Print the outcome of each part under a restriction; returns those that fail."""
    print(f"{title}:")
    outcomes = {part: outcome(code, apply) for part, code in PARTS.items()}
    for part, text in outcomes.items():
        print(f"  {part:<36}{text}")
    return [part for part, text in outcomes.items() if text != "works"]


def outcome(code: str, apply: Callable[[], None]) -> str:
    """The outcome of Python code under a restriction: "works", or "fails" with its last line."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=apply,
        cwd=UNIT.parent.parent,
    )
    return "works" if done.returncode == 0 else f"fails: {(done.stderr.splitlines() or [''])[-1]}"


def deny_write_execute() -> None:
    """Forbid memory of this process to be writable and executable, or to become executable.

    Raises:
        OSError: the kernel is older than 6.3.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_MDWE, _PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "PR_SET_MDWE")


def filter_system_calls(calls: Iterable[str]) -> None:
    """Restrict this process and its children to these system calls; others fail with EPERM."""
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    seccomp.seccomp_load.argtypes = [ctypes.c_void_p]
    seccomp.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_void_p,
    ]
    context = seccomp.seccomp_init(_SCMP_ACT_ERRNO | errno.EPERM)
    for call in sorted(calls):
        # A name that this machine does not know resolves to a negative number.
        number = seccomp.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:
            _check(seccomp.seccomp_rule_add_array(context, _SCMP_ACT_ALLOW, number, 0, None))
    _check(ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _check(seccomp.seccomp_load(context))


def allowed_calls(unit: Path) -> set[str]:
    """The names of the system calls that a unit's SystemCallFilter= lines allow.

    systemd.exec(5): the first line makes the list one of allowed calls, and execve and the group
    @default are always allowed.
    """
    groups = _groups()
    allowed = {"execve", *_calls("@default", groups)}
    for line in unit.read_text("utf-8").splitlines():
        if line.startswith("SystemCallFilter="):
            words = line.partition("=")[2].strip()
            calls = {call for word in words.lstrip("~").split() for call in _calls(word, groups)}
            allowed = allowed - calls if words.startswith("~") else allowed | calls
    return allowed


def _calls(word: str, groups: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The system calls of a group, or the single call of that name."""
    if not word.startswith("@"):
        yield word
        return
    for name in groups[word]:
        yield from _calls(name, groups)


def _groups() -> dict[str, list[str]]:
    """The groups of system calls that systemd knows, each with its calls and groups."""
    command = ["systemd-analyze", "--no-pager", "syscall-filter"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    groups: dict[str, list[str]] = {}
    for line in listed.splitlines():
        if line.startswith("@"):
            groups[line] = found = []
        elif line.startswith(" ") and not line.strip().startswith("#"):
            found.append(line.strip())
    return groups


def _check(result: int) -> None:
    if result:
        raise OSError(abs(result), os.strerror(abs(result)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
