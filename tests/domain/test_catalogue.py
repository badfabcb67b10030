from typing import Any

import pytest
from pydantic import ValidationError

from domain.catalogue import Catalogue
from domain.errors import UsageError
from domain.people import Member, Person, Role
from domain.rollouts import Target
from tests.fakes.team import ANA, GUS, STAN, TEAM, VIV, catalogue_data, team_catalogue

ENVIRONMENT = {"cluster": "main", "namespace": "ns"}
SERVICE = {"deployment": "web", "container": "main", "image": "registry.example/web"}


def broken(path: str, value: Any) -> dict[str, Any]:
    """The catalogue with one thing changed; ``None`` takes it away."""
    data = catalogue_data()
    *parents, key = path.split("/")
    place = data
    for parent in parents:
        place = place[parent]
    if value is None:
        del place[key]
    else:
        place[key] = value
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
        ("services/web", SERVICE | {"tag_pattern": "("}, "tag_pattern is not a regular expression"),
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
    assert hint in refused.value.hint


def test_an_unknown_service_gets_the_nearest() -> None:
    with pytest.raises(UsageError) as refused:
        team_catalogue().service_named("deep-echo-mian")
    assert "`deep-echo-main`" in refused.value.hint


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
    assert team_catalogue().may(member, role, environment) is may


def test_roles_of_one_environment_stay_there() -> None:
    catalogue = team_catalogue(roles={"development": {"deployer": ["U5"]}, "*": {"viewer": ["*"]}})
    zoe = Member(person=Person("U5", TEAM), name="zoe")
    assert catalogue.may(zoe, Role.DEPLOYER, "development")
    assert not catalogue.may(zoe, Role.DEPLOYER, "production")
    assert not catalogue.may(zoe, Role.DEPLOYER, None)
