"""A whole local Slack for one test, one script or one person: started, used through its gateway, stopped."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from sandbox.slack import people
from sandbox.slack.client import SlackUsers, open_slack_users
from sandbox.slack.config import SlackTokens
from sandbox.slack.gateway import Gateway, open_gateway
from sandbox.slack.server import LocalSlackServer


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSlack:
    """What a bot and its tests need to know of a running local Slack."""

    url: str
    client: SlackUsers
    gateway: Gateway
    tokens: SlackTokens
    people: dict[str, str]
    names: dict[str, str]
    channels: dict[str, str]
    groups: dict[str, str]

    @property
    def api_url(self) -> str:
        """For the bot's settings; ends with a slash, as the SDK wants it."""
        return f"{self.url}/api/"

    @property
    def control_url(self) -> str:
        """The local Slack's own control API, as its documentation describes it."""
        return f"{self.url}/_control"

    @property
    def bot_token(self) -> str:
        return self.tokens.bot

    @property
    def app_token(self) -> str:
        return self.tokens.app

    @property
    def signing_secret(self) -> str:
        return self.tokens.signing_secret


class LocalSlack:
    """`async with LocalSlack() as slack:`. Ports 0 pick free ones; ``folder`` keeps its files (else a temporary one)."""

    def __init__(self, *, port: int = 0, gateway_port: int = 0, folder: Path | None = None) -> None:
        self._context = _open(port, gateway_port, folder)

    async def __aenter__(self) -> RunningSlack:
        return await self._context.__aenter__()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._context.__aexit__(kind, error, trace)


@asynccontextmanager
async def _open(port: int, gateway_port: int, folder: Path | None) -> AsyncIterator[RunningSlack]:
    tokens = SlackTokens()
    async with AsyncExitStack() as stack:
        home = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="local-slack-")))
        home.mkdir(parents=True, exist_ok=True)
        server = LocalSlackServer(home, tokens, port)
        stack.push_async_callback(server.stop)
        upstream = await server.start()
        gateway = await stack.enter_async_context(open_gateway(upstream, tokens, gateway_port))
        client = await stack.enter_async_context(open_slack_users(gateway.url))
        yield RunningSlack(
            url=gateway.url,
            client=client,
            gateway=gateway,
            tokens=tokens,
            people=people.people_by_role(),
            names=people.people_by_name(),
            channels=people.channels_by_name(),
            groups=people.groups_by_handle(),
        )
