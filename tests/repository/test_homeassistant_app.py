"""The app for Home Assistant: its description is valid, and its start leads to the right settings."""

import asyncio
import contextlib
import json
import os
import struct
import sys
import threading
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import serd_app
import yaml

from serd import __version__
from serd.settings.loader import load_settings
from testkit.brokers import free_port

ROOT = Path(__file__).parents[2]
APP = ROOT / "packaging" / "homeassistant"
CONFIG: dict[str, Any] = yaml.safe_load((APP / "config.yaml").read_text("utf-8"))
SERVICE = {
    "host": "core-mosquitto",
    "port": 1883,
    "ssl": False,
    "username": "addons",
    "password": 'pa"ss',
    "protocol": "3.1.1",
}


class Supervisor(BaseHTTPRequestHandler):
    """Answers as the Supervisor does when an app asks for the broker."""

    def do_GET(self) -> None:
        """The broker, for the right token and path."""
        is_right = (self.path, self.headers["Authorization"]) == ("/services/mqtt", "Bearer token")
        body = json.dumps({"result": "ok", "data": SERVICE}).encode() if is_right else b"{}"
        self.send_response(200 if is_right else 403)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Stay quiet."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[serd_app.Place]:
    """Folders of an app with its default options, and a Supervisor."""
    (tmp_path / "data").mkdir()
    (tmp_path / "config").mkdir()
    (tmp_path / "data" / "options.json").write_text(json.dumps(CONFIG["options"]))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)  # the user of the image is not on this machine
    monkeypatch.setenv("SUPERVISOR_TOKEN", "token")
    server = HTTPServer(("127.0.0.1", 0), Supervisor)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield serd_app.Place(
        data=tmp_path / "data",
        config=tmp_path / "config",
        supervisor=f"http://127.0.0.1:{server.server_port}",
        proxy="127.0.0.1",
        ingress_port=free_port(),
        page_port=free_port(),
    )
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_description_is_valid() -> None:
    """By the schema of the published documentation, with the version of serd and without privileges."""
    schema = json.loads((Path(__file__).parent / "homeassistant_app.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(CONFIG, schema)
    assert CONFIG["version"] == __version__
    assert not {"privileged", "full_access", "host_network", "docker_api", "hassio_api"} & set(CONFIG)
    broken = CONFIG | {"arch": ["armv7"]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)
    repository = yaml.safe_load((ROOT / "repository.yaml").read_text("utf-8"))
    assert set(repository) <= {"name", "url", "maintainer"}
    assert repository["name"]


def test_every_option_is_described_in_each_language() -> None:
    """Options have defaults unless they are optional, a translation, and a line in the documentation."""
    schema = CONFIG["schema"]
    optional = {name for name, kind in schema.items() if isinstance(kind, str) and kind.endswith("?")}
    assert set(CONFIG["options"]) == set(schema) - optional
    docs = (APP / "DOCS.md").read_text("utf-8")
    for name in schema:
        assert f"`{name}`" in docs
    languages = list((APP / "translations").glob("*.yaml"))
    assert {path.stem for path in languages} >= {"en", "de"}
    for path in languages:
        texts = yaml.safe_load(path.read_text("utf-8"))["configuration"]
        assert set(texts) == set(schema), path
        assert all(each["name"] and each["description"] for each in texts.values())
        assert set(texts["alerts"]["fields"]) == set(schema["alerts"][0])


@pytest.mark.parametrize(("name", "size"), [("icon", (128, 128)), ("logo", (250, 100))])
def test_the_pictures_have_the_recommended_size(name: str, size: tuple[int, int]) -> None:
    """They are PNG files."""
    head = (APP / f"{name}.png").read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    assert struct.unpack(">II", head[16:24]) == size


def test_the_options_become_settings(place: serd_app.Place) -> None:
    """With Home Assistant's broker; a file of the person overrides them."""
    (place.config / "mine.toml").write_text("[segmenter]\nhop_s = 2.0\n[node]\nname = 'kitchen'\n")
    options = serd_app.read_options(place)
    text = serd_app.settings(options, serd_app.mqtt_service(place, "token"))
    variables = serd_app.prepare(place, text)
    path = Path(variables["SERD_CONFIG"])
    assert path.stat().st_mode & 0o777 == 0o600
    settings = load_settings(path, environment={})
    mqtt = settings.publishers["mqtt"]
    assert (mqtt.host, mqtt.port, mqtt.user, mqtt.password) == (
        "core-mosquitto",
        1883,
        "addons",
        'pa"ss',
    )
    assert (settings.node.name, settings.segmenter.hop_s) == ("kitchen", 2.0)
    assert [each.when for each in settings.alerts] == ["angry >= 0.5"]
    assert settings.publishers["history"].days == 90
    assert settings.publishers["metrics"].enabled
    assert (Path(variables["STATE_DIRECTORY"]) / "models").readlink() == place.config / "models"
    assert serd_app.prepare(place, text) == variables


def test_another_broker_takes_no_password_of_home_assistants() -> None:
    """Only what the options say is sent to it."""
    text = serd_app.settings({"mqtt_host": "pi", "history_days": 0}, SERVICE)
    body = tomllib.loads(text)
    assert body["mqtt"] == {"host": "pi"}
    assert body["history"] == {"enabled": False}


def test_a_supervisor_without_a_broker(
    place: serd_app.Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line says what to do, and serd starts without."""
    assert serd_app.mqtt_service(place, "wrong") == {}
    assert "install one, or set mqtt_host" in capsys.readouterr().err
    assert serd_app.main([], replace(place, data=place.config)) == 1
    assert "options.json: the options cannot be read" in capsys.readouterr().err


async def _through_the_relay(place: serd_app.Place) -> bytes:
    async def page(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"page")
        writer.close()

    async with await asyncio.start_server(page, "127.0.0.1", place.page_port):
        server = await serd_app.Relay(place).start()
        reader, writer = await asyncio.open_connection("127.0.0.1", place.ingress_port)
        got = await asyncio.wait_for(reader.read(), 10.0)
        writer.close()
        server.close()
    return got


def test_only_home_assistant_may_open_the_page(place: serd_app.Place) -> None:
    """A connection from another address is closed without an answer."""
    assert asyncio.run(_through_the_relay(place)) == b"page"
    other = replace(place, proxy="172.30.32.2", ingress_port=free_port())
    with contextlib.suppress(ConnectionError):
        assert asyncio.run(_through_the_relay(other)) == b""


def test_serd_gets_the_settings_and_not_the_token(place: serd_app.Place, tmp_path: Path) -> None:
    """Its exit code is that of the app."""
    code = (
        "import os, sys, tomllib;"
        "body = tomllib.load(open(os.environ['SERD_CONFIG'], 'rb'));"
        "assert body['mqtt']['host'] == 'core-mosquitto';"
        "sys.exit(7 if 'SUPERVISOR_TOKEN' not in os.environ else 8)"
    )
    assert serd_app.main([sys.executable, "-c", code], place) == 7
