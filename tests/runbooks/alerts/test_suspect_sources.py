"""Sources of suspects: what is missing or slow is named, and a storm of alerts asks each source once."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from domain.catalogue.catalogue import Catalogue
from domain.changes.platform_changes import ChangeKind
from sandbox.cluster import ADMIN_TOKEN, ClusterFault
from storage.engines import open_engines
from storage.store import Store
from tests.harness.cluster_namespace import KubernetesHttpApi
from tests.harness.operations import OperationsHarness, open_operations_harness
from tests.harness.samples.team import catalogue_data
from tests.harness.suspects import APPS, COGNITIVE, MAIN, ExternalEditor, suspect_finder

SHORTLY = timedelta(seconds=2)
"""Of what hangs; everything else must have answered by then on a busy machine, too."""


@pytest.fixture
async def external_editor(harness: OperationsHarness) -> AsyncIterator[ExternalEditor]:
    async with aiohttp.ClientSession() as session:
        yield ExternalEditor(KubernetesHttpApi(session, harness.stand_in.url, ADMIN_TOKEN), harness)


async def test_what_came_long_after_the_alert_is_not_gathered(harness: OperationsHarness) -> None:
    await harness.run_plan(await harness.planner.deploy("production", "main-77aa001", MAIN))

    found = await suspect_finder(harness).gather("production", began_at=harness.clock.now() - timedelta(minutes=5))

    assert "deploy main-77aa001" not in [each.description for each in found.changes]


async def test_a_cluster_that_hangs_keeps_nothing_else_back(harness: OperationsHarness) -> None:
    record = await harness.run_plan(await harness.planner.deploy("production", "main-77aa001", MAIN))
    harness.stand_in.inject_fault(ClusterFault(kind="hang", times=100, path_prefix=f"{APPS}/deep-echo-prod/replicasets"))
    began = harness.clock.now()

    found = await suspect_finder(harness, source_timeout=SHORTLY).gather("production", began_at=began)

    assert harness.clock.now() - began < timedelta(seconds=10)
    assert found.missing == ("The cluster did not answer, so deploys by others and changed ConfigMaps are missing here.",)
    assert {each.description: each.operation_id for each in found.changes} == {
        f"autoscaler {COGNITIVE}": "",
        "deploy main-77aa001": record.id,
    }


async def test_services_in_other_namespaces_under_other_names_are_searched_there(tmp_path: Path) -> None:
    data = catalogue_data()
    data["environments"]["production"]["namespace"] = "somewhere-else"
    data["services"] = {
        "mind": data["services"][COGNITIVE]
        | {"deployment": "mind", "environments": {"production": {"deployment": COGNITIVE, "namespace": "deep-echo-prod"}}},
        "echo": data["services"][MAIN] | {"environments": {"production": {"namespace": "deep-echo-prod"}}},
    }
    data["applications"] = {"all": {"services": ["mind", "echo"], "default": True}}
    async with open_operations_harness(tmp_path, catalogue=Catalogue.model_validate(data)) as harness:
        plan = await harness.planner.rollback("production", "last")
        assert plan.services == ("mind", "echo")
        found = await suspect_finder(harness).gather("production", began_at=harness.clock.now())
        assert {each.description: each.services for each in found.changes}[f"autoscaler {COGNITIVE}"] == ("mind",)
        assert found.missing == ()


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

    assert harness.clock.now() - began < timedelta(seconds=10)
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
