"""``deepecho check``: is everything outside reachable and permitted? One line each."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC
from pathlib import Path

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.components.families import FAMILIES
from bot.components.family import Family
from bot.connections.clusters import Clusters
from bot.connections.monitoring import MonitoringServers
from bot.connections.paging_checks import check_paging_ways
from bot.core.catalogue_file import load_catalogue
from bot.core.check_result import CheckResult
from bot.core.settings import Settings
from bot.slack.api import SlackApi, open_session
from bot.slack.errors import from_connection, from_response
from domain.catalogue.catalogue import Catalogue
from domain.clock import SystemClock
from domain.errors import CatalogueError, DeepechoError
from domain.targets import WorkloadKind
from integrations.kubernetes import Credential, Permission
from storage.engines import open_engines
from storage.schema_revision import require_schema

REQUIRED_SCOPES: Mapping[str, str] = {
    "commands": "offer /deepecho",
    "chat:write": "post and edit cards, answer people",
    "channels:join": "enter a public channel that the catalogue names",
    "channels:history": "look whether a message arrived, after a broken connection",
    "groups:history": "the same in private channels that the bot was invited to",
    "im:history": "the same in direct messages",
    "mpim:history": "the same in direct messages of several people",
    "files:read": "look whether a file arrived",
    "files:write": "attach the whole text where a message would be too long",
    "users:read": "know guests and strangers from members, and people's time zones",
    "usergroups:read": "know who belongs to the groups that the catalogue gives roles to",
}
"""What the bot's token may do, and why. The manifest in ``deploy/`` asks for exactly these, and those of incidents."""

INCIDENT_SCOPES: Mapping[str, str] = {
    "channels:manage": "make, describe and archive incident channels, and invite people",
    "channels:read": "know its own incident channels again, and hear who comes in and what is archived",
    "groups:write": "the same in private channels, which security incidents have",
    "groups:read": "know its own private channels again, and hear who comes in and what is archived",
    "pins:write": "pin the card of an incident",
    "pins:read": "put what people pin on the timeline",
    "reactions:read": "put what people mark with 📌 on the timeline",
    "bookmarks:read": "know which bookmarks an incident channel has",
    "bookmarks:write": "put links at the head of an incident channel",
}
"""What incidents need beside those; nothing else stops without them."""


async def checks(settings: Settings, families: Sequence[Family] = FAMILIES) -> AsyncIterator[CheckResult]:
    """Every check in turn; one that fails does not keep the others from being made."""
    granted: set[str] = set()
    async for check in _slack(settings, granted):
        yield check
    yield await _schema(settings)
    try:
        catalogue = load_catalogue(settings.catalogue)
    except CatalogueError as error:
        yield CheckResult("catalogue", ok=False, detail=str(error))
        return
    yield CheckResult("catalogue", ok=True, detail=_summarize(catalogue))
    if catalogue.incidents is not None and granted:
        yield _scopes("slack scopes of incidents", INCIDENT_SCOPES, granted)
    async for check in _clusters(catalogue, settings.catalogue.parent):
        yield check
    async for check in _monitoring(catalogue):
        yield check
    async for check in check_paging_ways(settings, catalogue):
        yield check
    for family in families:
        for family_checks in family.checks:
            async for check in family_checks(settings, catalogue):
                yield check


async def _slack(settings: Settings, granted: set[str]) -> AsyncIterator[CheckResult]:
    """Adds to ``granted`` the scopes that the token has."""
    async with open_session(settings.slack.api_url) as session:
        slack = SlackApi(settings.slack.bot_token.get_secret_value(), session, base_url=settings.slack.api_url)
        try:
            answer = await _call(slack, "auth.test")
            granted |= {scope.strip() for scope in str(answer.headers.get("x-oauth-scopes") or "").split(",")} - {""}
            yield CheckResult("slack", ok=True, detail=f"{answer['user']} in {answer['team']} ({answer['team_id']})")
            yield _scopes("slack scopes", REQUIRED_SCOPES, granted)
            if settings.slack.mode == "socket" and settings.slack.app_token is not None:
                await _call(slack, "apps.connections.open", settings.slack.app_token.get_secret_value())
                yield CheckResult("slack socket", ok=True, detail="would open")
        except DeepechoError as error:
            yield CheckResult("slack", ok=False, detail=str(error))


