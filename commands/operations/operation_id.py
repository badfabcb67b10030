"""The id of an operation, as people type it."""

import re

from domain.errors import UsageError
from domain.rich_text import Code, CommandMention, sentence


def parse_operation_id(word: str) -> str:
    """Parse an operation id: ``op-k7m2``, ``OP-K7M2`` and ``k7m2`` are the same. Raises ``UsageError``."""
    name = word.lower().removeprefix("op-")
    if not re.fullmatch(r"[a-z0-9]{1,40}", name):
        raise UsageError(
            f"“{word[:40]}” is not an operation's id.",
            sentence("They look like ", Code("op-k7m2"), "; ", CommandMention("operations"), " lists them."),
        )
    return f"op-{name}"
