"""The interface of one cluster: everything that the bot reads from it and changes in it."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.clock import Clock
from domain.rich_text import Text
from domain.targets import Target, WorkloadKind
from domain.workloads.deployments import ConfigChange, RolloutStatus, RunningPods, Template, Workload
from domain.workloads.field_managers import FieldManagers, ScalingEvent
from domain.workloads.jobs import JobStatus, RunningJob
from domain.workloads.pod_counts import PodCounts
from domain.workloads.pod_failures import FailureCause, PodFailure
from domain.workloads.update_strategies import REACHES_ALL, UpdateStrategy
from integrations.kubernetes import changes, config_references, deployments, jobs, watch
from integrations.kubernetes.autoscaling import scaling_events
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.cluster_reads import ClusterReads
from integrations.kubernetes.field_managers import field_managers
from integrations.kubernetes.other_kinds import other_kinds
from integrations.kubernetes.permissions import Permission, permissions
from integrations.kubernetes.pod_counts import counted_pods
from integrations.kubernetes.pod_failures import pod_failures
from integrations.kubernetes.pod_images import image_aliases
from integrations.kubernetes.pods import running_pods
from integrations.kubernetes.resources import CRON_JOBS
from integrations.kubernetes.settings import ClusterSettings


@dataclass(frozen=True, slots=True)
class Credential:
    """The bot's login. ``kind`` is *token* or *certificate*; ``expires_at`` is None where it does not say when it ends."""

    kind: str
    expires_at: datetime | None
    is_renewed: bool


