from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.catalogue.catalogue import Catalogue
from domain.errors import UsageError
from domain.matchers import Matcher, Operator
from domain.people import Member, Person, Role
from domain.severities import Severity
from domain.targets import Target, WorkloadKind
from tests.harness.samples.team import ANA, GUS, STAN, TEAM, VIV, catalogue_data, team_catalogue

ENVIRONMENT = {"cluster": "main", "namespace": "ns"}
SERVICE = {"deployment": "web", "container": "main", "image": "registry.example/web"}
HOUR = timedelta(hours=1)
DEFAULT = {"channel": "C0INFO"}
ROUTE = {"match": ["severity=critical"], "channel": "C0CRITICAL", "severity": "P1"}
WATCHDOG = {"name": "prometheus", "match": ["alertname=Watchdog"]}


def alerts(**more: Any) -> dict[str, Any]:
    return {"default": DEFAULT, **more}


def broken(path: str, value: Any) -> dict[str, Any]:
    """The catalogue with one thing changed; ``None`` takes it away."""
    data = catalogue_data()
    *parents, key = path.split("/")
    mapping = data
    for parent in parents:
        mapping = mapping[parent]
    if value is None:
        del mapping[key]
    else:
        mapping[key] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("environments/production/cluster", "east", "environments.production.cluster: 'east' is not defined; there are main"),
        ("applications/deep-echo/services", ["web"], "applications.deep-echo.services: 'web' is not defined"),
        ("applications/deep-echo/default", False, "exactly one needs default: true"),
        ("applications/other", {"services": ["deep-echo-main"], "default": True}, "exactly one needs default: true"),
        ("applications/empty", {"services": []}, "at least 1 item"),
        ("roles/qa", {"viewer": ["*"]}, "roles: 'qa' is not defined"),
        ("roles/*/boss", ["U1"], "roles.*.boss"),
        ("environments/stage", ENVIRONMENT, "environments: 'stage' names two of them"),
        ("services/main", SERVICE, "services: 'main' names two of them"),
        (
            "services/web",
            SERVICE | {"tag_pattern": "("},
            "tag_pattern is not a regular expression that can be used: a ( is never closed",
        ),
        ("services/web", SERVICE | {"deployment": "Web"}, "services.web.deployment"),
        ("services/Web_1", SERVICE, "services.Web_1"),
        ("services/web", {"deployment": "web"}, "services.web.container"),
        ("services/web", SERVICE | {"contaner": "x"}, "services.web.contaner"),
        ("environments/qa", ENVIRONMENT | {"approval_minutes": 0}, "environments.qa.approval_minutes"),
        ("environments/qa", ENVIRONMENT | {"rollout_minutes": -1}, "environments.qa.rollout_minutes"),
        ("environments/qa", ENVIRONMENT | {"needs": {"fly": "sre"}}, "environments.qa.needs.fly"),
        ("environments/qa", ENVIRONMENT | {"needs": {"deploy": "boss"}}, "environments.qa.needs.deploy"),
        ("environments/qa", {"cluster": "main", "namespace": "no/way"}, "environments.qa.namespace"),
        ("environments", {}, "environments"),
        ("clusters/main", {"in_cluster": True, "kubeconfig": "x"}, "say exactly one of"),
        ("clusters/main", {}, "say exactly one of"),
        ("workspaces", [], "workspaces"),
        ("workspaces", None, "workspaces"),
        ("version", 2, "version"),
        ("extra", "x", "extra"),
        ("services/web", SERVICE | {"depends_on": ["db"]}, "services.web.depends_on: 'db' is not defined; there are deep-echo-"),
        ("services/web", SERVICE | {"depends_on": ["web"]}, "services.web.depends_on: a service cannot depend on itself"),
        ("services/web", SERVICE | {"dashboard": "a/b"}, "services.web.dashboard"),
        (
            "environments/qa",
            ENVIRONMENT | {"prometheus": "prometheus:9090"},
            "environments.qa.prometheus Value error, must be an",
        ),
        ("environments/qa", ENVIRONMENT | {"alertmanager": "http://me:x@am"}, "must hold no user and no password"),
        ("environments/qa", ENVIRONMENT | {"alertmanager": "http://me@am"}, "must hold no user and no password"),
        ("environments/qa", ENVIRONMENT | {"grafana": "ftp://grafana"}, "environments.qa.grafana"),
        ("environments/qa", ENVIRONMENT | {"grafana": "https://"}, "environments.qa.grafana"),
        ("environments/qa", ENVIRONMENT | {"grafana": "https://a|b"}, "environments.qa.grafana"),
        ("environments/qa", ENVIRONMENT | {"grafana": "https://a:port"}, "environments.qa.grafana"),
        ("environments/qa", ENVIRONMENT | {"jaeger": "https://a/?x=y"}, "nothing after ? or # belongs here"),
        ("alerts", {}, "alerts.default Field required"),
        (
            "alerts",
            alerts(environment="qa"),
            "alerts.environment: 'qa' is not defined; there are development, production, staging",
        ),
        ("alerts", alerts(environment_labels=["my-label"]), "alerts.environment_labels.0"),
        ("alerts", alerts(default={}), "alerts.default.channel"),
        ("alerts", alerts(default={"channel": "#alerts"}), "alerts.default.channel Value error, must be a channel's id, such as"),
        ("alerts", alerts(default=DEFAULT | {"severity": "P4"}), "alerts.default.severity"),
        (
            "alerts",
            alerts(default=DEFAULT | {"mentions": ["!channel"]}),
            "alerts.default.mentions.0 Value error, must be the id of",
        ),
        ("alerts", alerts(default=DEFAULT | {"runbook": "wiki"}), "alerts.default.runbook Value error, must be an address"),
        ("alerts", alerts(routes=[ROUTE, ROUTE | {"match": []}]), "alerts.routes.1.match"),
        (
            "alerts",
            alerts(routes=[ROUTE | {"match": ["a=b", "high"]}]),
            "alerts.routes.0.match.1 Value error, high has no operator",
        ),
        ("alerts", alerts(routes=[ROUTE | {"match": ['a=~"("']}]), 'a=~"(" has no regular expression that can be used'),
        ("alerts", alerts(routes=[DEFAULT | {"match": ["a=b"]}]), "alerts.routes.0.severity Field required"),
        ("alerts", alerts(routes=[ROUTE | {"name": "a"}, ROUTE | {"name": "a"}]), "routes: 'a' names two of them"),
        ("alerts", alerts(routes=[ROUTE | {"name": "rule 2"}, ROUTE]), "routes: 'rule 2' names two of them"),
        ("alerts", alerts(routes=[ROUTE | {"name": "default"}]), "routes: 'default' names two of them"),
        ("alerts", alerts(watchdogs=[WATCHDOG, WATCHDOG]), "alerts Value error, watchdogs: 'prometheus' names two of them"),
        ("alerts", alerts(watchdogs=[WATCHDOG | {"within_minutes": 0}]), "alerts.watchdogs.0.within_minutes"),
        ("alerts", alerts(flap_changes=1), "alerts.flap_changes"),
        ("alerts", alerts(storm_threshold_per_minute=0), "alerts.storm_threshold_per_minute"),
    ],
)
def test_what_is_wrong_is_said(path: str, value: Any, says: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        Catalogue.model_validate(broken(path, value))
    told = "\n".join(f"{'.'.join(str(part) for part in each['loc'])} {each['msg']}" for each in wrong.value.errors())
    assert says in told


def test_an_error_does_not_repeat_what_was_written() -> None:
    with pytest.raises(ValidationError) as wrong:
        Catalogue.model_validate(broken("clusters/main", {"kubeconfig": ["hunter2"]}))
    assert "hunter2" not in str(wrong.value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("environments/qa", ENVIRONMENT | {"prometheus": "http://hunter2:hunter2@prometheus"}),
        ("environments/qa", ENVIRONMENT | {"prometheus": "hunter2"}),
        ("alerts", alerts(default={"channel": "hunter2"})),
    ],
)
def test_an_error_of_an_address_does_not_either(path: str, value: Any) -> None:
    with pytest.raises(ValidationError) as wrong:
        Catalogue.model_validate(broken(path, value))
    assert "hunter2" not in str(wrong.value)


