"""The request of a person, and the services that a command uses."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.facts import Answer
from domain.people import Directory, Member, Person, Role
from domain.refusals import role_refusal
from domain.rich_text import CommandMention, sentence
from integrations.kubernetes import Cluster
from storage.store import Store

ServiceT = TypeVar("ServiceT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Services for commands, built by ``bot``. ``clusters`` are keyed by the catalogue's cluster names."""

    catalogue: Catalogue
    clock: Clock
    store: Store
    directory: Directory
    clusters: Mapping[str, Cluster]
    family_services: Mapping[type, object]
    """What the families offer to commands, by type."""
    acknowledgers: Mapping[str, "Acknowledge"] = field(default_factory=dict)
    """How what has an id with this prefix is acknowledged: ``ack`` is one command for all families."""

    def of(self, service_type: type[ServiceT]) -> ServiceT:
        """The service of that type. Raises ``KeyError`` where no family brought one."""
        service = self.family_services[service_type]
        assert isinstance(service, service_type)  # noqa: S101 -- narrows the type; ``family_services`` is keyed by it
        return service


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One command of one person. ``key`` is its inbox key, from which ids derive."""

    key: str
    member: Member
    channel: str
    at: datetime
    services: Services

    @property
    def person(self) -> Person:
        """The person who sent the command."""
        return self.member.person

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue at the time when the request was received."""
        return self.services.catalogue

    @property
    def visible_environments(self) -> tuple[str, ...]:
        """Environments in which the person is a viewer, in the catalogue's order."""
        return tuple(name for name in self.catalogue.environments if self.catalogue.has_role(self.member, Role.VIEWER, name))

    def require(self, role: Role, environment: str | None) -> None:
        """Raise ``Denied`` if the person does not have the role in the environment."""
        if not self.catalogue.has_role(self.member, role, environment):
            raise role_refusal("This", role, environment, sentence(CommandMention("whoami"), " shows what you may do."))


Acknowledge = Callable[[Request, str], Awaitable[Answer]]
"""Acknowledges what has this id, for the person of the request."""
