"""``serd doctor`` checks the page."""

import socket
import sys

import pytest

from serd.cli.doctor.page import page_findings
from serd.daemon.supervisor import Supervisor
from serd.errors import LibraryError
from serd.publishers import Context
from serd.publishers.web import Settings, Web
from testkit.brokers import DEADLINE_S, free_port


def finding(settings: Settings) -> tuple[str, str]:
    """Verdict and text of the one finding."""
    (found,) = page_findings(settings)
    return found.verdict.value, found.text


def test_without_a_page_there_is_nothing_to_check() -> None:
    """It is off by default."""
    assert list(page_findings(Settings())) == []


def test_a_free_port_is_fine() -> None:
    """The daemon is not running."""
    verdict, text = finding(Settings(enabled=True, port=free_port()))
    assert (verdict, "without a password; it is not running" in text) == ("ok", True)


def test_a_running_page_is_recognized() -> None:
    """Its port is in use, by serd."""
    page = Web(Settings(enabled=True, port=0), Context(node="pi", sources=(), threads=Supervisor()))
    page.start()
    try:
        verdict, text = finding(Settings(enabled=True, port=page.port))
        assert (verdict, "it is running" in text) == ("ok", True)
    finally:
        page.close(DEADLINE_S)


def test_a_port_of_another_program_is_a_failure() -> None:
    """The advice is another port."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        verdict, text = finding(Settings(enabled=True, port=other.getsockname()[1]))
    assert (verdict, "another program" in text) == ("fail", True)


def test_a_missing_library_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install."""
    monkeypatch.setitem(sys.modules, "starlette", None)
    with pytest.raises(LibraryError, match=r"pip install 'serd\[web\]'"):
        list(page_findings(Settings(enabled=True)))
