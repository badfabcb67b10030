"""Clients of the catalogue's Jaegers, made when they are first used. Making one sends no request."""

from collections.abc import Callable
from contextlib import AsyncExitStack

from domain.catalogue.catalogue import Catalogue
from integrations.http import new_session
from integrations.jaeger import Jaeger


class JaegerServers:
    """One client for each address. Those that a reload removed stay open, unused, until ``close``."""

    def __init__(self, catalogue: Callable[[], Catalogue]) -> None:
        self._catalogue = catalogue
        self._stack = AsyncExitStack()
        self._clients: dict[str, Jaeger] = {}

    def client(self, environment: str) -> Jaeger | None:
        """The environment's Jaeger; None where the catalogue names none."""
        known = self._catalogue().environments.get(environment)
        if known is None or not known.jaeger:
            return None
        if known.jaeger not in self._clients:
            session = new_session(known.jaeger, {"Accept": "application/json"})
            self._stack.push_async_callback(session.close)
            self._clients[known.jaeger] = Jaeger(known.jaeger, session)
        return self._clients[known.jaeger]

    async def close(self) -> None:
        """Close all."""
        await self._stack.aclose()
