"""Runs serd as an app (add-on) of Home Assistant.

It turns the options of the app and the broker's credentials from the Supervisor into a settings file,
starts serd as its own user, and leads Home Assistant to the page, which listens on the loopback alone:
only the Supervisor's address may pass.

    serd_app.py [COMMAND...]     by default serd-entrypoint run --wait
"""

import asyncio
import contextlib
import json
import os
import pwd
import shutil
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

INGRESS_PORT: Final = 8099
PAGE_PORT: Final = 8765
_USER: Final = "serd"
_MAX_BYTES: Final = 1_000_000
_MAX_CONNECTIONS: Final = 64
_TIMEOUT_S: Final = 10.0
_CHUNK_BYTES: Final = 65_536


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where things are; other places are for tests."""

    data: Path = Path("/data")
    """Folder that outlives the container, with options.json."""
    config: Path = Path("/config")
    """Folder of a person's own settings and models."""
    supervisor: str = "http://supervisor"
    proxy: str = "172.30.32.2"
    """The only address that may connect to the page."""
    ingress_port: int = INGRESS_PORT
    page_port: int = PAGE_PORT


class AppError(Exception):
    """The app cannot start; the text is a line for its log."""


def read_options(place: Place) -> dict[str, Any]:
    """The options of the app, which the Supervisor has checked.

    Raises:
        AppError: they cannot be read.
    """
    path = place.data / "options.json"
    try:
        with path.open("rb") as file:
            options = json.loads(file.read(_MAX_BYTES))
    except (OSError, ValueError) as exc:
        raise AppError(f"{path}: the options cannot be read: {exc}") from exc
    if not isinstance(options, dict):
        raise AppError(f"{path}: expected an object")
    return options


def mqtt_service(place: Place, token: str) -> dict[str, Any]:
    """Host, port, user, password and TLS of Home Assistant's broker; empty if there is none."""
    request = urllib.request.Request(  # noqa: S310 - the Supervisor is at a fixed address
        f"{place.supervisor}/services/mqtt", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            body = json.loads(answer.read(_MAX_BYTES))
    except (OSError, urllib.error.HTTPError, ValueError) as exc:
        _say(f"the Supervisor names no broker ({exc}); install one, or set mqtt_host")
        return {}
    data = body.get("data") if isinstance(body, dict) else None
    return data if isinstance(data, dict) else {}


def settings(options: Mapping[str, Any], service: Mapping[str, Any]) -> str:
    """The settings file for some options.

    Args:
        options: the options of the app.
        service: the broker of Home Assistant, as the Supervisor gives it; it is not used if the options
            name another one.
    """
    days = options.get("history_days", 90)
    tables: dict[str, dict[str, object]] = {
        "node": {"name": options.get("node", "")},
        "source": {
            "input": options.get("source", "default"),
            "name": options.get("source_name", "mic"),
        },
        "model": {"path": options.get("model", "")},
        "log": {"level": options.get("log_level", "info")},
        "history": {"enabled": days > 0} | ({"days": days} if days else {}),
        "mqtt": dict(_broker(options, service)),
        "metrics": {"enabled": True, "host": "0.0.0.0"},
    }
    lines = ["# Made from the options of the app at each start."]
    for section, table in tables.items():
        lines += ["", f"[{section}]", *_lines(table)]
    for alert in options.get("alerts", ()):
        lines += ["", "[[alert]]", *_lines(alert)]
    return "\n".join(lines) + "\n"


def _broker(options: Mapping[str, Any], service: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    if options.get("mqtt_host"):
        found = {key: options.get(f"mqtt_{key}") for key in ("host", "port", "user", "password")}
    else:
        found = {key: service.get(key) for key in ("host", "port", "password")}
        found |= {"user": service.get("username"), "tls": service.get("ssl")}
    yield from ((key, value) for key, value in found.items() if value)


def _lines(table: Mapping[str, object]) -> Iterator[str]:
    return (f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items())


def prepare(place: Place, text: str) -> dict[str, str]:
    """Write the settings file, with a person's own files as its fragments; the variables of serd."""
    folder, state = place.data / "settings", place.data / "state"
    for each in (folder, state):
        each.mkdir(mode=0o700, exist_ok=True)
    file = folder / "serd.toml"
    file.touch(mode=0o600)
    file.write_text(text, "utf-8")
    for link, target in ((folder / "conf.d", place.config), (state / "models", place.config / "models")):
        if not link.is_symlink():
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(link)
            link.symlink_to(target)
    if os.geteuid() == 0:
        user = pwd.getpwnam(_USER)
        for root, folders, files in os.walk(place.data):
            for name in [".", *folders, *files]:
                os.chown(Path(root) / name, user.pw_uid, user.pw_gid, follow_symlinks=False)
    page = {"SERD_WEB_ENABLED": "true", "SERD_WEB_PORT": str(place.page_port)}
    return page | {"SERD_CONFIG": str(file), "STATE_DIRECTORY": str(state), "HOME": str(state)}


class Relay:
    """Leads connections of the Supervisor to the page."""

    def __init__(self, place: Place) -> None:
        """Listen when ``start`` is called."""
        self._place = place
        self._n_open = 0

    async def start(self) -> asyncio.Server:
        """Listen."""
        return await asyncio.start_server(self._connected, "0.0.0.0", self._place.ingress_port)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = writer.get_extra_info("peername")[0]
        with contextlib.closing(writer):
            if address != self._place.proxy or self._n_open >= _MAX_CONNECTIONS:
                return
            self._n_open += 1
            try:
                with contextlib.suppress(OSError):
                    await self._joined(reader, writer)
            finally:
                self._n_open -= 1

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        page = await asyncio.open_connection("127.0.0.1", self._place.page_port)
        with contextlib.closing(page[1]):
            ways = [
                asyncio.create_task(_pump(reader, page[1])),
                asyncio.create_task(_pump(page[0], writer)),
            ]
            _, pending = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for each in pending:
                each.cancel()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()


async def run(place: Place, command: list[str], variables: Mapping[str, str]) -> int:
    """Run serd and the relay until serd ends; its exit code."""
    rights: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = pwd.getpwnam(_USER)
        rights = {"user": user.pw_uid, "group": user.pw_gid}
        rights["extra_groups"] = os.getgrouplist(_USER, user.pw_gid)
    server = await Relay(place).start()
    process = await asyncio.create_subprocess_exec(*command, env=os.environ | dict(variables), **rights)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, process.send_signal, number)
    code = await process.wait()
    server.close()
    return code


def _say(text: str) -> None:
    print(f"serd app: {text}", file=sys.stderr, flush=True)


def main(command: list[str], place: Place | None = None) -> int:
    """Start the app; the exit code is that of serd."""
    place = place or Place()
    token = os.environ.pop("SUPERVISOR_TOKEN", "")  # which serd itself does not need
    try:
        options = read_options(place)
        service = {} if options.get("mqtt_host") else mqtt_service(place, token)
        variables = prepare(place, settings(options, service))
    except (AppError, OSError) as exc:
        _say(str(exc))
        return 1
    return asyncio.run(run(place, command or ["serd-entrypoint", "run", "--wait"], variables))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
