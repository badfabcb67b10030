"""The role in ``deploy/rbac.yaml`` names what the integration asks of the API server: nothing is missing, nothing is too much."""

import inspect
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import yaml

from domain.targets import WorkloadKind
from integrations.kubernetes import Cluster
from integrations.kubernetes.permissions import KIND_PERMISSIONS, OPTIONAL_PERMISSIONS, REQUIRED_PERMISSIONS
from integrations.kubernetes.resources import Resource
from sandbox.cluster import StandInCluster
from sandbox.cluster.control import RecordedRequest
from tests.contract.test_kubernetes_jobs import cron_job
from tests.harness.bot_account import RBAC
from tests.harness.cluster_namespace import ClusterNamespace
from tests.harness.kubernetes_changes import put_template, restart, template_with_tag

WITHIN = 60.0
Right = tuple[str, str]
"""A verb, and a resource in kubectl's notation, such as ``pods/log``."""
_PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/v\w+)/namespaces/[^/]+/(?P<plural>\w+)(?:/(?P<name>[^/]+))?(?:/(?P<part>\w+))?"
)
_VERBS = {"PATCH": "patch", "POST": "create", "PUT": "update", "DELETE": "delete"}


def test_the_role_grants_what_is_asked_for_and_no_more() -> None:
    roles = [each for each in yaml.safe_load_all(RBAC.read_text()) if each["kind"] == "ClusterRole"]
    granted = {
        (verb, f"{resource}.{group}" if group else resource)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    kinds = {right for each in KIND_PERMISSIONS.values() for right in _rights(each)}
    assert granted == _rights(REQUIRED_PERMISSIONS) | _rights(OPTIONAL_PERMISSIONS) | kinds


async def test_every_right_is_used_and_no_other(namespace: ClusterNamespace, stand_in: StandInCluster, cluster: Cluster) -> None:
    await namespace.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}})
    await namespace.create(cron_job("backup"))
    await namespace.deploy("main-aaaaaaa")
    await namespace.set_version("crash-bbbbbbb", wait=False)
    stand_in.control.requests.clear()

    await _do_everything(cluster, namespace)

    asked = {right for request in stand_in.control.requests if (right := _right_of(request)) is not None}
    # Whether another kind has a service's name is asked of the kinds that can be services, too.
    kinds = {("get", str(resource)) for each in KIND_PERMISSIONS.values() for _, resource, _ in each}
    required, optional = _rights(REQUIRED_PERMISSIONS), _rights(OPTIONAL_PERMISSIONS) | kinds
    assert (required - asked, asked - required - optional) == (set(), set())


async def _do_everything(cluster: Cluster, namespace: ClusterNamespace) -> None:
    """Call every method of the integration. A new one has to be added here."""
    target, since = namespace.target(), datetime.now(UTC) - timedelta(minutes=1)
    template = {"spec": {"containers": [{"name": "main", "envFrom": [{"configMapRef": {"name": "settings"}}]}]}}
    before = await cluster.workload(target)
    await cluster.require_cron_job(namespace.name, "backup")
    await cluster.start_job(namespace.name, "backup", "backup-1", owner="mw-1", limit=timedelta(minutes=1))
    called = {
        "workload": before,
        "workloads": await cluster.workloads([target]),
        "other_kinds": await cluster.other_kinds([namespace.target("nothing")]),
        "deployment_names": await cluster.deployment_names(namespace.name),
        "template_of": await cluster.template_of(target, before.template_hash),
        "pod_failures": await _pod_failures(cluster, namespace),
        "running_pods": await cluster.running_pods(target),
        "image_aliases": await cluster.image_aliases((await cluster.running_pods(target)).nodes),
        "pod_counts": await cluster.pod_counts([before]),
        "config_changes": await cluster.config_changes(target, template, since),
        "scaling_events": await cluster.scaling_events(namespace.name, since),
        "field_managers": await cluster.field_managers([target]),
        "require_cron_job": None,
        "start_job": None,
        "job_status": await cluster.job_status(namespace.name, "backup-1", owner="mw-1"),
        "running_jobs": await cluster.running_jobs(namespace.name, "backup"),
        "permissions": await cluster.permissions(namespace.name, [WorkloadKind.DEPLOYMENT]),
        "version": await cluster.version(),
        "credential": await cluster.credential(),
        "set_template": await put_template(cluster, namespace, template_with_tag(before, "main-ccccccc"), before, "op-1"),
        "watch_rollout": [state async for state in cluster.watch_rollout(target, within=WITHIN)],
        "restart": await restart(cluster, namespace, await cluster.workload(target), "op-2"),
        "scale": await cluster.scale(target, 3, expected_replicas=2, operation_id="op-3"),
    }
    methods = {name for name, _ in inspect.getmembers(Cluster, inspect.isfunction) if not name.startswith("_")}
    assert called.keys() == methods


async def _pod_failures(cluster: Cluster, namespace: ClusterNamespace) -> object:
    """Failures with the end of a log: some time passes until a pod has one."""
    while True:
        failures = await cluster.pod_failures(namespace.target())
        if any(each.log_tail for each in failures):
            return failures


def _rights(permissions: tuple[tuple[str, Resource, str], ...]) -> set[Right]:
    return {(verb, f"{resource}/{part}" if part else str(resource)) for verb, resource, part in permissions}


def _right_of(request: RecordedRequest) -> Right | None:
    """The right that a request needs; None where everybody has it, as for the server's version."""
    match = _PATH.fullmatch(request.path)
    if match is None:
        return None
    plural = f"{match['plural']}.{match['group']}" if match["group"] else match["plural"]
    resource = f"{plural}/{match['part']}" if match["part"] else plural
    is_watch = parse_qs(request.query).get("watch", [""])[0] in ("1", "true", "True")
    reading = "watch" if is_watch else "get" if match["name"] else "list"
    return _VERBS.get(request.method, reading), resource
