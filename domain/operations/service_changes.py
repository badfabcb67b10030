"""Makes the change of one service from its workload and what it is to become. Pure."""

from dataclasses import replace

from domain.errors import Refused
from domain.operations.plans import ServiceChange, VersionState
from domain.workloads.containers import service_containers, with_image
from domain.workloads.deployments import Template, Workload, template_differences, template_hash
from domain.workloads.images import version_of
from domain.workloads.revisions import needs_number


def deploy_change(workload: Workload, image: str, containers: tuple[str, ...], *, never_seen: bool) -> ServiceChange:
    """The change to the present template with this image in these containers."""
    template = with_image(workload.template, containers, image)
    change = service_change(workload, template, image, containers, replaced=workload.image)
    return with_revisions(replace(change, never_seen=never_seen), workload)


def with_revisions(change: ServiceChange, workload: Workload) -> ServiceChange:
    """Add the numbers of the revisions before and after, where their versions do not select them."""
    revisions = {each.template_hash: each for each in workload.revisions}
    before, after = revisions.get(change.before.template_hash), revisions.get(change.after.template_hash)
    if after is None or not needs_number(after, workload):
        return change
    number = before.number if before and change.before.version == change.after.version else 0
    return replace(change, before=replace(change.before, revision=number), after=replace(change.after, revision=after.number))


def with_replicas(change: ServiceChange, replicas: int) -> ServiceChange:
    """The change to another number of pods."""
    return replace(change, after=replace(change.after, replicas=replicas))


def service_change(
    workload: Workload, template: Template, image: str, containers: tuple[str, ...], replaced: str = ""
) -> ServiceChange:
    """The change to this template. ``containers`` are those of it that belong to the service."""

    def version_state(image: str, hash_of_template: str) -> VersionState:
        return VersionState(version=version_of(image), image=image, template_hash=hash_of_template, replicas=workload.replicas)

    after = service_containers(template, containers, image, replaced)
    return ServiceChange(
        target=workload.target,
        uid=workload.uid,
        paused=workload.paused,
        owner=workload.owner,
        before=version_state(workload.image, workload.template_hash),
        after=version_state(image, template_hash(template)),
        autoscaler=workload.autoscaler,
        differences=template_differences(workload.template, template, workload.target.container),
        containers=after.moved,
        staying=after.staying,
        strategy=workload.strategy,
    )


def check_replicas(workload: Workload, replicas: int) -> None:
    """Raise ``Refused`` if an autoscaler would change the number at once, or if it is the present one."""
    target, scaler = workload.target, workload.autoscaler
    if scaler and not scaler.min_replicas <= replicas <= scaler.max_replicas:
        raise Refused(
            f"{target} is autoscaled between {scaler.min_replicas} and {scaler.max_replicas} by {scaler.name}, "
            f"which would change {replicas} at once. Nothing was changed. Change the autoscaler's limits instead."
        )
    if replicas == workload.replicas:
        raise Refused(f"{target} already has {replicas} pods. Nothing was changed.")
