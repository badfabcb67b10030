"""What a click means: the words that the person could have typed instead."""

import re
from collections.abc import Mapping

from bot.slack.payloads import Interaction
from bot.views import alert_card, home, operation_card

_COMMANDS: Mapping[str, str] = {
    operation_card.APPROVE: "approve",
    operation_card.REJECT: "reject",
    operation_card.CANCEL: "cancel",
    home.UNLOCK: "unlock",
    alert_card.ACKNOWLEDGE: "ack",
    alert_card.UNSILENCE: "unsilence",
    alert_card.ROLL_BACK: "rollback-suspect",
}
_VALUE_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
"""The id of an operation or an alert group, or an environment's name, and nothing that could be read as more words."""

_DURATION_PATTERN = re.compile(rf"[0-9]{{1,3}}[hmd]|{alert_card.OTHER_DURATION}")


def command_text(interaction: Interaction) -> str | None:
    """The command behind a button; None for one that only opens a link or looks again."""
    if interaction.action == alert_card.SILENCE:
        return _silence_command(interaction.value)
    verb = _COMMANDS.get(interaction.action)
    if verb is None or not _VALUE_PATTERN.fullmatch(interaction.value):
        return None
    return f"{verb} {interaction.value}"


def _silence_command(value: str) -> str | None:
    """A choice of the menu: which group, and for how long or "other", which leaves it to the form to ask."""
    name, _, duration = value.partition("/")
    if not _VALUE_PATTERN.fullmatch(name) or not _DURATION_PATTERN.fullmatch(duration):
        return None
    return f"silence {name}" if duration == alert_card.OTHER_DURATION else f"silence {name} {duration}"
