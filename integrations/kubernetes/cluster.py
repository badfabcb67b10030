"""One cluster, asked and changed in our own words."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime

from domain.clock import Clock
from domain.targets import Target
from domain.workloads.deployments import ConfigChange, PodTrouble, RolloutState, RunningPods, Template, Workload
from domain.workloads.field_managers import AutoscalerMove, Hands
from integrations.kubernetes import changes, config_references, deployments, watch
from integrations.kubernetes.autoscaling import autoscaler_moves
from integrations.kubernetes.client import Connection
from integrations.kubernetes.field_managers import hands
from integrations.kubernetes.permissions import Permission, permissions
from integrations.kubernetes.pod_failures import troubles
from integrations.kubernetes.pods import running
from integrations.kubernetes.settings import ClusterSettings


class Cluster:
    """Every method raises TemporaryError when the cluster does not answer properly, Forbidden naming the missing permission,
    NotFound for a Deployment that does not exist. A change raises UnknownOutcome when its answer is lost: call it again
    with the same operation, it looks first.
    """

    def __init__(self, connection: Connection, redact: Callable[[str], str]) -> None:
        self._connection = connection
        self._redact = redact

    @property
    def name(self) -> str:
        return self._connection.settings.name

    async def workload(self, target: Target) -> Workload:
        """The Deployment as it stands now, its history, autoscaler and owner. NotFound also when the container is missing."""
        return await deployments.workload(self._connection, target)

    async def workloads(self, targets: Iterable[Target]) -> dict[Target, Workload]:
        """Many at once, cheaply. A Deployment that does not exist is absent from the answer."""
        return await deployments.workloads(self._connection, targets)

    async def deployments(self, namespace: str) -> tuple[str, ...]:
        """The names of all Deployments, sorted."""
        return await deployments.deployments(self._connection, namespace)

    async def template_of(self, target: Target, template_hash: str) -> Template:
        """The template of an earlier revision, byte for byte as it was. NotFound when its ReplicaSet is gone."""
        return await deployments.template_of(self._connection, target, template_hash)

    async def put_template(
        self,
        target: Target,
        template: Template,
        *,
        expected: str,
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
        change = changes.PutTemplate(
            target=target,
            operation_id=operation_id,
            uid=uid,
            expected=expected,
            template=template,
            cause=cause,
            annotations_from_revision=annotations_from_revision,
        )
        return await changes.make(self._connection, change)

    async def restart(
        self, target: Target, *, expected_hash: str, restarted_at: datetime, operation_id: str, uid: str = ""
    ) -> bool:
        """Replace every pod. ``restarted_at`` is the operation's, so that a replay is recognised. Else as ``put_template``."""
        change = changes.Restart(
            target=target, operation_id=operation_id, uid=uid, expected=expected_hash, restarted_at=restarted_at
        )
        return await changes.make(self._connection, change)

    async def scale(self, target: Target, replicas: int, *, expected_replicas: int, operation_id: str, uid: str = "") -> bool:
        """Run ``replicas`` pods, if ``expected_replicas`` are asked for now, else Drifted. False: already done by it."""
        change = changes.Scale(target=target, operation_id=operation_id, uid=uid, replicas=replicas, expected=expected_replicas)
        return await changes.make(self._connection, change)

    def watch_rollout(self, target: Target, *, within: float) -> AsyncGenerator[RolloutState, None]:
        """Each state that differs from the one before, at once; the last is ``done`` or has a ``failure``.

        TemporaryError after ``within`` seconds. Leave it early only through ``contextlib.aclosing``.
        """
        return watch.watch_rollout(self._connection, target, within)

    async def troubles(self, target: Target) -> tuple[PodTrouble, ...]:
        """Pods of the newest ReplicaSet that cannot start or do not stay up. Messages and lines are redacted."""
        return await troubles(self._connection, target, self._redact)

    async def running(self, target: Target) -> RunningPods:
        """What ready pods really run. Pods being deleted, and evicted or finished ones, do not count."""
        return await running(self._connection, target)

    async def config_changes(self, target: Target, template: Template, since: datetime) -> tuple[ConfigChange, ...]:
        """ConfigMaps and Secrets of the template changed after ``since``, newest first, as far as they may be read."""
        return await config_references.config_changes(self._connection, target, template, since)

    async def autoscaler_moves(self, namespace: str, since: datetime) -> tuple[AutoscalerMove, ...]:
        """When autoscalers of Deployments moved after ``since``, oldest first, as far as the cluster still knows it."""
        return await autoscaler_moves(self._connection, namespace, since)

    async def hands(self, targets: Iterable[Target]) -> dict[Target, Hands]:
        """Who set each Deployment's image, and its replicas by hand. A Deployment that does not exist is absent."""
        return await hands(self._connection, targets)

    async def permissions(self, namespace: str) -> tuple[Permission, ...]:
        """What the commands need, and whether the bot's account may do it there."""
        return await permissions(self._connection, namespace)

    async def version(self) -> str:
        """The server's version, such as ``v1.34.1``."""
        return str((await self._connection.about("/version"))["gitVersion"])


@asynccontextmanager
async def open_cluster(
    settings: ClusterSettings, clock: Clock, *, redact: Callable[[str], str], alive: Callable[[], None] = lambda: None
) -> AsyncIterator[Cluster]:
    """Nothing is imported, read or sent before the first call. ``redact`` masks secrets in what pods say.

    ``alive`` is asked right before each change; it does not return where this process may not act any more.
    """
    connection = Connection(settings, clock, alive)
    try:
        yield Cluster(connection, redact)
    finally:
        await connection.close()
