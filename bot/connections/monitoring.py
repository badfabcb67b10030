"""Open clients of the catalogue's Prometheus and Alertmanager servers. Opening one sends no request."""

from collections.abc import Callable
from contextlib import AsyncExitStack

from domain.catalogue.catalogue import Catalogue
from domain.errors import Refused, TemporaryError
from integrations.alertmanager import Alertmanager, AlertmanagerPair, open_alertmanager
from integrations.prometheus import Prometheus, open_prometheus


class MonitoringServers:
    """One client for each address: environments may share it. Closing ``stack`` closes all of them."""

    def __init__(self, stack: AsyncExitStack, catalogue: Callable[[], Catalogue]) -> None:
        self._stack, self._catalogue = stack, catalogue
        self._alertmanager_clients: dict[str, Alertmanager] = {}
        self._pairs: dict[tuple[str, ...], AlertmanagerPair] = {}
        self._prometheus_clients: dict[str, Prometheus] = {}

    async def open_connections(self, catalogue: Catalogue) -> None:
        """Open servers that are new. A removed one stays open, unused, until the process ends."""
        for address in catalogue.alertmanager_addresses:
            if address not in self._alertmanager_clients:
                self._alertmanager_clients[address] = await self._stack.enter_async_context(open_alertmanager(address))
        for environment in catalogue.environments.values():
            if (address := environment.prometheus) and address not in self._prometheus_clients:
                self._prometheus_clients[address] = await self._stack.enter_async_context(open_prometheus(address))

    def alertmanager(self, environment: str, source: str = "", /) -> Alertmanager | AlertmanagerPair:
        """The Alertmanager, or pair of them, of a source, else of an environment.

        Raises ``Refused`` where the catalogue names none, ``TemporaryError`` between a reload and ``open_connections``.
        """
        catalogue = self._catalogue()
        addresses = catalogue.alertmanagers_of(environment, source)
        if not addresses and environment not in catalogue.environments:
            raise Refused("No environment is known of this alert, so it is not known which Alertmanager holds it.")
        if not addresses:
            raise Refused(f"The catalogue names no Alertmanager of {environment}.")
        clients = [self._alertmanager_clients[each] for each in addresses if each in self._alertmanager_clients]
        if len(clients) < len(addresses):
            name = environment or source
            raise TemporaryError(f"The catalogue was just read again, and the Alertmanager of {name} is not open yet.")
        return clients[0] if len(clients) == 1 else self._pairs.setdefault(addresses, AlertmanagerPair(clients))

    def alertmanager_at(self, address: str) -> Alertmanager | None:
        """The Alertmanager at an address of the catalogue; None between a reload and ``open_connections``."""
        return self._alertmanager_clients.get(address)

    def prometheus(self, environment: str) -> Prometheus | None:
        """The environment's Prometheus; None where the catalogue names none."""
        environments = self._catalogue().environments
        return self._prometheus_clients.get(environments[environment].prometheus) if environment in environments else None
