"""Plans: what a command would do, exactly, on the world as it is. Made when it is asked for, and again before it is done."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from domain.catalogue.catalogue import Catalogue
from domain.errors import Drifted, NotFound, Refused, UsageError
from domain.operations.plan_warnings import (
    cautions,
    config_cautions,
    ran_until,
    refuse_what_cannot_be,
    template_cautions,
    unseen_cautions,
)
from domain.operations.plans import Plan, ServiceChange, Side, Verb
from domain.operations.version_choices import VersionChoice
from domain.operations.version_selection import Choice, VersionUnclear, can_run, choose, choose_unseen, unknown
from domain.targets import Target
from domain.workloads.deployments import ConfigChange, Template, Workload, differences, template_hash, with_image
from domain.workloads.versions import version_of
from runbooks.clusters import cluster_of

MOST_REPLICAS = 200
"""A typing mistake must not order a thousand pods: ten times what the largest service here is allowed by its autoscaler."""


class Cluster(Protocol):
    """What planning asks of a cluster. Every method raises ``TemporaryError`` or ``PermanentError``."""

    async def workload(self, target: Target) -> Workload:
        """The Deployment. Raises ``NotFound``."""
        ...

    async def workloads(self, targets: Iterable[Target]) -> dict[Target, Workload]:
        """The Deployments; one that does not exist is absent."""
        ...

    async def template_of(self, target: Target, template_hash: str, /) -> Template:
        """The template with this hash that the Deployment ran. Raises ``NotFound``."""
        ...

    async def config_changes(self, target: Target, template: Template, since: datetime) -> tuple[ConfigChange, ...]:
        """ConfigMaps and Secrets that the template refers to, changed since."""
        ...


class Planner:
    """Makes plans. ``clusters`` are keyed by the catalogue's cluster names."""

    def __init__(self, catalogue: Callable[[], Catalogue], clusters: Mapping[str, Cluster]) -> None:
        self._catalogue = catalogue
        self._clusters = clusters

    async def deploy(self, environment: str, version: str, service: str | None = None) -> Plan:
        """The present template with another image. Raises ``VersionUnclear`` or ``Refused``."""
        workloads = await self._workloads(environment, service)
        try:
            choice = choose(version, workloads)
        except VersionUnclear as unclear:
            if unclear.choices.ambiguous:
                raise
            choice = self._unseen(version, workloads)
        for chosen in choice.chosen:
            refuse_what_cannot_be(chosen.workload, Verb.DEPLOY)
        changes = tuple(_redeployed(each.workload, each.image, never_seen=each.revision is None) for each in choice.chosen)
        arguments = {f"image of {each.service}": each.image for each in choice.chosen}
        return Plan(
            verb=Verb.DEPLOY,
            environment=environment,
            changes=changes,
            arguments=arguments,
            warnings=choice.left_out + unseen_cautions(choice.chosen) + cautions(choice.workloads, Verb.DEPLOY),
        )

    async def rollback(self, environment: str, version: str, service: str | None = None) -> Plan:
        """The template that the version ran with. Raises ``VersionUnclear`` or ``Refused``."""
        workloads = await self._workloads(environment, service)
        choice = choose(version, workloads)
        changes, arguments, changed = [], {}, dict[str, tuple[ConfigChange, ...]]()
        for chosen in choice.chosen:
            refuse_what_cannot_be(chosen.workload, Verb.ROLLBACK)
            if chosen.revision is None:
                raise VersionUnclear(unknown(version, workloads).choices)
            cluster, target = self._cluster(environment), chosen.workload.target
            template = await cluster.template_of(target, chosen.revision.template_hash)
            since = ran_until(chosen.revision, chosen.workload)
            named = version_of(chosen.image)
            changed[named] = changed.get(named, ()) + await cluster.config_changes(target, template, since)
            changes.append(_put_back(chosen.workload, template, chosen.image))
            arguments[f"template of {chosen.service}"] = chosen.revision.template_hash
        return Plan(
            verb=Verb.ROLLBACK,
            environment=environment,
            changes=tuple(changes),
            arguments=arguments,
            warnings=(
                *config_cautions(changed),
                *choice.left_out,
                *template_cautions(choice.chosen),
                *cautions(choice.workloads, Verb.ROLLBACK),
            ),
        )

    async def restart(self, environment: str, service: str) -> Plan:
        """The same template with new pods."""
        workload = await self._workload(environment, service)
        refuse_what_cannot_be(workload, Verb.RESTART)
        return Plan(
            verb=Verb.RESTART,
            environment=environment,
            changes=(_restarted(workload),),
            arguments={"service": service},
            warnings=cautions([workload], Verb.RESTART),
        )

    async def scale(self, environment: str, service: str, replicas: int) -> Plan:
        """Another number of pods."""
        if not 0 <= replicas <= MOST_REPLICAS:
            raise UsageError(f"{replicas} is not a number of pods between 0 and {MOST_REPLICAS}.")
        workload = await self._workload(environment, service)
        refuse_what_cannot_be(workload, Verb.SCALE)
        _refuse_number(workload, replicas)
        none_left = (f"With 0 pods, {service} in {environment} serves nobody.",) if replicas == 0 else ()
        return Plan(
            verb=Verb.SCALE,
            environment=environment,
            changes=(_scaled(workload, replicas),),
            arguments={"service": service, "replicas": str(replicas)},
            warnings=cautions([workload], Verb.SCALE) + none_left,
        )

    async def again(self, plan: Plan) -> Plan:
        """The same request on the world as it is now: the same services, the same images and templates, pinned.

        Nothing is refused here: what moved shows as drift between the two plans. Raises ``Drifted`` where what was
        chosen no longer exists.
        """
        try:
            changes = [await self._again(plan, change.target) for change in plan.changes]
        except NotFound as error:
            raise Drifted(f"{error} Nothing was changed.") from error
        return replace(plan, changes=tuple(changes))

    async def versions(self, environment: str, service: str | None = None) -> tuple[VersionChoice, ...]:
        """What can be rolled back to, newest first."""
        return can_run(await self._workloads(environment, service))

    async def _again(self, plan: Plan, target: Target) -> ServiceChange:
        cluster = self._cluster(target.environment)
        workload = await cluster.workload(target)
        match plan.verb:
            case Verb.DEPLOY:
                image = plan.arguments[f"image of {target.service}"]
                before = next(change for change in plan.changes if change.target == target)
                return _redeployed(workload, image, never_seen=before.never_seen)
            case Verb.ROLLBACK:
                template = await cluster.template_of(target, plan.arguments[f"template of {target.service}"])
                return _put_back(workload, template, _image(template, target))
            case Verb.RESTART:
                return _restarted(workload)
            case Verb.SCALE:
                return _scaled(workload, int(plan.arguments["replicas"]))

    def _cluster(self, environment: str) -> Cluster:
        return cluster_of(environment, self._catalogue(), self._clusters)

    async def _workload(self, environment: str, service: str) -> Workload:
        return await self._cluster(environment).workload(self._catalogue().target(environment, service))

    async def _workloads(self, environment: str, service: str | None) -> list[Workload]:
        """The named service, or every one of the default application that exists there, in the catalogue's order."""
        if service is not None:
            return [await self._workload(environment, service)]
        catalogue = self._catalogue()
        targets = [catalogue.target(environment, name) for name in catalogue.default_application.services]
        found = await self._cluster(environment).workloads(targets)
        if not found:
            raise NotFound(f"None of {', '.join(each.service for each in targets)} exists in {environment}.")
        return [found[target] for target in targets if target in found]

    def _unseen(self, version: str, workloads: Sequence[Workload]) -> Choice:
        services = self._catalogue().services
        choice = choose_unseen(version, [(each, services[each.target.service]) for each in workloads])
        if not choice.chosen:
            raise unknown(version, workloads, deploy=True)
        return choice


