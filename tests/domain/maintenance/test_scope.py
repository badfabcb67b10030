"""Which alerts a window hides."""

import pytest

from domain.alerts.silences import AlertDetails
from domain.errors import UsageError
from domain.maintenance.scope import fits, parse_scopes, silence_matchers
from domain.maintenance.silence_texts import describe
from tests.harness.samples.team import alerting_catalogue

CATALOGUE = alerting_catalogue()


def alert(**labels: str) -> AlertDetails:
    return AlertDetails(fingerprint="-".join(labels.values()), labels=labels)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("alertname!~x.+", "is not a label"),
        ("alertname=~.*", "is not a label"),
        ("service=web", "by their names"),
        ("alertname=A baz=''", "baz has no value"),
        ("alertname=,", "alertname has no value"),
        ("alertname=A alertname=B", "is there twice"),
        ("alertname='A", "a quote that does not end"),
        ("'alertname '=A", "is not a label"),
        (";".join(f"alertname=A{each}" for each in range(11)), "10 scopes"),
    ],
)
def test_what_could_hide_more_than_was_named_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_scopes(text)


def test_several_values_are_one_escaped_alternation() -> None:
    ((name, service),) = parse_scopes('alertname=a.b,c|d,a.b service="check out"')
    assert describe((name, service)) == '{alertname=~"a\\\\.b|c\\\\|d", service="check out"}'
    for value, is_hidden in (("a.b", True), ("c|d", True), ("axb", False), ("c", False), ("a.bc", False)):
        assert fits((name,), {"alertname": value}) is is_hidden


def test_it_is_narrowed_to_the_environment_by_labels_that_the_alerts_have() -> None:
    (scope,) = parse_scopes("alertname=A")
    alerts = [alert(alertname="A", env="stage"), alert(alertname="A", env="dev"), alert(alertname="B", env="staging")]
    assert describe(silence_matchers(scope, alerts, "staging", CATALOGUE)) == '{alertname="A", env="stage"}'
    alerts.append(alert(alertname="A", env="staging"))
    assert describe(silence_matchers(scope, alerts, "staging", CATALOGUE)) == '{alertname="A", env=~"stage|staging"}'
    by_namespace = [alert(alertname="A", namespace="deep-echo-staging")]
    found = describe(silence_matchers(scope, by_namespace, "staging", CATALOGUE))
    assert found == '{alertname="A", namespace="deep-echo-staging"}'


def test_where_nothing_fires_a_shared_alertmanager_is_asked_for_the_environment() -> None:
    (scope,) = parse_scopes("alertname=A")
    assert describe(silence_matchers(scope, [], "staging", CATALOGUE)) == '{alertname="A", environment="staging"}'
    assert describe(silence_matchers(scope, [], "production", CATALOGUE)) == '{alertname="A"}'
