"""Clients of the catalogue's log servers, made when they are first used. Making one sends no request."""

from collections.abc import Callable
from contextlib import AsyncExitStack

from bot.core.elasticsearch_settings import ElasticsearchSettings
from domain.catalogue.catalogue import Catalogue
from integrations.elasticsearch import Elasticsearch, headers_of
from integrations.http import new_session


class LogServers:
    """One client for each address and account. Those that a reload removed stay open, unused, until ``close``."""

    def __init__(self, settings: ElasticsearchSettings | None, catalogue: Callable[[], Catalogue]) -> None:
        self._settings, self._catalogue = settings, catalogue
        self._stack = AsyncExitStack()
        self._clients: dict[tuple[str, str], Elasticsearch] = {}

    def client(self, environment: str) -> Elasticsearch | None:
        """The environment's log server; None where the catalogue names none."""
        known = self._catalogue().environments.get(environment)
        if known is None or known.logs is None:
            return None
        address, headers = known.logs.address, account_headers(self._settings, environment)
        key = (address, headers.get("Authorization", ""))
        if key not in self._clients:
            session = new_session(address, headers)
            self._stack.push_async_callback(session.close)
            self._clients[key] = Elasticsearch(address, session)
        return self._clients[key]

    async def close(self) -> None:
        """Close all."""
        await self._stack.aclose()


def account_headers(settings: ElasticsearchSettings | None, environment: str) -> dict[str, str]:
    """The headers of the account for an environment's log server."""
    if settings is None:
        return {}
    password = settings.password.get_secret_value() if settings.password else ""
    return headers_of(api_key=settings.api_key_of(environment), username=settings.username, password=password)
