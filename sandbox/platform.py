"""The sandbox as a whole: opened in order, closed in reverse."""

import os
import secrets
import shutil
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from bot.core.file_lock import DatabaseInUse, exclusive_lock
from domain.catalogue.zones import Weekday
from domain.clock import SystemClock
from integrations.kubernetes import ClusterSettings
from sandbox.alerting_stack import ALERTMANAGER_FOLDER, PROMETHEUS_FOLDER, MonitoringPorts, find_monitoring, open_monitoring
from sandbox.bot import running_bot
from sandbox.catalogue import catalogue_data
from sandbox.cluster import CONTEXTS, FAST, HUMAN, StandInCluster
from sandbox.elasticsearch import StandInElasticsearch
from sandbox.elasticsearch.shipper import SHIPPED, shipped_logs
from sandbox.endpoints import Endpoints
from sandbox.grafana import GRAFANA_TOKEN, StandInGrafana
from sandbox.jaeger import StandInJaeger
from sandbox.jaeger.seed import seed_traces
from sandbox.on_call import ROTATION, incidents_config
from sandbox.pagerduty import BOT_EMAIL, SERVICE_NAME, StandInPagerDuty, routing_key, user_id
from sandbox.real_cluster import current_context, seed_real_cluster
from sandbox.slack import LocalSlack, RunningSlack

DEFAULT_PORT = 8600
ENDPOINTS_FILE = "endpoints.json"
ELASTICSEARCH_API_KEY = "sandbox"
BOT_PORT = "the bot"
CLUSTER_PORT = "the stand-in cluster"
DEMO_PORT = "the demo services"
PHONES_PORT = "the stand-in for PagerDuty"
JAEGER_PORT = "the stand-in for Jaeger"
GRAFANA_PORT = "the stand-in for Grafana"
ELASTICSEARCH_PORT = "the stand-in for Elasticsearch"
PORT_ORDER = (
    *("the page", "the local Slack", BOT_PORT, CLUSTER_PORT, DEMO_PORT, "Prometheus", "Alertmanager", PHONES_PORT),
    *(JAEGER_PORT, GRAFANA_PORT, ELASTICSEARCH_PORT),
)
"""What listens on the chosen port and on those after it."""
WEBHOOK_PATH = "/webhooks/alertmanager"
PAGERDUTY_WEBHOOK_PATH = "/webhooks/pagerduty"


