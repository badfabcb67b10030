"""What people see of pods, events, nodes, autoscalers and rollouts, also where the cluster is in trouble."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.views.markup.message import message_of
from bot.views.workloads import pods
from domain.answers.answers import ErrorAnswer
from domain.answers.workloads import DescribeAnswer, EventsAnswer, PodsAnswer, UsageAnswer
from domain.facts import Answer
from runbooks.workloads.reading import WorkloadReader
from sandbox.cluster import ClusterFault
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.families import render_text
from tests.harness.samples.team import STAN, VIV

MAIN = "deep-echo-main"
COMMANDS = [
    "pods production",
    "pods production main",
    "events production",
    "events production main --last 30m",
    "describe production main",
    "top production",
    "nodes production",
    "hpa production",
    "rollout production main",
]


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[CommandHarness]:
    async with open_command_harness(tmp_path) as opened:
        yield opened


async def read(harness: CommandHarness, text: str) -> str:
    answer = await harness.run_command(VIV, text)
    assert not isinstance(answer, ErrorAnswer), answer
    return render_text(answer)


async def test_pods_of_a_service_with_their_versions(harness: CommandHarness) -> None:
    text = await read(harness, "pods production main")
    assert f"🟢 {MAIN} in production: 3 of 3 pods well" in text
    assert text.count("1/1 ready") == 3
    assert "main-9f00d12 on 3 pods" in text


async def test_a_pod_that_fails_comes_first_with_its_reason(harness: CommandHarness) -> None:
    answer = await harness.run_command(VIV, "pods production")
    assert isinstance(answer, PodsAnswer)
    assert answer.total == len(answer.pods) == answer.well
    why = "last ended with OOMKilled, exit code 137"
    crashing = replace(answer.pods[-1], state="CrashLoopBackOff", ready=0, restarts=12, problem=why)
    text = render_text(replace(answer, pods=(crashing, *answer.pods[:-1]), well=answer.well - 1))
    assert "🔴 production: " in text
    assert "CrashLoopBackOff · 0/1 ready · 12 restarts" in text
    assert why in text


async def test_usage_is_summed_and_the_hungry_come_first(harness: CommandHarness) -> None:
    answer = await harness.run_command(VIV, "top production main")
    assert isinstance(answer, UsageAnswer)
    assert [each.cpu for each in answer.pods] == sorted((each.cpu for each in answer.pods), reverse=True)
    text = render_text(answer)
    assert "3 pods use" in text
    assert "MiB" in text


async def test_nodes_autoscalers_and_the_rollout(harness: CommandHarness) -> None:
    assert "1 of 1 node well" in await read(harness, "nodes production")
    autoscalers = await read(harness, "hpa production deep-echo-cognitive")
    assert "pods of 3 to 20" in autoscalers
    assert "cpu " in autoscalers
    rollout = await read(harness, "rollout production main")
    assert "rolled out, 3/3 ready" in rollout
    assert "main-abc1234" in rollout
    assert "rollback production last deep-echo-main" in rollout


async def test_a_description_has_names_of_settings_and_never_their_values(harness: CommandHarness) -> None:
    answer = await harness.run_command(VIV, "describe production main")
    assert isinstance(answer, DescribeAnswer)
    text = render_text(answer)
    assert "container main-app" in text
    assert "asks for cpu 250m and memory 512Mi" in text
    assert "settings: " in text
    values = [each for each in ("postgres://", "redis://", "sk-", "password=") if each in text]
    assert values == []


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (ClusterFault(kind="status", times=1000, status=500), "failed with HTTP 500"),
        (ClusterFault(kind="drop", times=1000), "broke the connection"),
        (ClusterFault(kind="body", times=1000, status=200, body="<html>Sign in</html>"), "an answer that cannot be read"),
    ],
    ids=["down", "cut", "a page of a proxy"],
)
async def test_a_cluster_in_trouble_is_said(harness: CommandHarness, command: str, fault: ClusterFault, said: str) -> None:
    harness.stand_in.inject_fault(fault)
    text = await read(harness, command)
    assert "❔" in text
    assert "luster main" in text
    assert said in text or "cannot be reached" in text


async def test_a_slow_cluster_is_not_waited_for(harness: CommandHarness) -> None:
    request = harness.request(VIV)
    reader = WorkloadReader(catalogue=request.catalogue, clusters=request.services.clusters, at=request.at, read_seconds=0.2)
    harness.stand_in.inject_fault(ClusterFault(kind="hang", times=1000))
    answers: list[Answer] = [
        await reader.pods("production", None),
        await reader.events("production", MAIN, timedelta(hours=1)),
        await reader.describe("production", MAIN),
        await reader.usage("production", MAIN),
        await reader.nodes("production"),
        await reader.autoscalers("production", None),
        await reader.rollout("production", MAIN),
    ]
    assert ["The cluster did not answer within 0.2 s." in render_text(answer) for answer in answers] == [True] * 7


async def test_a_description_says_what_of_it_is_not_known(harness: CommandHarness) -> None:
    path = "/api/v1/namespaces/deep-echo-prod/events"
    harness.stand_in.inject_fault(ClusterFault(kind="status", times=1000, status=500, path_prefix=path))
    text = await read(harness, "describe production main")
    assert "container main-app" in text
    assert "events: Cluster main failed with HTTP 500" in text


async def test_a_long_list_has_its_count_first_and_the_rest_in_a_file(harness: CommandHarness) -> None:
    answer = await harness.run_command(VIV, "pods production main")
    assert isinstance(answer, PodsAnswer)
    many = replace(
        answer, pods=tuple(replace(answer.pods[0], name=f"web-{each:05}") for each in range(500)), total=10_000, well=10_000
    )
    message = message_of(pods(many))
    shown = str(message.blocks)
    assert "10,000 of 10,000 pods well" in shown
    assert "and 475 more" in shown
    assert "the first 500 of 10,000" in shown
    assert message.overflow is not None
    assert message.overflow.count("web-") == 500


async def test_every_kind_of_warning_is_counted_also_those_that_are_not_listed(harness: CommandHarness) -> None:
    answer = await harness.run_command(VIV, "events production")
    assert isinstance(answer, EventsAnswer)
    assert "🔴 production: 600 kinds of warnings" in render_text(replace(answer, total=700, warnings=600))
    assert "🟢 production: no warnings" in render_text(replace(answer, total=0, warnings=0))


async def test_what_a_viewer_may_not_read_is_named(harness: CommandHarness) -> None:
    harness.stand_in.inject_fault(ClusterFault(kind="status", times=1000, status=403, path_prefix="/api/v1/nodes"))
    assert "needs the verb list on nodes" in await read(harness, "nodes production")


async def test_without_a_metrics_server_it_says_so(harness: CommandHarness) -> None:
    harness.stand_in.inject_fault(ClusterFault(kind="status", times=1000, status=404, path_prefix="/apis/metrics.k8s.io"))
    text = await read(harness, "top production")
    assert "The cluster has no metrics server, so what pods use is not known." in text


async def test_typos_and_strangers(harness: CommandHarness) -> None:
    for text, said in (("pods producton", "producton"), ("rollout production mian", "mian"), ("events production --last x", "x")):
        answer = await harness.run_command(VIV, text)
        assert isinstance(answer, ErrorAnswer)
        assert said in str(answer.sentence)
    assert isinstance(await harness.run_command(STAN, "pods production"), ErrorAnswer)
