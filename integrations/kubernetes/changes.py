"""The changes that we make, each guarded by the version it was planned on and recognisable when asked for again.

A request whose answer was lost is looked for before it is sent again. Should it arrive late all the same, its guard
is stale by then: it cannot be carried out twice.
"""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from domain.errors import Conflict, Drifted, Refused, TemporaryError, UnknownOutcome
from domain.targets import Target
from domain.workloads.deployments import CHANGE_CAUSE, OPERATION_ANNOTATION, RESTARTED_AT, Template, template_hash
from domain.workloads.versions import version_of
from integrations.kubernetes.client import Connection
from integrations.kubernetes.deployments import deployment_of, image_of, replica_set_with
from integrations.kubernetes.resources import DEPLOYMENTS, Json, annotations, metadata

ATTEMPTS = 10
"""Autoscalers and status updates move the version a few times a second at most."""
NOT_A_REVISIONS_OWN = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        "deployment.kubernetes.io/revision",
        "deployment.kubernetes.io/revision-history",
        "deployment.kubernetes.io/desired-replicas",
        "deployment.kubernetes.io/max-replicas",
        "deprecated.deployment.rollback.to",
    }
)
"""Annotations that ``kubectl rollout undo`` leaves as they are on the Deployment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(ABC):
    """One change of one Deployment by one operation."""

    target: Target
    operation_id: str
    uid: str = ""
    """The object that was planned for; empty where nobody cares."""

    def was_made(self, deployment: Json) -> bool:
        """Whether this very operation has already changed the Deployment."""
        return bool(annotations(deployment).get(OPERATION_ANNOTATION) == self.operation_id)

    @abstractmethod
    def stands(self, deployment: Json) -> bool:
        """Whether the Deployment is as wanted."""

    @abstractmethod
    def refuse(self, deployment: Json) -> None:
        """Raises Drifted or Refused where the plan no longer fits."""

    @abstractmethod
    async def operations(self, connection: Connection, deployment: Json) -> list[Json]:
        """The JSON patch, without its guard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _NewTemplate(Change):
    expected: str

    def refuse(self, deployment: Json) -> None:
        current = deployment["spec"]["template"]
        if template_hash(current) != self.expected:
            runs = version_of(image_of(current, self.target.container))
            raise Drifted(f"{self.target} was changed after this was planned: it now runs {runs}. Nothing was changed.")
        if deployment["spec"].get("paused"):
            raise Refused(f"{self.target} is paused, so that nothing would roll out. Resume it first. Nothing was changed.")

    def patch(self, template: Template, notes: dict[str, str]) -> list[Json]:
        return [
            {"op": "replace", "path": "/spec/template", "value": template},
            _annotations({**notes, OPERATION_ANNOTATION: self.operation_id}),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class PutTemplate(_NewTemplate):
    """Run this template: another version, or one that ran before."""

    template: Template
    cause: str
    annotations_from_revision: bool

    def stands(self, deployment: Json) -> bool:
        return template_hash(deployment["spec"]["template"]) == template_hash(self.template)

    async def operations(self, connection: Connection, deployment: Json) -> list[Json]:
        notes = annotations(deployment)
        if self.annotations_from_revision:
            revision = await replica_set_with(connection, deployment, template_hash(self.template))
            notes = undo_annotations(notes, annotations(revision))
        return self.patch(self.template, {**notes, CHANGE_CAUSE: self.cause})


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart(_NewTemplate):
    """Replace every pod by one of the same version, as ``kubectl rollout restart`` does."""

    restarted_at: datetime

    @property
    def mark(self) -> str:
        return self.restarted_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def stands(self, deployment: Json) -> bool:
        return annotations(deployment["spec"]["template"]).get(RESTARTED_AT) == self.mark

    async def operations(self, connection: Connection, deployment: Json) -> list[Json]:  # noqa: ARG002 - it needs no look
        template: dict[str, Any] = dict(deployment["spec"]["template"])
        template["metadata"] = {**metadata(template), "annotations": {**annotations(template), RESTARTED_AT: self.mark}}
        return self.patch(template, annotations(deployment))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale(Change):
    """Run so many pods."""

    replicas: int
    expected: int

    def stands(self, deployment: Json) -> bool:
        return bool(deployment["spec"]["replicas"] == self.replicas)

    def refuse(self, deployment: Json) -> None:
        now = deployment["spec"]["replicas"]
        if now != self.expected:
            raise Drifted(f"{self.target} now has {now} pods, not {self.expected} as when this was planned. Nothing was changed.")

    async def operations(self, connection: Connection, deployment: Json) -> list[Json]:  # noqa: ARG002 - it needs no look
        return [
            {"op": "replace", "path": "/spec/replicas", "value": self.replicas},
            _annotations({**annotations(deployment), OPERATION_ANNOTATION: self.operation_id}),
        ]


async def make(connection: Connection, change: Change) -> bool:
    """Make the change; False when this operation had already made it before this call.

    Raises Drifted and Refused (nothing was changed), and UnknownOutcome when the cluster stays silent after a request.
    """
    lost: UnknownOutcome | None = None
    uid = change.uid
    for attempt in range(ATTEMPTS):
        deployment = await _look(connection, change.target, lost)
        if change.was_made(deployment):
            if not change.stands(deployment):
                raise Drifted(f"{change.target} was changed as planned, and by somebody else since.")
            return lost is not None
        uid = uid or metadata(deployment)["uid"]
        if metadata(deployment)["uid"] != uid:
            raise Drifted(f"{change.target} was deleted and made anew in the meantime. Nothing was changed.")
        change.refuse(deployment)
        try:
            await _patch(connection, change, deployment)
        except Conflict:
            await asyncio.sleep(0.02 * max(0, attempt - 2))
        except UnknownOutcome as error:
            if lost is not None:
                raise
            lost = error
        else:
            return True
    raise TemporaryError(f"{change.target} is being changed by others all the time. Nothing was changed.")


async def _look(connection: Connection, target: Target, lost: UnknownOutcome | None) -> Json:
    try:
        return await deployment_of(connection, target)
    except TemporaryError as error:
        if lost is not None:
            raise lost from error
        raise


async def _patch(connection: Connection, change: Change, deployment: Json) -> None:
    # A stale version answers 409 before anything else is looked at; a `test` would answer 422, which can mean anything.
    guard = {"op": "replace", "path": "/metadata/resourceVersion", "value": metadata(deployment)["resourceVersion"]}
    operations = [guard, *await change.operations(connection, deployment)]
    await connection.patch(DEPLOYMENTS, change.target.namespace, change.target.deployment, operations)


def undo_annotations(deployment: dict[str, str], revision: dict[str, str]) -> dict[str, str]:
    """What ``kubectl rollout undo`` writes: the revision's annotations, and of the Deployment's own only the bookkeeping."""
    kept = {key: value for key, value in deployment.items() if key in NOT_A_REVISIONS_OWN}
    return kept | {key: value for key, value in revision.items() if key not in NOT_A_REVISIONS_OWN}


def _annotations(value: dict[str, str]) -> Json:
    """``add`` replaces what is there, and works on a Deployment that has none yet."""
    return {"op": "add", "path": "/metadata/annotations", "value": value}