class CannotStart(Exception):
    """What stands in the way, and what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """``port`` is the page's; the others count up from it. ``kubeconfig`` names a real cluster to use instead."""

    port: int = DEFAULT_PORT
    folder: Path = Path(".sandbox")
    kubeconfig: str = ""
    fast: bool = False
    """Pods come up at once, and alerts after a few seconds, instead of at a pace that people can watch."""
    digest_at: str = ""
    """When the digest comes, UTC, every day; empty: at 08:00 on weekdays."""
    with_past: bool = False
    """Prometheus has samples of the last day from the beginning, which takes a second."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "SandboxSettings":
        """``SANDBOX_PORT`` and ``SANDBOX_KUBECONFIG``. Raises ``CannotStart`` for a port or a file that is none."""
        port = environment.get("SANDBOX_PORT") or str(DEFAULT_PORT)
        if not (port.isascii() and port.isdigit() and 1024 <= int(port) <= 65500):
            raise CannotStart(f"SANDBOX_PORT={port} is not a port between 1024 and 65500.")
        kubeconfig = environment.get("SANDBOX_KUBECONFIG", "")
        if kubeconfig and not Path(kubeconfig).is_file():
            raise CannotStart(f"SANDBOX_KUBECONFIG={kubeconfig} is not a file.")
        return cls(port=int(port), kubeconfig=str(Path(kubeconfig).resolve()) if kubeconfig else "", with_past=True)


@asynccontextmanager
async def open_sandbox(settings: SandboxSettings) -> AsyncIterator[Endpoints]:
    """Everything up and ready; the addresses are in ``endpoints.json`` too. All state of an earlier run is forgotten.

    Raises ``CannotStart`` where another program is in the way.
    """
    folder = settings.folder.resolve()
    async with AsyncExitStack() as stack:
        _lock_folder(folder, stack)
        _check_ports(settings)
        _delete_old_state(folder)
        local_slack = LocalSlack(gateway_port=settings.port, port=settings.port + 1, folder=folder / "slack")
        slack = await stack.enter_async_context(local_slack)
        kubernetes, contexts = await _kubernetes(stack, settings, folder)
        monitoring = find_monitoring(
            settings.port + PORT_ORDER.index(DEMO_PORT), fast=settings.fast, with_past=settings.with_past
        )
        grafana, jaeger = await _grafana(stack, settings), await _jaeger(stack, settings)
        elasticsearch = await _elasticsearch(stack, settings, Path(kubernetes["kubeconfig"]), contexts)
        views = {"grafana": grafana.url, "jaeger": jaeger.url, "elasticsearch": elasticsearch.url}
        catalogue_file = folder / "deepecho.yaml"
        catalogue_file.write_text(_catalogue(kubernetes, contexts, monitoring, views, settings))
        token = secrets.token_urlsafe(24)
        pagerduty = await _pagerduty(stack, settings)
        environment = _environment(slack, folder, catalogue_file, token) | _pagerduty_environment(pagerduty, settings)
        bot_port = settings.port + PORT_ORDER.index(BOT_PORT)
        bot = await stack.enter_async_context(running_bot(environment, bot_port, folder / "bot.log"))
        webhook = {"url": f"{bot}{WEBHOOK_PATH}", "token": token}
        if monitoring:
            servers = open_monitoring(monitoring, folder, Path(kubernetes["kubeconfig"]), webhook["url"], token)
            await stack.enter_async_context(servers)
        endpoints = Endpoints(
            slack=slack.url,
            slack_control=slack.control_url,
            bot=bot,
            kubernetes=kubernetes,
            people=slack.people,
            channels=slack.channels,
            prometheus=monitoring.prometheus if monitoring else "",
            alertmanager=monitoring.alertmanager if monitoring else "",
            grafana=grafana.url,
            webhook=webhook,
            pagerduty={"url": pagerduty.url, "token": pagerduty.api_token, "phone": pagerduty.phone(user_id(ROTATION[0]))},
        )
        _announce(endpoints, folder / ENDPOINTS_FILE, stack)
        yield endpoints


def _announce(endpoints: Endpoints, file: Path, stack: AsyncExitStack) -> None:
    endpoints.write(file)
    stack.callback(file.unlink, missing_ok=True)


def _lock_folder(folder: Path, stack: AsyncExitStack) -> None:
    """Two sandboxes in one folder would delete each other's database."""
    try:
        stack.enter_context(exclusive_lock(folder / "sandbox"))
    except DatabaseInUse:
        raise CannotStart(f"Another sandbox runs in {folder}. Stop it first (Ctrl-C where it runs).") from None


def _check_ports(settings: SandboxSettings) -> None:
    for port, part in enumerate(PORT_ORDER, settings.port):
        if settings.kubeconfig and part == CLUSTER_PORT:
            continue
        with socket.socket() as probe:
            # As servers do, so that connections of an earlier run that are only waiting to be forgotten do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise CannotStart(
                    f"Port {port}, meant for {part}, is taken by another program. Stop that, or take other ports: "
                    f"SANDBOX_PORT={settings.port + 100} make sandbox"
                ) from None


