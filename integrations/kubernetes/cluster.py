"""One cluster, asked and changed in our own words."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime

from domain.clock import Clock
from domain.targets import Target
from domain.workloads.deployments import ConfigChange, PodFailure, RolloutStatus, RunningPods, Template, Workload
from domain.workloads.field_managers import FieldManagers, ScalingEvent
from integrations.kubernetes import changes, config_references, deployments, watch
from integrations.kubernetes.autoscaling import scaling_events
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.field_managers import field_managers
from integrations.kubernetes.permissions import Permission, permissions
from integrations.kubernetes.pod_failures import pod_failures
from integrations.kubernetes.pods import running_pods
from integrations.kubernetes.settings import ClusterSettings


class Cluster:
    """Every method raises TemporaryError when the cluster does not answer properly, Forbidden naming the missing permission,
    NotFound for a Deployment that does not exist. A change raises UnknownOutcome when its answer is lost: call it again
    with the same operation, it looks first.
    """

    def __init__(self, client: KubernetesClient, redact: Callable[[str], str]) -> None:
        self._client = client
        self._redact = redact

    @property
    def name(self) -> str:
        return self._client.settings.name

    async def workload(self, target: Target) -> Workload:
        """The Deployment as it stands now, its history, autoscaler and owner. NotFound also when the container is missing."""
        return await deployments.workload(self._client, target)

    async def workloads(self, targets: Iterable[Target]) -> dict[Target, Workload]:
        """Many at once, cheaply. A Deployment that does not exist is absent from the answer."""
        return await deployments.workloads(self._client, targets)

    async def deployment_names(self, namespace: str) -> tuple[str, ...]:
        """The names of all Deployments, sorted."""
        return await deployments.deployment_names(self._client, namespace)

    async def template_of(self, target: Target, template_hash: str) -> Template:
        """The template of an earlier revision, byte for byte as it was. NotFound when its ReplicaSet is gone."""
        return await deployments.template_of(self._client, target, template_hash)

    async def set_template(
        self,
        target: Target,
        template: Template,
        *,
        expected_hash: str,
        operation_id: str,
        cause: str,
        annotations_from_revision: bool,
        uid: str = "",
    ) -> bool:
        """Run ``template``, if the one with the hash ``expected`` still runs. False: this operation had already done it.

        ``uid``: the Deployment must still be this very object.
        For a rollback the Deployment's annotations become those of the revision, as ``kubectl rollout undo`` does it.
        Raises Drifted (something else runs by now) and Refused (paused).
        """
        change = changes.SetTemplate(
            target=target,
            operation_id=operation_id,
            uid=uid,
            expected_hash=expected_hash,
            template=template,
            cause=cause,
            annotations_from_revision=annotations_from_revision,
        )
        return await changes.apply(self._client, change)

    async def restart(
        self, target: Target, *, expected_hash: str, restarted_at: datetime, operation_id: str, uid: str = ""
    ) -> bool:
        """Replace every pod. ``restarted_at`` is the operation's, so that a replay is recognised. Else as ``put_template``."""
        change = changes.Restart(
            target=target, operation_id=operation_id, uid=uid, expected_hash=expected_hash, restarted_at=restarted_at
        )
        return await changes.apply(self._client, change)

    async def scale(self, target: Target, replicas: int, *, expected_replicas: int, operation_id: str, uid: str = "") -> bool:
        """Run ``replicas`` pods, if ``expected_replicas`` are asked for now, else Drifted. False: already done by it."""
        change = changes.Scale(
            target=target, operation_id=operation_id, uid=uid, replicas=replicas, expected_replicas=expected_replicas
        )
        return await changes.apply(self._client, change)

    def watch_rollout(self, target: Target, *, within: float) -> AsyncGenerator[RolloutStatus, None]:
        """Each state that differs from the one before, at once; the last is ``done`` or has a ``failure``.

        TemporaryError after ``within`` seconds. Leave it early only through ``contextlib.aclosing``.
        """
        return watch.watch_rollout(self._client, target, within)

    async def pod_failures(self, target: Target) -> tuple[PodFailure, ...]:
        """Pods of the newest ReplicaSet that cannot start or do not stay up. Messages and lines are redacted."""
        return await pod_failures(self._client, target, self._redact)

    async def running_pods(self, target: Target) -> RunningPods:
        """What ready pods really run. Pods being deleted, and evicted or finished ones, do not count."""
        return await running_pods(self._client, target)

    async def config_changes(self, target: Target, template: Template, since: datetime) -> tuple[ConfigChange, ...]:
        """ConfigMaps and Secrets of the template changed after ``since``, newest first, as far as they may be read."""
        return await config_references.config_changes(self._client, target, template, since)

    async def scaling_events(self, namespace: str, since: datetime) -> tuple[ScalingEvent, ...]:
        """When autoscalers of Deployments moved after ``since``, oldest first, as far as the cluster still knows it."""
        return await scaling_events(self._client, namespace, since)

    async def field_managers(self, targets: Iterable[Target]) -> dict[Target, FieldManagers]:
        """Who set each Deployment's image, and its replicas by hand. A Deployment that does not exist is absent."""
        return await field_managers(self._client, targets)

    async def permissions(self, namespace: str) -> tuple[Permission, ...]:
        """What the commands need, and whether the bot's account may do it there."""
        return await permissions(self._client, namespace)

    async def version(self) -> str:
        """The server's version, such as ``v1.34.1``."""
        return str((await self._client.get_info("/version"))["gitVersion"])


@asynccontextmanager
async def open_cluster(
    settings: ClusterSettings, clock: Clock, *, redact: Callable[[str], str], check_lease: Callable[[], None] = lambda: None
) -> AsyncIterator[Cluster]:
    """Nothing is imported, read or sent before the first call. ``redact`` masks secrets in what pods say.

    ``alive`` is asked right before each change; it does not return where this process may not act any more.
    """
    client = KubernetesClient(settings, clock, check_lease)
    try:
        yield Cluster(client, redact)
    finally:
        await client.close()
