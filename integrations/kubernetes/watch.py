"""Every state of one Deployment as it happens: list, watch, and take up again whatever breaks."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from domain.errors import NotFound, TemporaryError
from domain.targets import Target
from domain.workloads.deployments import RolloutState
from integrations.kubernetes.client import Connection
from integrations.kubernetes.deployments import replica_sets_of
from integrations.kubernetes.errors import Expired
from integrations.kubernetes.pods import newest_of
from integrations.kubernetes.resources import DEPLOYMENTS, Json, Resource, metadata
from integrations.kubernetes.rollout_status import blamed, deleted, rollout_state, without_verdict

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


async def watch_rollout(connection: Connection, target: Target, within: float) -> AsyncGenerator[RolloutState, None]:
    """Each state that differs from the one before, until one is done or has failed. Raises TemporaryError after ``within`` s."""
    deadline = asyncio.get_running_loop().time() + within
    last: RolloutState | None = None
    async with aclosing(_states(connection, target)) as states:
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


async def _states(connection: Connection, target: Target) -> AsyncGenerator[RolloutState, None]:
    last: RolloutState | None = None
    async with aclosing(follow(connection, DEPLOYMENTS, target.namespace, target.deployment)) as deployments:
        async for deployment in deployments:
            if deployment is not None:
                last = rollout_state(await _fairly_judged(connection, deployment))
            elif last is not None:
                last = deleted(last)
            else:
                raise NotFound(f"There is no Deployment {target.deployment} in namespace {target.namespace}.")
            yield last


async def _fairly_judged(connection: Connection, deployment: Json) -> Json:
    """On the way back from a stuck rollout, Kubernetes' verdict on the bad version stands for a moment beside the good one.

    ``kubectl rollout status`` then reports a failure; we look whether the verdict is about what rolls out now.
    """
    name = blamed(deployment)
    while name:
        try:
            newest = newest_of(deployment, await replica_sets_of(connection, deployment))
        except TemporaryError:
            await asyncio.sleep(_FIRST_PAUSE)
        else:
            mine = newest is not None and metadata(newest)["name"] == name
            return deployment if mine else without_verdict(deployment)
    return deployment


async def follow(connection: Connection, resource: Resource, namespace: str, name: str) -> AsyncGenerator[Json | None, None]:
    """The object as it stands, then after every change; None when it does not exist. Never ends by itself.

    A broken or mute line is resumed from the last version seen, a forgotten version (410) is listed anew. The first
    attempt is made at once, further ones after growing pauses. Forbidden is raised.
    """
    line = _Line(connection, resource, namespace, f"metadata.name={name}")
    time, failures = asyncio.get_running_loop().time, 0
    while True:
        line.heard, began = False, time()
        try:
            async with aclosing(line.states()) as states:
                async for state in states:
                    yield state
        except Expired:
            line.version = ""
        except TemporaryError:
            pass
        failures = 0 if line.heard or time() - began > _LONGEST_PAUSE else failures + 1
        if failures > 1:
            await asyncio.sleep(min(_FIRST_PAUSE * 2**failures, _LONGEST_PAUSE))


class _Line:
    """One watch after the other, and the version from which the next resumes."""

    def __init__(self, connection: Connection, resource: Resource, namespace: str, fields: str) -> None:
        self._connection = connection
        self._resource = resource
        self._namespace = namespace
        self._fields = fields
        self.version = ""
        self.heard = False
        """Whether the watch said anything; the list alone proves little."""

    async def states(self) -> AsyncGenerator[Json | None, None]:
        if not self.version:
            listed = await self._connection.listing(self._resource, self._namespace, fields=self._fields)
            self.version = metadata(listed)["resourceVersion"]
            yield next(iter(listed.get("items") or []), None)
        watch = self._connection.watch(self._resource, self._namespace, fields=self._fields, version=self.version)
        async with watch as events:
            async for event in events:
                kind, obj = event["type"], event["object"]
                if kind == "ERROR":
                    raise _failure(obj)
                self.version, self.heard = metadata(obj)["resourceVersion"], True
                if kind != "BOOKMARK":
                    yield None if kind == "DELETED" else obj


def _failure(status: Json) -> TemporaryError:
    if status.get("code") == 410:
        return Expired("The version to resume from is forgotten.")
    return TemporaryError(f"The watch broke: {status.get('message', 'no reason given')}")
