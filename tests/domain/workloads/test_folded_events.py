"""Events as people read them: one line for what happened to many pods."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.workloads.folded_events import fold_events, is_about
from domain.workloads.listings import ListedEvent

NOW = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)


def event(
    name: str, *, minutes: int = 0, kind: str = "Pod", reason: str = "BackOff", warning: bool = True, count: int = 1
) -> ListedEvent:
    at = NOW - timedelta(minutes=minutes)
    return ListedEvent(is_warning=warning, reason=reason, kind=kind, name=name, message=f"of {name}", count=count, last_at=at)


def test_the_same_of_many_pods_is_one_line_with_the_newest_words() -> None:
    folded = fold_events(
        [event("web-5f4c9d8b7-x2x4q", count=3), event("web-5f4c9d8b7-abcde", minutes=5), event("db-0", minutes=1)]
    )
    assert [(each.name, each.count, each.message) for each in folded] == [
        ("web-…", 4, "of web-5f4c9d8b7-x2x4q"),
        ("db-0", 1, "of db-0"),
    ]


def test_warnings_come_first() -> None:
    scaled = event("web", kind="Deployment", warning=False)
    assert fold_events([scaled, event("web-5f4c9d8b7-x2x4q", minutes=30)])[0].is_warning


@pytest.mark.parametrize(
    ("name", "kind", "is_so"),
    [
        ("web-5f4c9d8b7-x2x4q", "Pod", True),
        ("web-worker-5f4c9d8b7-x2x4q", "Pod", False),
        ("web-0", "Pod", True),
        ("web-5f4c9d8b7", "ReplicaSet", True),
        ("web-worker-5f4c9d8b7", "ReplicaSet", False),
        ("web", "Deployment", True),
        ("web", "ConfigMap", False),
        ("web", "HorizontalPodAutoscaler", True),
    ],
)
def test_what_is_about_a_workload(name: str, kind: str, is_so: bool) -> None:  # noqa: FBT001
    assert is_about(event(name, kind=kind), "web") is is_so
