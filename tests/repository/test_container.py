"""The container image: its files agree with serd and with each other."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from serd import __version__
from serd.settings.loader import load_settings
from testkit.documents import commands_of

FOLDER = Path(__file__).parents[2] / "packaging" / "container"
DOCKERFILE = (FOLDER / "Dockerfile").read_text("utf-8")


def test_the_variables_of_the_image_are_settings() -> None:
    """The health is served, the events are kept, and the state is in the volume."""
    block = re.search(r"^ENV (.+?[^\\])$", DOCKERFILE, re.MULTILINE | re.DOTALL)
    assert block is not None
    variables = dict(each.split("=", 1) for each in block[1].replace("\\\n", " ").split())
    settings = load_settings(environment=variables | {"HOME": "/none"})
    assert settings.publishers["metrics"].enabled
    assert settings.publishers["history"].enabled
    assert f"VOLUME {variables['STATE_DIRECTORY']}\n" in DOCKERFILE


def test_the_image_does_not_run_as_root() -> None:
    """The last user of the default stage is serd, and its health is checked."""
    plain = DOCKERFILE.split("\nFROM ")[2]
    assert re.findall(r"^USER (\w+)$", plain, re.MULTILINE) == ["serd"]
    assert 'CMD ["serd", "health"]' in plain
    assert DOCKERFILE.rstrip().endswith("FROM serd")


def test_the_versions_agree() -> None:
    """The compose file and the app name the version of serd."""
    compose = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
    assert compose["services"]["serd"]["image"] == f"serd:{__version__}"
    assert compose["services"]["serd"]["cap_drop"] == ["ALL"]
    assert f"ARG BUILD_VERSION={__version__}\n" in DOCKERFILE


def test_another_user_has_a_state_of_its_own() -> None:
    """A volume takes the owner of the image's folder, and no other user can write to it."""
    commands = [each.text for each in commands_of(FOLDER / "README.md", FOLDER)]
    of_other_users = [each for each in commands if "--user" in each]
    assert of_other_users
    assert all("-v ~/serd-state:/var/lib/serd" in each for each in of_other_users)


@pytest.mark.parametrize("name", ["build.sh", "entrypoint.sh"])
def test_the_scripts_are_shell(name: str) -> None:
    """The shell of Debian reads them."""
    subprocess.run(["sh", "-n", FOLDER / name], check=True)


@pytest.mark.parametrize("line", re.findall(r"^COPY (?!--)(.+)$", DOCKERFILE, re.MULTILINE))
def test_what_the_image_takes_is_not_ignored(line: str) -> None:
    """Each source of a COPY is among the exceptions of .dockerignore."""
    taken = (FOLDER.parents[1] / ".dockerignore").read_text("utf-8").splitlines()
    source = line.split(maxsplit=1)[0]
    assert any(source.startswith(each.removeprefix("!")) for each in taken if each.startswith("!"))
