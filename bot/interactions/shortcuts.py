"""Shortcuts in a message's menu: the command whose form each one opens."""

import unicodedata
from collections.abc import Callable, Mapping

from bot.slack.payloads import Interaction
from commands.core.quoting import quote
from domain.text import clip

MAX_TITLE_LENGTH = 150
"""Characters of the message that become the title. People see it in the form, and can change it."""

_INVISIBLE = ("Cc", "Cf", "Cs")

ShortcutCommand = Callable[[str, str], str]
"""From the text and the permalink of a message to the text of a command."""


def command_from_message(command: str, origin_flag: str = "") -> ShortcutCommand:
    """A shortcut that opens the form of ``command`` with the first line of the message as its text.

    ``origin_flag`` is the flag that takes the message's permalink; empty if the command has none.
    """

    def text(message: str, permalink: str) -> str:
        lines = [line for line in map(_without_invisible, message.splitlines()) if line]
        title = quote(clip(lines[0], MAX_TITLE_LENGTH), always=True) if lines else ""
        origin = f"--{origin_flag} {quote(permalink)}" if origin_flag and permalink else ""
        return " ".join(part for part in (command, title, origin) if part)

    return text


def shortcut_text(shortcuts: Mapping[str, ShortcutCommand], interaction: Interaction) -> str | None:
    """The command behind a shortcut; None for one that no family has."""
    shortcut = shortcuts.get(interaction.action)
    return shortcut(interaction.text, interaction.value) if shortcut else None


def _without_invisible(line: str) -> str:
    """The line without characters that commands refuse: nobody has typed them here."""
    return "".join(" " if each.isspace() else each for each in line if unicodedata.category(each) not in _INVISIBLE).strip()