def test_addresses_end_without_a_slash() -> None:
    catalogue = Catalogue.model_validate(broken("environments/qa", ENVIRONMENT | {"grafana": "https://a.example.com/grafana/"}))
    assert catalogue.environments["qa"].grafana == "https://a.example.com/grafana"
    assert catalogue.environments["qa"].prometheus == ""


def test_alerts_have_defaults_and_spans_of_time() -> None:
    assert team_catalogue().alerts is None
    told = team_catalogue(alerts=alerts(routes=[ROUTE, ROUTE | {"name": "b"}], watchdogs=[WATCHDOG])).alerts
    assert told
    assert told.default.severity is Severity.P3
    assert told.rule_names == ("rule 1", "b")
    assert told.routes[0].matchers == (Matcher("severity", Operator.EQUAL, "critical"),)
    assert (told.reopen_within, told.acknowledge_within, told.flap_within) == (HOUR, HOUR, HOUR / 2)
    assert (told.storm_quiet, told.deduplicate_within) == (timedelta(minutes=5), timedelta(minutes=1))
    assert told.watchdogs[0].within == timedelta(minutes=10)
    assert told.watchdogs[0].severity is Severity.P1


@pytest.mark.parametrize("word", ["production", "prod", "Production", "PROD", "#production"])
def test_environments_have_names_and_aliases(word: str) -> None:
    assert team_catalogue().environment_named(word) == "production"


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("prodution", "Did you mean `production`"),
        ("stagin", "Did you mean `staging`"),
        ("xyzzy", "There are development, staging, production."),
        ("", "There are development, staging, production."),
    ],
)
def test_an_unknown_environment_gets_the_nearest(word: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        team_catalogue().environment_named(word)
    assert hint in str(refused.value.hint)


def test_an_unknown_service_gets_the_nearest() -> None:
    with pytest.raises(UsageError) as refused:
        team_catalogue().service_named("deep-echo-mian")
    assert "`deep-echo-main`" in str(refused.value.hint)


def test_a_target_is_where_the_service_runs() -> None:
    assert team_catalogue().target("production", "deep-echo-main") == Target(
        "production", "deep-echo-main", "main", "deep-echo-prod", "deep-echo-main", "main-app"
    )


@pytest.mark.parametrize(
    ("member", "role", "environment", "may"),
    [
        (ANA, Role.DEPLOYER, "production", True),
        (ANA, Role.APPROVER, "production", False),
        (ANA, Role.DEPLOYER, None, True),
        (VIV, Role.RESPONDER, "development", False),
        (GUS, Role.VIEWER, "development", False),
        (STAN, Role.VIEWER, "development", False),
        (Member(person=Person(ANA.person.user_id, "T0OTHER"), name="ana"), Role.VIEWER, "production", False),
    ],
)
def test_who_may(member: Member, role: Role, environment: str | None, may: bool) -> None:  # noqa: FBT001
    assert team_catalogue().has_role(member, role, environment) is may


def test_roles_of_one_environment_stay_there() -> None:
    catalogue = team_catalogue(roles={"development": {"deployer": ["U5"]}, "*": {"viewer": ["*"]}})
    zoe = Member(person=Person("U5", TEAM), name="zoe")
    assert catalogue.has_role(zoe, Role.DEPLOYER, "development")
    assert not catalogue.has_role(zoe, Role.DEPLOYER, "production")
    assert not catalogue.has_role(zoe, Role.DEPLOYER, None)


def placed(**environments: dict[str, str]) -> dict[str, Any]:
    """The catalogue with the main service under other names in these environments."""
    data = catalogue_data()
    data["services"]["deep-echo-main"]["environments"] = environments
    return data


def test_names_differ_by_environment() -> None:
    catalogue = Catalogue.model_validate(
        placed(development={"deployment": "deep-echo-dev-main"}, production={"namespace": "echo", "container": "app"})
    )
    found = {each: catalogue.target(each, "deep-echo-main") for each in catalogue.environments}
    assert [(each.namespace, each.deployment, each.container) for each in found.values()] == [
        ("deep-echo-dev", "deep-echo-dev-main", "main-app"),
        ("deep-echo-staging", "deep-echo-main", "main-app"),
        ("echo", "deep-echo-main", "app"),
    ]
    assert catalogue.namespaces("production") == ("deep-echo-prod", "echo")
    assert catalogue.namespaces("staging") == ("deep-echo-staging",)


def test_one_namespace_can_hold_all_environments() -> None:
    names = {"development": "dev-main", "staging": "stage-main", "production": "prod-main"}
    catalogue = Catalogue.model_validate(
        placed(**{name: {"namespace": "echo", "deployment": deployment} for name, deployment in names.items()})
    )
    assert {catalogue.target(name, "deep-echo-main").deployment for name in names} == set(names.values())


@pytest.mark.parametrize(
    ("environments", "says"),
    [
        (
            {"prod": {"deployment": "x"}},
            "services.deep-echo-main.environments.prod: 'prod' is not defined; there are development",
        ),
        ({"production": {}}, "say what differs: deployment, statefulset, daemonset, namespace or container"),
        ({"production": {"deploymnt": "x"}}, "services.deep-echo-main.environments.production.deploymnt"),
        ({"production": {"deployment": "No_Name"}}, "services.deep-echo-main.environments.production.deployment"),
        ({"production": {"deployment": ""}}, "services.deep-echo-main.environments.production.deployment"),
        (
            {"production": {"deployment": "deep-echo-docs"}},
            "deep-echo-docs in production and deep-echo-main in production are both deep-echo-prod/deep-echo-docs",
        ),
        (
            {"development": {"namespace": "deep-echo-prod"}},
            "deep-echo-main in production and deep-echo-main in development are both deep-echo-prod/deep-echo-main",
        ),
    ],
)
def test_a_placement_that_is_wrong_is_said(environments: dict[str, dict[str, str]], says: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        Catalogue.model_validate(placed(**environments))
    told = "\n".join(f"{'.'.join(str(part) for part in each['loc'])} {each['msg']}" for each in wrong.value.errors())
    assert says in told


def test_a_service_is_a_stateful_set_where_it_says_so() -> None:
    data = placed(production={"statefulset": "db"})
    data["services"]["db"] = {"statefulset": "deep-echo-main", "container": "main", "image": "registry.example/db"}
    data["services"]["agent"] = {"daemonset": "deep-echo-main", "container": "main", "image": "registry.example/agent"}
    catalogue = Catalogue.model_validate(data)
    kinds = {each: catalogue.target(each, "deep-echo-main").kind for each in catalogue.environments}
    assert list(kinds.values()) == [WorkloadKind.DEPLOYMENT, WorkloadKind.DEPLOYMENT, WorkloadKind.STATEFUL_SET]
    assert catalogue.target("staging", "agent").kind is WorkloadKind.DAEMON_SET
    # A Deployment and a StatefulSet of one name are two workloads.
    assert catalogue.target("staging", "db").deployment == catalogue.target("staging", "deep-echo-main").deployment


@pytest.mark.parametrize("names", [{}, {"deployment": "web", "statefulset": "web"}, {"statefulset": "web", "daemonset": "web"}])
def test_a_service_has_one_kind(names: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="say exactly one of deployment, statefulset and daemonset"):
        Catalogue.model_validate(broken("services/web", {"container": "main", "image": "registry.example/web", **names}))
