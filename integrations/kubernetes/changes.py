"""Changes of Deployments: conditional on the ``resourceVersion`` that was read, and idempotent per operation.

After a lost response the Deployment is read again before another attempt. If the first request arrives late all the same, its
``resourceVersion`` is stale by then: a change cannot be applied twice.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from domain.backoff import backoff_delay
from domain.errors import Conflict, Drifted, Refused, TemporaryError, UnknownOutcome
from domain.targets import Target
from domain.workloads.containers import image_of
from domain.workloads.deployments import (
    CHANGE_CAUSE_ANNOTATION,
    OPERATION_ANNOTATION,
    RESTARTED_AT_ANNOTATION,
    Template,
    template_hash,
)
from domain.workloads.images import parse_image, version_of
from domain.workloads.update_strategies import REACHES_ALL, UpdateStrategy
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.deployments import deployment_of, find_replica_set, refuse_recreated
from integrations.kubernetes.resources import Json, annotations, metadata
from integrations.kubernetes.workload_kinds import KINDS, kind_of

MAX_ATTEMPTS = 10
"""Attempts after conflicts: autoscalers and status updates change the version a few times a second at most."""
_CONFLICT_BACKOFF_SECONDS = (0.02, 0.2)
DEPLOYMENT_ONLY_ANNOTATIONS = frozenset(
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
    """The uid of the Deployment that was planned for; empty for whichever has the name."""

    def already_applied(self, deployment: Json) -> bool:
        """Whether this operation has changed the Deployment before."""
        return bool(annotations(deployment).get(OPERATION_ANNOTATION) == self.operation_id)

    @abstractmethod
    def is_applied(self, deployment: Json) -> bool:
        """Whether the Deployment has the wanted state."""

    @abstractmethod
    def check(self, deployment: Json) -> None:
        """Raise Drifted or Refused if the plan no longer fits the Deployment."""

    @abstractmethod
    async def patch_operations(self, client: KubernetesClient, deployment: Json) -> list[Json]:
        """The JSON patch without its condition on the version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _TemplateChange(Change):
    expected_hash: str
    strategy: UpdateStrategy = REACHES_ALL
    """The update strategy of the plan: with another one the template would reach other pods than were approved."""

    def check(self, deployment: Json) -> None:
        current = deployment["spec"]["template"]
        if template_hash(current) != self.expected_hash:
            running_version = version_of(image_of(current, self.target.container))
            raise Drifted(
                f"{self.target} was changed after this was planned: it now runs {running_version}. Nothing was changed."
            )
        if deployment["spec"].get("paused"):
            raise Refused(f"{self.target} is paused, so that nothing would roll out. Resume it first. Nothing was changed.")
        if kind_of(deployment).update_strategy(deployment) != self.strategy:
            raise Drifted(f"The update strategy of {self.target} was changed after this was planned. Nothing was changed.")

    def patch(self, template: Template, new_annotations: dict[str, str]) -> list[Json]:
        return [
            {"op": "replace", "path": "/spec/template", "value": template},
            _annotations_patch({**new_annotations, OPERATION_ANNOTATION: self.operation_id}),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTemplate(_TemplateChange):
    """Set the pod template: a deploy, or a rollback to an earlier revision."""

    template: Template
    cause: str
    annotations_from_revision: bool

    def is_applied(self, deployment: Json) -> bool:
        current, container = deployment["spec"]["template"], self.target.container
        if template_hash(current) == template_hash(self.template):
            return True
        # An admission webhook alters a template on its way: the verification says so, and what differs.
        return parse_image(image_of(current, container)).still_asks_for(parse_image(image_of(self.template, container)))

    async def patch_operations(self, client: KubernetesClient, deployment: Json) -> list[Json]:
        new_annotations = annotations(deployment)
        if self.annotations_from_revision and kind_of(deployment).undo_restores_annotations:
            revision = await find_replica_set(client, deployment, template_hash(self.template))
            new_annotations = undo_annotations(new_annotations, annotations(revision))
        return self.patch(self.template, {**new_annotations, CHANGE_CAUSE_ANNOTATION: self.cause})


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart(_TemplateChange):
    """Replace every pod by one of the same version, like ``kubectl rollout restart``."""

    restarted_at: datetime

    @property
    def timestamp(self) -> str:
        return self.restarted_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def is_applied(self, deployment: Json) -> bool:
        return annotations(deployment["spec"]["template"]).get(RESTARTED_AT_ANNOTATION) == self.timestamp

    async def patch_operations(self, client: KubernetesClient, deployment: Json) -> list[Json]:  # noqa: ARG002 - needs no request
        template: dict[str, Any] = dict(deployment["spec"]["template"])
        template["metadata"] = {
            **metadata(template),
            "annotations": {**annotations(template), RESTARTED_AT_ANNOTATION: self.timestamp},
        }
        return self.patch(template, annotations(deployment))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale(Change):
    """Set the number of replicas."""

    replicas: int
    expected_replicas: int

    def is_applied(self, deployment: Json) -> bool:
        return bool(deployment["spec"].get("replicas") == self.replicas)

    def check(self, deployment: Json) -> None:
        if "replicas" not in deployment["spec"]:
            raise Refused(f"{self.target} is a {self.target.kind}, which has no number of pods to set. Nothing was changed.")
        current_replicas = deployment["spec"]["replicas"]
        if current_replicas != self.expected_replicas:
            raise Drifted(
                f"{self.target} now has {current_replicas} pods, not {self.expected_replicas} as when this was planned. "
                "Nothing was changed."
            )

    async def patch_operations(self, client: KubernetesClient, deployment: Json) -> list[Json]:  # noqa: ARG002 - needs no request
        return [
            {"op": "replace", "path": "/spec/replicas", "value": self.replicas},
            _annotations_patch({**annotations(deployment), OPERATION_ANNOTATION: self.operation_id}),
        ]


async def apply(client: KubernetesClient, change: Change, on_stored: Callable[[str], None] | None = None) -> bool:
    """Apply the change. Returns False if this operation had applied it before this call.

    ``on_stored`` is called with the hash of the template in the server's answer.

    Raises Drifted and Refused (nothing was changed), and UnknownOutcome when it cannot be read back after a lost response.
    """
    unknown_outcome: UnknownOutcome | None = None
    uid = change.uid
    for attempt in range(MAX_ATTEMPTS):
        deployment = await _read_deployment(client, change.target, unknown_outcome)
        # Without a uid in the plan the first read decides: a Deployment recreated between attempts is not the planned one. First
        # of all, since whoever makes it anew to the letter copies the operation's annotation too.
        uid = uid or metadata(deployment)["uid"]
        refuse_recreated(change.target, deployment, uid)
        if change.already_applied(deployment):
            if not change.is_applied(deployment):
                raise Drifted(f"{change.target} was changed as planned, and by somebody else since.")
            # After a lost response it was this call that applied the change; otherwise an earlier one.
            return unknown_outcome is not None
        change.check(deployment)
        try:
            stored = await _patch(client, change, deployment)
        except Conflict:
            if attempt > 1:  # two conflicts are an ordinary race; after more, another client writes all the time
                await asyncio.sleep(backoff_delay(attempt - 1, *_CONFLICT_BACKOFF_SECONDS))
        except UnknownOutcome as error:
            # One lost response is settled by reading again; a second one is left to the caller.
            if unknown_outcome is not None:
                raise
            unknown_outcome = error
        else:
            template = stored.get("spec", {}).get("template")
            if on_stored is not None and template:  # the change is made, whatever the answer looks like
                on_stored(template_hash(template))
            return True
    raise TemporaryError(f"{change.target} is being changed by others all the time. Nothing was changed.")


async def _read_deployment(client: KubernetesClient, target: Target, unknown_outcome: UnknownOutcome | None) -> Json:
    try:
        return await deployment_of(client, target)
    except TemporaryError as error:
        if unknown_outcome is not None:
            raise unknown_outcome from error
        raise


async def _patch(client: KubernetesClient, change: Change, deployment: Json) -> Json:
    # Replacing resourceVersion answers 409 when it is stale. A `test` operation would answer 422, like any invalid patch.
    guard = {"op": "replace", "path": "/metadata/resourceVersion", "value": metadata(deployment)["resourceVersion"]}
    patch_operations = [guard, *await change.patch_operations(client, deployment)]
    return await client.patch(
        KINDS[change.target.kind].resource, change.target.namespace, change.target.deployment, patch_operations
    )


def undo_annotations(deployment: dict[str, str], revision: dict[str, str]) -> dict[str, str]:
    """The annotations that ``kubectl rollout undo`` writes: the revision's, and the Deployment's own bookkeeping."""
    preserved = {key: value for key, value in deployment.items() if key in DEPLOYMENT_ONLY_ANNOTATIONS}
    return preserved | {key: value for key, value in revision.items() if key not in DEPLOYMENT_ONLY_ANNOTATIONS}


def _annotations_patch(value: dict[str, str]) -> Json:
    """``add`` replaces existing annotations and also works on a Deployment without any; ``replace`` would fail there."""
    return {"op": "add", "path": "/metadata/annotations", "value": value}