async def _call(slack: SlackApi, method: str, token: str = "") -> AsyncSlackResponse:
    try:
        return await slack.web.api_call(method, headers={"Authorization": f"Bearer {token}"} if token else None)
    except SlackApiError as error:
        raise from_response(error, method, write=False) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise from_connection(error, method, write=False) from error


def _scopes(name: str, needed: Mapping[str, str], granted: Collection[str]) -> CheckResult:
    """Which scopes are missing, and what the bot cannot do without each."""
    if not granted:
        return CheckResult(name, ok=True, detail="Slack does not say which the token has")
    missing = [f"{scope} (to {why})" for scope, why in needed.items() if scope not in granted]
    detail = f"missing: {', '.join(missing)}; add them to the app and install it again" if missing else "all there"
    return CheckResult(name, ok=not missing, detail=detail)


async def _schema(settings: Settings) -> CheckResult:
    engines = open_engines(settings.database, pooled=False)
    try:
        revision = await require_schema(engines)
    except DeepechoError as error:
        return CheckResult("database", ok=False, detail=str(error))
    finally:
        await engines.dispose()
    return CheckResult("database", ok=True, detail=f"reachable, schema at {revision}")


async def _clusters(catalogue: Catalogue, folder: Path) -> AsyncIterator[CheckResult]:
    async with AsyncExitStack() as stack:
        clusters = Clusters(stack, SystemClock(), folder)
        await clusters.open_connections(catalogue)
        for name, cluster in clusters.items():
            try:
                version = await cluster.version()
                yield CheckResult(f"cluster {name}", ok=True, detail=f"{version}; {_credential_end(await cluster.credential())}")
                for namespace, kinds in _namespaces(catalogue, name).items():
                    yield _permissions(name, namespace, await cluster.permissions(namespace, kinds))
            except DeepechoError as error:
                yield CheckResult(f"cluster {name}", ok=False, detail=str(error))


async def _monitoring(catalogue: Catalogue) -> AsyncIterator[CheckResult]:
    """Every Prometheus and Alertmanager, once, under the environments that it serves."""
    async with AsyncExitStack() as stack:
        servers = MonitoringServers(stack, lambda: catalogue)
        await servers.open_connections(catalogue)
        for kind, address, environments in _server_urls(catalogue):
            server = servers.alertmanager_at(address) if kind == "alertmanager" else servers.prometheus(environments[0])
            if server is None:
                continue
            name = f"{kind} of {', '.join(environments)}"
            try:
                yield CheckResult(name, ok=True, detail=f"{await server.ping()} at {address}")
            except DeepechoError as error:
                yield CheckResult(name, ok=False, detail=str(error))


def _server_urls(catalogue: Catalogue) -> list[tuple[str, str, list[str]]]:
    environments_by_url: dict[tuple[str, str], list[str]] = {}
    for name, environment in catalogue.environments.items():
        for kind, address in (("prometheus", environment.prometheus), ("alertmanager", environment.alertmanager)):
            if address:
                environments_by_url.setdefault((kind, address), []).append(name)
    return [(kind, address, environments) for (kind, address), environments in environments_by_url.items()]


def _namespaces(catalogue: Catalogue, cluster: str) -> dict[str, set[WorkloadKind]]:
    """The namespaces in which services of this cluster are, by name, with the kinds of their workloads."""
    environments = [name for name, each in catalogue.environments.items() if each.cluster == cluster]
    found = {namespace: set[WorkloadKind]() for name in environments for namespace in catalogue.namespaces(name)}
    for target in (target for name in environments for target in catalogue.targets(name)):
        found[target.namespace].add(target.kind)
    return dict(sorted(found.items()))


def _permissions(cluster: str, namespace: str, permissions: tuple[Permission, ...]) -> CheckResult:
    missing = [f"{each.verb} {each.resource}" for each in permissions if not each.allowed]
    detail = f"may not: {', '.join(missing)}" if missing else "everything the commands need is permitted"
    return CheckResult(f"cluster {cluster}/{namespace}", ok=not missing, detail=detail)


def _credential_end(credential: Credential) -> str:
    if credential.expires_at is None:
        return f"its {credential.kind} does not say when it ends"
    ends = f"its {credential.kind} ends {credential.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{ends} and is renewed before" if credential.is_renewed else f"{ends}: renew it before, nothing else does"


def _summarize(catalogue: Catalogue) -> str:
    return f"{len(catalogue.environments)} environments, {len(catalogue.services)} services, {len(catalogue.clusters)} clusters"
