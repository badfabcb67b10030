"""Get, list and watch: what clients see of the store."""

import asyncio
import base64
import copy
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from sandbox.cluster import errors
from sandbox.cluster.model import Json, Key, key_of
from sandbox.cluster.resources import HPAS_V1, NEW_EVENTS, ResourceType
from sandbox.cluster.selectors import Predicate, field_selector, label_selector
from sandbox.cluster.store import ObjectStore, StoreChange

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a list or watch is about. ``version`` is empty when the client named none."""

    resource: ResourceType
    namespace: str = ""
    name: str = ""
    labels: str = ""
    fields: str = ""
    version: str = ""

    def predicate(self) -> Predicate:
        by_label, by_field = label_selector(self.labels), field_selector(self.resource, self.fields)

        def chosen(obj: Json) -> bool:
            namespace, name = key_of(obj)
            here = self.namespace in ("", namespace) and self.name in ("", name)
            return here and by_label(obj) and by_field(convert(self.resource, obj))

        return chosen

    def from_version(self) -> int:
        """The version as a number, 0 when none was named; raises 400 for words."""
        if self.version and not self.version.isdigit():
            raise errors.bad_request(f'resourceVersion: Invalid value: "{self.version}": invalid syntax')
        return int(self.version or "0")


def convert(resource: ResourceType, obj: Json) -> Json:
    """The object in the version that was asked for, without kind and apiVersion."""
    if resource is HPAS_V1:
        return _as_hpa_v1(obj)
    if resource is NEW_EVENTS:
        return _as_new_event(obj)
    return obj


def with_type_meta(resource: ResourceType, obj: Json) -> Json:
    return {"kind": resource.kind, "apiVersion": resource.api_version, **convert(resource, obj)}


def list_page(store: ObjectStore, selection: Selection, limit: int, token: str) -> Json:
    """One page of a list. Later pages show what is there by then, but never skip or repeat a name."""
    refuse_future_version(store, selection.from_version())
    matches = selection.predicate()
    after, version = _decode_continue(store, token) if token else (("", ""), store.version)
    everything = store.all(selection.resource, selection.namespace)
    objects = [obj for obj in everything if key_of(obj) > after and matches(obj)]
    metadata: Json = {"resourceVersion": str(version)}
    if limit and len(objects) > limit:
        if not selection.labels and not selection.fields:
            metadata["remainingItemCount"] = len(objects) - limit
        objects = objects[:limit]
        metadata["continue"] = _encode_continue(key_of(objects[-1]), version)
    represent = with_type_meta if selection.resource.custom else convert
    return {
        "kind": f"{selection.resource.kind}List",
        "apiVersion": selection.resource.api_version,
        "metadata": metadata,
        "items": [represent(selection.resource, obj) for obj in objects],
    }


def refuse_future_version(store: ObjectStore, version: int) -> None:
    if version > store.version:
        message = f"Timeout: Too large resource version: {version}, current: {store.version}"
        cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
        raise errors.ApiError(504, "Timeout", message, {"causes": [cause], "retryAfterSeconds": 1})


def _encode_continue(key: Key, version: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"rv": version, "start": key}).encode()).decode()


def _decode_continue(store: ObjectStore, token: str) -> tuple[Key, int]:
    try:
        fields = json.loads(base64.urlsafe_b64decode(token))
        after, version = (str(fields["start"][0]), str(fields["start"][1])), int(fields["rv"])
    except (ValueError, KeyError, TypeError) as error:
        raise errors.bad_request("continue key is not valid") from error
    if version < store.oldest:
        raise errors.expired_continue()
    return after, version


@dataclass(slots=True, eq=False)
class Watch:
    """One watch: iterate ``events`` until it ends; ``close`` ends it from outside."""

    store: ObjectStore
    selection: Selection
    initial_events: bool = False
    bookmarks: bool = False
    dropped: bool = False
    _queue: "asyncio.Queue[StoreChange | None]" = field(default_factory=asyncio.Queue)

    def close(self, *, drop: bool = False) -> None:
        """Ends it; ``drop`` asks for the connection to be cut instead of closed properly."""
        self.dropped = drop
        self._queue.put_nowait(None)

    async def events(self, seconds: float, bookmark_every: float) -> AsyncGenerator[Json, None]:
        """``{"type", "object"}`` until ``seconds`` have passed; a version that is forgotten makes one ERROR event."""
        unsubscribe = self.store.subscribe(self._queue.put_nowait)
        try:
            try:
                for event in self._initial_events():
                    yield event
            except errors.ApiError as error:
                yield {"type": "ERROR", "object": error.body()}
                return
            async for event in self._following_events(seconds, bookmark_every):
                yield event
        finally:
            unsubscribe()

    def _initial_events(self) -> list[Json]:
        version, chosen, resource = self.selection.from_version(), self.selection.predicate(), self.selection.resource
        if self.initial_events or version == 0:
            objects = self.store.all(resource, self.selection.namespace)
            events = [{"type": "ADDED", "object": with_type_meta(resource, obj)} for obj in objects if chosen(obj)]
            return [*events, self._bookmark(initial_end=True)] if self.initial_events and self.bookmarks else events
        events_since = (self._event(change, chosen) for change in self.store.since(version))
        return [event for event in events_since if event is not None]

    async def _following_events(self, seconds: float, bookmark_every: float) -> AsyncGenerator[Json, None]:
        chosen = self.selection.predicate()
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        next_bookmark = loop.time() + bookmark_every
        while True:
            wait = max(0.0, min(end, next_bookmark) - loop.time())
            try:
                change = await asyncio.wait_for(self._queue.get(), wait)
            except TimeoutError:
                next_bookmark = loop.time() + bookmark_every
                if self.bookmarks:
                    yield self._bookmark()
                if loop.time() >= end:
                    return
                continue
            if change is None:
                return
            event = self._event(change, chosen)
            if event is not None:
                yield event

    def _event(self, change: StoreChange, chosen: Predicate) -> Json | None:
        """What a change means to this watch: an object may come into its sight, or leave it, by being modified."""
        resource = self.selection.resource
        if change.storage != resource.storage:
            return None
        before = change.previous is not None and chosen(change.previous)
        after = change.type != "DELETED" and chosen(change.object)
        if not before and not after:
            return None
        kind = "MODIFIED" if before and after else "ADDED" if after else "DELETED"
        return {"type": kind, "object": with_type_meta(resource, change.object)}

    def _bookmark(self, *, initial_end: bool = False) -> Json:
        resource = self.selection.resource
        metadata: Json = {"resourceVersion": str(self.store.version), "creationTimestamp": None}
        if initial_end:
            metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
        obj = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
        return {"type": "BOOKMARK", "object": obj}


def _as_hpa_v1(hpa: Json) -> Json:
    shown = copy.deepcopy(hpa)
    for metric in shown["spec"].pop("metrics", []):
        if metric.get("type") == "Resource" and metric["resource"]["name"] == "cpu":
            shown["spec"]["targetCPUUtilizationPercentage"] = metric["resource"]["target"].get("averageUtilization")
    shown["spec"].pop("behavior", None)
    status = shown.get("status", {})
    status.pop("conditions", None)
    for metric in status.pop("currentMetrics", None) or []:
        if metric["resource"]["name"] == "cpu":
            status["currentCPUUtilizationPercentage"] = metric["resource"]["current"]["averageUtilization"]
    return shown


def _as_new_event(event: Json) -> Json:
    renamed = {
        "involvedObject": "regarding",
        "message": "note",
        "source": "deprecatedSource",
        "firstTimestamp": "deprecatedFirstTimestamp",
        "lastTimestamp": "deprecatedLastTimestamp",
        "count": "deprecatedCount",
        "reportingComponent": "reportingController",
    }
    return {renamed.get(name, name): value for name, value in event.items()}
