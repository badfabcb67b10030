"""Routing of alerts: the location and the route of labels, by the rules of the catalogue. Pure; compiled once a catalogue."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from domain.alerts.alerts import Route
from domain.catalogue.alerts import DEFAULT_RULE, ENVIRONMENT_LABELS, SERVICE_LABELS, AlertsConfig, DefaultRouteConfig
from domain.catalogue.catalogue import Catalogue
from domain.errors import Refused
from domain.matchers import Labels, compile_matcher, parse_matcher
from domain.rich_text import Code, sentence
from domain.targets import Target
from domain.workloads.pod_names import OWNER_LABELS, OWNER_NAME_LABELS, owner_in, workloads_by_name

_PLACE_LABELS = ("namespace", "deployment", "pod")
"""Labels that say where something runs, by names of Kubernetes."""


@dataclass(frozen=True, slots=True)
class Location:
    """The environment and the service of alerts, by their names in the catalogue; empty if no label names one."""

    environment: str
    service: str


class MatcherResult(NamedTuple):
    """One matcher of a rule, as the catalogue spells it, and the value of the label."""

    text: str
    matched: bool
    actual: str


@dataclass(frozen=True, slots=True)
class RuleStep:
    """The result of one rule."""

    rule: str
    matched: bool
    matchers: tuple[MatcherResult, ...]


@dataclass(frozen=True, slots=True)
class RouteExplanation:
    """Where one alert goes and why. ``steps`` are the rules that were tried, in order: only the last one can have matched."""

    location: Location
    route: Route
    steps: tuple[RuleStep, ...]


def location_of(labels: Labels, catalogue: Catalogue, source: str = "") -> Location:
    """The environment and the service that the labels name.

    An unknown name of an environment gives none. The default environment, which a source may have of its own, is for alerts that
    name none at all.
    """
    locations = _compile_locations(_CatalogueKey(catalogue))
    environment = locations.environment(labels, source)
    return Location(environment, locations.service(labels, environment))


def route_of(alerts: Sequence[Labels], catalogue: Catalogue) -> Route:
    """The route of alerts that share a card, from the labels of each: the one with the worst severity, then the earlier rule.

    Raises ``Refused`` where the catalogue has no ``alerts``.
    """
    routing = _compile_routing(_CatalogueKey(catalogue))
    if not alerts:
        return routing.default
    indexes = {routing.first_match(labels) for labels in alerts}
    return routing.routes[min(indexes, key=lambda place: (routing.routes[place].severity.rank, place))]


def labels_read(catalogue: Catalogue) -> frozenset[str]:
    """The labels that decide on routes, watchdogs and places."""
    return _compile_label_names(_CatalogueKey(catalogue))


def explain_route(labels: Labels, catalogue: Catalogue) -> RouteExplanation:
    """Explain the route of one alert with these labels. Raises ``Refused`` if the catalogue has no ``alerts``."""
    alerts = _alerts_config(catalogue)
    steps: list[RuleStep] = []
    for name, entry in zip(alerts.rule_names, alerts.routes, strict=True):
        results = tuple(_evaluate(text, labels) for text in entry.match)
        steps.append(RuleStep(name, all(each.matched for each in results), results))
        if steps[-1].matched:
            break
    return RouteExplanation(location_of(labels, catalogue), route_of([labels], catalogue), tuple(steps))


def _evaluate(text: str, labels: Labels) -> MatcherResult:
    matcher = parse_matcher(text)
    actual = labels.get(matcher.name, "")
    return MatcherResult(text, compile_matcher(matcher)(actual), actual)


@dataclass(frozen=True, slots=True)
class _Routing:
    """The compiled rules. The default is the last of ``routes``."""

    rules: tuple[tuple[tuple[str, Callable[[str], bool]], ...], ...]
    routes: tuple[Route, ...]

    @property
    def default(self) -> Route:
        return self.routes[-1]

    def first_match(self, labels: Labels) -> int:
        """The index in ``routes`` of the first rule that fits; that of the default if none does."""
        # Nested loops instead of ``all`` and ``next``, because they are faster, and a storm routes many alerts.
        value = labels.get
        for index, rule in enumerate(self.rules):
            for name, accepts in rule:
                if not accepts(value(name, "")):
                    break
            else:
                return index
        return len(self.rules)


@dataclass(frozen=True, slots=True)
class _WorkloadNames:
    """Names of workloads, with the environment, namespace and service of each place where a workload has the name."""

    places: dict[str, tuple[Target, ...]]

    def service(self, name: str, environment: str) -> str:
        """The service in the environment; where none is known, that of the name in all environments, if it is one."""
        targets = self.places.get(name, ())
        services = {each.service for each in targets if each.environment == environment or not environment}
        return services.pop() if len(services) == 1 else ""

    def environment(self, name: str, namespace: str) -> str:
        """The environment if the name is in one alone, in this namespace."""
        targets = [each for each in self.places.get(name, ()) if each.namespace == namespace]
        return targets[0].environment if len(targets) == 1 else ""


def _workloads_in(labels: Labels) -> tuple[str, ...]:
    """The names of workloads that the owner or the name of the pod says."""
    owner = owner_in(labels)
    return workloads_by_name(labels.get("pod", "")) if owner is None else (owner,)


@dataclass(frozen=True, slots=True)
class _Locations:
    """Values of labels, in lower case, and what they name."""

    environment_labels: tuple[str, ...]
    environments: dict[str, str]
    namespaces: dict[str, dict[str, str]]
    defaults: dict[str, str]
    """By source, the environment of each namespace, those of all others under the empty name; and of alerts that name none."""
    default: str
    """The environment of alerts of other sources that name none."""
    service_labels: tuple[str, ...]
    services: dict[str, str]
    workloads: _WorkloadNames

    def environment(self, labels: Labels, source: str) -> str:
        named = [value.lower() for label in self.environment_labels if (value := labels.get(label, ""))]
        known = next((self.environments[each] for each in named if each in self.environments), "")
        namespaces = self.namespaces.get(source, self.namespaces[""])
        known = known or namespaces.get(labels.get("namespace", ""), "")
        if known or named:
            return known
        return self.defaults[source] if source in self.defaults else self._environment_of_workload(labels) or self.default

    def service(self, labels: Labels, environment: str) -> str:
        for label in self.service_labels:
            value = labels.get(label, "").lower()
            if value and (name := self.services.get(value) or self.workloads.service(value, environment)):
                return name
        return next((name for each in _workloads_in(labels) if (name := self.workloads.service(each, environment))), "")

    def _environment_of_workload(self, labels: Labels) -> str:
        """The environment in which alone a workload of this namespace has the name, where several share the namespace."""
        names = (labels.get("deployment", ""), *_workloads_in(labels))
        found = (self.workloads.environment(name, labels.get("namespace", "")) for name in names)
        return next(filter(None, found), "")


class _CatalogueKey:
    """A cache key that compares a catalogue by identity, because its mappings cannot be hashed. A reload makes a new one."""

    __slots__ = ("catalogue",)

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def __hash__(self) -> int:
        return id(self.catalogue)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _CatalogueKey) and other.catalogue is self.catalogue


@lru_cache(maxsize=2)
def _compile_routing(key: _CatalogueKey) -> _Routing:
    alerts = _alerts_config(key.catalogue)
    routes = [_route(name, entry) for name, entry in zip(alerts.rule_names, alerts.routes, strict=True)]
    rules = (tuple((each.name, compile_matcher(each)) for each in entry.matchers) for entry in alerts.routes)
    return _Routing(tuple(rules), (*routes, _route(DEFAULT_RULE, alerts.default)))


@lru_cache(maxsize=2)
def _compile_locations(key: _CatalogueKey) -> _Locations:
    alerts, environments, services = key.catalogue.alerts, key.catalogue.environments, key.catalogue.services
    sources = {name: each.environment for name, each in (alerts.sources if alerts else {}).items() if each.environment}
    places: dict[str, tuple[Target, ...]] = {}
    for target in (target for name in environments for target in key.catalogue.targets(name)):
        places[target.deployment] = (*places.get(target.deployment, ()), target)
    return _Locations(
        environment_labels=alerts.environment_labels if alerts else ENVIRONMENT_LABELS,
        environments={word: name for name, each in environments.items() for word in (name, *each.aliases)},
        namespaces={"": _unique_namespaces(key.catalogue, environments)}
        | {name: _unique_namespaces(key.catalogue, _same_cluster(key.catalogue, home)) for name, home in sources.items()},
        defaults=sources,
        default=alerts.environment if alerts else "",
        service_labels=alerts.service_labels if alerts else SERVICE_LABELS,
        # A service's name or alias has precedence over another service's Deployment.
        services={word: name for name, each in services.items() for word in (name, *each.aliases)},
        workloads=_WorkloadNames(places),
    )


def _unique_namespaces(catalogue: Catalogue, environments: Iterable[str]) -> dict[str, str]:
    """The environment of each namespace. One that several of them use, as in different clusters, names none of them."""
    pairs = [(namespace, name) for name in environments for namespace in catalogue.namespaces(name)]
    counts = Counter(namespace for namespace, _ in pairs)
    return {namespace: name for namespace, name in pairs if counts[namespace] == 1}


def _same_cluster(catalogue: Catalogue, environment: str) -> list[str]:
    """The environments of its cluster: a source whose environment is known speaks of no other cluster's namespaces."""
    cluster = catalogue.environments[environment].cluster
    return [name for name, each in catalogue.environments.items() if each.cluster == cluster]


@lru_cache(maxsize=2)
def _compile_label_names(key: _CatalogueKey) -> frozenset[str]:
    alerts, locations = key.catalogue.alerts, _compile_locations(key)
    owners = {name for pair in OWNER_LABELS for name in pair} | {*OWNER_NAME_LABELS}
    rules = [each.matchers for each in (alerts.routes if alerts else ())]
    rules += [each.matchers for each in (alerts.watchdogs if alerts else ())]
    matched = {matcher.name for matchers in rules for matcher in matchers}
    return frozenset({*locations.environment_labels, *locations.service_labels, *_PLACE_LABELS, *owners, *matched})


def _route(rule: str, entry: DefaultRouteConfig) -> Route:
    return Route(
        rule=rule,
        channel=entry.channel,
        severity=entry.severity,
        owner=entry.owner,
        mentions=entry.mentions,
        runbook=entry.runbook,
    )


def _alerts_config(catalogue: Catalogue) -> AlertsConfig:
    if catalogue.alerts is None:
        hint = sentence("Add the section ", Code("alerts"), " with a ", Code("default"), " route.")
        raise Refused(sentence("The catalogue says nothing of alerts. ", hint))
    return catalogue.alerts
