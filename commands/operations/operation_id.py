"""The id of an operation, as people type it."""

from commands.core.ids import parse_id


def parse_operation_id(word: str) -> str:
    """Parse an operation id: ``op-k7m2``, ``OP-K7M2`` and ``k7m2`` are the same. Raises ``UsageError``."""
    return parse_id(word, "op-k7m2", "an operation's", "operations")
