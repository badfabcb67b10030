"""What a click means: the words that the person could have typed instead."""

import re
from collections.abc import Mapping

from bot.payloads import Said
from bot.views import alert, home, operation

_WORDS: Mapping[str, str] = {
    operation.APPROVE: "approve",
    operation.REJECT: "reject",
    operation.CANCEL: "cancel",
    home.UNLOCK: "unlock",
    alert.ACKNOWLEDGE: "ack",
    alert.UNSILENCE: "unsilence",
    alert.ROLL_BACK: "rollback-suspect",
}
_VALUE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
"""The id of an operation or an alert group, or an environment's name, and nothing that could be read as more words."""

_SPAN = re.compile(rf"[0-9]{{1,3}}[hmd]|{alert.OTHER}")


def words(said: Said) -> str | None:
    """The command behind a button; None for one that only opens a link or looks again."""
    if said.action == alert.SILENCE:
        return _silence(said.value)
    verb = _WORDS.get(said.action)
    if verb is None or not _VALUE.fullmatch(said.value):
        return None
    return f"{verb} {said.value}"


def _silence(value: str) -> str | None:
    """A choice of the menu: which group, and for how long or "other", which leaves it to the form to ask."""
    name, _, span = value.partition("/")
    if not _VALUE.fullmatch(name) or not _SPAN.fullmatch(span):
        return None
    return f"silence {name}" if span == alert.OTHER else f"silence {name} {span}"
