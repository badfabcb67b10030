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
from runbooks.alerts.suspect_search import Suspecting
from sandbox.cluster import ADMIN_TOKEN, Fault
from storage.engines import open_engines
from storage.store import Store
from tests.harness.cluster_namespace import Api
from tests.harness.operations import House
from tests.harness.samples.team import ANA, SAM, catalogue_data, team_catalogue

MAIN, COGNITIVE, CACHE, DOCS = "deep-echo-main", "deep-echo-cognitive", "deep-echo-cache", "deep-echo-docs"
APPS = "/apis/apps/v1/namespaces"
SHORTLY = timedelta(seconds=0.5)


def suspecting(house: House, **other: Any) -> Suspecting:
    parts: dict[str, Any] = {
        "store": house.store,
        "clock": house.clock,
        "catalogue": lambda: house.catalogue,
        "clusters": {"main": house.cluster},
        **other,
    }
    return Suspecting(**parts)


async def gathered(house: House, environment: str = "production", **other: Any) -> dict[str, PlatformChange]:
    """Every change by its name; two of one name are an error."""
    found = await suspecting(house, **other).gather(environment, began_at=house.clock.now())
    assert found.missing == ()
    assert len({each.what for each in found.changes}) == len(found.changes), found.changes
    return {each.what: each for each in found.changes}


class Others:
    """Whoever else changes the cluster, under the name of a program."""

    def __init__(self, api: Api, house: House) -> None:
        self._api, self._house = api, house

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
async def others(house: House) -> AsyncIterator[Others]:
    async with aiohttp.ClientSession() as session:
        yield Others(Api(session, house.stand_in.url, ADMIN_TOKEN), house)


async def lock(house: House, at: datetime, what: str = "lock", environment: str = "production") -> None:
    """As the command writes it."""
    async with house.store.write() as tx:
        if what == "lock":
            await tx.locks.put_person(environment, SAM.person, "database move", at, None)
        elif held := await tx.locks.of_person(environment, at):
            await tx.locks.remove_person(held)
        key = f"{environment}/{what}/{at}"
        entry = AuditEntry(key=key, at=at, who=SAM.person, what=what, where=environment, why="database move")
        await tx.audit.append(entry)


async def test_a_deploy_of_ours_is_told_once_with_who_id_and_the_version_before(house: House) -> None:
    record = await house.carried_out(await house.planner.deploy("production", "main-77aa001", MAIN))

    told = (await gathered(house))["deploy main-77aa001"]

    assert (told.kind, told.services, told.by, told.operation) == (ChangeKind.DEPLOY, (MAIN,), ANA.person, record.id)
    assert (told.before, told.ending, told.running) == ({MAIN: "main-9f00d12"}, "", False)
    assert (told.at, told.until) == (record.of(MAIN).started_at, record.ended_at)


async def test_a_rollback_and_a_scale_of_ours_are_told_once_each(house: House) -> None:
    await house.carried_out(await house.planner.rollback("production", "main-abc1234", MAIN))
    await house.carried_out(await house.planner.scale("production", MAIN, 4))

    found = await gathered(house)

    ours = {name: (each.kind, each.before) for name, each in found.items() if each.operation}
    assert ours == {
        "rollback to main-abc1234": (ChangeKind.ROLLBACK, {MAIN: "main-9f00d12"}),
        f"scale of {MAIN} from 3 to 4 pods": (ChangeKind.SCALE, {}),
    }
    assert [each for each in found.values() if MAIN in each.services and not each.operation] == []


async def test_a_restart_of_ours_is_told_once(house: House) -> None:
    await house.carried_out(await house.planner.restart("staging", CACHE))

    found = await gathered(house, "staging")

    assert [name for name, each in found.items() if CACHE in each.services] == [f"restart of {CACHE}"]


async def test_a_scale_of_ours_does_not_hide_the_deploy_before_it(house: House) -> None:
    await house.carried_out(await house.planner.scale("staging", MAIN, 4))

    found = await gathered(house, "staging")

    assert [name for name, each in found.items() if MAIN in each.services] == [
        "deploy main-51d2c44",
        f"scale of {MAIN} from 3 to 4 pods",
    ]


async def test_a_deploy_that_runs_and_one_that_was_cancelled_say_so(house: House) -> None:
    record = await house.begin(await house.planner.deploy("production", "bad-0ddba11", MAIN))
    await house.reached(record.id, lambda one: one.of(MAIN).updated > 0)
    running = (await gathered(house))["deploy bad-0ddba11"]
    await house.operations.cancel(record.id, ANA)
    assert (await house.ended(record.id)).state is State.CANCELLED

    cancelled = (await gathered(house))["deploy bad-0ddba11"]

    assert (running.running, running.ending) == (True, "")
    assert (cancelled.running, cancelled.ending) == (False, "a person cancelled it")


