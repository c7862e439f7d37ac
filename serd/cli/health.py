"""``serd health``: asks the daemon of this machine whether it is healthy, for containers and scripts."""

import argparse
import http.client
import json
from collections.abc import Iterator
from typing import Any, Final

from serd.cli.options import add_config_option, settings_from
from serd.errors import OperationError, SettingsError
from serd.publishers.listening import address_of, host_here
from serd.publishers.metrics import SECTION

_TIMEOUT_S: Final = 5.0
_MAX_BODY_BYTES: Final = 1_000_000


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "health",
        help="ask the running daemon whether it is healthy",
        description="Asks the daemon that has the same settings, which needs [metrics] enabled = true."
        " The exit code is 0 if every source delivers sound and every part gives signs of life, else 1.",
    )
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.set_defaults(command=health_command)


def health_command(args: argparse.Namespace) -> int:
    """Print the health in a line, and return the exit code.

    Raises:
        SettingsError: the daemon does not serve its health.
        OperationError: the daemon does not answer.
    """
    metrics = settings_from(args).publishers[SECTION]
    if not metrics.enabled:
        raise SettingsError("the daemon serves its health if it has [metrics] enabled = true")
    status, body = _answer(host_here(metrics.host), metrics.port)
    if args.json:
        print(json.dumps(body, ensure_ascii=False, indent=2))
    elif status == http.HTTPStatus.OK:
        print(f"healthy: {', '.join(_facts(body))}")
    else:
        print(f"not healthy: {', '.join(_problems(body)) or 'no source has opened yet'}")
    return 0 if status == http.HTTPStatus.OK else 1


def _answer(host: str, port: int) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        body = json.loads(response.read(_MAX_BODY_BYTES))
    except (OSError, http.client.HTTPException, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else exc
        raise OperationError(f"no daemon answers on {address_of(host, port)}: {reason}") from exc
    finally:
        connection.close()
    if not isinstance(body, dict):
        raise OperationError(f"what answers on {address_of(host, port)} is not serd")
    return response.status, body


def _facts(body: dict[str, Any]) -> Iterator[str]:
    yield f"{', '.join(map(str, body.get('sources', ())))} online"
    broker = body.get("broker")
    if isinstance(broker, dict):
        state = "connected" if broker.get("connected") else "not connected"
        yield f"broker {broker.get('address')} {state}, {broker.get('waiting')} events wait"


def _problems(body: dict[str, Any]) -> Iterator[str]:
    yield from (f"source {name} is offline" for name in body.get("away", ()))
    yield from (f"{name} gives no sign of life" for name in body.get("silent", ()))
