"""A command is a module with add_parser and an entry in the list of commands."""

import argparse
import sys
from types import ModuleType

import pytest

from serd import cli


@pytest.fixture
def hello(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module ``serd.cli.hello`` with its entry."""

    def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
        parser = commands.add_parser("hello", help="greet")
        parser.add_argument("name")
        parser.set_defaults(command=greet)

    def greet(args: argparse.Namespace) -> int:
        print(f"Hello {args.name}.")
        return 0

    module = ModuleType("serd.cli.hello")
    module.add_parser = add_parser  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "serd.cli.hello", module)
    monkeypatch.setattr(cli, "COMMANDS", (*cli.COMMANDS, "hello"))


@pytest.mark.usefixtures("hello")
def test_a_new_command_runs_and_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Its function is called, and serd --help lists it."""
    assert cli.main(["hello", "Ada"]) == 0
    assert capsys.readouterr().out == "Hello Ada.\n"
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    assert "greet" in capsys.readouterr().out
