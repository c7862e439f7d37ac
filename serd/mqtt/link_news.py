"""What became of a connection, said once a change and not once an attempt."""

from typing import Final, Protocol

from serd.mqtt.link_words import CUT, NO_MQTT, REFUSED, asks_for_version_5


class Tell(Protocol):
    """Takes one line."""

    def __call__(self, line: str, *, is_up: bool) -> None:
        """Say it."""
        ...


class LinkNews:
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
