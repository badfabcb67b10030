"""How the environments of one Prometheus are told apart."""

from urllib.parse import urlsplit

from domain.catalogue.catalogue import Catalogue

_PORTS = {"http": 80, "https": 443}


def environment_label(catalogue: Catalogue, environment: str) -> str:
    """The label that is the environment's in a Prometheus that others use too; empty where it has one of its own."""
    address = _server(catalogue.environments[environment].prometheus)
    others = [each.prometheus for name, each in catalogue.environments.items() if name != environment and each.prometheus]
    return catalogue.metrics.label if address in map(_server, others) else ""


def _server(address: str) -> tuple[str, str, int | None, str]:
    """What two spellings of one address have in common."""
    parts = urlsplit(address)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme), parts.path
