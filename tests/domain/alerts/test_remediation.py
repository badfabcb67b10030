"""How far a silence reaches, and what a rollback of the suspect would be."""

from dataclasses import replace

import pytest

from domain.alerts.alerts import AlertGroup
from domain.alerts.remediation import can_roll_back, can_silence, silence_scope
from domain.catalogue.catalogue import Catalogue
from tests.harness.samples.alert_groups import PRODUCTION, STAGING, WITHOUT_ENVIRONMENT
from tests.harness.samples.alerts import CONFIG, SUSPECT
from tests.harness.samples.team import alerting_catalogue

CATALOGUE = alerting_catalogue()
SHARED = ("development", "staging")
"""These two have one Alertmanager."""


def labelled(group: AlertGroup, key: str = "", **labels: str) -> AlertGroup:
    return replace(group, labels=labels, group_key=key)


@pytest.mark.parametrize(
    ("group", "reached"),
    [
        (labelled(STAGING, alertname="A", environment="staging"), ("staging",)),
        (labelled(STAGING, alertname="A", env="stage"), ("staging",)),
        (labelled(STAGING, alertname="A", namespace="deep-echo-staging"), ("staging",)),
        (labelled(STAGING, '{}/{environment="staging"}:{alertname="A"}', alertname="A"), ("staging",)),
        (labelled(STAGING, '{}/{environment=~"staging"}:{alertname="A"}', alertname="A"), SHARED),
        (labelled(STAGING, '{}/{environment!="development"}:{alertname="A"}', alertname="A"), SHARED),
        (labelled(STAGING, alertname="A"), SHARED),
        (labelled(STAGING, alertname="A", environment="nowhere"), SHARED),
        (labelled(STAGING, alertname="A", namespace="monitoring"), SHARED),
        (labelled(PRODUCTION, alertname="A"), ("production",)),
        (WITHOUT_ENVIRONMENT, ()),
        (replace(PRODUCTION, environment="gone"), ()),
    ],
)
def test_a_silence_reaches_whatever_its_matchers_do_not_tell_apart(group: AlertGroup, reached: tuple[str, ...]) -> None:
    assert silence_scope(group, CATALOGUE) == reached


def test_an_environment_that_is_only_the_default_is_not_named() -> None:
    data = CATALOGUE.model_dump(by_alias=True)
    data["alerts"]["environment"] = "staging"
    by_default = Catalogue.model_validate(data)
    assert silence_scope(labelled(STAGING, alertname="A"), by_default) == SHARED


def test_what_has_no_alertmanager_or_is_our_own_is_not_silenced() -> None:
    assert can_silence(PRODUCTION)
    assert not can_silence(WITHOUT_ENVIRONMENT)
    assert not can_silence(replace(PRODUCTION, group_key="watchdog/prometheus"))
    assert can_silence(replace(PRODUCTION, group_key='{}/{team="watchdog/x"}:{}'))


def test_only_what_a_rollback_can_take_back_is_offered() -> None:
    assert can_roll_back(replace(PRODUCTION, suspect=SUSPECT))
    assert not can_roll_back(PRODUCTION)
    assert not can_roll_back(replace(PRODUCTION, suspect=replace(SUSPECT, change=CONFIG)))


def test_revisions_of_several_services_go_back_each_by_itself() -> None:
    both = ("deep-echo-main", "deep-echo-cognitive")
    change = replace(SUSPECT.change, services=both, previous_versions=dict.fromkeys(both, "#3"))
    assert not can_roll_back(replace(PRODUCTION, suspect=replace(SUSPECT, change=change)))
    one = replace(SUSPECT.change, services=both[:1], previous_versions={both[0]: "#3"})
    assert can_roll_back(replace(PRODUCTION, suspect=replace(SUSPECT, change=one)))
