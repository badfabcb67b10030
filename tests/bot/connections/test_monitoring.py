"""Which Prometheus and Alertmanager an environment has, also while and after the catalogue is read again."""

from contextlib import AsyncExitStack
from typing import Any

import pytest

from bot.connections.monitoring import MonitoringServers
from domain.catalogue.catalogue import Catalogue
from domain.errors import Refused, TemporaryError
from tests.harness.samples.team import catalogue_data

ONE, OTHER = "http://127.0.0.1:9", "http://127.0.0.1:10"


def naming(**addresses: dict[str, str]) -> Catalogue:
    """Environments with these addresses; the others have none."""
    data: dict[str, Any] = catalogue_data()
    for name, each in addresses.items():
        data["environments"][name] |= each
    return Catalogue.model_validate(data)


def without(name: str) -> Catalogue:
    data = catalogue_data()
    del data["environments"][name]
    return Catalogue.model_validate(data)


async def test_an_environment_gets_its_own_and_shares_what_it_shares() -> None:
    both = {"prometheus": ONE, "alertmanager": ONE}
    catalogue = naming(staging=both, production=both | {"prometheus": OTHER})
    async with AsyncExitStack() as stack:
        monitors = MonitoringServers(stack, lambda: catalogue)
        await monitors.open_connections(catalogue)
        assert monitors.alertmanager("staging") is monitors.alertmanager("production")
        assert monitors.prometheus("staging") is not monitors.prometheus("production")
        assert monitors.prometheus("development") is None
        assert monitors.prometheus("") is None
        with pytest.raises(Refused, match=r"names no Alertmanager of development\."):
            monitors.alertmanager("development")
        with pytest.raises(Refused, match="No environment is known"):
            monitors.alertmanager("")


async def test_another_address_is_asked_from_the_reload_on() -> None:
    current = naming(production={"prometheus": ONE, "alertmanager": ONE})
    async with AsyncExitStack() as stack:
        monitors = MonitoringServers(stack, lambda: current)
        await monitors.open_connections(current)
        before = monitors.alertmanager("production"), monitors.prometheus("production")
        current = naming(production={"prometheus": OTHER, "alertmanager": OTHER})
        with pytest.raises(TemporaryError, match="was just read again"):
            monitors.alertmanager("production")
        assert monitors.prometheus("production") is None
        await monitors.open_connections(current)
        assert monitors.alertmanager("production") is not before[0]
        assert monitors.prometheus("production") not in (None, before[1])
        current = naming(production={"prometheus": ONE, "alertmanager": ONE})
        await monitors.open_connections(current)
        assert (monitors.alertmanager("production"), monitors.prometheus("production")) == before


async def test_an_environment_that_is_gone_has_none() -> None:
    current = naming(production={"prometheus": ONE, "alertmanager": ONE})
    async with AsyncExitStack() as stack:
        monitors = MonitoringServers(stack, lambda: current)
        await monitors.open_connections(current)
        current = without("production")
        await monitors.open_connections(current)
        assert monitors.prometheus("production") is None
        with pytest.raises(Refused, match="No environment is known"):
            monitors.alertmanager("production")
