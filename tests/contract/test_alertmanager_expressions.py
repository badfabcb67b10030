"""What the bot takes for a regular expression, Alertmanager takes, and both find the same labels with it."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from domain.label_regex import compile_label_regex
from domain.matchers import Matcher, Operator, format_matcher, matches
from tests.harness.monitoring_servers import running_alertmanager

pytestmark = pytest.mark.alerts

VALUES = [
    "",
    "a",
    "b",
    "ab",
    "aab",
    "a\nb",
    "\n",
    "é",
    "É",
    "日",
    "٣",
    "1",
    " ",
    "a.b",
    "-",
    "_",
    "\U0001f600",
    "\ufffd",
    "\\",
    "a" * 60,
]
FOUND: dict[str, str] = {f"value-{number}": value for number, value in enumerate(VALUES)}

_PIECES = st.sampled_from(
    [
        *"ab.é^$|()*+?[]-",
        *(r"\d", r"\w", r"\s", r"\S", r"\pL", r"\p{Greek}", r"\PN", r"\x41", r"\x{e9}", r"\n", r"\\", r"\.", r"\b", r"\A", r"\z"),
        *("[ab]", "[^a]", "[[:alpha:]]", "[[:^digit:]]", r"[\d_]", "[^", "(?:", "(?P<n>", "(?i)", "(?s)", "(?m)", "(?U)", "(?i:"),
        *("(?=", "(?!", "(?u)", r"\1", r"\C", r"\Z", r"\Q", r"\E", "*?", "+?", ")*", ")?", ")|"),
        *("{2}", "{0,2}", "{1,}", "{2,1}", "{,", "{1001}", "{99999999999}", "{1,99999999999}", "{99999999999,1}"),
    ]
)
_EXPRESSIONS = st.lists(_PIECES, max_size=6).map("".join) | st.text("ab.*+?|()[]{}\\,1^$é-", max_size=8)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("alertmanager")
    with running_alertmanager(folder) as found:
        labelled = [{"labels": {"alertname": name, "x": value}} for name, value in FOUND.items()]
        assert _post(f"{found}/api/v2/alerts", labelled) == 200
        yield found


@given(_EXPRESSIONS)
@example("a.b")
@example("(?s)a.b")
@example("a)|(?:b")
@example("(a+)+b")
@example(r"\C")
@example(r"\Q\C\E")
@example(r"\Qa")
@example("a{99999999999}")
@example("(?P<n>a)(?P<n>b)")
@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_alertmanager_takes_and_finds_the_same(address: str, expression: str) -> None:
    try:
        compile_label_regex(expression)
    except ValueError:
        assert _silence(address, expression) == 400 or _alerts(address, expression) is None
        return
    assert _silence(address, expression) == 200
    compared = Matcher("x", Operator.MATCHES, expression)
    assert _alerts(address, expression) == {name for name, value in FOUND.items() if matches(compared, {"x": value})}


def _silence(address: str, expression: str) -> int:
    now = datetime.now(UTC)
    matchers = [
        {"name": "x", "value": expression, "isRegex": True, "isEqual": True},
        {"name": "never", "value": "there", "isRegex": False, "isEqual": True},
    ]
    times = {"startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat()}
    return _post(f"{address}/api/v2/silences", {"matchers": matchers, **times, "createdBy": "Ada", "comment": "of a test"})


def _alerts(address: str, expression: str) -> set[str] | None:
    """Their names. None where the expression is refused, which a silence's may not be until it is compared."""
    query = urllib.parse.urlencode({"filter": format_matcher(Matcher("x", Operator.MATCHES, expression))})
    try:
        with urllib.request.urlopen(f"{address}/api/v2/alerts?{query}", timeout=10) as answer:  # noqa: S310 -- our own server
            return {each["labels"]["alertname"] for each in json.load(answer)}
    except urllib.error.HTTPError:
        return None


def _post(url: str, body: Any) -> int:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310 -- our own server
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 -- our own server
            status: int = answer.status
            return status
    except urllib.error.HTTPError as refused:
        return refused.code
