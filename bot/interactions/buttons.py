"""What a click means: the command that the person could have typed instead."""

import re
from collections.abc import Callable, Mapping

from bot.slack.payloads import Interaction

ButtonCommand = Callable[[str], str | None]
"""From the value of a button to the text of a command; None where the value is none of ours."""

ID_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
"""The id of an operation or an alert group, or an environment's name, and nothing that could be read as more words."""


def command_with_id(command: str) -> ButtonCommand:
    """A button whose value is an id: ``command`` with that id."""

    def text(value: str) -> str | None:
        return f"{command} {value}" if ID_PATTERN.fullmatch(value) else None

    return text


def command_text(buttons: Mapping[str, ButtonCommand], interaction: Interaction) -> str | None:
    """The command behind a click; None for a button that only opens a link or looks again."""
    button = buttons.get(interaction.action)
    return button(interaction.value) if button else None
