"""How an entry says where something happened, and what of its texts is kept."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.audit import MAX_SUBJECT_LENGTH, MAX_TEXT_LENGTH, AuditEntry, new_entry
from domain.people import Person

NAMES = tuple(f"deep-echo-service-{number}" for number in range(20))


def entry(**more: Any) -> AuditEntry:
    return new_entry(key="k", at=datetime(2026, 11, 23, tzinfo=UTC), who=Person("U0SRE", "T0HOME"), what="deploy", **more)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({}, ""),
        ({"subject": "catalogue"}, "catalogue"),
        ({"environment": "staging"}, "staging"),
        ({"environment": "staging", "services": ("a", "b")}, "staging/a,b"),
        ({"environment": "staging", "services": ("a",), "subject": "HighErrorRate"}, "staging/a/HighErrorRate"),
        ({"subject": "x" * 300}, "x" * (MAX_SUBJECT_LENGTH - 1) + "…"),
        ({"environment": "staging", "services": NAMES}, f"staging/{','.join(NAMES)}"),
    ],
)
def test_where_goes_from_the_environment_inwards(fields: dict[str, Any], where: str) -> None:
    assert entry(**fields).where == where


def test_long_texts_are_cut() -> None:
    long = entry(why="y" * 5000, outcome="done " * 1000)
    assert (len(long.why), long.outcome[-1]) == (MAX_TEXT_LENGTH, "…")
    assert len(long.outcome) <= MAX_TEXT_LENGTH
