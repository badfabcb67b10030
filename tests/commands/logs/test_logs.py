"""What a person reads of logs: from the log server, and from the pods where there is none or it is in trouble."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.answers.answers import ErrorAnswer
from domain.logs.lines import LogQuery
from domain.people import Person
from domain.rich_text import plain_text
from runbooks.logs.following import LogFollower
from runbooks.logs.pod_lines import PodLines
from runbooks.logs.reading import LogReader
from sandbox.cluster import ClusterFault
from sandbox.elasticsearch import Trouble
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.families import render_text
from tests.harness.logs import LogServerHarness, log_catalogue, open_log_server
from tests.harness.samples.team import STAN, VIV

SECOND = timedelta(seconds=1)


@dataclass
class LogsHarness:
    commands: CommandHarness
    log: LogServerHarness

    async def read(self, text: str) -> str:
        answer = await self.commands.run_command(VIV, text)
        if isinstance(answer, ErrorAnswer):
            return f"{plain_text(answer.sentence)} {plain_text(answer.hint)}"
        return render_text(answer)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[LogsHarness]:
    async with open_command_harness(tmp_path, log_catalogue("http://logs.example")) as commands:
        # The stand-in's pods write at the real time.
        commands.clock.advance(datetime.now(UTC) - commands.clock.now())
        store, clock = commands.services.store, commands.clock
        async with open_log_server(store, clock, search_seconds=1.0) as log:
            catalogue = log.lines.catalogue
            pods = PodLines(catalogue=catalogue, clusters=commands.services.clusters, clock=clock)
            reader = LogReader(server=log.lines, pods=pods, server_seconds=2.0)

            async def may_read(_person: Person, _environment: str) -> bool:
                return True

            follower = LogFollower(store=store, clock=clock, reader=reader, may_read=may_read)
            services = {**commands.services.family_services, LogReader: reader, LogFollower: follower}
            named = replace(commands.services, catalogue=catalogue(), family_services=services)
            log.write(60 * SECOND, "GET /cart 200 in 12ms")
            log.write(50 * SECOND, "GET /cart 200 in 7ms", pod="deep-echo-main-2")
            log.write(40 * SECOND, "ERROR no answer from the till, password=hunter2")
            log.write(30 * SECOND, "the secret of staging", namespace="deep-echo-staging")
            yield LogsHarness(replace(commands, services=named), log)


async def test_patterns_first_then_lines(harness: LogsHarness) -> None:
    text = await harness.read("logs production main")
    assert "📜 deep-echo-main in production: 3 lines" in text
    assert text.index("🔴 1x ERROR no answer from the till") < text.index("2x GET /cart … in …ms") < text.index(" in 12ms")
    assert "hunter2" not in text
    assert "staging" not in text
    assert "from the log server" in text
    assert "ain-2 GET /cart 200 in 7ms" in text


async def test_words(harness: LogsHarness) -> None:
    assert "1 line" in await harness.read("logs prod main till")
    assert "ERROR no answer" in await harness.read('logs prod main "no answer" --last 2m')
    assert "2 lines" in await harness.read("logs prod main ca* -till")
    nothing = await harness.read("logs prod main absent")
    assert "no lines" in nothing
    assert "lines with absent" in nothing


async def test_patterns_alone_say_what_is_new(harness: LogsHarness) -> None:
    for ago in range(100, 200, 10):
        harness.log.write(ago * SECOND, "GET /cart 200 in 99ms")
    text = await harness.read("logs patterns production main --last 90s")
    assert "2 patterns" in text
    assert text.index("🆕 1x ERROR no answer") < text.index("▫️ 2x GET /cart")
    assert "🆕 was not there in as long a time before" in text


async def test_without_anything_before_nothing_is_called_new(harness: LogsHarness) -> None:
    text = await harness.read("logs patterns production main --last 2m")
    assert "🆕" not in text
    assert "what is new cannot be told" in text


async def test_where_there_is_no_log_server_the_pods_are_read(harness: LogsHarness) -> None:
    text = await harness.read("logs staging main --last 1h")
    assert "deep-echo-main in staging: " in text
    assert "from 3 pods" in text
    assert "INFO echo.http" in text
    assert "hunter2" not in text
    assert "⚠️" not in text


async def test_lines_of_pods_are_chosen_by_words_too(harness: LogsHarness) -> None:
    text = await harness.read("logs staging main ECHO.http --last 1h")
    assert "INFO echo.http" in text
    assert "echo.session" not in text
    assert "no lines" in await harness.read("logs staging main echo.http -http --last 1h")


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (Trouble(status=503), "failed with HTTP 503"),
        (Trouble(body=b"<html>"), "gave an answer that cannot be read"),
        (Trouble(search_seconds=60), "did not finish within 1 s"),
        (Trouble(delay_seconds=60), "did not answer within 2 s"),
        (Trouble(failed_shards=5), "could not search"),
    ],
    ids=["down", "rubbish", "searches", "hangs", "fails"],
)
async def test_a_log_server_in_trouble_is_said_and_the_pods_are_read(harness: LogsHarness, trouble: Trouble, said: str) -> None:
    harness.log.server.state.trouble = trouble
    text = await harness.read("logs production main --last 1h")
    assert said in text
    assert "These lines are from the pods" in text
    assert "from 3 pods" in text
    assert "INFO echo.http" in text


async def test_a_cluster_in_trouble_too_leaves_only_the_reasons(harness: LogsHarness) -> None:
    harness.log.server.state.trouble = Trouble(status=503)
    harness.commands.stand_in.inject_fault(ClusterFault(kind="status", status=500, times=100))
    began = time.monotonic()
    text = await harness.read("logs production main")
    assert time.monotonic() - began < 10
    assert "deep-echo-main in production: not known" in text
    assert "HTTP 503" in text
    assert "HTTP 500" in text


async def test_a_service_that_is_not_there_is_said(harness: LogsHarness) -> None:
    assert "There is no Deployment deep-echo-docs" in await harness.read("logs development deep-echo-docs")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("logs production main *error", "begins with a wildcard"),
        ("logs production main er*or", "A * can only end a word"),
        ("logs nowhere main", "nowhere"),
        ("logs production mian", "mian"),
        ("logs production main --last 30d", "At most 7 days"),
        ("logs production main --follow 1h", "At most 5 min"),
        ("logs patterns production main *x", "begins with a wildcard"),
    ],
)
async def test_what_cannot_be_answered_is_said(harness: LogsHarness, text: str, said: str) -> None:
    assert said in await harness.read(text)


async def test_following_is_in_a_direct_message(harness: LogsHarness) -> None:
    text = await harness.read("logs production main --follow 60s")
    assert "What comes now is in a direct message, for 1 min." in text
    assert "3 lines" in text


@pytest.mark.parametrize("environment", ["production", "staging"])
@pytest.mark.parametrize("word", ["password=hun*", "hunter2", "-hunter2", '"password=hunter2"'])
async def test_the_words_of_a_search_tell_nothing_of_a_secret(harness: LogsHarness, environment: str, word: str) -> None:
    answers = [
        await harness.read(f"logs {environment} main {each} --last 1h") for each in (word, word.replace("hunter2", "hunter3"))
    ]
    found = [answer.partition("lines with")[0] for answer in answers]
    if word != "password=hun*":
        assert found[0] == found[1]
    assert ("no lines" in found[0]) == (not word.startswith("-"))
    assert "hunter2" not in found[0]


async def test_a_service_that_left_the_catalogue_is_said(harness: LogsHarness) -> None:
    query = replace(harness.log.query(), service="deep-echo-gone")
    answer = await harness.commands.services.of(LogReader).lines(query)
    assert "no longer in the catalogue" in render_text(answer)


async def test_strangers_read_no_logs(harness: LogsHarness) -> None:
    assert isinstance(await harness.commands.run_command(STAN, "logs production main"), ErrorAnswer)
    assert not harness.log.server.state.requests


async def test_a_thousand_lines_of_twenty_pods_are_read_in_time(harness: LogsHarness) -> None:
    at = harness.commands.clock.now()
    for number in range(20_000):
        harness.log.write(timedelta(milliseconds=number), f"GET /cart 200 in {number}ms", pod=f"deep-echo-main-{number % 20}")
    query = LogQuery(
        environment="production",
        service="deep-echo-main",
        filter=harness.log.query().filter,
        since=at - 900 * SECOND,
        until=at + SECOND,
    )
    reader = replace(harness.commands.services.of(LogReader), server_seconds=10.0)
    answer = await reader.lines(query)
    assert answer.page is not None
    assert (len(answer.page.lines), answer.page.total, answer.page.is_at_least) == (2_000, 10_000, True)
    text = render_text(answer)
    assert "more than 10,000 lines" in text
    assert "2,000x GET /cart" in text
