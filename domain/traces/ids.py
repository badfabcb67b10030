"""Ids of traces and spans. Pure."""

import re

TRACE_DIGITS, SPAN_DIGITS = 32, 16
_HEX = re.compile(r"[0-9a-f]{1,32}")


def trace_id(text: str) -> str:
    """The id with 32 digits: older systems send 16, and leave leading zeros out. Empty where it is none."""
    return _padded(text, TRACE_DIGITS)


def span_id(text: str) -> str:
    """The id with 16 digits. Empty where it is none."""
    return _padded(text, SPAN_DIGITS)


def _padded(text: str, digits: int) -> str:
    lowered = text.strip().lower()
    significant = lowered.lstrip("0")
    # An id of zeros only is OpenTelemetry's way of writing "none".
    return significant.zfill(digits) if _HEX.fullmatch(lowered) and 0 < len(significant) <= digits else ""
