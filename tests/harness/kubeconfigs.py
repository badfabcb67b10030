"""Kubeconfigs and login programs, as tests of credentials need them."""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from integrations.kubernetes import ClusterSettings
from tests.harness.fakes.kubernetes_tokens import FakeApiServer

API = "client.authentication.k8s.io/v1"


def kubeconfig(folder: Path, server: FakeApiServer, user: dict[str, Any], **cluster: str) -> ClusterSettings:
    config = {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [
            {"name": "a", "cluster": {"server": server.url, "certificate-authority": str(server.certificate), **cluster}}
        ],
        "users": [{"name": "a", "user": user}],
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(config))
    return ClusterSettings(name="prod", kubeconfig=str(folder / "kubeconfig"), total_timeout=10)


def program(folder: Path, source: str, **more: Any) -> dict[str, Any]:
    path = folder / "login.py"
    path.write_text(source)
    return {"exec": {"apiVersion": API, "command": sys.executable, "args": [str(path)], "interactiveMode": "Never", **more}}


def printing(status: dict[str, str], version: str = API) -> str:
    return f"print({json.dumps(json.dumps({'apiVersion': version, 'kind': 'ExecCredential', 'status': status}))})"
