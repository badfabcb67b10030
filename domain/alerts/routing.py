"""Where alerts go and how bad they are: from labels to a place, to a rule of the catalogue. Pure; compiled once a catalogue."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from domain.alerts.alerts import Route
from domain.catalogue.alerts import DEFAULT_RULE, ENVIRONMENT_LABELS, SERVICE_LABELS, AlertsEntry, DefaultRoute
from domain.catalogue.catalogue import Catalogue
from domain.errors import Refused
from domain.matchers import Labels, comparison, parse_matcher


@dataclass(frozen=True, slots=True)
class Place:
    """What alerts are about, in the catalogue's names. Empty where no label says it."""

    environment: str
    service: str


class Compared(NamedTuple):
    """One matcher of a rule, as it is written, and the label's value that it was compared with."""

    text: str
    matched: bool
    actual: str


@dataclass(frozen=True, slots=True)
class RuleStep:
    """One rule that was tried."""

    rule: str
    matched: bool
    matchers: tuple[Compared, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where one alert goes and why. ``steps`` are the rules that were tried, in their order; the last one matched or none did."""

    place: Place
    route: Route
    steps: tuple[RuleStep, ...]


def place_of(labels: Labels, catalogue: Catalogue) -> Place:
    """The environment and the service that the labels name.

    An environment that is named and not known is none: the default is of alerts that name no environment at all.
    """
    places = _places(_Same(catalogue))
    return Place(places.environment(labels), places.service(labels))


def route_of(alerts: Sequence[Labels], catalogue: Catalogue) -> Route:
    """The route of alerts that are shown together, from the labels of each: the worst severity, then the earlier rule.

    Raises ``Refused`` where the catalogue has no ``alerts``.
    """
    routing = _routing(_Same(catalogue))
    if not alerts:
        return routing.default
    places = {routing.first(labels) for labels in alerts}
    return routing.routes[min(places, key=lambda place: (routing.routes[place].severity.rank, place))]


def explain(labels: Labels, catalogue: Catalogue) -> Explanation:
    """How one alert with these labels is routed. Raises ``Refused`` where the catalogue has no ``alerts``."""
    alerts = _alerts(catalogue)
    steps: list[RuleStep] = []
    for name, entry in zip(alerts.rule_names, alerts.routes, strict=True):
        compared = tuple(_compare(text, labels) for text in entry.match)
        steps.append(RuleStep(name, all(each.matched for each in compared), compared))
        if steps[-1].matched:
            break
    return Explanation(place_of(labels, catalogue), route_of([labels], catalogue), tuple(steps))


def _compare(text: str, labels: Labels) -> Compared:
    matcher = parse_matcher(text)
    actual = labels.get(matcher.name, "")
    return Compared(text, comparison(matcher)(actual), actual)


@dataclass(frozen=True, slots=True)
class _Routing:
    """The rules, ready to be asked often. ``routes`` has the default last."""

    rules: tuple[tuple[tuple[str, Callable[[str], bool]], ...], ...]
    routes: tuple[Route, ...]

    @property
    def default(self) -> Route:
        return self.routes[-1]

    def first(self, labels: Labels) -> int:
        """The place in ``routes`` of the first rule that fits."""
        value = labels.get
        for place, rule in enumerate(self.rules):
            for name, fits in rule:
                if not fits(value(name, "")):
                    break
            else:
                return place
        return len(self.rules)


@dataclass(frozen=True, slots=True)
class _Places:
    """What the values of labels name, in small letters."""

    environment_labels: tuple[str, ...]
    environments: dict[str, str]
    namespaces: dict[str, str]
    default: str
    service_labels: tuple[str, ...]
    services: dict[str, str]
    deployments: tuple[tuple[str, str], ...]
    """What names of pods begin with and the service, the longest first."""

    def environment(self, labels: Labels) -> str:
        named = [value.lower() for label in self.environment_labels if (value := labels.get(label, ""))]
        known = next((self.environments[each] for each in named if each in self.environments), "")
        known = known or self.namespaces.get(labels.get("namespace", ""), "")
        return known or ("" if named else self.default)

    def service(self, labels: Labels) -> str:
        for label in self.service_labels:
            value = labels.get(label)
            if value and (found := self.services.get(value.lower())):
                return found
        pod = labels.get("pod", "")
        return next((service for prefix, service in self.deployments if pod.startswith(prefix)), "") if pod else ""


class _Same:
    """A catalogue that is only equal to itself: its parts are mappings, which have no hash, and one is made at every reload."""

    __slots__ = ("catalogue",)

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def __hash__(self) -> int:
        return id(self.catalogue)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.catalogue is self.catalogue


@lru_cache(maxsize=2)
def _routing(same: _Same) -> _Routing:
    alerts = _alerts(same.catalogue)
    routes = [_route(name, entry) for name, entry in zip(alerts.rule_names, alerts.routes, strict=True)]
    rules = (tuple((each.name, comparison(each)) for each in entry.matchers) for entry in alerts.routes)
    return _Routing(tuple(rules), (*routes, _route(DEFAULT_RULE, alerts.default)))


@lru_cache(maxsize=2)
def _places(same: _Same) -> _Places:
    alerts, environments, services = same.catalogue.alerts, same.catalogue.environments, same.catalogue.services
    namespaces = [each.namespace for each in environments.values()]
    deployments = {f"{each.deployment}-": name for name, each in services.items()}
    return _Places(
        environment_labels=alerts.environment_labels if alerts else ENVIRONMENT_LABELS,
        environments={word: name for name, each in environments.items() for word in (name, *each.aliases)},
        # Clusters may use the same namespace for different environments; then it names none.
        namespaces={each.namespace: name for name, each in environments.items() if namespaces.count(each.namespace) == 1},
        default=alerts.environment if alerts else "",
        service_labels=alerts.service_labels if alerts else SERVICE_LABELS,
        # A name or an alias is meant before another service's Deployment is.
        services={each.deployment: name for name, each in services.items()}
        | {word: name for name, each in services.items() for word in (name, *each.aliases)},
        deployments=tuple(sorted(deployments.items(), key=lambda each: len(each[0]), reverse=True)),
    )


def _route(rule: str, entry: DefaultRoute) -> Route:
    return Route(
        rule=rule,
        channel=entry.channel,
        severity=entry.severity,
        owner=entry.owner,
        mentions=entry.mentions,
        runbook=entry.runbook,
    )


def _alerts(catalogue: Catalogue) -> AlertsEntry:
    if catalogue.alerts is None:
        raise Refused("The catalogue says nothing of alerts. Add the section `alerts` with a `default` route.")
    return catalogue.alerts
