"""The catalogue: clusters, environments, services, applications and roles. It is immutable; a reload builds a new one."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from domain import defaults
from domain.catalogue.alerts import AlertsConfig
from domain.catalogue.base import ConfigModel, DnsLabel
from domain.catalogue.digest import DigestConfig
from domain.catalogue.guard import GuardConfig
from domain.catalogue.incidents import IncidentsConfig
from domain.catalogue.logs import LogsConfig
from domain.catalogue.maintenance import MaintenancePolicy
from domain.catalogue.metrics import MetricsConfig
from domain.catalogue.oncall import TeamConfig, check_oncall
from domain.catalogue.paging import PagingConfig, check_paging
from domain.catalogue.people import PersonConfig, check_people
from domain.catalogue.services import Service
from domain.catalogue.slo import ENVIRONMENT, SloConfig, SloName
from domain.catalogue.urls import ApiBaseUrl
from domain.errors import UsageError
from domain.people import Member, Role, allows, roles_held
from domain.policies import PROTECTED_APPROVALS, REQUIRED_ROLES, AccessRule, Action
from domain.rich_text import Code, join, sentence
from domain.targets import Target
from domain.text import nearest

EVERYWHERE = "*"


class EksCluster(ConfigModel):
    """An EKS cluster, which is accessed with AWS credentials."""

    name: str
    region: str
    endpoint: str = ""
    certificate_authority: str = ""


class ClusterConfig(ConfigModel):
    """How a cluster is accessed: by a kubeconfig's context, by the pod's service account, or as EKS."""

    kubeconfig: str = ""
    context: str = ""
    in_cluster: bool = False
    eks: EksCluster | None = None

    @model_validator(mode="after")
    def _check_one_access_method(self) -> Self:
        methods = [bool(self.kubeconfig or self.context), self.in_cluster, self.eks is not None]
        if sum(methods) != 1:
            raise ValueError("say exactly one of kubeconfig/context, in_cluster, eks")
        return self


class Environment(ConfigModel):
    """Where services run. ``protected`` asks for reasons and, by default, for a second person.

    ``channel`` takes the cards of operations that were asked for where the bot cannot post, or where nobody else would see them.
    ``prometheus``, ``alertmanager``, ``grafana`` and ``jaeger`` are addresses; what depends on one that is empty is left out.
    ``logs`` is where log lines are kept; without it, they are read from the pods.
    ``maintenance`` says when maintenance needs no second person; without it, anytime.
    """

    cluster: str
    namespace: DnsLabel
    aliases: tuple[DnsLabel, ...] = ()
    channel: str = ""
    protected: bool = False
    approval_minutes: float = Field(default=defaults.APPROVAL_MINUTES, gt=0, le=24 * 60)
    rollout_minutes: float = Field(default=defaults.ROLLOUT_MINUTES, gt=0, le=24 * 60)
    needs: dict[Action, Role] = Field(default_factory=dict)
    approvals: dict[Action, Role | None] = Field(default_factory=dict)
    prometheus: ApiBaseUrl = ""
    alertmanager: ApiBaseUrl = ""
    grafana: ApiBaseUrl = ""
    jaeger: ApiBaseUrl = ""
    logs: LogsConfig | None = None
    maintenance: MaintenancePolicy = MaintenancePolicy()
    guard: GuardConfig | None = None

    @property
    def approval_within(self) -> timedelta:
        """How long an operation waits for its approval, from the delivery of its card."""
        return timedelta(minutes=self.approval_minutes)

    @property
    def rollout_within(self) -> timedelta:
        """The rollout of one service fails after this time."""
        return timedelta(minutes=self.rollout_minutes)

    def rule(self, action: Action) -> AccessRule:
        """The role that may do this here, and the role that must approve it."""
        approvals = {**(PROTECTED_APPROVALS if self.protected else {}), **self.approvals}
        return AccessRule(self.needs.get(action, REQUIRED_ROLES[action]), approvals.get(action))


class Application(ConfigModel):
    """Services that are deployed together, in this order. Commands without a service mean the default application."""

    services: tuple[str, ...] = Field(min_length=1)
    default: bool = False


class Catalogue(ConfigModel):
    """The contents of ``deepecho.yaml``."""

    version: int = Field(default=1, ge=1, le=1)
    workspaces: tuple[str, ...] = Field(min_length=1)
    clusters: dict[str, ClusterConfig]
    environments: dict[DnsLabel, Environment] = Field(min_length=1)
    services: dict[DnsLabel, Service] = Field(min_length=1)
    applications: dict[DnsLabel, Application] = Field(min_length=1)
    roles: dict[str, dict[Role, tuple[str, ...]]]
    alerts: AlertsConfig | None = None
    people: dict[DnsLabel, PersonConfig] = Field(default_factory=dict)
    oncall: dict[DnsLabel, TeamConfig] = Field(default_factory=dict)
    incidents: IncidentsConfig | None = None
    paging: PagingConfig | None = None
    digests: dict[DnsLabel, DigestConfig] = Field(default_factory=dict)
    slo: dict[SloName, SloConfig] = Field(default_factory=dict)
    metrics: MetricsConfig = MetricsConfig()

    @model_validator(mode="after")
    def _check_references(self) -> Self:
        for name, environment in self.environments.items():
            _check_exists(f"environments.{name}.cluster", environment.cluster, self.clusters)
        for name, digest in self.digests.items():
            _check_exists(f"digests.{name}.environment", digest.environment, self.environments)
        for name, application in self.applications.items():
            for service in application.services:
                _check_exists(f"applications.{name}.services", service, self.services)
        for scope in self.roles:
            if scope != EVERYWHERE:
                _check_exists("roles", scope, self.environments)
        if sum(application.default for application in self.applications.values()) != 1:
            raise ValueError("applications: exactly one needs default: true")
        _check_unique_locations(
            "environments", {name: f"{each.cluster}/{each.namespace}" for name, each in self.environments.items()}
        )
        _check_unique_names("environments", {name: entry.aliases for name, entry in self.environments.items()})
        _check_unique_names("services", {name: entry.aliases for name, entry in self.services.items()})
        return self

    @model_validator(mode="after")
    def _check_objectives(self) -> Self:
        addresses = [each.prometheus for each in self.environments.values() if each.prometheus]
        is_shared = len(set(addresses)) < len(addresses)
        for name, objective in (self.metrics.names | self.slo).items():
            if is_shared and not all(each.names_environment for each in objective.indicators):
                section = "slo" if name in self.slo else "metrics.names"
                raise ValueError(f"{section}.{name}: environments share a Prometheus, so that the expression needs {ENVIRONMENT}")
        counted = any(each.requests and each.covers_window for objective in self.slo.values() for each in objective.indicators)
        for name, environment in self.environments.items():
            if environment.guard and not (environment.prometheus and counted):
                raise ValueError(
                    f"environments.{name}.guard: needs a Prometheus, and an objective in slo with $window and requests"
                )
        return self

    @model_validator(mode="after")
    def _check_placements(self) -> Self:
        for name, service in self.services.items():
            for environment in service.environments:
                _check_exists(f"services.{name}.environments.{environment}", environment, self.environments)
        _check_one_service_each(target for environment in self.environments for target in self.targets(environment))
        return self

    @model_validator(mode="after")
    def _check_alert_references(self) -> Self:
        for name, service in self.services.items():
            for other in service.depends_on:
                _check_exists(f"services.{name}.depends_on", other, self.services)
            if name in service.depends_on:
                raise ValueError(f"services.{name}.depends_on: a service cannot depend on itself")
        if self.alerts and self.alerts.environment:
            _check_exists("alerts.environment", self.alerts.environment, self.environments)
        for name, source in self.alerts.sources.items() if self.alerts else ():
            if source.environment:
                _check_exists(f"alerts.sources.{name}.environment", source.environment, self.environments)
        return self

    @model_validator(mode="after")
    def _check_people(self) -> Self:
        check_people(self.people)
        check_oncall(self.oncall, self.people)
        if self.paging is not None:
            check_paging(self.paging, self.people, self.oncall)
        return self

    def alertmanagers_of(self, environment: str, source: str = "") -> tuple[str, ...]:
        """The addresses of the Alertmanagers that hold such alerts: the source's own, else the environment's; often none."""
        if self.alerts and source in self.alerts.sources and (own := self.alerts.sources[source].alertmanagers):
            return own
        known = self.environments.get(environment)
        return (known.alertmanager,) if known and known.alertmanager else ()

    def team_of(self, service: str) -> str:
        """The team of section ``oncall`` that answers for a service: its own, else the first one; empty without any."""
        known = self.services.get(service)
        return known.team if known and known.team in self.oncall else next(iter(self.oncall), "")

    @property
    def default_application(self) -> Application:
        """The application that a command without a service means."""
        return next(each for each in self.applications.values() if each.default)

    @property
    def alertmanager_addresses(self) -> tuple[str, ...]:
        """The address of every Alertmanager."""
        sources = self.alerts.sources.values() if self.alerts else ()
        addresses = [each.alertmanager for each in self.environments.values() if each.alertmanager]
        return tuple(dict.fromkeys([*addresses, *(url for source in sources for url in source.alertmanagers)]))

    def environment_named(self, word: str) -> str:
        """The environment that the word names, by name or alias. Raises ``UsageError`` with the nearest names."""
        return _find_by_name("environment", word, {name: each.aliases for name, each in self.environments.items()})

    def service_named(self, word: str) -> str:
        """The service that the word names, by name or alias. Raises ``UsageError`` with the nearest names."""
        return _find_by_name("service", word, {name: each.aliases for name, each in self.services.items()})

    def target(self, environment: str, service: str) -> Target:
        """The Deployment of a service in an environment."""
        where = self.environments[environment]
        return self.services[service].target(environment, service, where.cluster, where.namespace)

    def targets(self, environment: str) -> tuple[Target, ...]:
        """The Deployments of all services in an environment, in the catalogue's order. Not all of them have to exist."""
        return tuple(self.target(environment, service) for service in self.services)

    def namespaces(self, environment: str) -> tuple[str, ...]:
        """The namespaces of an environment: its own first, then those of services that are elsewhere."""
        own = self.environments[environment].namespace
        return tuple(dict.fromkeys([own, *(target.namespace for target in self.targets(environment))]))

    def rollout_within(self, environment: str) -> timedelta:
        """How long a rollout may take; the default for an environment that a reload removed while one was under way."""
        known = self.environments.get(environment)
        return known.rollout_within if known else timedelta(minutes=defaults.ROLLOUT_MINUTES)

    def roles_of(self, member: Member, environment: str | None) -> frozenset[Role]:
        """The roles that the member holds in an environment, or everywhere (None)."""
        if member.person.team_id not in self.workspaces:
            return frozenset()
        scopes = [EVERYWHERE] if environment is None else [EVERYWHERE, environment]
        return roles_held(member, *(self.roles.get(scope, {}) for scope in scopes))

    def has_role(self, member: Member, needed: Role, environment: str | None) -> bool:
        """Whether the member holds the role in an environment, or everywhere (None)."""
        return allows(self.roles_of(member, environment), needed)


