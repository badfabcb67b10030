"""Where a card's links lead, and whose addresses they never are."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alerts.alerts import Alert, AlertGroup, GrafanaDetails, GroupState, Route
from domain.alerts.links import MAX_URL_LENGTH, links_of
from domain.catalogue.catalogue import Catalogue
from domain.severities import Severity
from tests.harness.samples.team import catalogue_data

BEGAN = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
EXPRESSION = 'sum(rate(errors{job="main & co"}[5m])) / 2 > 10'


def catalogue(**addresses: str) -> Catalogue:
    data = catalogue_data()
    data["environments"]["production"] |= addresses
    data["services"]["deep-echo-main"]["dashboard"] = "echo-main"
    return Catalogue.model_validate(data)


FULL = catalogue(grafana="https://grafana.example", prometheus="https://prom.example/base/", jaeger="http://jaeger.example:16686")


def group(*, generator_url: str = "", annotations: dict[str, str] | None = None, **more: Any) -> AlertGroup:
    alert = Alert(
        fingerprint="f", firing=True, labels={}, annotations=annotations or {}, starts_at=BEGAN, generator_url=generator_url
    )
    made = AlertGroup(
        id="al-k7m2",
        title="HighErrorRate",
        labels={},
        environment="production",
        service="deep-echo-main",
        route=Route(rule="default", channel="C1", severity=Severity.P1),
        state=GroupState.FIRING,
        firing=1,
        total=1,
        examples=(alert,),
        began_at=BEGAN,
        seen_at=BEGAN,
        updated_at=BEGAN,
    )
    return replace(made, **more)


def links(record: AlertGroup, known: Catalogue = FULL) -> dict[str, str]:
    return {each.text: each.url for each in links_of(record, known)}


def asked(url: str) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query, strict_parsing=True).items()}


def milliseconds(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))


def test_every_link_of_a_group_that_fires() -> None:
    address = "http://vm:9090/graph?g0.expr=sum%28rate%28errors%7Bjob%3D%22main+%26+co%22%7D%5B5m%5D%29%29+%2F+2+%3E+10&g0.tab=1"
    found = links(group(generator_url=address, annotations={"runbook_url": "https://runbooks.example/errors?x=1&y=2"}))
    assert list(found) == ["Grafana", "Prometheus", "traces with errors", "runbook"]
    assert found["Grafana"].startswith("https://grafana.example/d/echo-main?")
    since = BEGAN - timedelta(minutes=30)
    assert asked(found["Grafana"]) == {
        "var-environment": "production",
        "var-service": "deep-echo-main",
        "from": milliseconds(since),
        "to": "now",
    }
    assert found["Prometheus"].startswith("https://prom.example/base/graph?g0.expr=sum%28rate")
    assert asked(found["Prometheus"]) == {"g0.expr": EXPRESSION, "g0.tab": "0"}
    assert found["traces with errors"].startswith("http://jaeger.example:16686/search?")
    assert asked(found["traces with errors"]) == {
        "service": "deep-echo-main",
        "tags": '{"error":"true"}',
        "start": f"{milliseconds(since)}000",
    }
    assert found["runbook"] == "https://runbooks.example/errors?x=1&y=2"


def test_what_is_over_is_shown_until_its_end() -> None:
    end = BEGAN + timedelta(minutes=21)
    found = links(group(state=GroupState.RESOLVED, resolved_at=end))
    assert asked(found["Grafana"])["to"] == milliseconds(end + timedelta(minutes=5))
    assert asked(found["traces with errors"])["end"] == f"{milliseconds(end + timedelta(minutes=5))}000"


@pytest.mark.parametrize(
    ("record", "known", "shown"),
    [
        (group(environment="", service=""), FULL, []),
        (group(environment="gone", service="gone"), FULL, []),
        (group(service="deep-echo-cache"), FULL, ["traces with errors"]),
        (group(), catalogue(), []),
        (group(generator_url="http://vm/graph?g0.expr=up"), catalogue(prometheus="https://p.example"), ["Prometheus"]),
        (group(generator_url="not an address"), catalogue(prometheus="https://p.example"), []),
        (group(route=Route(rule="r", channel="C", severity=Severity.P1, runbook="https://r.example")), catalogue(), ["runbook"]),
    ],
)
def test_what_has_no_address_is_left_out(record: AlertGroup, known: Catalogue, shown: list[str]) -> None:
    assert list(links(record, known)) == shown


def test_the_catalogue_s_runbook_comes_before_the_alert_s() -> None:
    route = Route(rule="r", channel="C", severity=Severity.P1, runbook="https://runbooks.example/ours")
    assert links(group(route=route, annotations={"runbook_url": "https://evil.example"}))["runbook"] == route.runbook


@pytest.mark.parametrize(
    "address",
    [
        *("javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "runbooks/errors.md", "https://", "see the wiki"),
        *("https://user:secret@evil.example", "https://x.example/<!channel>", "https://x.example/a|b", "https://x.example/\x00"),
        *("{{ $labels.runbook }}", "https://x.example/" + "x" * MAX_URL_LENGTH),
    ],
)
def test_an_annotation_that_is_no_page_is_no_runbook(address: str) -> None:
    assert "runbook" not in links(group(annotations={"runbook_url": address}))


def test_an_expression_that_would_not_fit_has_no_link() -> None:
    assert "Prometheus" not in links(group(generator_url=f"http://vm/graph?g0.expr={'up+or+' * 400}up"))


@given(st.text(max_size=200), st.text(max_size=60))
def test_no_address_is_broken_by_what_others_write(expression: str, runbook: str) -> None:
    record = group(
        generator_url=f"http://vm/graph?g0.expr={expression}", annotations={"runbook_url": f"https://x.example/{runbook}"}
    )
    found = links(record)
    assert found
    for url in found.values():
        assert urlsplit(url).hostname in {"grafana.example", "prom.example", "jaeger.example", "x.example"}
        assert not set(url) & set('<>|" \n\x00')


GRAFANA_DETAILS = GrafanaDetails(
    dashboard_url="https://g.example/d/abc",
    panel_url="https://g.example/d/abc?viewPanel=2",
    silence_url="https://g.example/silence",
)


def of_grafana(details: GrafanaDetails = GRAFANA_DETAILS, **more: Any) -> AlertGroup:
    made = group(**more)
    return replace(made, examples=tuple(replace(each, grafana=details) for each in made.examples))


def test_grafana_s_own_alert_leads_to_its_pages() -> None:
    assert links(of_grafana(), catalogue()) == {
        "Grafana": "https://g.example/d/abc",
        "panel": "https://g.example/d/abc?viewPanel=2",
        "silence in Grafana": "https://g.example/silence",
    }
    assert links(of_grafana(), FULL)["Grafana"].startswith("https://grafana.example/"), "the catalogue's comes first"
    assert "silence in Grafana (one of them)" in links(of_grafana(firing=2, total=2))
    assert "silence in Grafana" not in links(of_grafana(state=GroupState.RESOLVED, resolved_at=BEGAN))


@pytest.mark.parametrize(
    "url", ["", "/d/abc", "javascript:alert(1)", "https://user:secret@evil.example", "https://x.example/a|b"]
)
def test_a_page_of_grafana_that_is_none_has_no_link(url: str) -> None:
    assert links(of_grafana(GrafanaDetails(dashboard_url=url, panel_url=url, silence_url=url)), catalogue()) == {}


def test_links_that_together_are_too_long_are_left_out_from_the_end() -> None:
    first, second, third = (f"https://g.example/{letter * 1_300}" for letter in "abc")
    long = GrafanaDetails(dashboard_url=first, panel_url=second, silence_url=third)
    known = catalogue(jaeger="http://jaeger.example:16686")
    assert list(links(of_grafana(long), known)) == ["Grafana", "panel"]
    assert list(links(of_grafana(replace(long, panel_url="")), known)) == ["Grafana", "silence in Grafana"]


def test_traces_are_linked_under_the_services_name_in_jaeger() -> None:
    data = catalogue_data()
    data["environments"]["production"]["jaeger"] = "http://jaeger.example:16686"
    data["services"]["deep-echo-main"]["jaeger_service"] = "echo.main & co"
    found = links(group(), Catalogue.model_validate(data))
    assert asked(found["traces with errors"])["service"] == "echo.main & co"
