"""Command-line flags that several commands share, and their conversion to settings."""

import argparse
from pathlib import Path

from serd.settings.loader import Settings, load_settings

_DESTINATION = "set_{section}_{key}"


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--config``."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings file (TOML)")


def add_setting_option(
    parser: argparse.ArgumentParser,
    flag: str,
    setting: tuple[str, str],
    *,
    kind: type = str,
    metavar: str,
    help_text: str,
) -> None:
    """Add a flag that overrides the setting (section, key)."""
    section, key = setting
    parser.add_argument(
        flag,
        dest=_DESTINATION.format(section=section, key=key),
        type=kind,
        metavar=metavar,
        help=help_text,
    )


def add_model_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--model``."""
    add_setting_option(
        parser,
        "--model",
        ("model", "path"),
        metavar="MODEL",
        help_text="tiny, the name of a model in the state folder, or a .tflite file (default: the best"
        " bundled model)",
    )


def add_broker_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags of the broker; the password has no flag, since process lists show flags."""
    mqtt = "mqtt"
    add_setting_option(parser, "--host", (mqtt, "host"), metavar="HOST", help_text="MQTT broker")
    add_setting_option(parser, "--port", (mqtt, "port"), kind=int, metavar="PORT", help_text="its port")
    add_setting_option(parser, "--user", (mqtt, "user"), metavar="USER", help_text="its user name")
    add_setting_option(
        parser, "--prefix", (mqtt, "prefix"), metavar="TOPIC", help_text="first part of the topics"
    )


def settings_from(
    args: argparse.Namespace, extra: dict[tuple[str, str], object] | None = None
) -> Settings:
    """Settings from the file, the environment, ``args`` and ``extra``; the last one wins."""
    return load_settings(args.config, flags=flags_from(args, extra))


def flags_from(
    args: argparse.Namespace, extra: dict[tuple[str, str], object] | None = None
) -> dict[tuple[str, str], object]:
    """The values of ``args`` and ``extra`` by section and key; None for a flag that is not given."""
    flags = dict(extra or {})
    for name, value in vars(args).items():
        if name.startswith("set_"):
            section, key = name.removeprefix("set_").split("_", 1)
            flags[section, key] = value
    return flags
