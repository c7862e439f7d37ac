"""``serd devices``: lists the microphones."""

import argparse
import json
from collections.abc import Sequence

from serd.audio.alsa import Card, lasting_name, read_cards
from serd.audio.devices import Microphone, microphones
from serd.audio.portaudio import portaudio_module


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "devices",
        help="list microphones",
        description="Lists the microphones; serd run --source takes a number, a name or a part of it,"
        " and ALSA's names (hw:CARD=Device,DEV=0).",
    )
    parser.set_defaults(command=devices_command)


def devices_command(_args: argparse.Namespace) -> int:
    """Print a table of the microphones."""
    show(microphones(portaudio_module()), read_cards())
    return 0


def show(devices: Sequence[Microphone], cards: Sequence[Card] = ()) -> None:
    """Print a table, and a setting to paste for each; no microphone is a line and no error."""
    if not devices:
        print("No microphone found.")
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, header_style="bold")
    table.add_column("number", justify="right")
    table.add_column("name")
    table.add_column("channels", justify="right")
    table.add_column("rate", justify="right")
    table.add_column("host")
    table.add_column("")
    for device in devices:
        is_usable = device.is_usable
        table.add_row(
            str(device.index),
            Text(device.name),
            str(device.n_channels) if is_usable else "",
            f"{device.rate_hz} Hz" if is_usable else "",
            device.host,
            "default" if device.is_default else "" if is_usable else "not usable: its name is no UTF-8",
        )
    Console().print(table)
    print("\nFor the settings file, one of:\n\n[source]")
    for device in devices:
        if device.is_usable:
            print(f"input = {json.dumps(setting_of(device, devices, cards), ensure_ascii=False)}")


def setting_of(device: Microphone, devices: Sequence[Microphone], cards: Sequence[Card]) -> str:
    """Return the value of ``input`` that names a device: a lasting name, or its index without one."""
    name = lasting_name(device.name, cards)
    is_unique = sum(other.name == device.name for other in devices) == 1
    return name if name != device.name or is_unique else str(device.index)
