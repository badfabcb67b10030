"""What the stand-in keeps: dashboards, annotations, and what goes wrong with its answers."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Trouble:
    """What happens to each request of the API until it is taken back."""

    status: int = 0
    """Answers with this status, and does nothing."""
    delay_seconds: float = 0.0
    rubbish: bytes | None = None
    """Answers 200 with this body instead."""
    loses_writes: bool = False
    """Does what is written, and breaks the connection instead of answering."""


@dataclass
class Annotation:
    """As Grafana keeps it: times in milliseconds, the end never before the beginning."""

    id: int
    time: int
    time_end: int
    text: str
    tags: list[str]

    def representation(self) -> Json:
        return {
            "id": self.id,
            "alertId": 0,
            "alertName": "",
            "dashboardId": 0,
            "dashboardUID": None,
            "panelId": 0,
            "userId": 0,
            "newState": "",
            "prevState": "",
            "created": self.time,
            "updated": self.time,
            "time": self.time,
            "timeEnd": self.time_end,
            "text": self.text,
            "tags": self.tags,
            "login": "sa-1-deepecho",
            "email": "sa-1-deepecho",
            "avatarUrl": "/avatar/0",
            "data": {},
        }


@dataclass
class State:
    """Everything, for tests to look into."""

    dashboards: dict[str, Json]
    """By uid; each with ``dashboard`` and ``meta`` as the API gives them."""
    annotations: dict[int, Annotation] = field(default_factory=dict)
    trouble: Trouble = field(default_factory=Trouble)
    requests: list[str] = field(default_factory=list)
    """Method and path with the query of each request of the API, in order."""
    has_renderer: bool = False
    last_id: int = 0

    def next_id(self) -> int:
        """Of a new annotation."""
        self.last_id += 1
        return self.last_id
