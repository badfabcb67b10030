"""What a click means: the words that the person could have typed instead."""

import re
from collections.abc import Mapping

from bot.payloads import Said
from bot.views import home, operation

_WORDS: Mapping[str, str] = {
    operation.APPROVE: "approve",
    operation.REJECT: "reject",
    operation.CANCEL: "cancel",
    home.UNLOCK: "unlock",
}
_VALUE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
"""An operation's id or an environment's name, and nothing that could be read as more words."""


def words(said: Said) -> str | None:
    """The command behind a button; None for one that only opens a link or looks again."""
    verb = _WORDS.get(said.action)
    if verb is None or not _VALUE.fullmatch(said.value):
        return None
    return f"{verb} {said.value}"
