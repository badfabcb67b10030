"""Labels of alerts decide on location, channel and severity, and the decision can be explained."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.catalogue_file import load_catalogue
from domain.alerts.routing import Location, MatcherResult, RuleStep, explain_route, location_of, route_of
from domain.catalogue.catalogue import Catalogue
from domain.errors import Refused
from domain.severities import Severity
from tests.harness.samples.team import catalogue_data, team_catalogue

CRITICAL, WARNING, INFO = "C0CRITICAL", "C0WARNING", "C0INFO"
ROUTES: list[dict[str, Any]] = [
    {
        "name": "outage",
        "match": ['alertname="DeepEchoServiceDown"', 'service=~"deep-echo-main|deep-echo-cognitive"'],
        "channel": CRITICAL,
        "severity": "P0",
        "owner": "platform",
        "mentions": ["S0ONCALL"],
        "runbook": "https://wiki.example.com/down",
    },
    {"match": ["severity=critical", 'team!="qa"'], "channel": CRITICAL, "severity": "P1"},
    {"match": ["severity=warning"], "channel": WARNING, "severity": "P2"},
    {"name": "also P2", "match": ["team=~.+"], "channel": INFO, "severity": "P2"},
]


def routed(**changed: Any) -> Catalogue:
    return team_catalogue(alerts={"default": {"channel": INFO, "severity": "P3"}, "routes": ROUTES} | changed)


@pytest.mark.parametrize(
    ("labels", "location"),
    [
        ({"environment": "production", "service": "deep-echo-main"}, ("production", "deep-echo-main")),
        ({"environment": "PROD", "service": "Main"}, ("production", "deep-echo-main")),
        ({"env": "stage"}, ("staging", "")),
        ({"environment": "qa", "env": "dev"}, ("development", "")),
        ({"environment": "", "env": "dev"}, ("development", "")),
        ({"namespace": "deep-echo-prod"}, ("production", "")),
        ({"environment": "eu-1", "namespace": "deep-echo-prod"}, ("production", "")),
        ({"namespace": "monitoring"}, ("staging", "")),
        ({"environment": "qa"}, ("", "")),
        ({"environment": "qa", "namespace": "qa"}, ("", "")),
        ({}, ("staging", "")),
        ({"job": "deep-echo-cache"}, ("staging", "deep-echo-cache")),
        ({"service": "kube-state-metrics", "deployment": "deep-echo-docs"}, ("staging", "deep-echo-docs")),
        ({"deployment": "deep-echo-docs", "container": "deep-echo-main"}, ("staging", "deep-echo-docs")),
        ({"job": "cadvisor", "pod": "deep-echo-main-6b7f9c-x2x4z"}, ("staging", "deep-echo-main")),
        ({"pod": "deep-echo-mainframe-6b7f9c-x2x4z"}, ("staging", "")),
        ({"pod": "deep-echo-main-worker-6b7f9c-x2x4z"}, ("staging", "")),
        ({"pod": "deep-echo-main-migrate"}, ("staging", "")),
        ({"pod": "deep-echo-main-0"}, ("staging", "deep-echo-main")),
        ({"pod": "anything", "owner_kind": "ReplicaSet", "owner_name": "deep-echo-main-6b7f9c"}, ("staging", "deep-echo-main")),
        ({"pod": "deep-echo-main-0", "owner_kind": "Job", "owner_name": "deep-echo-main"}, ("staging", "")),
        ({"pod": "deep-echo-main"}, ("staging", "")),
        ({"service": "deep-echo-main, and more"}, ("staging", "")),
    ],
)
def test_labels_name_a_location(labels: dict[str, str], location: tuple[str, str]) -> None:
    assert location_of(labels, routed(environment="staging")) == Location(*location)


def test_without_a_default_no_environment_is_guessed() -> None:
    assert location_of({"service": "main"}, routed()) == Location("", "deep-echo-main")


def test_a_place_needs_no_routes() -> None:
    assert location_of({"env": "prod", "app": "main"}, team_catalogue()) == Location("production", "deep-echo-main")


def test_the_catalogue_says_which_labels_count() -> None:
    catalogue = routed(environment_labels=["stage"], service_labels=["component"])
    assert location_of(
        {"environment": "prod", "stage": "dev", "service": "main", "component": "deep-echo-docs"}, catalogue
    ) == Location("development", "deep-echo-docs")


def test_a_namespace_of_two_environments_names_none() -> None:
    environments = catalogue_data()["environments"] | {"abroad": {"cluster": "far", "namespace": "deep-echo-prod"}}
    catalogue = team_catalogue(clusters={"main": {"in_cluster": True}, "far": {"context": "far"}}, environments=environments)
    assert location_of({"namespace": "deep-echo-prod"}, catalogue).environment == ""
    assert location_of({"namespace": "deep-echo-dev"}, catalogue).environment == "development"


def test_a_pod_belongs_to_the_longest_deployment_and_a_name_beats_a_deployment() -> None:
    services = {
        "web": {"deployment": "shop", "container": "x", "image": "registry.example/web"},
        "shop": {"deployment": "shop-api", "container": "x", "image": "registry.example/shop"},
    }
    catalogue = team_catalogue(services=services, applications={"all": {"services": ["web"], "default": True}})
    assert location_of({"pod": "shop-api-6b7f9c-x2x4z"}, catalogue).service == "shop"
    assert location_of({"pod": "shop-6b7f9c-x2x4z"}, catalogue).service == "web"
    assert location_of({"service": "shop"}, catalogue).service == "shop"
    assert location_of({"service": "shop-api"}, catalogue).service == "shop"


DOWN = {"alertname": "DeepEchoServiceDown", "service": "deep-echo-main", "severity": "critical"}


@pytest.mark.parametrize(
    ("alerts", "rule", "channel", "severity"),
    [
        ([DOWN], "outage", CRITICAL, Severity.P0),
        ([DOWN | {"service": "deep-echo-docs"}], "rule 2", CRITICAL, Severity.P1),
        ([{"severity": "critical"}], "rule 2", CRITICAL, Severity.P1),
        ([{"severity": "critical", "team": "qa"}], "also P2", INFO, Severity.P2),
        ([{"severity": "warning", "team": "web"}], "rule 3", WARNING, Severity.P2),
        ([{"severity": "page"}], "default", INFO, Severity.P3),
        ([{}], "default", INFO, Severity.P3),
        ([], "default", INFO, Severity.P3),
        ([{"severity": "page"}, {"severity": "warning"}, DOWN], "outage", CRITICAL, Severity.P0),
        ([{"team": "web"}, {"severity": "warning"}], "rule 3", WARNING, Severity.P2),
        ([{"severity": "page"}, {"team": "web"}], "also P2", INFO, Severity.P2),
    ],
)
def test_alerts_have_a_route(alerts: list[dict[str, str]], rule: str, channel: str, severity: Severity) -> None:
    route = route_of(alerts, routed())
    assert (route.rule, route.channel, route.severity) == (rule, channel, severity)


def test_a_default_can_be_worse_than_a_rule() -> None:
    catalogue = routed(default={"channel": CRITICAL, "severity": "P0"})
    assert route_of([{"severity": "warning"}, {"severity": "?"}], catalogue).rule == "default"


def test_a_route_carries_what_its_rule_says() -> None:
    route = route_of([DOWN], routed())
    assert (route.owner, route.mentions, route.runbook) == ("platform", ("S0ONCALL",), "https://wiki.example.com/down")


def test_a_reload_counts_at_once() -> None:
    before = routed()
    after = routed(routes=[{"match": ["severity=page"], "channel": WARNING, "severity": "P1"}], environment="staging")
    for _ in range(3):
        assert route_of([{"severity": "page"}], before).rule == "default"
        assert route_of([{"severity": "page"}], after).channel == WARNING
        assert location_of({}, before).environment == ""
        assert location_of({}, after).environment == "staging"


def test_an_explanation_says_which_rules_were_tried_and_what_was_compared() -> None:
    told = explain_route({"severity": "critical", "env": "prod"}, routed())
    assert told.route.rule == "rule 2"
    assert told.location == Location("production", "")
    assert told.steps == (
        RuleStep(
            "outage",
            False,
            (
                MatcherResult('alertname="DeepEchoServiceDown"', False, ""),
                MatcherResult('service=~"deep-echo-main|deep-echo-cognitive"', False, ""),
            ),
        ),
        RuleStep("rule 2", True, (MatcherResult("severity=critical", True, "critical"), MatcherResult('team!="qa"', True, ""))),
    )


def test_an_explanation_of_the_default_shows_every_rule_that_did_not_fit() -> None:
    told = explain_route({"severity": "page"}, routed())
    assert told.route.rule == "default"
    assert [(each.rule, each.matched) for each in told.steps] == [
        ("outage", False),
        ("rule 2", False),
        ("rule 3", False),
        ("also P2", False),
    ]


def test_a_catalogue_without_alerts_says_so() -> None:
    with pytest.raises(Refused, match="The catalogue says nothing of alerts"):
        route_of([DOWN], team_catalogue())
    with pytest.raises(Refused, match="Add the section `alerts`"):
        explain_route(DOWN, team_catalogue())


@given(
    st.dictionaries(
        st.sampled_from(["severity", "team", "service", "alertname", "x"]),
        st.sampled_from(["critical", "warning", "qa", "deep-echo-main", "DeepEchoServiceDown"]) | st.text(max_size=10),
    )
)
def test_an_explanation_and_a_route_are_one(labels: dict[str, str]) -> None:
    told = explain_route(labels, routed())
    assert told.route == route_of([labels], routed())
    matched = [each.rule for each in told.steps if each.matched]
    assert matched == ([] if told.route.rule == "default" else [told.route.rule])


@pytest.mark.parametrize(
    ("labels", "rule", "severity"),
    [
        ({"alertname": "DeepEchoServiceDown", "job": "deep-echo-main", "severity": "critical"}, "outage", Severity.P0),
        ({"alertname": "DeepEchoServiceDown", "job": "deep-echo-cache", "severity": "critical"}, "rule 3", Severity.P1),
        ({"alertname": "RedisDown", "severity": "warning"}, "foundations", Severity.P1),
        ({"alertname": "HighResponseTime", "severity": "warning"}, "rule 4", Severity.P2),
        ({"alertname": "Deployed", "severity": "info"}, "rule 5", Severity.P3),
        ({"alertname": "Strange"}, "default", Severity.P3),
    ],
)
def test_the_example_maps_the_platforms_rules(labels: dict[str, str], rule: str, severity: Severity) -> None:
    route = route_of([labels], load_catalogue(Path(__file__).parents[3] / "deploy" / "deepecho.example.yaml"))
    assert (route.rule, route.severity) == (rule, severity)


HELM_NAMES = {
    "development": {"deployment": "deep-echo-dev-main"},
    "staging": {"namespace": "echo", "deployment": "deep-echo-staging-main"},
    "production": {"namespace": "echo", "deployment": "deep-echo-prod-main"},
}


@pytest.mark.parametrize(
    ("labels", "location"),
    [
        ({"namespace": "deep-echo-dev", "pod": "deep-echo-dev-main-6d5f8c7b9d-x2x4z"}, ("development", "deep-echo-main")),
        # Two environments share this namespace: the workload tells them apart.
        ({"namespace": "echo", "deployment": "deep-echo-prod-main"}, ("production", "deep-echo-main")),
        ({"namespace": "echo", "pod": "deep-echo-staging-main-6d5f8c7b9d-x2x4z"}, ("staging", "deep-echo-main")),
        (
            {"namespace": "echo", "owner_kind": "Deployment", "owner_name": "deep-echo-prod-main"},
            ("production", "deep-echo-main"),
        ),
        ({"environment": "prod", "deployment": "deep-echo-prod-main"}, ("production", "deep-echo-main")),
        ({"environment": "prod", "service": "deep-echo-main"}, ("production", "deep-echo-main")),
        # A name of another environment, or of another team's namespace, is not this service.
        ({"environment": "prod", "deployment": "deep-echo-dev-main"}, ("production", "")),
        ({"namespace": "echo", "deployment": "other"}, ("", "")),
        ({"namespace": "elsewhere", "deployment": "deep-echo-prod-main"}, ("", "deep-echo-main")),
        ({"environment": "qa", "namespace": "elsewhere", "deployment": "deep-echo-prod-main"}, ("", "deep-echo-main")),
    ],
)
def test_names_that_differ_by_environment_name_both(labels: dict[str, str], location: tuple[str, str]) -> None:
    data = catalogue_data()
    data["services"]["deep-echo-main"]["environments"] = HELM_NAMES
    assert location_of(labels, Catalogue.model_validate(data)) == Location(*location)


def test_one_name_is_another_service_in_another_environment() -> None:
    data = catalogue_data()
    data["services"]["deep-echo-main"]["environments"] = {"development": {"deployment": "echo"}}
    data["services"]["deep-echo-docs"]["environments"] = {"staging": {"deployment": "echo"}}
    catalogue = Catalogue.model_validate(data)
    assert location_of({"env": "dev", "deployment": "echo"}, catalogue).service == "deep-echo-main"
    assert location_of({"env": "stage", "deployment": "echo"}, catalogue).service == "deep-echo-docs"
    assert location_of({"deployment": "echo"}, catalogue).service == ""
