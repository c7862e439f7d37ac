"""The conditions of alerts: comparisons with the mood, such as "angry + fearful >= 0.5 and arousal > 0".

    condition  = comparison { "and" comparison }
    comparison = value ( ">=" | ">" | "<=" | "<" ) number
    value      = "arousal" | "valence" | emotion { "+" emotion }

An emotion is a label of the model or "uncertain", and stands for its share of the speech, 0 to 1.
Nothing else is evaluated, so a condition can do nothing but compare.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from serd.errors import InputError
from serd.events.mood import SpanMood

MAX_CHARS: Final = 200
"""Longest condition, in characters."""
AND: Final = "and"
DIMENSIONS: Final = ("arousal", "valence")
OPERATORS: Final = (">=", ">", "<=", "<")

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<name>[^\W\d][\w-]*)|(?P<number>[+-]?\d+(?:\.\d+)?)|(?P<sign>>=|<=|\S))"
)
_MAX_GOT_CHARS: Final = 20
_PLACES: Final = 12
"""Decimal places that are compared; the error of a sum of shares lies beyond them."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of a value of the mood with a limit."""

    names: tuple[str, ...]
    """A dimension, or the emotions whose shares are added."""
    operator: str
    """One of ``OPERATORS``."""
    limit: float
    """The limit: 0 to 1 for shares, -1 to 1 for a dimension."""

    @property
    def is_minimum(self) -> bool:
        """Whether the value must be above the limit, not below it."""
        return self.operator.startswith(">")

    @property
    def room(self) -> float:
        """Least slack with which the comparison holds for every mood."""
        lowest, highest = value_range(self.names)
        return _decimal(self.limit - lowest if self.is_minimum else highest - self.limit)

    def holds(self, mood: SpanMood, slack: float = 0.0) -> bool:
        """Whether the comparison holds for a mood with speech.

        Args:
            mood: the mood; without speech nothing holds.
            slack: by how much the value may be beyond the limit, 0 or more.
        """
        value = self._value(mood)
        if value is None:
            return False
        value = _decimal(value)
        limit = _decimal(self.limit - slack if self.is_minimum else self.limit + slack)
        if value == limit:
            return self.operator.endswith("=")
        return (value > limit) is self.is_minimum

    def _value(self, mood: SpanMood) -> float | None:
        match self.names:
            case ("arousal",):
                return mood.arousal
            case ("valence",):
                return mood.valence
            case _ if not mood.shares:
                return None
            case _:
                return sum(mood.shares.get(name, 0.0) for name in self.names)


@dataclass(frozen=True, slots=True)
class Condition:
    """One or more comparisons, all of which must hold."""

    comparisons: tuple[Comparison, ...]

    @property
    def emotions(self) -> frozenset[str]:
        """The emotions that the condition names."""
        names = (name for each in self.comparisons for name in each.names)
        return frozenset(names) - set(DIMENSIONS)

    @property
    def room(self) -> float:
        """Least slack with which one of the comparisons holds for every mood."""
        return min(each.room for each in self.comparisons)

    def holds(self, mood: SpanMood, slack: float = 0.0) -> bool:
        """Whether all comparisons hold; see ``Comparison.holds``."""
        return all(each.holds(mood, slack) for each in self.comparisons)


def _decimal(value: float) -> float:
    """Round away the error of binary fractions, in which 0.1 + 0.2 is more than 0.3."""
    return round(value, _PLACES)


def value_range(names: tuple[str, ...]) -> tuple[float, float]:
    """The lowest and the highest value that a comparison can be about."""
    return (-1.0, 1.0) if names[0] in DIMENSIONS else (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    """name, number, sign or end."""
    text: str
    position: int
    """Position of its first character, from 1."""

    def refusal(self, expected: str) -> InputError:
        """The error about this token."""
        shown = self.text if len(self.text) <= _MAX_GOT_CHARS else f"{self.text[:_MAX_GOT_CHARS]}…"
        got = "the end" if self.kind == "end" else repr(shown)
        return InputError(f"{expected} at character {self.position}, got {got}")


def parse_condition(text: str) -> Condition:
    """Read a condition.

    Args:
        text: the condition, at most ``MAX_CHARS`` long.

    Raises:
        InputError: it is not a condition, or a comparison always or never holds; the text says what was
            expected, at which character, and what is there.
    """
    if len(text) > MAX_CHARS:
        raise InputError(f"at most {MAX_CHARS} characters, got {len(text)}")
    tokens = _tokens(text)
    comparisons = [_comparison(tokens)]
    while (token := next(tokens)).kind != "end":
        if token.text != AND:
            raise token.refusal('"and" or the end')
        comparisons.append(_comparison(tokens))
    return Condition(tuple(comparisons))


def _tokens(text: str) -> Iterator[_Token]:
    """Yield the tokens of a text, and after them its end again and again."""
    position = 0
    while match := _TOKEN.match(text, position):
        kind = str(match.lastgroup)
        yield _Token(kind, match[kind], match.start(kind) + 1)
        position = match.end()
    while True:
        yield _Token("end", "", len(text) + 1)


def _comparison(tokens: Iterator[_Token]) -> Comparison:
    names = [_name(next(tokens))]
    while (token := next(tokens)).text == "+":
        name = next(tokens)
        if names[0] in DIMENSIONS or name.text in DIMENSIONS:
            raise token.refusal("emotions alone can be added, expected a comparison")
        if _name(name) in names:
            raise name.refusal("another emotion")
        names.append(name.text)
    if token.text not in OPERATORS:
        raise token.refusal(f"one of {', '.join(OPERATORS)}")
    return _bounded(tuple(names), token.text, next(tokens))


def _name(token: _Token) -> str:
    if token.kind != "name" or token.text == AND:
        raise token.refusal("an emotion, arousal or valence")
    return token.text


def _bounded(names: tuple[str, ...], operator: str, number: _Token) -> Comparison:
    """A comparison that holds for some values and not for others."""
    lowest, highest = value_range(names)
    if number.kind != "number" or not lowest <= float(number.text) <= highest:
        raise number.refusal(f"a number from {lowest:g} to {highest:g}")
    limit = float(number.text)
    if limit == (lowest if operator in {">=", "<"} else highest):
        side = f"above {limit:g}" if limit == lowest else f"below {limit:g}"
        when = "always" if operator.endswith("=") else "never"
        raise number.refusal(f"a limit {side} ('{operator} {limit:g}' is {when} true)")
    return Comparison(names, operator, limit)
