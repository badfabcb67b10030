"""What a click means: the words that the person could have typed instead."""

import re
from collections.abc import Mapping

from bot.slack.payloads import Said
from bot.views import alert_card, home, operation_card

_WORDS: Mapping[str, str] = {
    operation_card.APPROVE: "approve",
    operation_card.REJECT: "reject",
    operation_card.CANCEL: "cancel",
    home.UNLOCK: "unlock",
    alert_card.ACKNOWLEDGE: "ack",
    alert_card.UNSILENCE: "unsilence",
    alert_card.ROLL_BACK: "rollback-suspect",
}
_VALUE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
"""The id of an operation or an alert group, or an environment's name, and nothing that could be read as more words."""

_SPAN = re.compile(rf"[0-9]{{1,3}}[hmd]|{alert_card.OTHER}")


def words(said: Said) -> str | None:
    """The command behind a button; None for one that only opens a link or looks again."""
    if said.action == alert_card.SILENCE:
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
    return f"silence {name}" if span == alert_card.OTHER else f"silence {name} {span}"
