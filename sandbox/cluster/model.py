"""What every part of the stand-in cluster agrees on: JSON objects, keys, time stamps and pace."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]
Key = tuple[str, str]
"""Namespace ("" for what has none) and name."""
Now = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def format_time(moment: datetime) -> str:
    """RFC 3339 with whole seconds, as Kubernetes writes ``metav1.Time``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def key_of(obj: Json) -> Key:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def annotations_of(obj: Json) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def labels_of(obj: Json) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}


def replicas_of(obj: Json) -> int:
    return int(obj["spec"].get("replicas", 1))


def controller_of(obj: Json) -> Json | None:
    """The owner reference that manages this object, if any."""
    return next((owner for owner in obj["metadata"].get("ownerReferences", []) if owner.get("controller")), None)


def owned_by(obj: Json, owner: Json) -> bool:
    reference = controller_of(obj)
    return reference is not None and reference["uid"] == owner["metadata"]["uid"]


def owner_reference(api_version: str, kind: str, owner: Json) -> Json:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds that things take in the pretend data centre; each pod's waits vary by ``jitter`` (a fraction).

    The defaults look human: a pod is ready after 2 to 4 seconds.
    """

    schedule: float = 0.3
    pull: float = 0.9
    start: float = 0.5
    ready: float = 1.3
    crash: float = 1.0
    back_off: float = 5.0
    stop: float = 1.2
    autoscale: float = 3.0
    slow_factor: float = 4.0
    jitter: float = 0.3

    def scaled(self, factor: float) -> "Pace":
        """Every wait multiplied by ``factor``."""
        waits = ("schedule", "pull", "start", "ready", "crash", "back_off", "stop", "autoscale")
        return replace(self, **{wait: getattr(self, wait) * factor for wait in waits})

    def with_jitter(self, seconds: float) -> float:
        return seconds * random.uniform(1 - self.jitter, 1 + self.jitter)


HUMAN = Pace()
FAST = HUMAN.scaled(1 / 60)
"""For tests: a pod is ready after about 0.05 s."""
