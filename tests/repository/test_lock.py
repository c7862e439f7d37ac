"""The service is installed from a lock that satisfies pyproject.toml, and has a bill of materials."""

import json
import re
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from make_lock import LOCK, ROOT, locked, wanted
from make_sbom import write_sbom
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TEXT = LOCK.read_text("utf-8")
PYPROJECT = (ROOT / "pyproject.toml").read_text("utf-8")


def missing(lock: str, *, python: str, machine: str) -> list[str]:
    """The requirements of the service that a lock does not satisfy."""
    pins = locked(lock, python=python, machine=machine)
    names = [canonicalize_name(pin.name) for pin in pins]
    assert len(set(names)) == len(names), "a package has two versions"
    versions = {name: next(iter(pin.specifier)).version for name, pin in zip(names, pins, strict=True)}
    found = []
    for each in map(Requirement, wanted(PYPROJECT)):
        version = versions.get(canonicalize_name(each.name))
        if version is None or not each.specifier.contains(version):
            found.append(str(each))
    return found


@pytest.mark.parametrize("machine", ["aarch64", "x86_64"])
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_lock_satisfies_the_project(python: str, machine: str) -> None:
    """Each requirement of the daemon, its extras and its build has one version that fits."""
    assert missing(TEXT, python=python, machine=machine) == []


def test_a_lock_that_is_out_of_date_would_be_found() -> None:
    """An old version and a missing package are named."""
    old = re.sub(r"(?m)^paho-mqtt==\S+", "paho-mqtt==1.6.1", TEXT)
    assert missing(old, python="3.11", machine="aarch64") == ["paho-mqtt>=2.1"]
    without = re.sub(r"(?m)^soxr==\S+", "soxr-renamed==1.0", TEXT)
    assert missing(without, python="3.13", machine="x86_64") == ["soxr>=0.5"]


def test_every_package_has_a_version_and_hashes() -> None:
    """A line without a hash would end the installation."""
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", TEXT)[1:]
    assert len(entries) > 20
    for entry in entries:
        assert re.match(r"[\w.-]+==[\w.]+ ", entry), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry


def test_the_bill_of_materials_names_every_package(tmp_path: Path) -> None:
    """It is valid by the schema of CycloneDX, and has the version and a hash of each."""
    path = tmp_path / "serd.cdx.json"
    write_sbom(path)
    text = path.read_text("utf-8")
    body = json.loads(text)
    version = SchemaVersion.from_version(body["specVersion"])
    assert JsonStrictValidator(version).validate_str(text) is None
    assert body["metadata"]["component"]["name"] == "serd"
    parts = {(part["name"], part["version"]) for part in body["components"]}
    assert parts == set(re.findall(r"(?m)^([\w.-]+)==([\w.]+)", TEXT))
    for part in body["components"]:
        assert any(place.get("hashes") for place in part["externalReferences"]), part