async def test_an_operation_that_was_never_approved_changed_nothing(house: House) -> None:
    record = await house.start(ANA)
    await house.operations.cancel(record.id, ANA)

    assert [each for each in (await gathered(house)).values() if each.operation] == []


async def test_what_helm_brought_to_two_services_is_one_change(house: House) -> None:
    told = (await gathered(house, "staging"))["deploy main-51d2c44"]

    assert set(told.services) == {MAIN, COGNITIVE}
    assert (told.by, told.by_name, told.operation) == (None, "helm", "")
    assert told.before == {MAIN: "main-9f00d12", COGNITIVE: "main-9f00d12"}


async def test_a_version_that_kubectl_brought_after_a_deploy_of_ours_is_somebody_elses(house: House, others: Others) -> None:
    ours = await house.carried_out(await house.planner.deploy("production", "main-77aa001", MAIN))
    await others.image("deep-echo-prod", MAIN, "main-5ca1ab1")

    found = await gathered(house)

    theirs = found["deploy main-5ca1ab1"]
    assert (theirs.by_name, theirs.operation, theirs.before) == ("kubectl-set", "", {MAIN: "main-77aa001"})
    assert found["deploy main-77aa001"].operation == ours.id


async def test_kubectl_undo_is_a_rollback_with_its_own_time(house: House, others: Others) -> None:
    began = house.clock.now() - timedelta(seconds=1)
    await others.undo(MAIN, "main-abc1234")

    told = (await gathered(house))["rollback to main-abc1234"]

    assert (told.kind, told.by_name, told.before) == (ChangeKind.ROLLBACK, "kubectl-rollout", {MAIN: "main-9f00d12"})
    assert began <= told.at <= house.clock.now()


async def test_a_config_map_is_one_change_of_every_service_that_uses_it(house: House, others: Others) -> None:
    assert "ConfigMap deep-echo-config" not in await gathered(house)
    await others.config("deep-echo-prod", SESSION_LIMIT="5")

    told = (await gathered(house))["ConfigMap deep-echo-config"]

    assert told.kind is ChangeKind.CONFIG
    assert told.services == (MAIN, COGNITIVE, CACHE, DOCS)


async def test_moves_of_autoscalers_are_told_and_replicas_that_a_hand_set(house: House, others: Others) -> None:
    house.stand_in.move_hpa("deep-echo-prod", COGNITIVE, 9)
    await others.replicas("deep-echo-prod", CACHE, 5)

    found = await gathered(house)

    move = found[f"autoscaler {COGNITIVE} to 9 pods"]
    assert (move.kind, move.services) == (ChangeKind.AUTOSCALER, (COGNITIVE,))
    scale = found[f"scale of {CACHE}"]
    assert (scale.kind, scale.services, scale.by_name) == (ChangeKind.SCALE, (CACHE,), "kubectl")


async def test_locks_are_maintenance_of_the_whole_environment(house: House) -> None:
    now = house.clock.now()
    await lock(house, now - timedelta(minutes=50))
    await lock(house, now - timedelta(minutes=40), "unlock")
    await lock(house, now - timedelta(minutes=10))
    await lock(house, now - timedelta(minutes=10), environment="staging")

    found = (await suspecting(house).gather("production", began_at=now)).changes

    locks = [(each.at, each.until, each.running) for each in found if each.kind is ChangeKind.MAINTENANCE]
    assert locks == [
        (now - timedelta(minutes=50), now - timedelta(minutes=40), False),
        (now - timedelta(minutes=10), None, True),
    ]
    last = found[-1]
    assert (last.what, last.services, last.by) == ("lock of production: database move", (), SAM.person)


async def test_the_deploy_that_did_it_is_named_with_its_reasons(house: House) -> None:
    data = catalogue_data()
    data["services"][MAIN]["depends_on"] = [COGNITIVE]
    catalogue = team_catalogue(**data)
    record = await house.carried_out(await house.planner.deploy("production", "main-77aa001", COGNITIVE))

    told = await suspecting(house, catalogue=lambda: catalogue).suspects(
        "production", MAIN, began_at=house.clock.now() + timedelta(minutes=3)
    )

    first = told.suspects[0]
    assert (first.change.operation, first.reasons) == (record.id, ("3 min before", f"{MAIN} depends on {COGNITIVE}"))
    assert first.change.before == {COGNITIVE: "main-9f00d12"}
    assert told.missing == ()


async def test_what_came_long_after_the_alert_is_not_gathered(house: House) -> None:
    await house.carried_out(await house.planner.deploy("production", "main-77aa001", MAIN))

    found = await suspecting(house).gather("production", began_at=house.clock.now() - timedelta(minutes=5))

    assert "deploy main-77aa001" not in [each.what for each in found.changes]


