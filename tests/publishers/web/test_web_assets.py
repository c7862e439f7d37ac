"""The files of the page: small, complete in both languages, and without a word to other hosts."""

import json
import re

import pytest

from serd.model.labels import EMOTIONS
from serd.publishers.web.assets import assets
from testkit.web_client import Start, WebClient

HASH = "$argon2id$x"
TEXTS = json.loads(assets()["texts.json"].plain)
SCRIPTS = {name: asset.plain.decode() for name, asset in assets().items() if name.endswith(".js")}
DOCUMENTS = {name: asset.plain.decode() for name, asset in assets().items() if name.endswith(".html")}


def test_the_page_is_small() -> None:
    """All files together have less than 100 kB, compressed."""
    assert sum(len(asset.packed) for asset in assets().values()) < 100_000


@pytest.mark.parametrize("name", sorted(assets()))
def test_no_file_names_another_host(name: str) -> None:
    """The page works without a network; the one address is the name of SVG."""
    found = re.findall(r"(?:https?:)?//[a-z][^\s\"'`]+", assets()[name].plain.decode())
    assert set(found) <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_documents_have_no_inline_script_or_style(name: str) -> None:
    """The content security policy would refuse them."""
    text = DOCUMENTS[name]
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:", text)


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_scripts_make_no_html_from_text(name: str) -> None:
    """So nothing that a device or a person is called can become a script."""
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", SCRIPTS[name]
    )


def test_languages_have_the_same_texts() -> None:
    """With the same values in them, and a word for each emotion."""
    english, german = TEXTS["en"], TEXTS["de"]
    assert english.keys() == german.keys()
    for key in english.keys() - {"emotion"}:
        assert set(re.findall(r"{\w+}", english[key])) == set(re.findall(r"{\w+}", german[key])), key
    for texts in TEXTS.values():
        assert texts["emotion"].keys() == {*EMOTIONS, "uncertain", "none"}


def test_every_text_that_is_used_exists() -> None:
    """In documents and scripts; keys that are put together are tested in the browser."""
    used = {
        key for text in DOCUMENTS.values() for key in re.findall(r"data-(?:text|label)=\"(\w+)\"", text)
    }
    used |= {key for text in SCRIPTS.values() for key in re.findall(r"\btext\(\"(\w+)\"", text)}
    assert used <= TEXTS["en"].keys()
    assert len(used) > 60


def test_every_file_that_is_named_exists() -> None:
    """Modules, styles, texts and icon."""
    everything = "".join([*DOCUMENTS.values(), *SCRIPTS.values()])
    named = set(re.findall(r"(?:static|\.)/([\w-]+\.(?:json|js|css|svg))", everything))
    assert named == assets().keys() - DOCUMENTS.keys()


class TestServing:
    """How the files are served."""

    def test_a_known_file_is_not_sent_again(self, client: WebClient) -> None:
        """The browser asks with its tag."""
        first = client.ask("/static/style.css")
        again = client.ask("/static/style.css", headers={"If-None-Match": first.headers["etag"]})
        assert (first.status, again.status, again.content) == (200, 304, b"")

    def test_files_are_compressed(self, client: WebClient) -> None:
        """If the browser can read that."""
        packed = client.ask("/static/style.css", headers={"Accept-Encoding": "gzip, br"})
        assert packed.headers["content-encoding"] == "gzip"
        assert len(packed.content) < len(client.ask("/static/style.css").content)

    @pytest.mark.parametrize("header", ["X-Ingress-Path", "X-Forwarded-Prefix"])
    def test_below_a_path_of_a_proxy_addresses_begin_there(self, client: WebClient, header: str) -> None:
        """All addresses are relative to the base of the document."""
        page = client.ask("/", headers={header: "/api/hassio_ingress/abc"}).content
        assert b'<base href="/api/hassio_ingress/abc/">' in page

    @pytest.mark.parametrize(
        "prefix", ["//evil.example", "/a b", '/"><script>', "evil", "/" + "a/" * 50]
    )
    def test_a_strange_path_is_not_taken_over(self, client: WebClient, prefix: str) -> None:
        """It would be written into the page."""
        page = client.ask("/", headers={"X-Forwarded-Prefix": prefix}).content
        assert b'<base href="./">' in page

    def test_the_page_of_the_password_needs_open_files_alone(self, start: Start) -> None:
        """All others are closed."""
        client = WebClient(start(password_hash=HASH).port)
        document = client.ask("/").content.decode()
        for name in re.findall(r"static/([\w.-]+)", document):
            assert client.ask(f"/static/{name}").status == 200
        assert client.ask("/static/texts.js").status == 200
        assert client.ask("/static/app.js").status == 401
