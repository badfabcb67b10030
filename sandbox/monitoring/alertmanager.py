"""Alertmanager: where it sends what, and running one or several that know of each other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox.monitoring.processes import running_program
from sandbox.tools import alertmanager_program

WATCHDOG_INTERVAL = 10
"""The always-firing alert is sent again so often."""
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class HaPeer:
    """One of a highly available pair. ``port`` is where the others reach it; ``peers`` are ``host:port`` of theirs.

    The second peer waits ``stagger_seconds`` before it sends what the first should have sent, the third twice as long.
    """

    port: int
    peers: tuple[str, ...] = ()
    stagger_seconds: float = 15

    def arguments(self) -> tuple[str, ...]:
        """As arguments of the program."""
        address = f"{_HOST}:{self.port}"
        return (
            f"--cluster.listen-address={address}",
            f"--cluster.advertise-address={address}",
            f"--cluster.peer-timeout={round(self.stagger_seconds * 1000)}ms",
            "--cluster.gossip-interval=50ms",  # it waits for thirty of these before it sends anything
            *(f"--cluster.peer={peer}" for peer in self.peers),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningAlertmanager:
    """``url`` has no slash at its end; ``address`` is ``host:port``."""

    url: str
    address: str
    pid: int


def alertmanager_config(webhook: str, token: str, *, group_interval: str = "2s") -> dict[str, Any]:
    """Everything goes to one webhook, which wants the bearer token."""
    authorization = {"type": "Bearer", "credentials": token}
    hook = {"url": webhook, "send_resolved": True, "http_config": {"authorization": authorization}}
    watchdog = {
        "receiver": "deepecho",
        "matchers": ['alertname="Watchdog"'],
        "group_wait": "0s",
        "group_interval": f"{WATCHDOG_INTERVAL}s",
        "repeat_interval": "1s",  # it is looked at once a group_interval only
    }
    return {
        "route": {
            "receiver": "deepecho",
            "group_by": ["alertname", "environment", "service"],
            "group_wait": "1s",
            "group_interval": group_interval,
            "repeat_interval": "4h",
            "routes": [watchdog],
        },
        "receivers": [{"name": "deepecho", "webhook_configs": [hook]}],
    }


@asynccontextmanager
async def running_alertmanager(
    folder: Path, port: int, config: dict[str, Any], ha_peer: HaPeer | None = None
) -> AsyncIterator[RunningAlertmanager]:
    """Alertmanager with this configuration, ready; alone unless ``gossip`` says otherwise. Its files are kept in ``folder``.

    Raises ``MissingTool`` and ``ProgramDidNotStart``.
    """
    file = _write_config(folder, config)
    url = f"http://{_HOST}:{port}"
    command = (
        alertmanager_program(),
        f"--config.file={file}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={_HOST}:{port}",
        f"--web.external-url={url}",
        *(ha_peer.arguments() if ha_peer else ("--cluster.listen-address=",)),
        "--log.level=warn",
    )
    async with running_program(command, url, folder / "alertmanager.log") as pid:
        yield RunningAlertmanager(url=url, address=f"{_HOST}:{port}", pid=pid)


def _write_config(folder: Path, config: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "alertmanager.yaml"
    file.touch(0o600)  # there is a token in it
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    return file