def _redeployed(workload: Workload, image: str, *, never_seen: bool) -> ServiceChange:
    return _change(workload, with_image(workload.template, workload.target.container, image), image, never_seen=never_seen)


def _put_back(workload: Workload, template: Template, image: str) -> ServiceChange:
    return _change(workload, template, image)


def _restarted(workload: Workload) -> ServiceChange:
    return _change(workload, workload.template, workload.image)


def _scaled(workload: Workload, replicas: int) -> ServiceChange:
    change = _change(workload, workload.template, workload.image)
    return replace(change, after=replace(change.after, replicas=replicas))


def _change(workload: Workload, template: Template, image: str, *, never_seen: bool = False) -> ServiceChange:
    def side(image: str, hash_of_template: str) -> Side:
        return Side(version=version_of(image), image=image, template_hash=hash_of_template, replicas=workload.replicas)

    return ServiceChange(
        target=workload.target,
        uid=workload.uid,
        paused=workload.paused,
        owner=workload.owner,
        before=side(workload.image, workload.template_hash),
        after=side(image, template_hash(template)),
        autoscaler=workload.autoscaler,
        differences=differences(workload.template, template, workload.target.container),
        never_seen=never_seen,
    )


def _image(template: Template, target: Target) -> str:
    return str(next(each["image"] for each in template["spec"]["containers"] if each["name"] == target.container))


def _refuse_number(workload: Workload, replicas: int) -> None:
    target, scaler = workload.target, workload.autoscaler
    if scaler and not scaler.minimum <= replicas <= scaler.maximum:
        raise Refused(
            f"{target} is autoscaled between {scaler.minimum} and {scaler.maximum} by {scaler.name}, which would change "
            f"{replicas} at once. Nothing was changed. Change the autoscaler's limits instead."
        )
    if replicas == workload.replicas:
        raise Refused(f"{target} already has {replicas} pods. Nothing was changed.")
