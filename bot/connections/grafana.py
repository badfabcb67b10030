"""Clients of the catalogue's Grafanas, made when they are first used. Making one sends no request."""

from collections.abc import Callable
from contextlib import AsyncExitStack

from bot.core.grafana_settings import GrafanaSettings
from domain.catalogue.catalogue import Catalogue
from integrations.grafana import Grafana, headers_of
from integrations.http import new_session


class GrafanaServers:
    """One client for each address and token. Those that a reload removed stay open, unused, until ``close``."""

    def __init__(self, settings: GrafanaSettings | None, catalogue: Callable[[], Catalogue]) -> None:
        self._settings, self._catalogue = settings, catalogue
        self._stack = AsyncExitStack()
        self._clients: dict[tuple[str, str], Grafana] = {}

    def reader(self, environment: str) -> Grafana | None:
        """The environment's Grafana; None where the catalogue names none."""
        known = self._catalogue().environments.get(environment)
        if known is None or not known.grafana:
            return None
        address, token = known.grafana, self._token(environment)
        if (address, token) not in self._clients:
            session = new_session(address, headers_of(token))
            self._stack.push_async_callback(session.close)
            self._clients[address, token] = Grafana(address, session)
        return self._clients[address, token]

    def writer(self, environment: str) -> Grafana | None:
        """The same, where the bot has a token: strangers write nothing."""
        return self.reader(environment) if self._token(environment) else None

    async def close(self) -> None:
        """Close all."""
        await self._stack.aclose()

    def _token(self, environment: str) -> str:
        return self._settings.token_of(environment) if self._settings else ""
