"""``serd devices``: lists the microphones."""

import argparse
from collections.abc import Sequence

from serd.audio.microphone import Microphone, microphones
from serd.audio.portaudio import portaudio_module


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "devices",
        help="list microphones",
        description="Lists the microphones; serd run --source takes a number, a name or a part of it.",
    )
    parser.set_defaults(command=devices_command)


def devices_command(_args: argparse.Namespace) -> int:
    """Print a table of the microphones."""
    show(microphones(portaudio_module()))
    return 0


def show(devices: Sequence[Microphone]) -> None:
    """Print a table, or a line if there is no microphone, which is no error."""
    if not devices:
        print("No microphone found.")
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, header_style="bold")
    table.add_column("number", justify="right")
    table.add_column("name")
    table.add_column("channels", justify="right")
    table.add_column("rate", justify="right")
    table.add_column("host")
    table.add_column("")
    for device in devices:
        table.add_row(
            str(device.index),
            device.name,
            str(device.n_channels),
            f"{device.rate_hz} Hz",
            device.host,
            "default" if device.is_default else "",
        )
    Console().print(table)
