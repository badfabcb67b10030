"""Severities: P0 is a complete outage, P3 can wait until tomorrow."""

from enum import StrEnum


class Severity(StrEnum):
    """The platform's four severities, worst first."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"

    @property
    def rank(self) -> int:
        """0 for the worst, 3 for the least."""
        return int(self.value[1])
