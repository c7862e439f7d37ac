"""A setting that is changed on the page of a running daemon is in force at once, and after a restart."""

import json
from pathlib import Path

import pytest

from serd.cli import main
from testkit.brokers import free_port, wait_until
from testkit.daemons import environment, serd
from testkit.web_client import WebClient


def test_a_change_on_the_page_is_applied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page tells of the reload, and serd config show says where the value comes from."""
    port = free_port()
    file = tmp_path / "serd.toml"
    file.write_text(f"[web]\nenabled = true\nport = {port}\n[mqtt]\nenabled = false\n")
    with serd("run", "--config", file, "--source", "demo", home=tmp_path) as daemon:
        daemon.wait_for_log("page on")
        client = WebClient(port)
        with client.stream() as events:
            wait_until(lambda: next(events).kind == "state", "the state")
            tag = client.ask("/api/v1/settings").json["tag"]
            made = {"section": "alert", "name": "rage", "key": "when", "value": "bored >= 0.5"}
            body = {"changes": [made], "tag": tag, "save": True}
            refused = client.change("/api/v1/settings", body)
            assert (refused.status, "bored" in refused.json["error"]) == (400, True)
            made["value"] = "angry >= 0.9"
            assert client.change("/api/v1/settings", body).status == 200
            wait_until(lambda: next(events).kind == "reload", "the reload")
        daemon.wait_for_log("settings reloaded")
        (mic,) = client.ask("/api/v1/state").json["sources"]
        assert mic["alerts"] == {"rage": False}
        assert daemon.stop() == 0
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    assert main(["config", "show", "--config", str(file)]) == 0
    (line,) = [each for each in capsys.readouterr().out.splitlines() if "angry >= 0.9" in each]
    assert line.endswith(f"# {tmp_path}/serd/page.toml")
    assert json.loads(line.partition("=")[2].rpartition("#")[0]) == "angry >= 0.9"
