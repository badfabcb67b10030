"""What a command sees: who asks, where, and everything that is outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.errors import Denied
from domain.people import Member, Person, Role
from integrations.kubernetes import Cluster
from runbooks.alerts.service import AlertService
from runbooks.operations.service import OperationService
from storage.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What is outside, opened once by ``bot.wiring``. ``clusters`` are keyed by the catalogue's cluster names."""

    catalogue: Catalogue
    clock: Clock
    store: Store
    clusters: Mapping[str, Cluster]
    operations: OperationService
    alerts: AlertService


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One thing that one person said. ``key`` is the inbox key of the delivery: ids derive from it."""

    key: str
    member: Member
    channel: str
    at: datetime
    services: Services

    @property
    def person(self) -> Person:
        """Who asks."""
        return self.member.person

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue as it was when the request came in."""
        return self.services.catalogue

    @property
    def visible_environments(self) -> tuple[str, ...]:
        """The environments that this person may look at, in the catalogue's order."""
        return tuple(name for name in self.catalogue.environments if self.catalogue.has_role(self.member, Role.VIEWER, name))

    def require(self, role: Role, environment: str | None) -> None:
        """Refuse, in words, whoever does not hold the role there."""
        if not self.catalogue.has_role(self.member, role, environment):
            where = f" in {environment}" if environment else ""
            article = "an" if role is Role.SRE or role.value[0] in "aeiou" else "a"
            sentence = f"This needs {article} {role.value}{where}, and you are not one."
            raise Denied(f"{sentence} `/deepecho whoami` shows what you may do.")
