import pytest

from domain.people import Role
from domain.policies import Action, Rule
from tests.harness.samples.team import catalogue_data, team_catalogue


@pytest.mark.parametrize(
    ("action", "elsewhere", "production"),
    [
        (Action.DEPLOY, Rule(Role.DEPLOYER, None), Rule(Role.DEPLOYER, Role.APPROVER)),
        (Action.ROLLBACK, Rule(Role.DEPLOYER, None), Rule(Role.DEPLOYER, Role.APPROVER)),
        (Action.RESTART, Rule(Role.RESPONDER, None), Rule(Role.RESPONDER, None)),
        (Action.SCALE_UP, Rule(Role.RESPONDER, None), Rule(Role.RESPONDER, None)),
        (Action.SCALE_DOWN, Rule(Role.RESPONDER, None), Rule(Role.RESPONDER, Role.APPROVER)),
        (Action.LOCK, Rule(Role.DEPLOYER, None), Rule(Role.DEPLOYER, None)),
        (Action.UNLOCK_ANOTHERS, Rule(Role.SRE, None), Rule(Role.SRE, None)),
        (Action.PASS_LOCK, Rule(Role.SRE, None), Rule(Role.SRE, None)),
    ],
)
def test_who_may_do_what_by_default(action: Action, elsewhere: Rule, production: Rule) -> None:
    environments = team_catalogue().environments
    assert environments["development"].rule(action) == elsewhere
    assert environments["staging"].rule(action) == elsewhere
    assert environments["production"].rule(action) == production


def test_an_environment_may_say_otherwise() -> None:
    environments = catalogue_data()["environments"]
    environments["staging"] |= {"needs": {"restart": "deployer"}, "approvals": {"restart": "sre"}}
    environments["production"] |= {"approvals": {"deploy": None}}
    catalogue = team_catalogue(environments=environments)
    assert catalogue.environments["staging"].rule(Action.RESTART) == Rule(Role.DEPLOYER, Role.SRE)
    assert catalogue.environments["production"].rule(Action.DEPLOY) == Rule(Role.DEPLOYER, None)
    assert catalogue.environments["production"].rule(Action.ROLLBACK).approval is Role.APPROVER
