"""The catalogue's Prometheus and Alertmanager servers, open. None of them is spoken to before somebody asks something of it."""

from collections.abc import Callable
from contextlib import AsyncExitStack

from domain.catalogue.catalogue import Catalogue
from domain.errors import Refused, TemporaryError
from integrations.alertmanager import Alertmanager, open_alertmanager
from integrations.prometheus import Prometheus, open_prometheus


class Monitors:
    """By address, so that environments may share one; all are closed with ``stack``."""

    def __init__(self, stack: AsyncExitStack, catalogue: Callable[[], Catalogue]) -> None:
        self._stack, self._catalogue = stack, catalogue
        self._alertmanagers: dict[str, Alertmanager] = {}
        self._prometheis: dict[str, Prometheus] = {}

    async def follow(self, catalogue: Catalogue) -> None:
        """Open what is new. What is gone from the catalogue stays open until the end and is asked no more."""
        for environment in catalogue.environments.values():
            if (address := environment.alertmanager) and address not in self._alertmanagers:
                self._alertmanagers[address] = await self._stack.enter_async_context(open_alertmanager(address))
            if (address := environment.prometheus) and address not in self._prometheis:
                self._prometheis[address] = await self._stack.enter_async_context(open_prometheus(address))

    def alertmanager(self, environment: str) -> Alertmanager:
        """The environment's. Raises ``Refused`` where the catalogue names none.

        ``TemporaryError`` in the moment between a reload and its being opened.
        """
        known = self._catalogue().environments
        if environment not in known:
            raise Refused("No environment is known of this alert, so it is not known which Alertmanager holds it.")
        if not (address := known[environment].alertmanager):
            raise Refused(f"The catalogue names no Alertmanager of {environment}.")
        if address not in self._alertmanagers:
            raise TemporaryError(f"The catalogue was just read again, and the Alertmanager of {environment} is not open yet.")
        return self._alertmanagers[address]

    def prometheus(self, environment: str) -> Prometheus | None:
        """The environment's; None where the catalogue names none."""
        known = self._catalogue().environments
        return self._prometheis.get(known[environment].prometheus) if environment in known else None
