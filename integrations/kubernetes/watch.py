"""Watches a Deployment: list, watch, resume after errors."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from domain.backoff import backoff_delay
from domain.errors import NotFound, TemporaryError
from domain.targets import Target
from domain.workloads.deployments import RolloutStatus
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.deployments import newest_replica_set, replica_sets_of
from integrations.kubernetes.errors import ResourceVersionExpired
from integrations.kubernetes.resources import Json, Resource, metadata
from integrations.kubernetes.rollout_status import ended_state, scaling_state, stalled_replica_set, without_progress_condition
from integrations.kubernetes.workload_kinds import KINDS, with_kind

_MIN_BACKOFF_SECONDS, _MAX_BACKOFF_SECONDS = 0.1, 5.0


async def watch_rollout(
    client: KubernetesClient, target: Target, within: float, uid: str = "", *, is_scaling: bool = False
) -> AsyncGenerator[RolloutStatus, None]:
    """Yield each state that differs from the one before, until done or failed. Raises TemporaryError after ``within`` seconds."""
    deadline = asyncio.get_running_loop().time() + within
    last: RolloutStatus | None = None
    async with aclosing(_states(client, target, uid, is_scaling=is_scaling)) as states:
        while last is None or not (last.done or last.failure):
            try:
                async with asyncio.timeout_at(deadline):
                    state = await anext(states)
            except TimeoutError as error:
                raise TemporaryError(
                    f"The rollout of {target} has not finished within {within:g} s; it may still do so."
                ) from error
            if state != last:
                last = state
                yield state


async def _states(client: KubernetesClient, target: Target, uid: str, *, is_scaling: bool) -> AsyncGenerator[RolloutStatus, None]:
    last: RolloutStatus | None = None
    kind = KINDS[target.kind]
    async with aclosing(watch_object(client, kind.resource, target.namespace, target.deployment)) as deployments:
        async for deployment in deployments:
            if deployment is not None and uid and metadata(deployment)["uid"] != uid:
                # After a break of the watch the list may show the new object, without the deletion of the old one.
                last = ended_state(kind.rollout_state(deployment), target.recreated_text)
            elif deployment is not None:
                last = kind.rollout_state(await _without_stale_verdict(client, with_kind(deployment, kind.resource)))
                if is_scaling:
                    last = scaling_state(last, is_paused=bool(deployment["spec"].get("paused")))
            elif last is not None:
                last = ended_state(last, f"The {target.kind} was deleted.")
            else:
                raise NotFound(f"There is no {target.kind} {target.deployment} in namespace {target.namespace}.")
            yield last


async def _without_stale_verdict(client: KubernetesClient, deployment: Json) -> Json:
    """Drop an exceeded progress deadline that is about another ReplicaSet than the one that rolls out now.

    After the rollback of a stuck rollout the condition of the bad version remains for a moment, and ``kubectl rollout status``
    reports a failure.
    """
    stalled = stalled_replica_set(deployment)
    while stalled:
        try:
            newest = newest_replica_set(deployment, await replica_sets_of(client, deployment))
        except TemporaryError:
            await asyncio.sleep(_MIN_BACKOFF_SECONDS)
        else:
            is_current = newest is not None and metadata(newest)["name"] == stalled
            return deployment if is_current else without_progress_condition(deployment)
    return deployment


async def watch_object(
    client: KubernetesClient, resource: Resource, namespace: str, name: str
) -> AsyncGenerator[Json | None, None]:
    """Yield the object now and after every change; None when it does not exist. Never ends by itself.

    A broken or idle watch is resumed from the last version seen; an expired version (410) leads to a new list. The first
    retry follows at once, further ones with exponential back-off. Raises Forbidden.
    """
    watch = _ResumableWatch(client, resource, namespace, f"metadata.name={name}")
    monotonic, failures = asyncio.get_running_loop().time, 0
    while True:
        watch.received_event, started_at = False, monotonic()
        try:
            async with aclosing(watch.states()) as states:
                async for state in states:
                    yield state
        except ResourceVersionExpired:
            watch.resource_version = ""
        except TemporaryError:
            pass
        # A watch that delivered events, or held for a while, was healthy: the next break starts the back-off from zero.
        failures = 0 if watch.received_event or monotonic() - started_at > _MAX_BACKOFF_SECONDS else failures + 1
        if failures > 1:
            await asyncio.sleep(backoff_delay(failures, _MIN_BACKOFF_SECONDS, _MAX_BACKOFF_SECONDS))


class _ResumableWatch:
    """Successive watches of one object, and the version from which the next one resumes."""

    def __init__(self, client: KubernetesClient, resource: Resource, namespace: str, field_selector: str) -> None:
        self._client = client
        self._resource = resource
        self._namespace = namespace
        self._field_selector = field_selector
        self.resource_version = ""
        self.received_event = False
        """Whether the watch delivered an event; a successful list alone does not prove that watching works."""

    async def states(self) -> AsyncGenerator[Json | None, None]:
        if not self.resource_version:
            response = await self._client.get_list(self._resource, self._namespace, field_selector=self._field_selector)
            self.resource_version = metadata(response)["resourceVersion"]
            yield next(iter(response.get("items") or []), None)
        watch = self._client.watch(
            self._resource, self._namespace, field_selector=self._field_selector, resource_version=self.resource_version
        )
        async with watch as events:
            async for event in events:
                event_type, obj = event["type"], event["object"]
                if event_type == "ERROR":
                    raise _watch_error(obj)
                # Bookmarks count as well: they carry only a newer version to resume from, for times without changes.
                self.resource_version, self.received_event = metadata(obj)["resourceVersion"], True
                if event_type != "BOOKMARK":
                    yield None if event_type == "DELETED" else obj


def _watch_error(status: Json) -> TemporaryError:
    if status.get("code") == 410:
        return ResourceVersionExpired("The version to resume from is forgotten.")
    return TemporaryError(f"The watch broke: {status.get('message', 'no reason given')}")
