"""Prometheus: what it scrapes, by which rules it alerts, and running it."""

import string
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from sandbox.demo.services import ScrapeTarget
from sandbox.monitoring.processes import running_program
from sandbox.tools import prometheus_program

RULE_WINDOW = 15
"""Seconds that the sandbox's rules look back: long enough for steady rates, short enough to wait for."""
_HOST = "127.0.0.1"
_RESEND_DELAY = 5
"""Prometheus tells Alertmanager of a firing alert again so often; one that is not told again ends after four times as long.
So alerts of a Prometheus that was killed end after 20 s, the Watchdog too.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningPrometheus:
    """``url`` has no slash at its end."""

    url: str
    pid: int


def alert_rules(window: int = RULE_WINDOW) -> str:
    """The platform's alert rules, which look back so many seconds. YAML, as Prometheus reads it."""
    template = string.Template(files("sandbox.monitoring").joinpath("rules.yaml").read_text(encoding="utf-8"))
    # Prometheus' own $value and $labels are left as they are.
    return template.safe_substitute(window=window)


def prometheus_config(
    demo_address: str, targets: Iterable[ScrapeTarget], alertmanagers: Sequence[str], *, interval: str = "1s"
) -> dict[str, Any]:
    """Prometheus' configuration. ``demo`` and ``alertmanagers`` are ``host:port``; the rules are in ``rules.yaml`` beside it."""
    by_job: dict[str, list[dict[str, Any]]] = {}
    for target in targets:
        labels = {"environment": target.environment, "service": target.service, "__metrics_path__": target.path}
        by_job.setdefault(target.job, []).append({"targets": [demo_address], "labels": labels})
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "rule_files": ["rules.yaml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": list(alertmanagers)}]}]},
        "scrape_configs": [{"job_name": job, "static_configs": places} for job, places in by_job.items()],
    }


@asynccontextmanager
async def running_prometheus(folder: Path, port: int, config: dict[str, Any], rules: str) -> AsyncIterator[RunningPrometheus]:
    """Prometheus with this configuration and these rules, ready. Its files, log and process id are kept in ``folder``.

    Raises ``MissingTool`` and ``ProgramDidNotStart``.
    """
    _write_files(folder, config, rules)
    url = f"http://{_HOST}:{port}"
    command = (
        prometheus_program(),
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={_HOST}:{port}",
        f"--web.external-url={url}",
        f"--rules.alert.resend-delay={_RESEND_DELAY}s",
        "--log.level=warn",
    )
    async with running_program(command, url, folder / "prometheus.log") as pid:
        yield RunningPrometheus(url=url, pid=pid)


def _write_files(folder: Path, config: dict[str, Any], rules: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.yaml").write_text(rules)
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
