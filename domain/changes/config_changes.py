"""What else changes around a Deployment: ConfigMaps and Secrets, autoscalers, replicas set by hand."""

from collections.abc import Iterable, Mapping

from domain.changes.platform_changes import ChangeKind, PlatformChange
from domain.targets import Target
from domain.workloads.deployments import ConfigChange, Workload
from domain.workloads.field_managers import AutoscalerMove, Hands


def made_to_configs(environment: str, found: Mapping[Target, Iterable[ConfigChange]]) -> tuple[PlatformChange, ...]:
    """Each ConfigMap or Secret once, with every service whose template refers to it."""
    users: dict[ConfigChange, list[str]] = {}
    for target, configs in found.items():
        for config in configs:
            users.setdefault(config, []).append(target.service)
    return tuple(
        PlatformChange(
            kind=ChangeKind.CONFIG,
            environment=environment,
            services=tuple(services),
            at=config.changed_at,
            what=f"{config.kind} {config.name}",
        )
        for config, services in users.items()
    )


def made_by_autoscalers(moves: Iterable[AutoscalerMove], targets: Iterable[Target]) -> tuple[PlatformChange, ...]:
    """The moves of autoscalers that steer one of these Deployments."""
    steered = {target.deployment: target for target in targets}
    return tuple(
        PlatformChange(
            kind=ChangeKind.AUTOSCALER,
            environment=steered[move.deployment].environment,
            services=(steered[move.deployment].service,),
            at=move.at,
            what=f"autoscaler {move.autoscaler}" + ("" if move.replicas is None else f" to {move.replicas} pods"),
        )
        for move in moves
        if move.deployment in steered
    )


def made_by_hand(workload: Workload, hands: Hands) -> tuple[PlatformChange, ...]:
    """Replicas that somebody set with ``kubectl scale`` or the like; the number of before is not kept."""
    hand, target = hands.replicas, workload.target
    if hand is None:
        return ()
    return (
        PlatformChange(
            kind=ChangeKind.SCALE,
            environment=target.environment,
            services=(target.service,),
            at=hand.at,
            what=f"scale of {target.service}",
            by_name=hand.manager,
        ),
    )
