import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from commands.status import HOME_TIMEOUT, unwell_services
from domain.answers.answers import EnvironmentStatus, ErrorAnswer, ServiceStatus, StatusAnswer, VersionsAnswer
from sandbox.cluster import ClusterFault
from sandbox.cluster.resources import DEPLOYMENTS
from tests.harness.cluster_namespace import Json
from tests.harness.commands import CommandHarness
from tests.harness.families import render, render_text
from tests.harness.message_text import visible_text
from tests.harness.samples.team import ANA, GUS, SAM, VIV

PRODUCTION = "deep-echo-prod"


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


async def test_a_rollout_of_argo_is_named_and_refused_in_words_everywhere(harness: CommandHarness) -> None:
    harness.stand_in.store.remove(DEPLOYMENTS, (PRODUCTION, "deep-echo-main"))
    metadata = {"name": "deep-echo-main", "namespace": PRODUCTION}
    harness.stand_in.create({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": metadata, "spec": {}})
    words = "is a Rollout of Argo Rollouts, and the catalogue calls it a Deployment. Such a one is not changed from here."

    for text in ("status production", "status production main", "versions production main"):
        assert f"It {words}" in visible_text(render(await harness.run_command(VIV, text))), text
    for text in (
        "deploy production abc1234 main --reason x",
        "restart production main --reason x",
        "scale production main 4 --reason x",
    ):
        answer = await harness.run_command(SAM, text)
        assert f"deep-echo-main in production {words}" in visible_text(render(answer)), text
        assert "Nothing was changed." in visible_text(render(answer)), text
    whole = await harness.run_command(ANA, "rollback production abc1234 --reason x --dry-run")
    assert f"deep-echo-main is left out. It {words}" in visible_text(render(whole))
    assert harness.stand_in.control.writes() == []


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


def change(harness: CommandHarness, name: str, happens: Callable[[Json], None]) -> None:
    harness.stand_in.store.modify(DEPLOYMENTS, (PRODUCTION, name), happens)


def set_image(tag: str, deadline: int = 1) -> Callable[[Json], None]:
    """As ``kubectl set image`` does: no annotation is touched."""

    def happens(deployment: Json) -> None:
        deployment["spec"]["progressDeadlineSeconds"] = deadline
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        container["image"] = f"{container['image'].rpartition(':')[0]}:{tag}"

    return happens


async def service(harness: CommandHarness, name: str, condition: Callable[[ServiceStatus], bool]) -> ServiceStatus:
    """The service of production, once this is true of it."""
    async with asyncio.timeout(20):
        while True:
            found = {each.service: each for each in (await status(harness, "status production"))["production"].services}
            if condition(found[name]):
                return found[name]
            await asyncio.sleep(0.05)


async def test_what_runs_and_what_was_asked_for_are_two_things(harness: CommandHarness) -> None:
    def with_annotation(deployment: Json) -> None:
        deployment["metadata"].setdefault("annotations", {})["deepecho/operation"] = "op-h3c9"

    change(harness, "deep-echo-main", with_annotation)
    await service(harness, "deep-echo-main", lambda found: found.last_operation_id == "op-h3c9")
    change(harness, "deep-echo-main", set_image("bad-fffffff"))

    found = await service(harness, "deep-echo-main", lambda found: bool(found.obstacle))

    assert (found.version, found.has_arrived, found.last_operation_id) == ("bad-fffffff", False, "")
    assert found.obstacle == "It made no progress for 1 s (Kubernetes' progress deadline)."
    assert found.pods is not None
    assert {group.version: (group.total, group.ready) for group in found.pods.groups} == {
        "main-9f00d12": (3, 3),
        "bad-fffffff": (1, 0),
    }
    shown = render_text(await harness.run_command(VIV, "status production"))
    assert "all well" not in shown
    assert "runs bad-fffffff 0/1 and main-9f00d12 3/3 · 3/3 ready" in shown
    assert "asked for bad-fffffff: It made no progress for 1 s" in shown

    answer = await harness.run_command(VIV, "versions production deep-echo-main")
    assert isinstance(answer, VersionsAnswer)
    first, second = answer.services[0].lines[:2]
    assert (first.version, first.running, first.pods, first.ready, first.operation_id) == ("bad-fffffff", True, 1, 0, "")
    assert (second.version, second.running, second.pods, second.ready) == ("main-9f00d12", False, 3, 3)
    assert second.operation_id == "op-h3c9"
    versions = render_text(answer)
    assert "asked for bad-fffffff: It made no progress for 1 s" in versions
    assert "· runs now, 0 of 1 pod ready" in versions
    assert "· still runs, 3 of 3 pods ready" in versions


async def test_the_home_tab_shows_what_is_not_well_and_nothing_else(harness: CommandHarness) -> None:
    async def shown() -> str:
        section = await unwell_services(harness.request(VIV))
        return render_text(section) if section else ""

    assert await shown() == ""
    assert await unwell_services(harness.request(GUS)) is None
    change(harness, "deep-echo-main", set_image("bad-fffffff"))
    await service(harness, "deep-echo-main", lambda found: bool(found.obstacle))
    home = await shown()
    assert "runs bad-fffffff 0/1 and main-9f00d12 3/3 · 3/3 ready" in home
    assert "asked for bad-fffffff: It made no progress for 1 s" in home
    assert "deep-echo-cognitive" not in home
    assert "staging" not in home

    preview = await harness.run_command(ANA, "restart production main --reason x --dry-run")
    assert (
        "deep-echo-main does not run just what was asked for: that is bad-fffffff, and it has "
        "1 pod of bad-fffffff (0 ready) and 3 pods of main-9f00d12 (3 ready). It made no progress for 1 s"
    ) in render_text(preview)


async def test_a_silent_cluster_does_not_hold_up_the_home_tab(harness: CommandHarness) -> None:
    harness.stand_in.inject_fault(ClusterFault(kind="hold", times=100, path_prefix="/apis/apps"))
    began = asyncio.get_running_loop().time()
    section = await unwell_services(harness.request(VIV))
    assert asyncio.get_running_loop().time() - began < HOME_TIMEOUT + 1
    assert section is not None
    assert "production · No answer within 2 s." in render_text(section)


def test_the_sick_come_first_however_many_services_there_are() -> None:
    well = [ServiceStatus(service=f"web-{number}", version="a", ready=1, desired=1) for number in range(100)]
    sick = ServiceStatus(service="sick", version="a", ready=0, desired=20)
    ailing = ServiceStatus(service="ailing", version="a", ready=1, desired=2)
    stuck = ServiceStatus(service="stuck", version="b", ready=1, desired=1, has_arrived=False, obstacle="It is stuck.")
    unknown = ServiceStatus(service="unknown", problem="There is no Deployment unknown.")
    environment = EnvironmentStatus(environment="production", protected=True, services=(*well, unknown, stuck, ailing, sick))

    shown = visible_text(render(StatusAnswer(at=datetime(2026, 11, 23, tzinfo=UTC), environments=(environment,))))

    places = [shown.index(f"*{name}*") for name in ("sick", "stuck", "ailing", "unknown", "web-0")]
    assert places == sorted(places)
    assert "*web-99*" not in shown


async def test_the_services_of_another_application_are_not_absent(harness: CommandHarness) -> None:
    for name in ("deep-echo-main", "deep-echo-cognitive"):
        harness.stand_in.store.remove(DEPLOYMENTS, (PRODUCTION, name))

    found = await status(harness, "status production")
    services = {each.service: each.problem for each in found["production"].services}
    assert "deep-echo-main" not in services
    assert not any(services.values())
    asked = await status(harness, "status production deep-echo-main")
    assert asked["production"].services[0].problem
