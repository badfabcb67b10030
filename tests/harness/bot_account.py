"""The bot's account on a real API server, with exactly the rights that ``deploy/rbac.yaml`` gives it."""

from pathlib import Path
from typing import Any

import yaml

from tests.harness.cluster_namespace import ClusterNamespace

RBAC = Path(__file__).parents[2] / "deploy" / "rbac.yaml"
_RBAC_API = "/apis/rbac.authorization.k8s.io/v1"
TOKEN_SECONDS = 3600
Json = dict[str, Any]


async def bot_kubeconfig(namespace: ClusterNamespace, folder: Path) -> Path:
    """A kubeconfig of the account, bound to the role in this namespace alone."""
    documents = list(yaml.safe_load_all(RBAC.read_text()))
    (account,) = (each for each in documents if each["kind"] == "ServiceAccount")
    home, name = account["metadata"]["namespace"], account["metadata"]["name"]
    await _create(namespace, "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": home}})
    await _create(namespace, f"/api/v1/namespaces/{home}/serviceaccounts", account)
    for each in documents:
        await _put_rights(namespace, each)
    token = await namespace.api.call(
        "POST",
        f"/api/v1/namespaces/{home}/serviceaccounts/{name}/token",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": TOKEN_SECONDS}},
    )
    config = yaml.safe_load(namespace.kubeconfig.read_text())
    config["users"] = [{"name": each["name"], "user": {"token": token["status"]["token"]}} for each in config["users"]]
    file = folder / "bot.kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return file


async def _put_rights(namespace: ClusterNamespace, manifest: Json) -> None:
    match manifest["kind"]:
        case "ClusterRole" | "ClusterRoleBinding":
            path = f"{_RBAC_API}/{manifest['kind'].lower()}s"
            if not await _create(namespace, path, manifest):
                await namespace.api.call("PUT", f"{path}/{manifest['metadata']['name']}", manifest)
        case "RoleBinding":
            manifest["metadata"]["namespace"] = namespace.name
            await _create(namespace, f"{_RBAC_API}/namespaces/{namespace.name}/rolebindings", manifest)


async def _create(namespace: ClusterNamespace, path: str, manifest: Json) -> bool:
    """Create an object. Returns False where there is one already."""
    status, answer = await namespace.api.call_unchecked("POST", path, manifest)
    assert status < 300 or status == 409, answer
    return status < 300