async def _kubernetes(stack: AsyncExitStack, settings: SandboxSettings, folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The cluster's url and kubeconfig, and each environment's context in it."""
    if settings.kubeconfig:
        kubeconfig = Path(settings.kubeconfig)
        await seed_real_cluster(kubeconfig)
        context, url = current_context(kubeconfig)
        return {"url": url, "kubeconfig": str(kubeconfig)}, dict.fromkeys(CONTEXTS, context)
    cluster = await stack.enter_async_context(StandInCluster(pace=FAST if settings.fast else HUMAN, port=settings.port + 3))
    cluster.seed()
    kubeconfig = cluster.kubeconfig(folder / "kubeconfig", context="production")
    return {"url": cluster.url, "kubeconfig": str(kubeconfig)}, {name: name for name in CONTEXTS}


def _catalogue(
    kubernetes: Mapping[str, str],
    contexts: Mapping[str, str],
    monitoring: MonitoringPorts | None,
    views: Mapping[str, str],
    settings: SandboxSettings,
) -> str:
    servers = {"prometheus": monitoring.prometheus, "alertmanager": monitoring.alertmanager} if monitoring else {}
    bake_minutes = 0.75 if settings.fast else 3
    data = catalogue_data(kubernetes["kubeconfig"], contexts, bake_minutes=bake_minutes, **servers, **views)
    data |= {"incidents": incidents_config()}
    if settings.digest_at:
        data["digests"]["platform"] |= {"at": settings.digest_at, "days": [day.value for day in Weekday]}
    return yaml.safe_dump(data, sort_keys=False)


def _environment(slack: RunningSlack, folder: Path, catalogue_file: Path, token: str) -> dict[str, str]:
    return {
        "DEEPECHO_SLACK__BOT_TOKEN": slack.bot_token,
        "DEEPECHO_SLACK__APP_TOKEN": slack.app_token,
        "DEEPECHO_SLACK__SIGNING_SECRET": slack.signing_secret,
        "DEEPECHO_SLACK__API_URL": slack.api_url,
        "DEEPECHO_CATALOGUE": str(catalogue_file),
        "DEEPECHO_DATA_DIR": str(folder / "data"),
        "DEEPECHO_LOG__FORMAT": "json",
        "DEEPECHO_WEBHOOKS__ALERTMANAGER_TOKEN": token,
        "DEEPECHO_GRAFANA__TOKEN": GRAFANA_TOKEN,
        "DEEPECHO_ELASTICSEARCH__API_KEY": ELASTICSEARCH_API_KEY,
    }


async def _grafana(stack: AsyncExitStack, settings: SandboxSettings) -> StandInGrafana:
    port = settings.port + PORT_ORDER.index(GRAFANA_PORT)
    return await stack.enter_async_context(StandInGrafana(port=port, has_renderer=True))


async def _jaeger(stack: AsyncExitStack, settings: SandboxSettings) -> StandInJaeger:
    jaeger = await stack.enter_async_context(StandInJaeger(port=settings.port + PORT_ORDER.index(JAEGER_PORT)))
    jaeger.state.spans += seed_traces(SystemClock().now())
    return jaeger


async def _elasticsearch(
    stack: AsyncExitStack, settings: SandboxSettings, kubeconfig: Path, contexts: Mapping[str, str]
) -> StandInElasticsearch:
    """With the lines that the pods of production write, as a shipper on each node would send them."""
    port, account = settings.port + PORT_ORDER.index(ELASTICSEARCH_PORT), f"ApiKey {ELASTICSEARCH_API_KEY}"
    server = await stack.enter_async_context(StandInElasticsearch(port=port, account=account))
    cluster = ClusterSettings(name="sandbox", kubeconfig=str(kubeconfig), context=contexts[SHIPPED])
    await stack.enter_async_context(shipped_logs(cluster, server.state))
    return server


async def _pagerduty(stack: AsyncExitStack, settings: SandboxSettings) -> StandInPagerDuty:
    return await stack.enter_async_context(StandInPagerDuty(port=settings.port + PORT_ORDER.index(PHONES_PORT)))


def _pagerduty_environment(pagerduty: StandInPagerDuty, settings: SandboxSettings) -> dict[str, str]:
    """The bot pages the stand-in, which tells the bot what people do on their phones."""
    bot = f"http://127.0.0.1:{settings.port + PORT_ORDER.index(BOT_PORT)}"
    subscription = pagerduty.subscribe(f"{bot}{PAGERDUTY_WEBHOOK_PATH}")
    return {
        f"DEEPECHO_PAGERDUTY__ROUTING_KEYS__{SERVICE_NAME.upper()}": routing_key(SERVICE_NAME),
        "DEEPECHO_PAGERDUTY__API_TOKEN": pagerduty.api_token,
        "DEEPECHO_PAGERDUTY__USER_EMAIL": BOT_EMAIL,
        "DEEPECHO_PAGERDUTY__WEBHOOK_SECRETS__SANDBOX": subscription.secrets[0],
        "DEEPECHO_PAGERDUTY__EVENTS_URL": pagerduty.url,
        "DEEPECHO_PAGERDUTY__API_URL": pagerduty.url,
    }


def _delete_old_state(folder: Path) -> None:
    """The local Slack and the stand-in cluster keep nothing; a database that remembers their operations would only confuse."""
    (folder / ENDPOINTS_FILE).unlink(missing_ok=True)
    (folder / "data").mkdir(exist_ok=True)
    for file in (folder / "data").glob("deepecho.sqlite*"):
        file.unlink()
    for name in (PROMETHEUS_FOLDER, ALERTMANAGER_FOLDER):
        shutil.rmtree(folder / name, ignore_errors=True)


def load_sandbox_settings() -> SandboxSettings:
    """The settings that this process's environment gives."""
    return SandboxSettings.from_environment(os.environ)