class Cluster:
    """Every method raises TemporaryError when the cluster does not answer properly, Forbidden naming the missing permission,
    NotFound for a Deployment that does not exist. A change raises UnknownOutcome when its response is lost. It is safe to call
    again with the same operation id: it reads before it writes.
    """

    def __init__(self, client: KubernetesClient, redact: Callable[[str], str]) -> None:
        self._client = client
        self._redact = redact

    @property
    def name(self) -> str:
        return self._client.settings.name

    @property
    def reads(self) -> ClusterReads:
        """What people look at: pods, events, nodes, autoscalers."""
        return ClusterReads(self._client, self._redact)

    async def workload(self, target: Target) -> Workload:
        """Read a Deployment with its history, autoscaler and owner. Raises NotFound also when the container is missing."""
        return await deployments.workload(self._client, target)

    async def workloads(self, targets: Iterable[Target]) -> dict[Target, Workload]:
        """Read many Deployments with three requests for each namespace. One that does not exist is absent."""
        return await deployments.workloads(self._client, targets)

    async def other_kinds(self, targets: Iterable[Target]) -> dict[Target, Text]:
        """A sentence about each of these that is another kind of workload than the catalogue says; the others are absent."""
        return await other_kinds(self._client, targets)

    async def deployment_names(self, namespace: str) -> tuple[str, ...]:
        """The names of all Deployments, sorted."""
        return await deployments.deployment_names(self._client, namespace)

    async def template_of(self, target: Target, template_hash: str, *, uid: str = "") -> Template:
        """Read the unchanged template of an earlier revision. Raises NotFound when its ReplicaSet is gone.

        With ``uid`` the Deployment must still be that object, else it raises Drifted.
        """
        return await deployments.template_of(self._client, target, template_hash, uid)

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
        strategy: UpdateStrategy = REACHES_ALL,
        on_stored: Callable[[str], None] | None = None,
    ) -> bool:
        """Set the pod template, if the current one has the hash ``expected_hash``. False: this operation had already set it.

        With ``uid`` the Deployment must still be that object. With ``annotations_from_revision`` (a rollback) the annotations
        become those of the revision, like in ``kubectl rollout undo``. ``strategy`` is the update strategy that was planned for.
        ``on_stored`` is called with the hash of the template in the server's answer, which an admission webhook may have altered;
        not where the answer was lost, or where the template had been set before.
        Raises Drifted (another template or strategy is set by now) and Refused (the Deployment is paused).
        """
        change = changes.SetTemplate(
            target=target,
            operation_id=operation_id,
            uid=uid,
            expected_hash=expected_hash,
            template=template,
            cause=cause,
            annotations_from_revision=annotations_from_revision,
            strategy=strategy,
        )
        return await changes.apply(self._client, change, on_stored)

    async def restart(
        self,
        target: Target,
        *,
        expected_hash: str,
        restarted_at: datetime,
        operation_id: str,
        uid: str = "",
        strategy: UpdateStrategy = REACHES_ALL,
    ) -> bool:
        """Replace every pod. ``restarted_at`` is the operation's, so that a replay is recognised. Else like ``set_template``."""
        change = changes.Restart(
            target=target,
            operation_id=operation_id,
            uid=uid,
            expected_hash=expected_hash,
            restarted_at=restarted_at,
            strategy=strategy,
        )
        return await changes.apply(self._client, change)

    async def scale(self, target: Target, replicas: int, *, expected_replicas: int, operation_id: str, uid: str = "") -> bool:
        """Set the replicas, if now ``expected_replicas`` are set, else raise Drifted. False: this operation had set them."""
        change = changes.Scale(
            target=target, operation_id=operation_id, uid=uid, replicas=replicas, expected_replicas=expected_replicas
        )
        return await changes.apply(self._client, change)

    async def require_cron_job(self, namespace: str, name: str) -> None:
        """Raises NotFound where there is no such CronJob."""
        await self._client.get(CRON_JOBS, namespace, name)

    async def start_job(self, namespace: str, cron_job: str, name: str, *, owner: str, limit: timedelta) -> None:
        """Make a Job from a CronJob, unless it is there. Raises Refused where another owner's Job has the name."""
        await jobs.start_job(self._client, namespace, cron_job, name, owner=owner, limit=limit)

    async def job_status(self, namespace: str, name: str, *, owner: str) -> JobStatus:
        """How far a Job of this owner is. Log lines are redacted."""
        return await jobs.job_status(self._client, namespace, name, owner=owner, redact=self._redact)

    async def running_jobs(self, namespace: str, cron_job: str) -> tuple[RunningJob, ...]:
        """Jobs of a CronJob that have not ended, the oldest first, whoever made them."""
        return await jobs.running_jobs(self._client, namespace, cron_job)

    def watch_rollout(
        self, target: Target, *, within: float, uid: str = "", is_scaling: bool = False
    ) -> AsyncGenerator[RolloutStatus, None]:
        """Yield each state that differs from the one before; the last is ``done`` or has a ``failure``.

        With ``uid`` a Deployment that is not that object is a failure. A scaling is done with enough pods of whichever revision.
        Raises TemporaryError after ``within`` seconds. To leave it early, wrap it in ``contextlib.aclosing``.
        """
        return watch.watch_rollout(self._client, target, within, uid, is_scaling=is_scaling)

    async def pod_failures(self, target: Target, known: Collection[FailureCause] = ()) -> tuple[PodFailure, ...]:
        """Pods of the newest ReplicaSet that cannot start or do not stay up. Messages and log lines are redacted.

        No log is read for a cause that is ``known``, and once only that of a run that is over.
        """
        return await pod_failures(self._client, target, self._redact, known)

    async def running_pods(self, target: Target) -> RunningPods:
        """Count pods and read the images of ready ones. Pods that are being deleted, evicted or finished do not count."""
        return await running_pods(self._client, target)

    async def image_aliases(self, nodes: Iterable[str]) -> tuple[frozenset[str], ...] | None:
        """Groups of digests that these nodes list as names of one content. None without the right to read nodes."""
        return await image_aliases(self._client, nodes)

    async def pod_counts(self, workloads: Iterable[Workload]) -> dict[str, PodCounts]:
        """What the pods of these workloads run now, by the workload's uid: one list request for each namespace."""
        return await counted_pods(self._client, workloads)

    async def config_changes(self, target: Target, template: Template, since: datetime) -> tuple[ConfigChange, ...]:
        """ConfigMaps and Secrets of the template that changed after ``since``, newest first, as far as they may be read."""
        return await config_references.config_changes(self._client, target, template, since)

    async def scaling_events(self, namespace: str, since: datetime) -> tuple[ScalingEvent, ...]:
        """Scalings by autoscalers after ``since``, oldest first, as far as the cluster still keeps them."""
        return await scaling_events(self._client, namespace, since)

    async def field_managers(self, targets: Iterable[Target]) -> dict[Target, FieldManagers]:
        """Who last set each Deployment's image, and its replicas by hand. A Deployment that does not exist is absent."""
        return await field_managers(self._client, targets)

    async def permissions(self, namespace: str, kinds: Iterable[WorkloadKind] = ()) -> tuple[Permission, ...]:
        """The permissions that the commands need for workloads of these kinds, and whether the bot's account has them there."""
        return await permissions(self._client, namespace, kinds)

    async def version(self) -> str:
        """The server's version, such as ``v1.34.1``."""
        return str((await self._client.get_info("/version"))["gitVersion"])

    async def credential(self) -> Credential:
        """What the bot is logged in with, when it ends, and whether it is renewed without a person."""
        token = await self._client.credential()
        return Credential("token" if token.header else "certificate", token.expires_at, is_renewed=token.is_renewed)


@asynccontextmanager
async def open_cluster(
    settings: ClusterSettings, clock: Clock, *, redact: Callable[[str], str], check_lease: Callable[[], None] = lambda: None
) -> AsyncIterator[Cluster]:
    """Open a cluster. The first call imports the library and connects. ``redact`` masks secrets in messages and logs of pods.

    ``check_lease`` is called right before each change; it does not return if this process may no longer act.
    """
    client = KubernetesClient(settings, clock, check_lease)
    try:
        yield Cluster(client, redact)
    finally:
        await client.close()
