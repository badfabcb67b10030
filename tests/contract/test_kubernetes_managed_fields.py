"""What other programs own of a Deployment by server-side apply: their next apply conflicts with a change of the bot."""

import json
from pathlib import Path

from domain.workloads.field_managers import AppliedFields
from integrations.kubernetes import Cluster
from tests.harness.cluster_namespace import ClusterNamespace


async def test_what_others_own_by_server_side_apply(namespace: ClusterNamespace, cluster: Cluster, tmp_path: Path) -> None:
    image = "registry.example/web:main-aaaaaaa"
    spec = {"initContainers": [{"name": "migrate", "image": image}], "containers": [{"name": "main", "image": image}]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": spec}
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template},
    }
    file = tmp_path / "web.json"
    file.write_text(json.dumps(manifest))
    await namespace.kubectl("apply", "--server-side", "--field-manager=ci", f"--filename={file}")
    await namespace.wait_rolled_out()

    (applied,) = (await cluster.workload(namespace.target())).applied
    assert applied == AppliedFields(manager="ci", images=frozenset({"migrate", "main"}), template=True, replicas=True)

    # A scaling takes the replicas over: the next apply conflicts, and the bot's own hand is no stranger's.
    before = await cluster.workload(namespace.target())
    await cluster.scale(namespace.target(), 3, expected_replicas=2, operation_id="op-1", uid=before.uid)
    (applied,) = (await cluster.workload(namespace.target())).applied
    assert (applied.manager, applied.replicas) == ("ci", False)
    conflict = await namespace.api.call_unchecked(
        "PATCH", f"{namespace.path()}?fieldManager=ci", json.loads(file.read_text()), "application/apply-patch+yaml"
    )
    assert conflict[0] == 409
    assert 'conflict with "deepecho"' in conflict[1]["message"]
