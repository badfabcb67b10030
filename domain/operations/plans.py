"""Plans: what exactly an operation will change, and the digest that binds an approval to it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from domain.canonical_json import canonical
from domain.policies import Action
from domain.rich_text import Text
from domain.targets import Target
from domain.workloads.containers import ContainerImage
from domain.workloads.deployments import Autoscaler, Owner
from domain.workloads.revisions import revision_name
from domain.workloads.update_strategies import REACHES_ALL, UpdateStrategy


class Verb(StrEnum):
    """The procedures that change the platform."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    RESTART = "restart"
    SCALE = "scale"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionState:
    """The version, image, template and replicas of a service, before or after a change.

    ``revision`` is the number of the revision where the version does not select it, else 0.
    """

    version: str
    image: str
    template_hash: str
    replicas: int
    revision: int = 0

    @property
    def name(self) -> str:
        """The word for it in a command: its version, or ``#3``."""
        return revision_name(self.revision) if self.revision else self.version

    @property
    def label(self) -> str:
        """The name for people: ``main-abc1234``, or ``latest #3``."""
        return f"{self.version} {revision_name(self.revision)}" if self.revision else self.version


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceChange:
    """The change of one Deployment."""

    target: Target
    uid: str
    paused: bool
    owner: Owner
    before: VersionState
    after: VersionState
    autoscaler: Autoscaler | None = None
    differences: tuple[str, ...] = ()
    never_seen: bool = False
    """The Deployment's history does not contain the version."""
    containers: tuple[str, ...] = ()
    """The containers and init containers that run the version after the change; see ``own_containers``."""
    staying: tuple[ContainerImage, ...] = ()
    """Containers that look like the service's and run another version after the change."""
    strategy: UpdateStrategy = REACHES_ALL

    @property
    def own_containers(self) -> tuple[str, ...]:
        """The containers that run the version after the change. A plan that was stored before they were known has one."""
        return self.containers or (self.target.container,)

    def digest_fields(self, *, with_replicas: bool) -> Mapping[str, object]:
        """The fields that a decision is bound to: no ``generation``, no ``resourceVersion``, which autoscalers change."""
        fields: dict[str, object] = {
            "cluster": self.target.cluster,
            "namespace": self.target.namespace,
            "deployment": self.target.deployment,
            "uid": self.uid,
            "paused": self.paused,
            "owner": [self.owner.kind, self.owner.name, self.owner.reverts],
            "from": self.before.template_hash,
            "to": self.after.template_hash,
        }
        if with_replicas:
            fields["replicas"] = [self.before.replicas, self.after.replicas]
        elif not self.strategy.reaches_all:
            fields["strategy"] = [self.strategy.on_delete, self.strategy.partition, self.strategy.first_ordinal]
        return fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a person approves. ``warnings`` are for people and not part of the digest."""

    verb: Verb
    environment: str
    changes: tuple[ServiceChange, ...]
    arguments: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[Text, ...] = ()
    present: tuple[Text, ...] = ()
    """How the services did when it was made, for people; not part of the digest."""

    @property
    def action(self) -> Action:
        """The action whose rule governs this plan."""
        if self.verb is Verb.SCALE:
            less = any(change.after.replicas < change.before.replicas for change in self.changes)
            return Action.SCALE_DOWN if less else Action.SCALE_UP
        return Action(self.verb.value)

    @property
    def services(self) -> tuple[str, ...]:
        """The services that it changes, in that order."""
        return tuple(change.target.service for change in self.changes)

    def digest(self) -> str:
        """64 hex digits over everything that a decision depends on."""
        bound = {
            "verb": self.verb,
            "environment": self.environment,
            "arguments": dict(self.arguments),
            "changes": [change.digest_fields(with_replicas=self.verb is Verb.SCALE) for change in self.changes],
        }
        return hashlib.sha256(canonical(bound).encode()).hexdigest()


def drift(approved: Plan, now: Plan) -> tuple[str, ...]:
    """The differences between two plans, in words. Empty if an approval of the first also holds for the second."""
    if approved.digest() == now.digest():
        return ()
    before = {change.target.service: change for change in approved.changes}
    after = {change.target.service: change for change in now.changes}
    differences = [f"{name} is no longer part of it" for name in before.keys() - after.keys()]
    differences += [f"{name} is now part of it" for name in after.keys() - before.keys()]
    with_replicas = approved.verb is Verb.SCALE
    for name in (service for service in before if service in after):
        differences += _service_drift(before[name], after[name], with_replicas=with_replicas)
    return tuple(differences) or ("its arguments changed",)


def _service_drift(was: ServiceChange, now: ServiceChange, *, with_replicas: bool) -> list[str]:
    name, differences = was.target.service, []
    if was.uid != now.uid:
        return [f"{name} was deleted and made anew"]
    if was.before.template_hash != now.before.template_hash:
        same = was.before.version == now.before.version
        differences.append(
            f"{name} now runs {'a changed template of ' if same else ''}{now.before.version} (was {was.before.version})"
        )
    if was.after.template_hash != now.after.template_hash:
        differences.append(f"{was.after.version} of {name} would no longer be the same template")
    if was.strategy != now.strategy and not with_replicas:
        differences.append(f"the update strategy of {name} was changed")
    if was.paused != now.paused:
        differences.append(f"{name} was {'paused' if now.paused else 'resumed'}")
    if was.owner != now.owner:
        differences.append(f"{name} changed hands: {now.owner.kind.value} {now.owner.name}".rstrip())
    if with_replicas and (was.before.replicas, was.after.replicas) != (now.before.replicas, now.after.replicas):
        differences.append(f"{name} now has {now.before.replicas} replicas (had {was.before.replicas})")
    return differences