def _check_exists(where: str, name: str, known: Mapping[str, object]) -> None:
    if name not in known:
        raise ValueError(f"{where}: {name!r} is not defined; there are {', '.join(sorted(known)) or 'none'}")


def _check_unique_locations(kind: str, locations: dict[str, str]) -> None:
    """Check that no location has two names: it would have two sets of rules and locks, and the weaker ones would count."""
    for name, location in locations.items():
        others = [other for other, where in locations.items() if where == location and other != name]
        if others:
            raise ValueError(f"{kind}: {name!r} and {others[0]!r} are both {location}")


def _check_one_service_each(targets: Iterable[Target]) -> None:
    """Check that no Deployment is reached by two names, for the same reason; also not in another environment's namespace."""
    seen: dict[tuple[str, str, str, str], Target] = {}
    for target in targets:
        other = seen.setdefault((target.cluster, target.namespace, target.kind, target.deployment), target)
        if other is not target:
            where = f"services.{target.service}.environments.{target.environment}"
            raise ValueError(f"{where}: {target} and {other} are both {target.namespace}/{target.deployment}")


def _check_unique_names(kind: str, names: dict[str, tuple[str, ...]]) -> None:
    words = [*names, *(alias for aliases in names.values() for alias in aliases)]
    for word in words:
        if words.count(word) > 1:
            raise ValueError(f"{kind}: {word!r} names two of them")


def _find_by_name(kind: str, word: str, names: dict[str, tuple[str, ...]]) -> str:
    wanted = word.lower().removeprefix("#")
    for name, aliases in names.items():
        if wanted == name or wanted in aliases:
            return name
    close = nearest(wanted, [*names, *(alias for aliases in names.values() for alias in aliases)])
    suggestion = sentence("Did you mean ", join(" or ", map(Code, close)), "?")
    hint = suggestion if close else f"There are {', '.join(names)}."
    raise UsageError(f"There is no {kind} called “{word}”.", hint)
