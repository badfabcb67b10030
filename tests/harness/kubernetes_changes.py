"""Changes of a Deployment, for tests of the contract."""

import copy
from datetime import UTC, datetime

from domain.workloads.deployments import Template, Workload, template_hash
from integrations.kubernetes import Cluster
from tests.harness.cluster_namespace import ClusterNamespace, Json

STILL: Json = {"replicas": 0}
"""No pods: for tests of what is written, not of what rolls out."""


async def put_template(
    cluster: Cluster,
    namespace: ClusterNamespace,
    template: Template,
    before: Workload,
    operation: str,
    *,
    back: bool = False,
    uid: str = "",
) -> bool:
    return await cluster.set_template(
        namespace.target(),
        template,
        expected_hash=before.template_hash,
        operation_id=operation,
        cause="roll back",
        annotations_from_revision=back,
        uid=uid,
    )


async def restart(cluster: Cluster, namespace: ClusterNamespace, before: Workload, operation: str, *, uid: str = "") -> bool:
    return await cluster.restart(
        namespace.target(),
        expected_hash=before.template_hash,
        restarted_at=datetime(2026, 11, 23, 14, 2, tzinfo=UTC),
        operation_id=operation,
        uid=uid,
    )


def template_with_tag(workload: Workload, tag: str) -> Template:
    template = copy.deepcopy(dict(workload.template))
    template["spec"]["containers"][0]["image"] = f"registry.example/web:{tag}"
    assert template_hash(template) != workload.template_hash
    return template
