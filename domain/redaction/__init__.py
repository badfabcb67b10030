"""Masks secrets in everything that leaves the process: messages, logs, errors. In doubt it hides too much."""

from domain.redaction.masking import MASK, redact

__all__ = ["MASK", "redact"]
