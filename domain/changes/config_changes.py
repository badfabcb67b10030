"""Changes other than versions: ConfigMaps and Secrets, autoscalers, replicas set by hand. Pure."""

from collections.abc import Iterable, Mapping

from domain.changes.platform_changes import ChangeKind, PlatformChange
from domain.targets import Target
from domain.workloads.deployments import ConfigChange, Workload
from domain.workloads.field_managers import FieldManagers, ScalingEvent


def changes_from_configs(
    environment: str, configs_by_target: Mapping[Target, Iterable[ConfigChange]]
) -> tuple[PlatformChange, ...]:
    """One change for each ConfigMap or Secret, with every service whose template refers to it."""
    services_by_config: dict[ConfigChange, list[str]] = {}
    for target, configs in configs_by_target.items():
        for config in configs:
            services_by_config.setdefault(config, []).append(target.service)
    return tuple(
        PlatformChange(
            kind=ChangeKind.CONFIG,
            environment=environment,
            services=tuple(services),
            at=config.changed_at,
            description=f"{config.kind} {config.name}",
        )
        for config, services in services_by_config.items()
    )


def changes_from_autoscalers(events: Iterable[ScalingEvent], targets: Iterable[Target]) -> tuple[PlatformChange, ...]:
    """One change for each scaling event of an autoscaler of one of these Deployments."""
    targets_by_deployment = {target.deployment: target for target in targets}
    return tuple(
        PlatformChange(
            kind=ChangeKind.AUTOSCALER,
            environment=targets_by_deployment[event.deployment].environment,
            services=(targets_by_deployment[event.deployment].service,),
            at=event.at,
            description=f"autoscaler {event.autoscaler}" + ("" if event.replicas is None else f" to {event.replicas} pods"),
        )
        for event in events
        if event.deployment in targets_by_deployment
    )


def changes_from_manual_scaling(workload: Workload, managers: FieldManagers) -> tuple[PlatformChange, ...]:
    """The last change of the replicas with ``kubectl scale`` or the like. The cluster does not record the earlier number."""
    manager, target = managers.replicas, workload.target
    if manager is None:
        return ()
    return (
        PlatformChange(
            kind=ChangeKind.SCALE,
            environment=target.environment,
            services=(target.service,),
            at=manager.at,
            description=f"scale of {target.service}",
            by_manager=manager.name,
        ),
    )
