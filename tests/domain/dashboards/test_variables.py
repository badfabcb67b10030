"""What a link carries: the dashboard's own names and values, and nothing that it could not show."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from domain.dashboards.annotations import MAX_TAGS_LENGTH, Annotation
from domain.dashboards.dashboards import Variable
from domain.dashboards.links import MAX_URL_LENGTH, TimeRange, dashboard_url, search_url
from domain.dashboards.variables import Meaning, usual_values, values_of

AT = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
SHOWN = TimeRange(AT - timedelta(hours=1), AT)
WORDS = {Meaning.ENVIRONMENT: ("production", "prod"), Meaning.SERVICE: ("deep-echo-main", "main"), Meaning.NAMESPACE: ("echo",)}


@pytest.mark.parametrize(
    ("variable", "values"),
    [
        (Variable("environment", "query"), {"environment": "production"}),
        (Variable("Env", "query"), {"Env": "production"}),
        (Variable("env", "custom", ("dev", "stage", "prod")), {"env": "prod"}),
        (Variable("env", "custom", ("eu", "us")), {}),
        (Variable("environment", "constant", ("production",)), {}),
        (Variable("app", "textbox"), {"app": "deep-echo-main"}),
        (Variable("namespace", "query"), {"namespace": "echo"}),
        (Variable("deployment", "query"), {}),
        (Variable("datasource", "datasource"), {}),
    ],
)
def test_a_variable_gets_the_word_that_its_dashboard_knows(variable: Variable, values: dict[str, str]) -> None:
    assert values_of(WORDS, [variable]) == values


def test_of_a_dashboard_that_cannot_be_read_the_usual_names_are_taken() -> None:
    assert usual_values(WORDS) == {"environment": "production", "service": "deep-echo-main"}
    assert usual_values({}) == {}


@pytest.mark.parametrize("word", ['a"b', "a&var-environment=x", "a b", "a|b>c", "\n", "ä", "\ud800", "#", "../x"])
def test_no_value_leaves_its_place_in_the_address(word: str) -> None:
    url = dashboard_url("https://grafana.example/sub", "u_1-x", SHOWN, {"service": word, "env": "prod"}, panel=2)
    parts = urlsplit(url)
    assert (parts.netloc, parts.path, parts.fragment) == ("grafana.example", "/sub/d/u_1-x", "")
    query = parse_qs(parts.query, keep_blank_values=True)
    assert query.keys() == {"from", "to", "viewPanel", "var-service", "var-env"}
    assert query["viewPanel"] == ["2"]
    assert int(query["to"][0]) == AT.timestamp() * 1000
    assert int(query["from"][0]) == int(query["to"][0]) - 3_600_000
    assert not set(url) & set(' <>|"\n')
    assert urlsplit(search_url("https://grafana.example", word)).path == "/dashboards"


def test_a_link_that_would_be_too_long_is_without_its_variables() -> None:
    url = dashboard_url("https://grafana.example", "u1", SHOWN, {"service": "x" * MAX_URL_LENGTH})
    assert "var-" not in url
    assert "from=" in url


def annotation(text: str = "x", services: tuple[str, ...] = ()) -> Annotation:
    return Annotation(subject="op-k7m2", environment="production", kind="deploy", text=text, since=AT, services=services)


def test_what_people_typed_is_no_markup_in_grafana_and_holds_no_secret() -> None:
    token = "gh" + "p_" + "a1B2" * 9
    text = annotation(f'<a href="https://evil.example">open</a> <img src=x onerror=alert(1)> {token}').html_text
    assert "<" not in text
    assert token not in text
    assert len(annotation("x" * 5000).html_text) <= 1000


def test_the_tags_of_many_services_stay_under_grafanas_limit() -> None:
    tags = annotation(services=tuple(f"a-service-with-a-long-name-{number}" for number in range(60))).tags
    assert {"deepecho", "deepecho:op-k7m2", "deploy", "environment:production", "service:a-service-with-a-long-name-0"} <= set(
        tags
    )
    assert len(str(list(tags))) <= MAX_TAGS_LENGTH
