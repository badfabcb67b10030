"""What changed before an alert: found in our own records and in the cluster, each change once, each source on its own."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from domain.audit import AuditEntry
from domain.changes.platform_changes import ChangeKind, PlatformChange
from domain.operations.operation import State
from domain.workloads.deployments import Template
from runbooks.alerts.suspect_search import SuspectFinder
from sandbox.cluster import ADMIN_TOKEN, ClusterFault
from storage.engines import open_engines
from storage.store import Store
from tests.harness.cluster_namespace import KubernetesHttpApi
from tests.harness.operations import OperationsHarness
from tests.harness.samples.team import ANA, SAM, catalogue_data, team_catalogue

MAIN, COGNITIVE, CACHE, DOCS = "deep-echo-main", "deep-echo-cognitive", "deep-echo-cache", "deep-echo-docs"
APPS = "/apis/apps/v1/namespaces"
SHORTLY = timedelta(seconds=0.5)


def suspect_finder(harness: OperationsHarness, **other: Any) -> SuspectFinder:
    parts: dict[str, Any] = {
        "store": harness.store,
        "clock": harness.clock,
        "catalogue": lambda: harness.catalogue,
        "clusters": {"main": harness.cluster},
        **other,
    }
    return SuspectFinder(**parts)


async def gather_changes(harness: OperationsHarness, environment: str = "production", **other: Any) -> dict[str, PlatformChange]:
    """Every change by its name; two of one name are an error."""
    found = await suspect_finder(harness, **other).gather(environment, began_at=harness.clock.now())
    assert found.missing == ()
    assert len({each.description for each in found.changes}) == len(found.changes), found.changes
    return {each.description: each for each in found.changes}


class ExternalEditor:
    """Whoever else changes the cluster, under the name of a program."""

    def __init__(self, api: KubernetesHttpApi, harness: OperationsHarness) -> None:
        self._api, self._house = api, harness

    async def image(self, namespace: str, name: str, tag: str, *, program: str = "kubectl-set") -> None:
        path = f"{APPS}/{namespace}/deployments/{name}"
        template = (await self._api.call("GET", path))["spec"]["template"]
        container = template["spec"]["containers"][0]
        container["image"] = f"{container['image'].rpartition(':')[0]}:{tag}"
        await self._put(path, template, program)

    async def undo(self, name: str, version: str) -> None:
        """As ``kubectl rollout undo`` does it, in production."""
        workload = await self._house.cluster.workload(self._house.target(name))
        earlier = next(each for each in workload.revisions if each.image.endswith(version))
        template = await self._house.cluster.template_of(workload.target, earlier.template_hash)
        await self._put(f"{APPS}/deep-echo-prod/deployments/{name}", template, "kubectl-rollout")

    async def _put(self, path: str, template: Template, program: str) -> None:
        seen = (await self._api.call("GET", path))["metadata"]["generation"]
        await self._api.merge(f"{path}?fieldManager={program}", {"spec": {"template": template}})
        async with asyncio.timeout(30):
            while ((await self._api.call("GET", path)).get("status") or {}).get("observedGeneration", 0) <= seen:
                await asyncio.sleep(0.02)

    async def config(self, namespace: str, **data: str) -> None:
        await self._api.merge(f"/api/v1/namespaces/{namespace}/configmaps/deep-echo-config", {"data": data})

    async def replicas(self, namespace: str, name: str, replicas: int) -> None:
        path = f"{APPS}/{namespace}/deployments/{name}/scale?fieldManager=kubectl"
        await self._api.merge(path, {"spec": {"replicas": replicas}})


@pytest.fixture
async def external_editor(harness: OperationsHarness) -> AsyncIterator[ExternalEditor]:
    async with aiohttp.ClientSession() as session:
        yield ExternalEditor(KubernetesHttpApi(session, harness.stand_in.url, ADMIN_TOKEN), harness)


async def lock(harness: OperationsHarness, at: datetime, what: str = "lock", environment: str = "production") -> None:
    """As the command writes it."""
    async with harness.store.write() as tx:
        if what == "lock":
            await tx.locks.lock_environment(environment, SAM.person, "database move", at, None)
        elif held := await tx.locks.environment_lock(environment, at):
            await tx.locks.unlock_environment(held)
        key = f"{environment}/{what}/{at}"
        entry = AuditEntry(key=key, at=at, who=SAM.person, what=what, where=environment, why="database move")
        await tx.audit.append(entry)


async def test_a_deploy_of_ours_is_told_once_with_who_id_and_the_version_before(harness: OperationsHarness) -> None:
    record = await harness.run_plan(await harness.planner.deploy("production", "main-77aa001", MAIN))

    told = (await gather_changes(harness))["deploy main-77aa001"]

    assert (told.kind, told.services, told.by, told.operation_id) == (ChangeKind.DEPLOY, (MAIN,), ANA.person, record.id)
    assert (told.previous_versions, told.outcome, told.running) == ({MAIN: "main-9f00d12"}, "", False)
    assert (told.at, told.ended_at) == (record.progress_of(MAIN).started_at, record.ended_at)


async def test_a_rollback_and_a_scale_of_ours_are_told_once_each(harness: OperationsHarness) -> None:
    await harness.run_plan(await harness.planner.rollback("production", "main-abc1234", MAIN))
    await harness.run_plan(await harness.planner.scale("production", MAIN, 4))

    found = await gather_changes(harness)

    ours = {name: (each.kind, each.previous_versions) for name, each in found.items() if each.operation_id}
    assert ours == {
        "rollback to main-abc1234": (ChangeKind.ROLLBACK, {MAIN: "main-9f00d12"}),
        f"scale of {MAIN} from 3 to 4 pods": (ChangeKind.SCALE, {}),
    }
    assert [each for each in found.values() if MAIN in each.services and not each.operation_id] == []


async def test_a_restart_of_ours_is_told_once(harness: OperationsHarness) -> None:
    await harness.run_plan(await harness.planner.restart("staging", CACHE))

    found = await gather_changes(harness, "staging")

    assert [name for name, each in found.items() if CACHE in each.services] == [f"restart of {CACHE}"]


async def test_a_scale_of_ours_does_not_hide_the_deploy_before_it(harness: OperationsHarness) -> None:
    await harness.run_plan(await harness.planner.scale("staging", MAIN, 4))

    found = await gather_changes(harness, "staging")

    assert [name for name, each in found.items() if MAIN in each.services] == [
        "deploy main-51d2c44",
        f"scale of {MAIN} from 3 to 4 pods",
    ]


async def test_a_deploy_that_runs_and_one_that_was_cancelled_say_so(harness: OperationsHarness) -> None:
    record = await harness.start_plan(await harness.planner.deploy("production", "bad-0ddba11", MAIN))
    await harness.wait_until(record.id, lambda one: one.progress_of(MAIN).updated > 0)
    running = (await gather_changes(harness))["deploy bad-0ddba11"]
    await harness.operations.cancel(record.id, ANA)
    assert (await harness.wait_ended(record.id)).state is State.CANCELLED

    cancelled = (await gather_changes(harness))["deploy bad-0ddba11"]

    assert (running.running, running.outcome) == (True, "")
    assert (cancelled.running, cancelled.outcome) == (False, "a person cancelled it")


async def test_an_operation_that_was_never_approved_changed_nothing(harness: OperationsHarness) -> None:
    record = await harness.start(ANA)
    await harness.operations.cancel(record.id, ANA)

    assert [each for each in (await gather_changes(harness)).values() if each.operation_id] == []


async def test_what_helm_brought_to_two_services_is_one_change(harness: OperationsHarness) -> None:
    told = (await gather_changes(harness, "staging"))["deploy main-51d2c44"]

    assert set(told.services) == {MAIN, COGNITIVE}
    assert (told.by, told.by_manager, told.operation_id) == (None, "helm", "")
    assert told.previous_versions == {MAIN: "main-9f00d12", COGNITIVE: "main-9f00d12"}


async def test_a_version_that_kubectl_brought_after_a_deploy_of_ours_is_somebody_elses(
    harness: OperationsHarness, external_editor: ExternalEditor
) -> None:
    ours = await harness.run_plan(await harness.planner.deploy("production", "main-77aa001", MAIN))
    await external_editor.image("deep-echo-prod", MAIN, "main-5ca1ab1")

    found = await gather_changes(harness)

    theirs = found["deploy main-5ca1ab1"]
    assert (theirs.by_manager, theirs.operation_id, theirs.previous_versions) == ("kubectl-set", "", {MAIN: "main-77aa001"})
    assert found["deploy main-77aa001"].operation_id == ours.id


async def test_kubectl_undo_is_a_rollback_with_its_own_time(harness: OperationsHarness, external_editor: ExternalEditor) -> None:
    began = harness.clock.now() - timedelta(seconds=1)
    await external_editor.undo(MAIN, "main-abc1234")

    told = (await gather_changes(harness))["rollback to main-abc1234"]

    assert (told.kind, told.by_manager, told.previous_versions) == (
        ChangeKind.ROLLBACK,
        "kubectl-rollout",
        {MAIN: "main-9f00d12"},
    )
    assert began <= told.at <= harness.clock.now()


async def test_a_config_map_is_one_change_of_every_service_that_uses_it(
    harness: OperationsHarness, external_editor: ExternalEditor
) -> None:
    assert "ConfigMap deep-echo-config" not in await gather_changes(harness)
    await external_editor.config("deep-echo-prod", SESSION_LIMIT="5")

    told = (await gather_changes(harness))["ConfigMap deep-echo-config"]

    assert told.kind is ChangeKind.CONFIG
    assert told.services == (MAIN, COGNITIVE, CACHE, DOCS)


async def test_moves_of_autoscalers_are_told_and_replicas_that_a_hand_set(
    harness: OperationsHarness, external_editor: ExternalEditor
) -> None:
    harness.stand_in.scale_by_hpa("deep-echo-prod", COGNITIVE, 9)
    await external_editor.replicas("deep-echo-prod", CACHE, 5)

    found = await gather_changes(harness)

    move = found[f"autoscaler {COGNITIVE} to 9 pods"]
    assert (move.kind, move.services) == (ChangeKind.AUTOSCALER, (COGNITIVE,))
    scale = found[f"scale of {CACHE}"]
    assert (scale.kind, scale.services, scale.by_manager) == (ChangeKind.SCALE, (CACHE,), "kubectl")


async def test_locks_are_maintenance_of_the_whole_environment(harness: OperationsHarness) -> None:
    now = harness.clock.now()
    await lock(harness, now - timedelta(minutes=50))
    await lock(harness, now - timedelta(minutes=40), "unlock")
    await lock(harness, now - timedelta(minutes=10))
    await lock(harness, now - timedelta(minutes=10), environment="staging")

    found = (await suspect_finder(harness).gather("production", began_at=now)).changes

    locks = [(each.at, each.ended_at, each.running) for each in found if each.kind is ChangeKind.MAINTENANCE]
    assert locks == [
        (now - timedelta(minutes=50), now - timedelta(minutes=40), False),
        (now - timedelta(minutes=10), None, True),
    ]
    last = found[-1]
    assert (last.description, last.services, last.by) == ("lock of production: database move", (), SAM.person)


async def test_the_deploy_that_did_it_is_named_with_its_reasons(harness: OperationsHarness) -> None:
    data = catalogue_data()
    data["services"][MAIN]["depends_on"] = [COGNITIVE]
    catalogue = team_catalogue(**data)
    record = await harness.run_plan(await harness.planner.deploy("production", "main-77aa001", COGNITIVE))

    told = await suspect_finder(harness, catalogue=lambda: catalogue).suspects(
        "production", MAIN, began_at=harness.clock.now() + timedelta(minutes=3)
    )

    first = told.suspects[0]
    assert (first.change.operation_id, first.reasons) == (record.id, ("3 min before", f"{MAIN} depends on {COGNITIVE}"))
    assert first.change.previous_versions == {COGNITIVE: "main-9f00d12"}
    assert told.missing == ()


async def test_what_came_long_after_the_alert_is_not_gathered(harness: OperationsHarness) -> None:
    await harness.run_plan(await harness.planner.deploy("production", "main-77aa001", MAIN))

    found = await suspect_finder(harness).gather("production", began_at=harness.clock.now() - timedelta(minutes=5))

    assert "deploy main-77aa001" not in [each.description for each in found.changes]


async def test_a_cluster_that_hangs_keeps_nothing_else_back(harness: OperationsHarness) -> None:
    record = await harness.run_plan(await harness.planner.deploy("production", "main-77aa001", MAIN))
    harness.stand_in.inject_fault(ClusterFault(kind="hang", times=100, path_prefix=f"{APPS}/deep-echo-prod/replicasets"))
    began = harness.clock.now()

    found = await suspect_finder(harness, source_timeout=SHORTLY).gather("production", began_at=began)

    assert harness.clock.now() - began < timedelta(seconds=3)
    assert found.missing == ("The cluster did not answer, so deploys by others and changed ConfigMaps are missing here.",)
    assert {each.description: each.operation_id for each in found.changes} == {
        f"autoscaler {COGNITIVE}": "",
        "deploy main-77aa001": record.id,
    }


async def test_config_maps_alone_may_be_missing(harness: OperationsHarness) -> None:
    harness.stand_in.inject_fault(
        ClusterFault(kind="status", status=503, times=100, path_prefix="/api/v1/namespaces/deep-echo-staging/configmaps")
    )

    found = await suspect_finder(harness).gather("staging", began_at=harness.clock.now())

    assert found.missing == ("The cluster did not answer, so changed ConfigMaps are missing here.",)
    assert {each.description for each in found.changes} == {"deploy main-51d2c44", f"autoscaler {COGNITIVE}"}


async def test_a_missing_permission_is_named(harness: OperationsHarness) -> None:
    harness.stand_in.inject_fault(
        ClusterFault(kind="status", status=403, times=100, path_prefix=f"{APPS}/deep-echo-prod/deployments")
    )

    found = await suspect_finder(harness).gather("production", began_at=harness.clock.now())

    told = [
        each for each in map(str, found.missing) if each.endswith("So deploys by others and changed ConfigMaps are missing here.")
    ]
    assert len(told) == 1
    assert "its account needs the verb list on" in told[0]


async def test_without_the_database_our_deploy_is_told_by_the_cluster(harness: OperationsHarness, tmp_path: Path) -> None:
    await harness.run_plan(await harness.planner.deploy("production", "main-5ca1ab1", MAIN))
    nowhere = Store(open_engines(f"sqlite:///{tmp_path / 'nowhere' / 'deepecho.db'}", pooled=False))

    found = await suspect_finder(harness, store=nowhere).gather("production", began_at=harness.clock.now())
    await nowhere.close()

    assert found.missing == (
        "The database did not answer, so our own operations are missing here.",
        "The database did not answer, so locks are missing here.",
    )
    (deploy,) = [each for each in found.changes if each.kind is ChangeKind.DEPLOY]
    assert (deploy.description, deploy.by_manager) == ("deploy main-5ca1ab1", "deepecho")


async def test_an_environment_that_is_not_known_or_not_connected_is_said(harness: OperationsHarness) -> None:
    unknown = await suspect_finder(harness).gather("", began_at=harness.clock.now())
    lonely = await suspect_finder(harness, clusters={}).gather("production", began_at=harness.clock.now())

    assert unknown.missing == ("No environment is known of this alert, so nothing was looked at.",)
    assert "The cluster main of production is not connected: it needs a restart of deepecho." in str(lonely.missing[0])
    assert lonely.changes == ()


async def test_a_storm_of_alerts_looks_once_and_a_later_alert_looks_again(
    harness: OperationsHarness, external_editor: ExternalEditor
) -> None:
    look, began = suspect_finder(harness), harness.clock.now()
    harness.stand_in.control.requests.clear()

    found = await asyncio.gather(*(look.gather("production", began_at=began - timedelta(seconds=n)) for n in range(50)))

    def listed() -> int:
        return sum(each.path == f"{APPS}/deep-echo-prod/replicasets" for each in harness.stand_in.control.requests)

    assert listed() == 1
    assert all(each.changes == found[0].changes for each in found)
    await external_editor.image("deep-echo-prod", MAIN, "main-5ca1ab1")
    later = await look.gather("production", began_at=harness.clock.now())
    assert "deploy main-5ca1ab1" in [each.description for each in later.changes]


async def test_a_silent_cluster_is_waited_for_once_and_then_asked_again(harness: OperationsHarness) -> None:
    look = suspect_finder(harness, source_timeout=SHORTLY)
    harness.stand_in.inject_fault(ClusterFault(kind="hang", times=1000, path_prefix=APPS))
    began = harness.clock.now()

    silent = [await look.gather("staging", began_at=harness.clock.now()) for _ in range(20)]

    assert harness.clock.now() - began < timedelta(seconds=3)
    assert all(each.missing for each in silent)
    harness.stand_in.control.clear_faults()
    harness.clock.advance(timedelta(seconds=11))
    again = await look.gather("staging", began_at=harness.clock.now())
    assert again.missing == ()
    assert "deploy main-51d2c44" in [each.description for each in again.changes]


def test_it_is_there_without_slack_and_without_the_bot() -> None:
    look = (
        "import sys, runbooks.alerts.suspect_search\n"
        "print({'bot', 'slack_sdk', 'slack_bolt', 'kubernetes_asyncio'} & set(sys.modules))"
    )

    printed = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout

    assert printed.strip() == "set()"
