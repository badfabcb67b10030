import pytest

from domain.answers.answers import Complaint, EnvironmentStatus, StatusAnswer, VersionsAnswer
from sandbox.cluster import Fault
from tests.harness.commands import House
from tests.harness.samples.team import ANA, GUS, SAM, VIV


async def status(house: House, text: str) -> dict[str, EnvironmentStatus]:
    answer = await house.says(VIV, text)
    assert isinstance(answer, StatusAnswer), answer
    return {each.environment: each for each in answer.environments}


async def test_status_of_everything(house: House) -> None:
    found = await status(house, "status")
    assert list(found) == ["development", "staging", "production"]
    production = {each.service: each for each in found["production"].services}
    main = production["deep-echo-main"]
    assert (main.version, main.ready, main.desired, main.revision) == ("main-9f00d12", 3, 3, 6)
    assert main.since is not None
    cognitive = production["deep-echo-cognitive"]
    assert cognitive.autoscaler is not None
    assert (cognitive.autoscaler.minimum, cognitive.autoscaler.maximum) == (3, 20)
    assert production["deep-echo-docs"].owner.name == "deep-echo-docs"
    assert found["production"].protected


async def test_a_service_that_runs_elsewhere_is_not_missed(house: House) -> None:
    found = await status(house, "status staging")
    assert "deep-echo-docs" not in [each.service for each in found["staging"].services]


async def test_a_service_that_was_asked_about_is_missed(house: House) -> None:
    found = await status(house, "status staging deep-echo-docs")
    (docs,) = found["staging"].services
    assert docs.problem == "There is no Deployment deep-echo-docs in the namespace deep-echo-staging."


async def test_status_shows_locks_and_operations(house: House) -> None:
    asked = await house.starts(ANA, "rollback production abc1234 --reason x")
    running = await house.starts(ANA, "deploy staging abc1234 deep-echo-main")
    await house.says(SAM, "lock staging moving")
    found = await status(house, "status")
    assert [each.id for each in found["production"].waiting] == [asked.id]
    main, cognitive = found["staging"].services[:2]
    assert main.operation is not None
    assert main.operation.id == running.id
    assert cognitive.operation is None
    assert [each.reason for each in found["staging"].locks] == ["moving"]


async def test_a_silent_cluster_is_said_and_does_not_sink_the_rest(house: House) -> None:
    path = "/apis/apps/v1/namespaces/deep-echo-staging"
    house.stand_in.fail(Fault(kind="status", status=503, times=50, path_prefix=path))
    found = await status(house, "status")
    assert found["staging"].problem
    assert not found["staging"].services
    assert found["production"].services


@pytest.mark.parametrize(("text", "services"), [("versions prod", 2), ("versions prod main", 1)])
async def test_versions_newest_first(house: House, text: str, services: int) -> None:
    answer = await house.says(VIV, text)
    assert isinstance(answer, VersionsAnswer)
    assert len(answer.services) == services
    lines = answer.services[0].lines
    assert [each.version for each in lines[:3]] == ["main-9f00d12", "main-abc1234", "main-77aa001"]
    assert [each.running for each in lines] == [True, *([False] * 5)]
    assert lines[0].change_cause == "helm upgrade deep-echo-prod: image.tag=main-9f00d12"


async def test_a_guest_sees_nothing(house: House) -> None:
    for text in ("status", "versions prod", "operations", "locks", "audit"):
        assert isinstance(await house.says(GUS, text), Complaint)
