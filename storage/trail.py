"""The debug log of a transaction, written after its commit: it tells of nothing that was rolled back."""

from typing import Any

import structlog

log = structlog.get_logger()


class Trail:
    """Events in the order in which they were added."""

    def __init__(self) -> None:
        self._events: list[tuple[str, dict[str, Any]]] = []

    def add(self, event: str, **values: Any) -> None:
        """Add an event. Each names its subject under one key: ``operation``, ``message`` or ``group``."""
        self._events.append((event, values))

    def write(self) -> None:
        """Log all events."""
        for event, values in self._events:
            log.debug(event, **values)
