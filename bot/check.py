"""``deepecho check``: is everything outside reachable and permitted? One line each."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.connections.clusters import Clusters
from bot.connections.monitoring import Monitors
from bot.core.catalogue_file import load
from bot.core.settings import Settings
from bot.slack.api import SlackApi, open_session
from bot.slack.errors import from_answer, from_connection
from bot.web.alertmanager import ALERTS
from domain.catalogue.catalogue import Catalogue
from domain.clock import SystemClock
from domain.errors import CatalogueError, DeepechoError, TemporaryError
from integrations.kubernetes import Permission
from storage.engines import open_engines
from storage.schema_revision import expected_revision, schema_revision

SCOPES: Mapping[str, str] = {
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
"""What the bot's token may do, and why. The manifest in ``deploy/`` asks for exactly these."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line: what was looked at, how it is."""

    name: str
    good: bool
    said: str


async def checks(settings: Settings) -> AsyncIterator[Check]:
    """Every check in turn; one that fails does not keep the others from being made."""
    async for check in _slack(settings):
        yield check
    yield await _schema(settings)
    try:
        catalogue = load(settings.catalogue)
    except CatalogueError as error:
        yield Check("catalogue", good=False, said=str(error))
        return
    yield Check("catalogue", good=True, said=_counted(catalogue))
    async for check in _clusters(catalogue, settings.catalogue.parent):
        yield check
    async for check in _monitors(catalogue):
        yield check
    yield _webhook(settings, catalogue)


async def _slack(settings: Settings) -> AsyncIterator[Check]:
    async with open_session(settings.slack.api_url) as session:
        slack = SlackApi(settings.slack.bot_token.get_secret_value(), session, base_url=settings.slack.api_url)
        try:
            answer = await _called(slack, "auth.test")
            granted = str(answer.headers.get("x-oauth-scopes") or "")
            yield Check("slack", good=True, said=f"{answer['user']} in {answer['team']} ({answer['team_id']})")
            yield _scopes(granted)
            if settings.slack.mode == "socket" and settings.slack.app_token is not None:
                await _called(slack, "apps.connections.open", settings.slack.app_token.get_secret_value())
                yield Check("slack socket", good=True, said="would open")
        except DeepechoError as error:
            yield Check("slack", good=False, said=str(error))


async def _called(slack: SlackApi, method: str, token: str = "") -> AsyncSlackResponse:
    try:
        return await slack.web.api_call(method, headers={"Authorization": f"Bearer {token}"} if token else None)
    except SlackApiError as error:
        raise from_answer(error, method, write=False) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise from_connection(error, method, write=False) from error


def _scopes(granted: str) -> Check:
    if not granted:
        return Check("slack scopes", good=True, said="Slack does not say which the token has")
    missing = [scope for scope in SCOPES if scope not in granted.replace(" ", "").split(",")]
    said = f"missing: {', '.join(missing)}; add them to the app and install it again" if missing else "all there"
    return Check("slack scopes", good=not missing, said=said)


async def _schema(settings: Settings) -> Check:
    engines = open_engines(settings.database, pooled=False)
    try:
        found = await schema_revision(engines)
    except TemporaryError as error:
        return Check("database", good=False, said=str(error))
    finally:
        await engines.dispose()
    expected = expected_revision()
    if found != expected:
        said = f"at {found or 'nothing'}, this version needs {expected}: run `deepecho migrate`"
        return Check("database", good=False, said=said)
    return Check("database", good=True, said=f"reachable, schema at {found}")


async def _clusters(catalogue: Catalogue, folder: Path) -> AsyncIterator[Check]:
    async with AsyncExitStack() as stack:
        clusters = Clusters(stack, SystemClock(), folder)
        await clusters.follow(catalogue)
        for name, cluster in clusters.items():
            try:
                yield Check(f"cluster {name}", good=True, said=await cluster.version())
                for namespace in _namespaces(catalogue, name):
                    yield _permitted(name, namespace, await cluster.permissions(namespace))
            except DeepechoError as error:
                yield Check(f"cluster {name}", good=False, said=str(error))


async def _monitors(catalogue: Catalogue) -> AsyncIterator[Check]:
    """Every Prometheus and Alertmanager, once, under the environments that it serves."""
    async with AsyncExitStack() as stack:
        monitors = Monitors(stack, lambda: catalogue)
        await monitors.follow(catalogue)
        for kind, address, environments in _addresses(catalogue):
            asked = monitors.alertmanager(environments[0]) if kind == "alertmanager" else monitors.prometheus(environments[0])
            if asked is None:
                continue
            name = f"{kind} of {', '.join(environments)}"
            try:
                yield Check(name, good=True, said=f"{await asked.ping()} at {address}")
            except DeepechoError as error:
                yield Check(name, good=False, said=str(error))


def _addresses(catalogue: Catalogue) -> list[tuple[str, str, list[str]]]:
    found: dict[tuple[str, str], list[str]] = {}
    for name, each in catalogue.environments.items():
        for kind, address in (("prometheus", each.prometheus), ("alertmanager", each.alertmanager)):
            if address:
                found.setdefault((kind, address), []).append(name)
    return [(kind, address, environments) for (kind, address), environments in found.items()]


def _webhook(settings: Settings, catalogue: Catalogue) -> Check:
    """Alerts need a token for the door and routes in the catalogue, or neither."""
    has_token, has_routes = settings.webhooks.alertmanager_token is not None, catalogue.alerts is not None
    if has_token and has_routes:
        return Check("alerts", good=True, said=f"taken at {ALERTS}")
    if not has_token and not has_routes:
        return Check("alerts", good=True, said="switched off: neither a token nor routes")
    missing = "DEEPECHO_WEBHOOKS__ALERTMANAGER_TOKEN is not set" if has_routes else "the catalogue has no alerts"
    return Check("alerts", good=False, said=f"not taken: {missing}")


def _namespaces(catalogue: Catalogue, cluster: str) -> list[str]:
    return sorted({each.namespace for each in catalogue.environments.values() if each.cluster == cluster})


def _permitted(cluster: str, namespace: str, found: tuple[Permission, ...]) -> Check:
    missing = [f"{each.verb} {each.resource}" for each in found if not each.allowed]
    said = f"may not: {', '.join(missing)}" if missing else "everything the commands need is permitted"
    return Check(f"cluster {cluster}/{namespace}", good=not missing, said=said)


def _counted(catalogue: Catalogue) -> str:
    return f"{len(catalogue.environments)} environments, {len(catalogue.services)} services, {len(catalogue.clusters)} clusters"
