"""Conversion of a single setting from text or TOML to the type of its field, and back to TOML.

A field is a bool, int, float or str, a ``Literal`` of strings, a tuple of one of these, or a number with
bounds: ``Annotated[int, Range(1)]``.
"""

import json
import math
import re
import unicodedata
from dataclasses import dataclass, fields
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from serd.errors import SettingsError

SECRET_MASK: Final = "********"  # noqa: S105
_PRIVATE_PARTS: Final = r"(?<=://)[^/@]*(?=@)|(?<=[?])(?!from=[^&]*$).+"
"""User and password of a URL, and its query, which may hold a token; not the client of a port."""
_MAX_SHOWN_CHARS: Final = 100
_MAX_WHOLE_NUMBER: Final = 2**63 - 1
"""Greatest whole number that every TOML reader accepts."""
_TYPE_NAMES: Final = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text in UTF-8",
}
_BOOLEANS: Final = dict.fromkeys(("1", "true", "yes", "on"), True) | dict.fromkeys(
    ("0", "false", "no", "off"), False
)


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a number."""

    minimum: float
    """The lower bound."""
    is_open: bool = False
    """Whether the lower bound itself is excluded."""

    def contains(self, value: float) -> bool:
        """Whether a number is within the bounds."""
        return value > self.minimum or (value == self.minimum and not self.is_open)

    def __str__(self) -> str:
        return f"a number above {self.minimum:g}" if self.is_open else f"{self.minimum:g} or more"


def parse(text: str, hint: Any, where: str) -> object:  # noqa: ANN401
    """Convert the text of an environment variable; ``checked`` must check the result.

    Args:
        text: the text of the variable.
        hint: type of the field; not a tuple.
        where: origin of the value, for the message.

    Raises:
        SettingsError: the text cannot be converted.
    """
    hint, _ = unwrapped(hint)
    try:
        if hint is bool:
            return _BOOLEANS[text.strip().lower()]
        return text if get_origin(hint) is Literal else hint(text)
    except (ValueError, KeyError) as exc:
        raise SettingsError(f"{where} = {shown(repr(text))}, expected {_TYPE_NAMES[hint]}") from exc


def checked(value: object, hint: Any, where: str, *, is_secret: bool = False) -> object:  # noqa: ANN401
    """Check a value from TOML, the environment or the command line against the type of its field.

    Args:
        value: the value; a whole number is accepted for a float, a list for a tuple, and capital letters
            in a word of a ``Literal``.
        hint: type of the field.
        where: origin of the value, for the message.
        is_secret: whether the message must not contain the value.

    Raises:
        SettingsError: the value has a wrong type, is out of bounds or is no finite number.
    """

    def refusal(expected: str) -> SettingsError:
        got = SECRET_MASK if is_secret else _described(value)
        return SettingsError(f"{where} = {got}, expected {expected}")

    hint, bounds = unwrapped(hint)
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise refusal("a list")
        return tuple(checked(each, get_args(hint)[0], where, is_secret=is_secret) for each in value)
    if get_origin(hint) is Literal:
        word = value.lower() if isinstance(value, str) else value
        if word not in get_args(hint):
            raise refusal(f"one of: {', '.join(get_args(hint))}")
        return word
    if not _is_portable(value):
        raise refusal(_TYPE_NAMES[hint])
    if hint is float and type(value) is int:
        value = float(value)
    if type(value) is not hint or (isinstance(value, float) and not math.isfinite(value)):
        raise refusal(_TYPE_NAMES[hint])
    if bounds is not None and isinstance(value, int | float) and not bounds.contains(value):
        raise refusal(str(bounds))
    return value


MAX_NAME_CHARS: Final = 64
"""Longest name; topics and files contain several."""


def formed(text: str, form: str, where: str) -> str:
    """A text in the form that its field asks for, with ``metadata={"form": ...}``.

    Args:
        text: the value.
        form: "name" composes letters and their accents (NFC), since they look the same in both forms but
            are different topics; "host" removes the brackets of an IPv6 address; "" is any text.
        where: origin of the value, for the message.

    Raises:
        SettingsError: a name is too long, or has a character that cannot be seen or sent.
    """
    if form == "host":
        is_bracketed = text.startswith("[") and text.endswith("]") and ":" in text
        return text[1:-1] if is_bracketed else text
    if form != "name":
        return text
    name = unicodedata.normalize("NFC", text)
    if len(name) > MAX_NAME_CHARS:
        got = f"{shown(repr(name[:MAX_NAME_CHARS]))}… ({len(name)} characters)"
        raise SettingsError(f"{where} = {got}, expected at most {MAX_NAME_CHARS} characters")
    if bad := next(filter(_is_unprintable, name), ""):
        raise SettingsError(
            f"{where} = {shown(ascii(name))}, expected a name without U+{ord(bad):04X}, which is a line"
            " break, a control character or no character; does its file or variable end in one?"
        )
    return name


def _is_unprintable(char: str) -> bool:
    """Whether a character is a control, a line break or none at all, which brokers refuse in topics."""
    is_no_character = (ord(char) & 0xFFFE) == 0xFFFE or 0xFDD0 <= ord(char) <= 0xFDEF
    return is_no_character or unicodedata.category(char) in {"Cc", "Zl", "Zp"}


def shown(text: str) -> str:
    """A value as text for a message: shortened, and without the password of an address.

    Args:
        text: the value in Python or TOML, such as ``"mqtt://user:password@host"`` with its quotes; all
            before the last ``@`` is masked.
    """
    _, at, address = text.rpartition("@")
    if at:
        text = f"{text[:1]}{SECRET_MASK}@{address}"
    return text if len(text) <= _MAX_SHOWN_CHARS else f"{text[:_MAX_SHOWN_CHARS]}…"


def _described(value: object) -> str:
    """A value of any type for a message; the contents of a table or list are left out."""
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and abs(value) > _MAX_WHOLE_NUMBER:
        return "a number of more than 64 bits"
    return shown(repr(value))


def _is_portable(value: object) -> bool:
    """Whether a number fits in 64 bits, or a text is UTF-8; variables may hold any bytes."""
    try:
        if isinstance(value, str):
            value.encode()
    except UnicodeEncodeError:
        return False
    return not isinstance(value, int) or abs(value) <= _MAX_WHOLE_NUMBER


def unwrapped(hint: Any) -> tuple[Any, Range | None]:  # noqa: ANN401
    """A type without its annotation, and its bounds."""
    if get_origin(hint) is Annotated:
        plain, bounds = get_args(hint)
        return plain, bounds
    return hint, None


def forms(cls: type[Any]) -> dict[str, str]:
    """The form of each field whose text has one, by its name; see ``formed``."""
    return {item.name: item.metadata["form"] for item in fields(cls) if "form" in item.metadata}


def secret_keys(cls: type[Any]) -> frozenset[str]:
    """Names of the fields whose values must never be shown."""
    return frozenset(item.name for item in fields(cls) if item.metadata.get("secret"))


def as_toml(table: Any, key: str) -> str:  # noqa: ANN401
    """A setting as TOML; a secret one is masked unless it is empty, and so are secrets in a URL.

    Args:
        table: the dataclass of a section.
        key: name of a field.
    """
    value = getattr(table, key)
    if value and key in secret_keys(type(table)):
        value = SECRET_MASK
    elif isinstance(value, str) and "://" in value:
        value = re.sub(_PRIVATE_PARTS, SECRET_MASK, value)
    return json.dumps(value, ensure_ascii=False)
