"""Login programs of a kubeconfig (exec plugins): run again in time, quoted when they fail."""

import json
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from domain.clock import SystemClock
from domain.errors import PermanentError
from integrations.kubernetes import ClusterSettings, open_cluster
from tests.harness.fakes.kubernetes_tokens import NOON, FakeApiServer, ManualClock


def _plugin(tmp_path: Path, server: FakeApiServer, source: str) -> ClusterSettings:
    """A kubeconfig whose user logs in with a program, as cloud providers have it."""
    program = tmp_path / "login.py"
    program.write_text(source)
    version = "client.authentication.k8s.io/v1"
    run = {"apiVersion": version, "command": sys.executable, "args": [str(program)], "interactiveMode": "Never"}
    config = {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [{"name": "a", "cluster": {"server": server.url, "certificate-authority": str(server.certificate)}}],
        "users": [{"name": "a", "user": {"exec": run}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    return ClusterSettings(name="prod", kubeconfig=str(tmp_path / "kubeconfig"), total_timeout=5)


def _login(tmp_path: Path) -> str:
    """Counts its runs; its tokens are good for fifteen minutes."""
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    expires = (NOON + timedelta(minutes=15)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"""
import json, pathlib
runs = pathlib.Path({str(tmp_path / "runs")!r})
number = len(runs.read_text()) + 1 if runs.exists() else 1
runs.write_text("x" * number)
status = {{"token": f"token-{{number}}", "expirationTimestamp": {expires!r}}}
print(json.dumps({{**{json.dumps(credential)}, "status": status}}))
"""


async def test_a_login_program_is_run_again_before_its_token_ends_and_when_it_is_refused(
    server: FakeApiServer, tmp_path: Path
) -> None:
    clock = ManualClock()
    async with open_cluster(_plugin(tmp_path, server, _login(tmp_path)), clock, redact=str) as cluster:
        await cluster.version()
        clock.move(minutes=13)
        await cluster.version()
        clock.move(minutes=1)
        await cluster.version()
        clock.time = NOON
        server.refused.add("Bearer token-2")
        await cluster.version()

    assert server.seen == [f"Bearer token-{number}" for number in (1, 1, 2, 2, 3)]


async def test_a_login_program_that_fails_is_quoted(server: FakeApiServer, tmp_path: Path) -> None:
    async with open_cluster(_plugin(tmp_path, server, "raise SystemExit('who are you')"), SystemClock(), redact=str) as cluster:
        with pytest.raises(PermanentError, match=r"kubeconfig of cluster prod cannot be used: .*who are you"):
            await cluster.version()
