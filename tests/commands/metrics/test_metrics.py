"""What a person reads who asks for a metric: names, expressions, comparisons, very many series, and a Prometheus in trouble."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pytest

from domain.answers.answers import ErrorAnswer
from domain.answers.metrics import MetricAnswer
from domain.catalogue.catalogue import Catalogue
from domain.errors import TemporaryError
from domain.metrics.charts import Series
from domain.metrics.samples import QueryNotice, QueryResult, Sample
from domain.rich_text import plain_text
from runbooks.metrics.questions import MetricReader
from tests.harness.commands import open_command_harness
from tests.harness.families import render_text
from tests.harness.samples.team import VIV, team_catalogue

PROMETHEUS = {"prometheus": "https://prometheus.example"}
NAMES = {
    "saturation": {
        "expression": 'cpu{environment="$environment"}',
        "unit": "%",
        "of_service": {"expression": 'cpu{environment="$environment",app="$service"}'},
    }
}
SLO = {"errors": {"expression": 'errors{environment="$environment"}', "below": 1, "unit": "%"}}


@dataclass
class ScriptedPrometheus:
    """``series`` are the last values by name; ``total`` is what ``count`` says."""

    series: dict[str, float | None] = field(default_factory=lambda: {"": 14.2})
    total: int | None = None
    slow: bool = False
    down: bool = False
    notices: tuple[QueryNotice, ...] = ()
    asked: list[str] = field(default_factory=list)

    async def query(self, expression: str, *, only: Mapping[str, str], at: datetime | None = None) -> tuple[Sample, ...]:
        assert at is None
        assert only == {}
        await self._trouble(expression)
        if expression.startswith("count("):
            return (Sample({}, float(self.total if self.total is not None else len(self.series))),)
        return QueryResult((Sample({"pod": name}, value) for name, value in self.series.items()), self.notices)

    async def query_range(self, expression: str, since: datetime, until: datetime, *, points: int = 240) -> tuple[Series, ...]:
        assert points == 240
        await self._trouble(expression)
        factor = 0.5 if until.day == 22 else 1.0
        times = [since.timestamp(), until.timestamp()]
        found = (
            Series(name=name, points=tuple((at, None if value is None else value * factor) for at in times))
            for name, value in self.series.items()
        )
        return QueryResult(found, self.notices)

    async def _trouble(self, expression: str) -> None:
        self.asked.append(expression)
        if self.slow:
            await asyncio.Event().wait()
        if self.down:
            raise TemporaryError("Prometheus at prometheus.example cannot be reached.")


def catalogue() -> Catalogue:
    known = team_catalogue(slo=SLO, metrics={"names": NAMES})
    environments = {name: each.model_copy(update=PROMETHEUS) for name, each in known.environments.items()}
    return known.model_copy(update={"environments": environments})


async def ask(folder: Path, text: str, prometheus: ScriptedPrometheus, *, seconds: float = 10) -> str:
    async with open_command_harness(folder, catalogue()) as harness:
        reader = MetricReader(store=harness.services.store, prometheus=lambda _: prometheus, answer_seconds=seconds)
        services = replace(harness.services, family_services={**harness.services.family_services, MetricReader: reader})
        answer = await replace(harness, services=services).run_command(VIV, text)
        if isinstance(answer, ErrorAnswer):
            return f"{plain_text(answer.sentence)} {plain_text(answer.hint)}"
        assert isinstance(answer, MetricAnswer)
        return render_text(answer)


async def test_a_name_of_the_catalogue(tmp_path: Path) -> None:
    prometheus = ScriptedPrometheus()
    text = await ask(tmp_path, "metrics errors staging --last 3h", prometheus)
    assert "📈 errors in staging" in text
    assert "14.2 %" in text
    assert "A chart follows in a direct message." in text
    assert prometheus.asked[-1] == 'errors{environment="staging"}'


async def test_a_name_for_one_service_compared_with_yesterday(tmp_path: Path) -> None:
    prometheus = ScriptedPrometheus()
    text = await ask(tmp_path, "metrics saturation production main --compare 1d", prometheus)
    assert "saturation of deep-echo-main in production" in text
    assert "14.2 % · 7.1 % 1 day before" in text
    assert prometheus.asked[-1] == 'cpu{environment="production",app="deep-echo-main"}'


async def test_an_expression_stays_in_the_environment(tmp_path: Path) -> None:
    prometheus = ScriptedPrometheus()
    text = await ask(tmp_path, "metrics 'sum(rate(http{status=\"500\"}[5m]))' staging", prometheus)
    assert "14.2" in text
    assert prometheus.asked[-1].replace(" ", "") == 'sum(rate(http{environment="staging",status="500"}[5m]))'


async def test_very_many_series_are_not_drawn(tmp_path: Path) -> None:
    prometheus = ScriptedPrometheus({f"web-{number}": float(number) for number in range(8)}, total=100_000)
    text = await ask(tmp_path, "metrics errors staging", prometheus)
    assert text.index("7 % pod=web-7") < text.index("0 % pod=web-0")
    assert "and 99,992 more · More than 200 series are not drawn" in text


async def test_forty_five_series_are_shown_by_their_highest(tmp_path: Path) -> None:
    prometheus = ScriptedPrometheus({f"web-{number}": float(number) for number in range(45)})
    text = await ask(tmp_path, "metrics errors staging", prometheus)
    assert "44 % web-44" in text
    assert "and 37 more" in text


@pytest.mark.parametrize("total", [None, 100_000], ids=["drawn", "highest"])
@pytest.mark.parametrize("series", [{}, {"": 14.2}], ids=["empty", "values"])
async def test_what_may_be_a_part_says_so(tmp_path: Path, series: dict[str, float | None], total: int | None) -> None:
    notices = tuple(QueryNotice(f"store {number} is not reached", is_warning=True) for number in range(5))
    text = await ask(tmp_path, "metrics errors staging", ScriptedPrometheus(series, total=total, notices=notices))
    assert "⚠️ This may be incomplete or wrong, Prometheus warns: store 0 is not reached" in text
    assert "store 2 is not reached · and 2 more" in text


@pytest.mark.parametrize(
    ("prometheus", "said"),
    [
        (ScriptedPrometheus({}), "No data: nothing has these labels"),
        (ScriptedPrometheus({"web": None}), "no number web"),
        (ScriptedPrometheus(down=True), "❔ Prometheus at prometheus.example cannot be reached."),
        (ScriptedPrometheus(slow=True), "❔ Prometheus did not answer within 0.3 s."),
    ],
    ids=["empty", "nan", "down", "slow"],
)
async def test_what_is_not_known_is_said(tmp_path: Path, prometheus: ScriptedPrometheus, said: str) -> None:
    text = await ask(tmp_path, "metrics errors staging", prometheus, seconds=0.3 if prometheus.slow else 10)
    assert said in text


async def test_a_word_that_is_no_series_is_answered_with_the_names_that_there_are(tmp_path: Path) -> None:
    text = await ask(tmp_path, "metrics nonsense staging", ScriptedPrometheus({}))
    assert "The catalogue has errors, saturation." in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("metrics erors staging", "Did you mean `errors`?"),
        ("metrics errors staging main", "measures `errors` for whole environments only"),
        ("metrics errors stagin", "Did you mean `staging` or `stage`?"),
        ('metrics up{job="web"} staging', "Put the whole expression into single quotes"),
        ("metrics 'up # all' staging", "is not understood"),
        ("metrics up staging main", "the service is a label in it"),
        ("metrics errors staging --last 5y", "5y"),
    ],
)
async def test_a_mistake_is_answered(tmp_path: Path, text: str, said: str) -> None:
    answer = await ask(tmp_path, text, ScriptedPrometheus())
    assert said in answer
