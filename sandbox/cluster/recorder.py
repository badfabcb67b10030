"""Events as Kubernetes records them: the same thing again raises a count instead of adding a line."""

import secrets
from collections import OrderedDict

from sandbox.cluster.model import Json, Key, Now, format_time
from sandbox.cluster.resources import EVENTS, ResourceType
from sandbox.cluster.store import ObjectStore

MAX_EVENTS = 2_000


class EventRecorder:
    """Writes events about objects; keeps the newest ``MAX_EVENTS``."""

    def __init__(self, store: ObjectStore, now: Now) -> None:
        self._store = store
        self._now = now
        self._known: OrderedDict[tuple[str, ...], Key] = OrderedDict()

    def record(self, resource: ResourceType, obj: Json, reason: str, message: str, *, source: str, warning: bool = False) -> None:
        metadata = obj["metadata"]
        identity = (metadata["uid"], source, reason, message)
        known = self._known.get(identity)
        if known is not None and self._store.find(EVENTS, known) is not None:
            self._store.modify(EVENTS, known, self._count_again)
            return
        # Another hex word after the name: Kubernetes writes the time there; this one only has to be unique.
        name = f"{metadata['name']}.{secrets.token_hex(8)}"
        namespace = metadata.get("namespace", "default")
        at = format_time(self._now())
        event = {
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {
                "apiVersion": resource.api_version,
                "kind": resource.kind,
                "name": metadata["name"],
                "namespace": metadata.get("namespace", ""),
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
            "reason": reason,
            "message": message,
            "type": "Warning" if warning else "Normal",
            "source": {"component": source},
            "reportingComponent": source,
            "reportingInstance": "",
            "firstTimestamp": at,
            "lastTimestamp": at,
            "eventTime": None,
            "count": 1,
        }
        self._store.create(EVENTS, event)
        self._known[identity] = (namespace, name)
        self._forget_oldest()

    def _count_again(self, event: Json) -> None:
        event["count"] += 1
        event["lastTimestamp"] = format_time(self._now())

    def _forget_oldest(self) -> None:
        while len(self._known) > MAX_EVENTS:
            _, key = self._known.popitem(last=False)
            if self._store.find(EVENTS, key) is not None:
                self._store.remove(EVENTS, key)
