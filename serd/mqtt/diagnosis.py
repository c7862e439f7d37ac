"""What can go wrong between us and a broker, in words that tell what to do."""

import errno
import socket
import ssl
from typing import Final, Protocol

REFUSED: Final = "connection refused, no broker runs there"
CUT: Final = "the connection broke off"
NO_MQTT: Final = (
    "closed before it answered; is it an MQTT broker, and is TLS set on both sides or on neither?"
)
SILENT: Final = "no answer; is it an MQTT broker?"
_NOT_AUTHORISED: Final = frozenset({"not authorized", "bad user name or password"})


def in_words(error: BaseException | None) -> str:
    """Why a connection did not come about."""
    match error:
        case ConnectionRefusedError():
            words = REFUSED
        case ConnectionResetError():
            words = NO_MQTT
        case TimeoutError():
            words = "no answer in time"
        case socket.gaierror():
            words = "the host name is not known"
        case ssl.SSLCertVerificationError():
            words = (
                f"its TLS certificate is not accepted ({error.verify_message});"
                " [mqtt] ca_file must name the authority that signed it"
            )
        case ssl.SSLError(reason="WRONG_VERSION_NUMBER" | "RECORD_LAYER_FAILURE"):
            words = "it does not speak TLS on this port; turn [mqtt] tls off or take its TLS port"
        case ssl.SSLError():
            words = f"TLS failed ({error.reason or error})"
        case OSError(errno=errno.ENETUNREACH | errno.EHOSTUNREACH):
            words = "there is no way to this host; is the network up?"
        case OSError():
            words = error.strerror or str(error)
        case _:
            words = "no answer"
    return words


def asks_for_version_5(words: str) -> str:
    """The same, where we ask for a version of MQTT that not every broker speaks."""
    if words not in {NO_MQTT, SILENT}:
        return words
    return f'{words} Does it speak MQTT 5? Else set [mqtt] protocol = "3.1.1"'


def refusal(code: str) -> str:
    """Why a broker does not let us in, from the name of its reason code."""
    if code.lower() in _NOT_AUTHORISED:
        return "not authorised; check [mqtt] user and password"
    if code.lower() == "unsupported protocol version":
        return "it does not speak this version of MQTT; set [mqtt] protocol to the other one"
    return as_part(code)


def access_refusal(code: str) -> str:
    """Why a broker does not take a message or a subscription, from the name of its reason code."""
    if code.lower() == "not authorized":
        return "not authorised; its access rules must allow it"
    return as_part(code)


def as_part(text: str) -> str:
    """A text as a part of a sentence: it begins with a small letter."""
    return text[:1].lower() + text[1:]


class Tell(Protocol):
    """Takes one line."""

    def __call__(self, line: str, *, is_up: bool) -> None:
        """Say it."""
        ...


class LinkStatus:
    """Says what is new about the connection to one broker."""

    def __init__(self, address: str, tell: Tell, *, is_version_5: bool) -> None:
        """Nothing has been said yet."""
        self.reason = ""
        """Why there is no connection; empty where there is one."""
        self._broker: Final = f"broker {address}"
        self._tell = tell
        self._is_version_5 = is_version_5
        self._said: set[str] = set()
        self._is_explained = False

    def up(self) -> None:
        """It is there."""
        self.reason = ""
        self._said.clear()
        self._tell(f"connected to {self._broker}", is_up=True)

    def fails(self, how: str, why: str) -> None:
        """This attempt fails: ``how`` as in "cannot be reached"."""
        self._is_explained = True
        self._say(f"{self._broker} {how}", self._in_our_words(why))

    def over(self, *, was_up: bool, cut: str = CUT) -> None:
        """A connection or an attempt has ended, whether or not it has been said why."""
        is_explained, self._is_explained = self._is_explained, False
        if was_up:
            self._say(f"lost {self._broker}", cut)
            # A broker that restarts has its port closed, or open too early: no news after a loss.
            self._said.update((REFUSED, self._in_our_words(NO_MQTT)))
        elif not is_explained:
            self._say(f"{self._broker} cannot be used", self._in_our_words(NO_MQTT))

    def no_subscription(self, topic_filter: str, why: str) -> None:
        """The broker does not let us have the messages on some topics."""
        self._tell(f"{self._broker} refuses our subscription to {topic_filter}: {why}", is_up=False)

    def _in_our_words(self, why: str) -> str:
        return asks_for_version_5(why) if self._is_version_5 else why

    def _say(self, what: str, reason: str) -> None:
        self.reason = reason
        if reason not in self._said:
            self._said.add(reason)
            self._tell(f"{what}: {reason}; trying again", is_up=False)
