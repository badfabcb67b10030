"""Makes plans: the exact changes that a command means in the current state of the cluster."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from domain.catalogue.catalogue import Catalogue
from domain.errors import Drifted, NotFound, UsageError
from domain.operations.plan_warnings import (
    config_warnings,
    container_warnings,
    ran_until,
    refuse_impossible_change,
    template_warnings,
    unseen_version_warnings,
)
from domain.operations.plans import Plan, ServiceChange, Verb
from domain.operations.service_changes import check_replicas, deploy_change, service_change, with_replicas, with_revisions
from domain.operations.version_choices import VersionChoice
from domain.operations.version_selection import (
    AmbiguousVersion,
    SelectedVersion,
    VersionSelection,
    rollback_candidates,
    select_unseen_version,
    select_version,
    unknown_version,
)
from domain.rich_text import Text, join, sentence
from domain.targets import Target
from domain.workloads.containers import containers_with_image, image_of
from domain.workloads.deployments import ConfigChange, Template, Workload
from domain.workloads.images import version_of
from runbooks.clusters import cluster_of
from runbooks.operations.present_state import StateReader, left_out_warnings, present_warnings
from storage.store import Store

MAX_REPLICAS = 200
"""Guards against typing mistakes: ten times the limit of the largest autoscaler here."""


class ClusterReader(StateReader, Protocol):
    """What the planner reads from a cluster. Every method raises ``TemporaryError`` or ``PermanentError``."""

    async def workload(self, target: Target) -> Workload:
        """Read a Deployment. Raises ``NotFound``."""
        ...

    async def workloads(self, targets: Iterable[Target]) -> dict[Target, Workload]:
        """Read Deployments; one that does not exist is absent."""
        ...

    async def template_of(self, target: Target, template_hash: str, /, *, uid: str) -> Template:
        """Read the template of the revision with this hash. Raises ``NotFound``, and ``Drifted`` for another uid."""
        ...

    async def config_changes(self, target: Target, template: Template, since: datetime) -> tuple[ConfigChange, ...]:
        """ConfigMaps and Secrets of the template that changed after ``since``."""
        ...


class Planner:
    """Makes plans. ``clusters`` are keyed by the catalogue's cluster names."""

    def __init__(self, catalogue: Callable[[], Catalogue], clusters: Mapping[str, ClusterReader], store: Store) -> None:
        self._catalogue = catalogue
        self._clusters = clusters
        self._store = store

    async def deploy(self, environment: str, version: str, service: str | None = None) -> Plan:
        """Plan to set another image in the current template. Raises ``AmbiguousVersion`` or ``Refused``."""
        workloads = await self._workloads(environment, service)
        try:
            selection = select_version(version, workloads, image_only=True)
        except AmbiguousVersion as ambiguous:
            # Unless several versions match, none does: then it may be a new one, which only a deploy can bring.
            if ambiguous.choices.ambiguous:
                raise
            selection = self._select_unknown(version, workloads)
        for selected in selection.selected:
            refuse_impossible_change(selected.workload, Verb.DEPLOY)
        changes = tuple(
            deploy_change(selected.workload, selected.image, self._own_containers(selected), never_seen=selected.revision is None)
            for selected in selection.selected
        )
        arguments = {f"image of {selected.service}": selected.image for selected in selection.selected}
        return Plan(
            verb=Verb.DEPLOY,
            environment=environment,
            changes=changes,
            arguments=arguments,
            warnings=await self._left_out(environment, service, workloads)
            + selection.left_out
            + unseen_version_warnings(selection.selected)
            + container_warnings(changes)
            + await self._present_warnings(environment, Verb.DEPLOY, selection.workloads, changes),
        )

    async def rollback(self, environment: str, version: str, service: str | None = None) -> Plan:
        """Plan to restore the template of an earlier version. Raises ``AmbiguousVersion`` or ``Refused``."""
        workloads = await self._workloads(environment, service)
        selection = select_version(version, workloads)
        changes, arguments, config_changes = [], {}, dict[str, tuple[ConfigChange, ...]]()
        for selected in selection.selected:
            refuse_impossible_change(selected.workload, Verb.ROLLBACK)
            if selected.revision is None:
                raise AmbiguousVersion(unknown_version(version, workloads).choices)
            cluster, target = self._cluster(environment), selected.workload.target
            template = await cluster.template_of(target, selected.revision.template_hash, uid=selected.workload.uid)
            since = ran_until(selected.revision, selected.workload)
            target_version = version_of(selected.image)
            config_changes[target_version] = config_changes.get(target_version, ()) + await cluster.config_changes(
                target, template, since
            )
            changes.append(self._rollback_change(selected.workload, template, selected.image))
            arguments[f"template of {selected.service}"] = selected.revision.template_hash
        return Plan(
            verb=Verb.ROLLBACK,
            environment=environment,
            changes=tuple(changes),
            arguments=arguments,
            warnings=(
                *await self._left_out(environment, service, workloads),
                *config_warnings(config_changes),
                *selection.left_out,
                *template_warnings(selection.selected),
                *container_warnings(changes),
                *await self._present_warnings(environment, Verb.ROLLBACK, selection.workloads, changes),
            ),
        )

    async def restart(self, environment: str, service: str) -> Plan:
        """Plan to replace the pods of a service. Raises ``Refused``."""
        workload = await self._workload(environment, service)
        refuse_impossible_change(workload, Verb.RESTART)
        changes = (self._unchanged(workload),)
        return Plan(
            verb=Verb.RESTART,
            environment=environment,
            changes=changes,
            arguments={"service": service},
            warnings=await self._present_warnings(environment, Verb.RESTART, [workload], changes),
        )

    async def scale(self, environment: str, service: str, replicas: int) -> Plan:
        """Plan to set another number of pods. Raises ``UsageError`` or ``Refused``."""
        if not 0 <= replicas <= MAX_REPLICAS:
            raise UsageError(f"{replicas} is not a number of pods between 0 and {MAX_REPLICAS}.")
        workload = await self._workload(environment, service)
        refuse_impossible_change(workload, Verb.SCALE)
        check_replicas(workload, replicas)
        zero_pods_warning = (f"With 0 pods, {service} in {environment} serves nobody.",) if replicas == 0 else ()
        changes = (with_replicas(self._unchanged(workload), replicas),)
        return Plan(
            verb=Verb.SCALE,
            environment=environment,
            changes=changes,
            arguments={"service": service, "replicas": str(replicas)},
            warnings=await self._present_warnings(environment, Verb.SCALE, [workload], changes) + zero_pods_warning,
        )

    async def replan(self, plan: Plan) -> Plan:
        """Make the plan again from the current state, with the services, images and templates of the first plan.

        It refuses nothing: the difference of the two plans shows what has changed. Raises ``Drifted`` if a Deployment or a
        template no longer exists.
        """
        try:
            changes = [await self._replan_service(plan, change.target) for change in plan.changes]
        except NotFound as error:
            raise Drifted(sentence(error.sentence, " Nothing was changed.")) from error
        return replace(plan, changes=tuple(changes))

    async def versions(self, environment: str, service: str | None = None) -> tuple[VersionChoice, ...]:
        """The versions to which a rollback is possible, newest first."""
        return rollback_candidates(await self._workloads(environment, service))

    async def _replan_service(self, plan: Plan, target: Target) -> ServiceChange:
        cluster = self._cluster(target.environment)
        workload = await cluster.workload(target)
        before = next(change for change in plan.changes if change.target == target)
        match plan.verb:
            case Verb.DEPLOY:
                image = plan.arguments[f"image of {target.service}"]
                return deploy_change(workload, image, before.own_containers, never_seen=before.never_seen)
            case Verb.ROLLBACK:
                template = await cluster.template_of(target, plan.arguments[f"template of {target.service}"], uid=before.uid)
                return self._rollback_change(workload, template, image_of(template, target.container))
            case Verb.RESTART:
                return self._unchanged(workload)
            case Verb.SCALE:
                return with_replicas(self._unchanged(workload), int(plan.arguments["replicas"]))

    async def _present_warnings(
        self, environment: str, verb: Verb, workloads: Sequence[Workload], changes: Sequence[ServiceChange]
    ) -> tuple[Text, ...]:
        return await present_warnings(self._cluster(environment), self._store, verb, workloads, changes)

    async def _left_out(self, environment: str, service: str | None, workloads: Sequence[Workload]) -> tuple[Text, ...]:
        found = {workload.target for workload in workloads}
        missing = [] if service else [target for target in self._application(environment) if target not in found]
        return await left_out_warnings(self._cluster(environment), missing)

    def _application(self, environment: str) -> list[Target]:
        """The services of the default application."""
        catalogue = self._catalogue()
        return [catalogue.target(environment, name) for name in catalogue.default_application.services]

    def _own_containers(self, selected: SelectedVersion) -> tuple[str, ...]:
        """The containers of the Deployment that run the service's image, whichever version."""
        workload = selected.workload
        return containers_with_image(
            workload.template, workload.target.container, (self._image(workload), workload.image, selected.image)
        )

    def _rollback_change(self, workload: Workload, template: Template, image: str) -> ServiceChange:
        own = containers_with_image(template, workload.target.container, (self._image(workload), image))
        return with_revisions(service_change(workload, template, image, own), workload)

    def _unchanged(self, workload: Workload) -> ServiceChange:
        own = containers_with_image(workload.template, workload.target.container, (self._image(workload), workload.image))
        return service_change(workload, workload.template, workload.image, own)

    def _image(self, workload: Workload) -> str:
        """The image of the catalogue."""
        return self._catalogue().services[workload.target.service].image

    def _cluster(self, environment: str) -> ClusterReader:
        return cluster_of(environment, self._catalogue(), self._clusters)

    async def _workload(self, environment: str, service: str) -> Workload:
        return await self._cluster(environment).workload(self._catalogue().target(environment, service))

    async def _workloads(self, environment: str, service: str | None) -> list[Workload]:
        """Read the named service, or all existing ones of the default application, in the catalogue's order."""
        if service is not None:
            return [await self._workload(environment, service)]
        targets, cluster = self._application(environment), self._cluster(environment)
        found = await cluster.workloads(targets)
        if not found and (others := await left_out_warnings(cluster, targets)):
            raise NotFound(join(" ", others))
        if not found:
            raise NotFound(f"None of {', '.join(target.service for target in targets)} exists in {environment}.")
        return [found[target] for target in targets if target in found]

    def _select_unknown(self, version: str, workloads: Sequence[Workload]) -> VersionSelection:
        services = self._catalogue().services
        selection = select_unseen_version(version, [(workload, services[workload.target.service]) for workload in workloads])
        if not selection.selected:
            raise unknown_version(version, workloads, deploy=True)
        return selection
