import pytest

from domain.answers.answers import EnvironmentStatus, ErrorAnswer, StatusAnswer, VersionsAnswer
from sandbox.cluster import ClusterFault
from tests.harness.commands import CommandHarness
from tests.harness.samples.team import ANA, GUS, SAM, VIV


async def status(harness: CommandHarness, text: str) -> dict[str, EnvironmentStatus]:
    answer = await harness.run_command(VIV, text)
    assert isinstance(answer, StatusAnswer), answer
    return {each.environment: each for each in answer.environments}


async def test_status_of_everything(harness: CommandHarness) -> None:
    found = await status(harness, "status")
    assert list(found) == ["development", "staging", "production"]
    production = {each.service: each for each in found["production"].services}
    main = production["deep-echo-main"]
    assert (main.version, main.ready, main.desired, main.revision) == ("main-9f00d12", 3, 3, 6)
    assert main.since is not None
    cognitive = production["deep-echo-cognitive"]
    assert cognitive.autoscaler is not None
    assert (cognitive.autoscaler.min_replicas, cognitive.autoscaler.max_replicas) == (3, 20)
    assert production["deep-echo-docs"].owner.name == "deep-echo-docs"
    assert found["production"].protected


async def test_a_service_that_runs_elsewhere_is_not_missed(harness: CommandHarness) -> None:
    found = await status(harness, "status staging")
    assert "deep-echo-docs" not in [each.service for each in found["staging"].services]


async def test_a_service_that_was_asked_about_is_missed(harness: CommandHarness) -> None:
    found = await status(harness, "status staging deep-echo-docs")
    (docs,) = found["staging"].services
    assert docs.problem == "There is no Deployment deep-echo-docs in the namespace deep-echo-staging."


async def test_status_shows_locks_and_operations(harness: CommandHarness) -> None:
    asked = await harness.start_operation(ANA, "rollback production abc1234 --reason x")
    running = await harness.start_operation(ANA, "deploy staging abc1234 deep-echo-main")
    await harness.run_command(SAM, "lock staging moving")
    found = await status(harness, "status")
    assert [each.id for each in found["production"].waiting] == [asked.id]
    main, cognitive = found["staging"].services[:2]
    assert main.active_operation is not None
    assert main.active_operation.id == running.id
    assert cognitive.active_operation is None
    assert [each.reason for each in found["staging"].locks] == ["moving"]


async def test_a_silent_cluster_is_said_and_does_not_sink_the_rest(harness: CommandHarness) -> None:
    path = "/apis/apps/v1/namespaces/deep-echo-staging"
    harness.stand_in.inject_fault(ClusterFault(kind="status", status=503, times=50, path_prefix=path))
    found = await status(harness, "status")
    assert found["staging"].problem
    assert not found["staging"].services
    assert found["production"].services


@pytest.mark.parametrize(("text", "services"), [("versions prod", 2), ("versions prod main", 1)])
async def test_versions_newest_first(harness: CommandHarness, text: str, services: int) -> None:
    answer = await harness.run_command(VIV, text)
    assert isinstance(answer, VersionsAnswer)
    assert len(answer.services) == services
    lines = answer.services[0].lines
    assert [each.version for each in lines[:3]] == ["main-9f00d12", "main-abc1234", "main-77aa001"]
    assert [each.running for each in lines] == [True, *([False] * 5)]
    assert lines[0].change_cause == "helm upgrade deep-echo-prod: image.tag=main-9f00d12"


async def test_a_guest_sees_nothing(harness: CommandHarness) -> None:
    for text in ("status", "versions prod", "operations", "locks", "audit"):
        assert isinstance(await harness.run_command(GUS, text), ErrorAnswer)
