"""The debug log, as ``DEEPECHO_LOG__LEVEL=debug`` writes it, for tests that read a story out of it."""

import logging
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from structlog.testing import LogCapture

Entry = MutableMapping[str, Any]


@contextmanager
def debug_log() -> Iterator[Sequence[Entry]]:
    """Every event of the block, with what is bound to its context."""
    before, capture = structlog.get_config(), LogCapture()
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, capture],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
    )
    try:
        yield capture.entries
    finally:
        structlog.configure(**before)


def story_of(entries: Sequence[Entry], subject: str) -> list[Entry]:
    """What ``grep`` finds of an id: the entries that name it."""
    return [entry for entry in entries if any(subject in str(value) for value in entry.values())]


def in_order(entries: Sequence[Entry], *stations: str) -> bool:
    """Whether these events happened one after the other, whatever else happened in between."""
    events = iter([entry["event"] for entry in entries])
    return all(station in events for station in stations)
