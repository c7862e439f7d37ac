"""The service of a desktop's user: the unit starts the program that installed it, where it is."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from serd.cli.service.machine import (
    Run,
    remove,
    replace_file,
    run,
    say,
    systemd_folder,
    write_fragments,
    write_settings,
)
from serd.cli.service.slots import PROGRAM
from serd.daemon.systemd import UNIT
from serd.errors import OperationError
from serd.settings.files import settings_places

_TEMPLATE: Final = "serd-user.service"


class UserService:
    """Installs and removes the service of the user who runs serd."""

    def __init__(self, environment: Mapping[str, str] = os.environ, run: Run = run) -> None:
        """Prepare the installation without changing a file.

        Args:
            environment: variables, which name the folders of the user.
            run: runs systemctl.
        """
        self._run = run
        home = Path(environment.get("HOME", "/"))
        config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
        self._unit = config / "systemd" / "user" / UNIT
        self._settings = settings_places(environment)[0]

    def install(self, *fragments: str) -> None:
        """Write the unit and, if there are none, the settings; enable the service and start it.

        Args:
            fragments: names of fragments of settings in the folder of the units, which are written.

        Raises:
            OperationError: systemd does not run for this user, or the service does not start.
        """
        program = Path(sys.prefix) / "bin" / "serd"
        if not program.exists():
            raise OperationError(
                f"{program} does not exist; install serd with pipx or uv tool, or in an environment"
            )
        text = (systemd_folder() / _TEMPLATE).read_text("utf-8")
        # systemd replaces what follows a percent or a dollar sign.
        path = str(program).replace("%", "%%").replace("$", "$$")
        unit = text.replace(f"={PROGRAM}/bin/serd ", f'="{path}" ')
        replace_file(self._unit, unit.encode(), 0o644)
        say(f"wrote {self._unit}")
        write_settings(self._settings, 0o600)
        write_fragments(self._settings, fragments)
        for action in (["daemon-reload"], ["enable", "--quiet", UNIT], ["restart", UNIT]):
            if reason := self._systemctl(*action):
                raise OperationError(f"systemctl --user {' '.join(action)} failed: {reason}")
        say("serd runs; see: serd service status --user, and: journalctl --user -u serd -f")

    def uninstall(self) -> None:
        """Stop the service and remove its unit; settings and state stay."""
        self._systemctl("disable", "--quiet", "--now", UNIT)
        remove(self._unit)
        self._systemctl("daemon-reload")
        say(f"the service is removed; left are the settings in {self._settings.parent} and the state")

    def _systemctl(self, *arguments: str) -> str:
        """Run systemctl; why it failed, empty if it did not."""
        done = self._run(["systemctl", "--user", *arguments], "")
        return (done.stderr.strip() or "no error message") if done.returncode else ""