async def test_a_cluster_that_hangs_keeps_nothing_else_back(house: House) -> None:
    record = await house.carried_out(await house.planner.deploy("production", "main-77aa001", MAIN))
    house.stand_in.fail(Fault(kind="hang", times=100, path_prefix=f"{APPS}/deep-echo-prod/replicasets"))
    began = house.clock.now()

    found = await suspecting(house, limit=SHORTLY).gather("production", began_at=began)

    assert house.clock.now() - began < timedelta(seconds=3)
    assert found.missing == ("The cluster did not answer, so deploys by others and changed ConfigMaps are missing here.",)
    assert {each.what: each.operation for each in found.changes} == {
        f"autoscaler {COGNITIVE}": "",
        "deploy main-77aa001": record.id,
    }


async def test_config_maps_alone_may_be_missing(house: House) -> None:
    house.stand_in.fail(
        Fault(kind="status", status=503, times=100, path_prefix="/api/v1/namespaces/deep-echo-staging/configmaps")
    )

    found = await suspecting(house).gather("staging", began_at=house.clock.now())

    assert found.missing == ("The cluster did not answer, so changed ConfigMaps are missing here.",)
    assert {each.what for each in found.changes} == {"deploy main-51d2c44", f"autoscaler {COGNITIVE}"}


async def test_a_missing_permission_is_named(house: House) -> None:
    house.stand_in.fail(Fault(kind="status", status=403, times=100, path_prefix=f"{APPS}/deep-echo-prod/deployments"))

    found = await suspecting(house).gather("production", began_at=house.clock.now())

    told = [each for each in found.missing if each.endswith("So deploys by others and changed ConfigMaps are missing here.")]
    assert len(told) == 1
    assert "its account needs the verb list on" in told[0]


async def test_without_the_database_our_deploy_is_told_by_the_cluster(house: House, tmp_path: Path) -> None:
    await house.carried_out(await house.planner.deploy("production", "main-5ca1ab1", MAIN))
    nowhere = Store(open_engines(f"sqlite:///{tmp_path / 'nowhere' / 'deepecho.db'}", pooled=False))

    found = await suspecting(house, store=nowhere).gather("production", began_at=house.clock.now())
    await nowhere.close()

    assert found.missing == (
        "The database did not answer, so our own operations are missing here.",
        "The database did not answer, so locks are missing here.",
    )
    (deploy,) = [each for each in found.changes if each.kind is ChangeKind.DEPLOY]
    assert (deploy.what, deploy.by_name) == ("deploy main-5ca1ab1", "deepecho")


async def test_an_environment_that_is_not_known_or_not_connected_is_said(house: House) -> None:
    unknown = await suspecting(house).gather("", began_at=house.clock.now())
    lonely = await suspecting(house, clusters={}).gather("production", began_at=house.clock.now())

    assert unknown.missing == ("No environment is known of this alert, so nothing was looked at.",)
    assert "The cluster main of production is not connected: it needs a restart of deepecho." in lonely.missing[0]
    assert lonely.changes == ()


async def test_a_storm_of_alerts_looks_once_and_a_later_alert_looks_again(house: House, others: Others) -> None:
    look, began = suspecting(house), house.clock.now()
    house.stand_in.control.seen.clear()

    found = await asyncio.gather(*(look.gather("production", began_at=began - timedelta(seconds=n)) for n in range(50)))

    def listed() -> int:
        return sum(each.path == f"{APPS}/deep-echo-prod/replicasets" for each in house.stand_in.control.seen)

    assert listed() == 1
    assert all(each.changes == found[0].changes for each in found)
    await others.image("deep-echo-prod", MAIN, "main-5ca1ab1")
    later = await look.gather("production", began_at=house.clock.now())
    assert "deploy main-5ca1ab1" in [each.what for each in later.changes]


async def test_a_silent_cluster_is_waited_for_once_and_then_asked_again(house: House) -> None:
    look = suspecting(house, limit=SHORTLY)
    house.stand_in.fail(Fault(kind="hang", times=1000, path_prefix=APPS))
    began = house.clock.now()

    silent = [await look.gather("staging", began_at=house.clock.now()) for _ in range(20)]

    assert house.clock.now() - began < timedelta(seconds=3)
    assert all(each.missing for each in silent)
    house.stand_in.control.clear()
    house.clock.go_on(timedelta(seconds=11))
    again = await look.gather("staging", began_at=house.clock.now())
    assert again.missing == ()
    assert "deploy main-51d2c44" in [each.what for each in again.changes]


def test_it_is_there_without_slack_and_without_the_bot() -> None:
    look = (
        "import sys, runbooks.alerts.suspect_search\n"
        "print({'bot', 'slack_sdk', 'slack_bolt', 'kubernetes_asyncio'} & set(sys.modules))"
    )

    printed = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout

    assert printed.strip() == "set()"
