"""The cluster's memory: objects by kind, one counter of versions, and a bounded history for watches.

Objects in the store are never changed in place: a writer copies, changes and replaces, so what was handed out stays true.
"""

import copy
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sandbox.cluster import errors
from sandbox.cluster.model import Json, Key, Now, format_time, key_of
from sandbox.cluster.resources import DEPLOYMENTS, ResourceType

_VERSION_EPOCH = 1_750_000_000


@dataclass(frozen=True, slots=True)
class StoreChange:
    """One write: ``version`` is the counter after it, ``previous`` what stood before (None for a new object)."""

    version: int
    type: Literal["ADDED", "MODIFIED", "DELETED"]
    storage: str
    object: Json
    previous: Json | None


class ObjectStore:
    """All objects of one cluster. Every method is synchronous, hence atomic on the event loop."""

    def __init__(self, now: Now, *, history: int = 2_000) -> None:
        self._now = now
        self._objects: dict[str, dict[Key, Json]] = {}
        # Starts from the clock so that a client that outlives a restart of the stand-in is told 410, not left waiting.
        self._version = int((now().timestamp() - _VERSION_EPOCH) * 10)
        self._oldest = self._version
        self._history: deque[StoreChange] = deque()
        self._history_size = history
        self._listeners: dict[object, Callable[[StoreChange], None]] = {}

    @property
    def version(self) -> int:
        return self._version

    @property
    def oldest(self) -> int:
        """What happened up to and with this version is forgotten."""
        return self._oldest

    def find(self, resource: ResourceType, key: Key) -> Json | None:
        return self._objects.get(resource.storage, {}).get(key)

    def get(self, resource: ResourceType, key: Key) -> Json:
        found = self.find(resource, key)
        if found is None:
            raise errors.not_found(resource, key[1])
        return found

    def all(self, resource: ResourceType, namespace: str = "") -> list[Json]:
        """Sorted by namespace and name; every namespace when none is given."""
        objects = self._objects.get(resource.storage, {})
        return [objects[key] for key in sorted(objects) if not namespace or key[0] == namespace]

    def create(self, resource: ResourceType, obj: Json, *, dry_run: bool = False) -> Json:
        """Keeps ``obj`` as new; uid, creation time and generation are filled in where the object has none."""
        if self.find(resource, key_of(obj)) is not None:
            raise errors.already_exists(resource, obj["metadata"]["name"])
        created = copy.deepcopy(obj)
        metadata = created["metadata"]
        metadata.setdefault("uid", str(uuid.uuid4()))
        metadata.setdefault("creationTimestamp", format_time(self._now()))
        if resource.counts_generations:
            metadata.setdefault("generation", 1)
        return created if dry_run else self._commit("ADDED", resource, created, None)

    def replace(self, resource: ResourceType, obj: Json, *, status: bool = False, dry_run: bool = False) -> Json:
        """Puts ``obj`` in the place of the stored one. An unchanged object keeps its version and wakes nobody."""
        old = self.get(resource, key_of(obj))
        new = copy.deepcopy(obj)
        if new["metadata"].get("resourceVersion", old["metadata"]["resourceVersion"]) != old["metadata"]["resourceVersion"]:
            raise errors.conflict(resource, key_of(obj)[1])
        new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
        if resource.counts_generations:
            generation = old["metadata"].get("generation", 1)
            new["metadata"]["generation"] = generation + (0 if status else _generation_step(resource, old, new))
        if new == old:
            return old
        return new if dry_run else self._commit("MODIFIED", resource, new, old)

    def modify(self, resource: ResourceType, key: Key, change: Callable[[Json], None], *, status: bool = False) -> Json:
        """Reads, lets ``change`` alter a copy, writes."""
        changed = copy.deepcopy(self.get(resource, key))
        change(changed)
        return self.replace(resource, changed, status=status)

    def remove(self, resource: ResourceType, key: Key) -> Json:
        old = self.get(resource, key)
        return self._commit("DELETED", resource, copy.deepcopy(old), old)

    def since(self, version: int) -> list[StoreChange]:
        """What happened after ``version``, oldest first; raises 410 Expired when that is no longer remembered."""
        if version < self._oldest:
            raise errors.expired(version, self._oldest)
        return [change for change in self._history if change.version > version]

    def compact(self) -> None:
        """Forgets the history: every watch from an older version is answered 410."""
        self._history.clear()
        # One step on, so that even the newest version handed out so far has gone.
        self._version += 1
        self._oldest = self._version

    def subscribe(self, listener: Callable[[StoreChange], None]) -> Callable[[], None]:
        """Calls ``listener`` on every change, until the returned function is called."""
        token = object()
        self._listeners[token] = listener
        return lambda: self._listeners.pop(token, None) and None

    def _commit(
        self, kind: Literal["ADDED", "MODIFIED", "DELETED"], resource: ResourceType, obj: Json, previous: Json | None
    ) -> Json:
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)
        objects = self._objects.setdefault(resource.storage, {})
        if kind == "DELETED":
            del objects[key_of(obj)]
        else:
            objects[key_of(obj)] = obj
        change = StoreChange(self._version, kind, resource.storage, obj, previous)
        self._history.append(change)
        while len(self._history) > self._history_size:
            self._oldest = self._history.popleft().version
        for listener in tuple(self._listeners.values()):
            listener(change)
        return obj


def _generation_step(resource: ResourceType, old: Json, new: Json) -> int:
    """1 where this change makes a new generation. A Deployment's annotations count as its spec, as in Kubernetes."""
    if old.get("spec") != new.get("spec"):
        return 1
    annotated = old["metadata"].get("annotations") != new["metadata"].get("annotations")
    return int(resource is DEPLOYMENTS and annotated)
