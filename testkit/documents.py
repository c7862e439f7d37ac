"""The commands of the documents, and a machine on which they can be run.

What needs hardware, root, a network or another machine is a stub that checks its arguments; the rest is
real: the shell, serd, Mosquitto's clients, ffmpeg.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from serd import __version__
from testkit.imports import ROOT

_BLOCK: Final = re.compile(r"^( *)```(sh|console)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_PARSE: Final = "import sys; from serd.cli import command_parser as p; p(a:=sys.argv[1:]).parse_args(a)"
_COMPILE: Final = "import sys; compile(open(sys.argv[1]).read(), sys.argv[1], 'exec')"
_CHECKOUT: Final = shlex.quote(str(ROOT))
_PYTHON: Final = shlex.quote(sys.executable)
_STUBS: Final = {
    "sudo": 'exec "$@"',
    "make": f'exec /usr/bin/make --dry-run --directory={_CHECKOUT} "$@"',
    "systemctl": """
        [ "$1" = --user ] && shift
        case "$1 ${*: -1}" in
            "start serd" | "stop serd" | "restart serd" | "reload serd" | "status serd" | "kill serd") ;;
            "restart mosquitto" | "restart serd.service" | "enable serd.service") ;;
            daemon-reload*) ;;
            *) exit 1 ;;
        esac""",
    "journalctl": '[ "$1 $2" = "-u serd" ]',
    "systemd-run": """
        while true; do case $1 in -p) shift 2 ;; --*) shift ;; *) break ;; esac; done
        exec "$@" """,
    "apt": f"""
        case "$*" in
            "install ./serd_{__version__}+deb12_arm64.deb" | "remove serd" | "purge serd") ;;
            "install libportaudio2 mosquitto pipx") ;;
            *) exit 1 ;;
        esac""",
    "pipx": '[ "$1 $2" = "install --force" ] && [ -e "${3%[*}" ]',
    "pip": f"""
        extra=$(expr "$2" : 'serd\\[\\(.*\\)\\]') && grep -q "^$extra = " {_CHECKOUT}/pyproject.toml""",
    "dask": '[ "$1" = scheduler ] || [ "$1" = worker ]',
    "docker": f"""
        case "$1" in
            compose) [ "$2" = -f ] && [ -e {_CHECKOUT}/"$3" ] ;;
            run) [ "${{*: -1}}" = serd:{__version__} ] ;;
            *) exit 1 ;;
        esac""",
    "arecord": 'cat "$HOME/voice.pcm"',
    "jq": "cat >/dev/null",
    "mosquitto_passwd": '[ -n "$2" ]',
    "mosquitto_sub": """
        [ "$1" = -p ] && shift 2
        /usr/bin/mosquitto_sub -p "$SERD_MQTT_PORT" -W 1 "$@"; code=$?
        [ $code = 27 ] || exit $code   # nothing came in time""",
    "mosquitto_pub": '/usr/bin/mosquitto_pub -p "$SERD_MQTT_PORT" "$@"',
    "ffmpeg": """
        case "$*" in
            *rtsp://* | "-i ... "*) exec cat "$HOME/voice.pcm" ;;
            *) exec /usr/bin/ffmpeg "$@" ;;
        esac""",
    "python": f"""
        exec {_PYTHON} -c "{_COMPILE}" {_CHECKOUT}/"$1" """,
    "serd": f"""
        serd=({_PYTHON} -m serd)
        case "$*" in
            # Another test installs, and a cluster is other machines: the words alone are checked.
            "service install"* | "service uninstall" | *--dask*)
                exec {_PYTHON} -c '{_PARSE}' "$@" ;;
            "service status") "${{serd[@]}}" "$@"; [ $? = 1 ] ;;
            doctor) "${{serd[@]}}" "$@"; [ $? -le 1 ] ;;
            "history delete"*) exec "${{serd[@]}}" "$@" --yes ;;  # it asks on a terminal alone
            "run --source -"*) exec "${{serd[@]}}" "$@" ;;
            run*)
                : >"$HOME/log"; "${{serd[@]}}" "$@" 2>"$HOME/log" & daemon=$!
                while kill -0 $daemon && ! grep -q "listening to" "$HOME/log"; do sleep 0.1; done
                kill -TERM $daemon; wait $daemon ;;
            *) exec "${{serd[@]}}" "$@" ;;
        esac""",
}
"""What each program does, in the language of bash."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A command of a document."""

    page: str
    """Path of the document."""
    line: int
    """Number of the line at which its block begins."""
    text: str
    """What is typed."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


def documented_commands() -> list[Command]:
    """The commands of all documents, in order, but for those of the tutorial, which has its own test."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    pages += [*ROOT.glob("systemd/*.md"), *ROOT.glob("packaging/*/*.md")]
    return [
        each
        for page in sorted(pages)
        if page != ROOT / "docs" / "tutorial.md"
        for each in commands_of(page, ROOT)
    ]


def commands_of(page: Path, root: Path) -> Iterator[Command]:
    """Yield the commands of a document: the lines of sh blocks, and those after $ of console blocks.

    Args:
        page: the document.
        root: the folder that its path is given from.
    """
    text = page.read_text("utf-8")
    for block in _BLOCK.finditer(text):
        _, kind, content = block.groups()
        line = text.count("\n", 0, block.start()) + 1
        lines = [each.strip() for each in content.replace("\\\n", " ").splitlines()]
        if kind == "console":
            lines = [each.removeprefix("$ ") for each in lines if each.startswith("$ ")]
        for each in lines:
            typed = each.partition("  #")[0].strip()
            if typed and not typed.startswith("#"):
                yield Command(page=str(page.relative_to(root)), line=line, text=typed)


class Machine:
    """A home folder with stubs, in which commands are run."""

    def __init__(self, home: Path, variables: Mapping[str, str]) -> None:
        """Write the stubs.

        Args:
            home: an empty folder.
            variables: more variables of the environment.
        """
        self._home = home
        stubs = home / "stubs"
        stubs.mkdir()
        for name, script in _STUBS.items():
            path = stubs / name
            path.write_text(f"#!/bin/bash\n{script}\n")
            path.chmod(0o755)
        for folder in (".local/bin", "etc/serd/conf.d", "var/lib/serd", "work"):
            (home / folder).mkdir(parents=True)
        (home / ".local/bin/serd").symlink_to(stubs / "serd")
        self._variables = {
            "PATH": os.pathsep.join([str(stubs), os.environ["PATH"]]),
            "HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "XDG_RUNTIME_DIR": str(home),
            **variables,
        }

    @property
    def work(self) -> Path:
        """The folder in which commands are run."""
        return self._home / "work"

    def run(self, command: Command) -> "subprocess.CompletedProcess[str]":
        """Run a command; absolute paths of the machine are below the home folder."""
        text = command.text.replace("/usr/share/doc/serd/examples", f"{_CHECKOUT}/systemd")
        text = re.sub(r"(?<![\w.~}])/(etc|var|archive)/", f"{shlex.quote(str(self._home))}/\\1/", text)
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", text],
            cwd=self.work,
            env=self._variables,
            input="open sesame\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=60.0,
        )
