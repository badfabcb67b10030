"""Parses ids that people type."""

import re

from domain.errors import UsageError
from domain.rich_text import Code, CommandMention, sentence

_NAME = re.compile(r"[a-z0-9]{1,40}")


def parse_id(word: str, example: str, what: str, list_command: str) -> str:
    """Parse an id that looks like ``example``: ``op-k7m2``, ``OP-K7M2`` and ``k7m2`` are the same.

    ``what`` is ``an operation's``; ``list_command`` shows all ids. Raises ``UsageError``.
    """
    prefix = f"{example.partition('-')[0]}-"
    name = word.lower().removeprefix(prefix)
    if not _NAME.fullmatch(name):
        hint = sentence("They look like ", Code(example), "; ", CommandMention(list_command), " lists them.")
        raise UsageError(f"“{word[:40]}” is not {what} id.", hint)
    return f"{prefix}{name}"
