"""What links are about, and the words for it."""

from dataclasses import dataclass

from domain.catalogue.catalogue import Catalogue
from domain.dashboards.variables import Meaning, Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """An environment and a service by their names in the catalogue; empty for all of them."""

    environment: str = ""
    service: str = ""


def words_of(scope: Scope, catalogue: Catalogue) -> Words:
    """The names and aliases; what the scope leaves open is absent."""
    environment, service = catalogue.environments.get(scope.environment), catalogue.services.get(scope.service)
    words: dict[Meaning, tuple[str, ...]] = {}
    if environment is not None:
        words[Meaning.ENVIRONMENT] = (scope.environment, *environment.aliases)
        words[Meaning.NAMESPACE] = (environment.namespace,)
    if service is not None:
        words[Meaning.SERVICE] = (scope.service, *service.aliases)
    if environment is not None and service is not None:
        target = catalogue.target(scope.environment, scope.service)
        words |= {Meaning.NAMESPACE: (target.namespace,), Meaning.WORKLOAD: (target.deployment,)}
    return words
