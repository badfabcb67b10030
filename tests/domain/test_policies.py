import pytest

from domain.people import Role
from domain.policies import AccessRule, Action
from tests.harness.samples.team import catalogue_data, team_catalogue


@pytest.mark.parametrize(
    ("action", "elsewhere", "production"),
    [
        (Action.DEPLOY, AccessRule(Role.DEPLOYER, None), AccessRule(Role.DEPLOYER, Role.APPROVER)),
        (Action.ROLLBACK, AccessRule(Role.DEPLOYER, None), AccessRule(Role.DEPLOYER, Role.APPROVER)),
        (Action.RESTART, AccessRule(Role.RESPONDER, None), AccessRule(Role.RESPONDER, None)),
        (Action.SCALE_UP, AccessRule(Role.RESPONDER, None), AccessRule(Role.RESPONDER, None)),
        (Action.SCALE_DOWN, AccessRule(Role.RESPONDER, None), AccessRule(Role.RESPONDER, Role.APPROVER)),
        (Action.LOCK, AccessRule(Role.DEPLOYER, None), AccessRule(Role.DEPLOYER, None)),
        (Action.UNLOCK_OTHERS, AccessRule(Role.SRE, None), AccessRule(Role.SRE, None)),
        (Action.OVERRIDE_LOCK, AccessRule(Role.SRE, None), AccessRule(Role.SRE, None)),
    ],
)
def test_who_may_do_what_by_default(action: Action, elsewhere: AccessRule, production: AccessRule) -> None:
    environments = team_catalogue().environments
    assert environments["development"].rule(action) == elsewhere
    assert environments["staging"].rule(action) == elsewhere
    assert environments["production"].rule(action) == production


def test_an_environment_may_say_otherwise() -> None:
    environments = catalogue_data()["environments"]
    environments["staging"] |= {"needs": {"restart": "deployer"}, "approvals": {"restart": "sre"}}
    environments["production"] |= {"approvals": {"deploy": None}}
    catalogue = team_catalogue(environments=environments)
    assert catalogue.environments["staging"].rule(Action.RESTART) == AccessRule(Role.DEPLOYER, Role.SRE)
    assert catalogue.environments["production"].rule(Action.DEPLOY) == AccessRule(Role.DEPLOYER, None)
    assert catalogue.environments["production"].rule(Action.ROLLBACK).approver_role is Role.APPROVER
