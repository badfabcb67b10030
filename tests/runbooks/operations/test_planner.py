"""Plans on the seeded platform of the stand-in cluster, spoken to through the real integration."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import yaml
from pydantic import TypeAdapter

from domain.clock import SystemClock
from domain.errors import Drifted, NotFound, Refused
from domain.operations.plans import Plan, drift
from domain.operations.version_selection import AmbiguousVersion
from domain.redaction import redact
from integrations.kubernetes import Cluster, ClusterSettings, open_cluster
from runbooks.operations.planner import MAX_REPLICAS, Planner
from sandbox.cluster import FAST, StandInCluster
from storage.engines import open_engines
from storage.store import Store
from storage.tables import metadata
from tests.harness.cluster_namespace import KubernetesHttpApi
from tests.harness.commands import seed_objects
from tests.harness.samples.team import REGISTRY, team_catalogue

MAIN, COGNITIVE = "deep-echo-main", "deep-echo-cognitive"
DEPLOYMENTS = "/apis/apps/v1/namespaces/deep-echo-prod/deployments"


@dataclass(frozen=True, slots=True)
class PlannerHarness:
    planner: Planner
    cluster: Cluster
    store: Store
    stand_in: StandInCluster
    api: KubernetesHttpApi


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[PlannerHarness]:
    async with StandInCluster(pace=FAST) as stand_in, aiohttp.ClientSession() as session:
        stand_in.seed(seed_objects())
        settings = ClusterSettings(name="main", kubeconfig=str(stand_in.kubeconfig(tmp_path / "kubeconfig")), total_timeout=5)
        async with open_cluster(settings, SystemClock(), redact=redact) as cluster:
            catalogue = team_catalogue()
            store = Store(open_engines(f"sqlite:///{tmp_path / 'deepecho.db'}", pooled=False))
            async with store.engines.write.begin() as connection:
                await connection.run_sync(metadata.create_all)
            planner = Planner(lambda: catalogue, {"main": cluster}, store)
            yield PlannerHarness(
                planner, cluster, store, stand_in, KubernetesHttpApi(session, stand_in.url, _token(settings.kubeconfig))
            )
            await store.close()


def _token(kubeconfig: str) -> str:
    return str(yaml.safe_load(Path(kubeconfig).read_text())["users"][0]["user"]["token"])


def versions(plan: Plan) -> list[tuple[str, str, str]]:
    return [(each.target.service, each.before.version, each.after.version) for each in plan.changes]


@pytest.mark.parametrize("word", ["abc1234", "abc123", "main-abc1234", "last"])
async def test_a_rollback_puts_back_what_ran(platform: PlannerHarness, word: str) -> None:
    plan = await platform.planner.rollback("production", word)
    assert versions(plan) == [(MAIN, "main-9f00d12", "main-abc1234"), (COGNITIVE, "main-9f00d12", "main-abc1234")]
    main, cognitive = plan.changes
    assert main.differences == ("image", "env CACHE_TTL")
    assert cognitive.differences == ("image",)
    assert cognitive.autoscaler is not None
    assert (await platform.cluster.template_of(main.target, main.after.template_hash))["spec"]["containers"]


async def test_a_rollback_tells_what_it_does_not_restore_and_who_overwrites_it(platform: PlannerHarness) -> None:
    plan = await platform.planner.rollback("production", "abc1234")
    config, helm, scaler = plan.warnings
    assert str(config).startswith("ConfigMap deep-echo-config changed after main-abc1234 ran")
    assert str(config).endswith("a rollback does not restore it.")
    assert helm == f"{MAIN}, {COGNITIVE} belong to Helm: the next helm upgrade of release deep-echo-prod overwrites this."
    assert scaler == f"{COGNITIVE} is autoscaled 3 to 20; its number of pods is left alone."


async def test_a_named_service_is_the_only_one(platform: PlannerHarness) -> None:
    plan = await platform.planner.rollback("production", "abc1234", COGNITIVE)
    assert plan.services == (COGNITIVE,)


async def test_a_deploy_replaces_the_image_and_nothing_else(platform: PlannerHarness) -> None:
    plan = await platform.planner.deploy("production", "abc1234")
    assert versions(plan) == [(MAIN, "main-9f00d12", "main-abc1234"), (COGNITIVE, "main-9f00d12", "main-abc1234")]
    assert [each.differences for each in plan.changes] == [("image",), ("image",)]
    assert not any(each.never_seen for each in plan.changes)
    assert not any("ConfigMap" in str(line) for line in plan.warnings)


async def test_a_new_version_is_marked_as_never_seen(platform: PlannerHarness) -> None:
    plan = await platform.planner.deploy("staging", "main-fffffff")
    assert [(each.after.image, each.never_seen) for each in plan.changes] == [
        (f"{REGISTRY}:main-fffffff", True),
        (f"{REGISTRY}-microservice:main-fffffff", True),
    ]
    assert str(plan.warnings[0]).startswith("main-fffffff was never seen here")


@pytest.mark.parametrize("word", ["fffffff", "latest", "main-fff", "--", "a b"])
async def test_a_version_that_nobody_knows_shows_those_that_ran(platform: PlannerHarness, word: str) -> None:
    for make in (platform.planner.deploy, platform.planner.rollback):
        with pytest.raises(AmbiguousVersion) as unclear:
            await make("production", word)
        assert [each.version for each in unclear.value.choices.choices][:2] == ["main-abc1234", "main-77aa001"]


async def test_what_runs_is_refused(platform: PlannerHarness) -> None:
    for make in (platform.planner.deploy, platform.planner.rollback):
        with pytest.raises(Refused, match="already run main-9f00d12"):
            await make("production", "9f00d12")


@pytest.mark.parametrize(("environment", "service"), [("production", "deep-echo-docs"), ("staging", "deep-echo-proxy")])
async def test_what_others_put_back_is_refused(platform: PlannerHarness, environment: str, service: str) -> None:
    for plan in (
        platform.planner.rollback(environment, "last", service),
        platform.planner.deploy(environment, "main-fffffff", service),
        platform.planner.restart(environment, service),
        platform.planner.scale(environment, service, 7),
    ):
        with pytest.raises(Refused, match="puts every change back within seconds"):
            await plan


async def test_a_service_that_does_not_exist_there_is_said(platform: PlannerHarness) -> None:
    with pytest.raises(NotFound, match="deep-echo-docs"):
        await platform.planner.restart("staging", "deep-echo-docs")


async def test_a_restart_changes_no_version(platform: PlannerHarness) -> None:
    plan = await platform.planner.restart("production", MAIN)
    (change,) = plan.changes
    assert change.before == change.after
    assert plan.warnings == ()


async def test_scaling(platform: PlannerHarness) -> None:
    plan = await platform.planner.scale("production", MAIN, 5)
    (change,) = plan.changes
    assert (change.before.replicas, change.after.replicas) == (3, 5)
    assert change.before.template_hash == change.after.template_hash


async def test_scaling_to_nothing_says_what_that_means(platform: PlannerHarness) -> None:
    plan = await platform.planner.scale("production", MAIN, 0)
    assert f"With 0 pods, {MAIN} in production serves nobody." in plan.warnings


@pytest.mark.parametrize(
    ("service", "replicas", "says"),
    [
        (MAIN, 3, "already has 3 pods"),
        (MAIN, MAX_REPLICAS + 1, "between 0 and 200"),
        (MAIN, -1, "between 0 and 200"),
        (COGNITIVE, 2, "autoscaled between 3 and 20"),
        (COGNITIVE, 21, "autoscaled between 3 and 20"),
        (COGNITIVE, 0, "autoscaled between 3 and 20"),
    ],
)
async def test_numbers_that_make_no_sense(platform: PlannerHarness, service: str, replicas: int, says: str) -> None:
    with pytest.raises(Refused, match=says):
        await platform.planner.scale("production", service, replicas)


async def test_scaling_within_an_autoscalers_limits_is_told(platform: PlannerHarness) -> None:
    plan = await platform.planner.scale("production", COGNITIVE, 8)
    assert any("may soon change the number again" in str(line) for line in plan.warnings)


async def every_plan(planner: Planner) -> list[Plan]:
    return [
        await planner.deploy("production", "main-fffffff"),
        await planner.rollback("production", "abc1234"),
        await planner.restart("production", MAIN),
        await planner.scale("production", MAIN, 5),
    ]


async def test_planned_again_on_an_unmoved_world_nothing_differs(platform: PlannerHarness) -> None:
    for plan in await every_plan(platform.planner):
        again = await platform.planner.replan(plan)
        assert again == plan
        assert again.digest() == plan.digest()


async def test_an_autoscaler_that_moves_is_no_drift(platform: PlannerHarness) -> None:
    plan = await platform.planner.rollback("production", "abc1234")
    platform.stand_in.scale_by_hpa("deep-echo-prod", COGNITIVE, 9)
    again = await platform.planner.replan(plan)
    assert again.changes[1].before.replicas == 9
    assert drift(plan, again) == ()


async def test_an_autoscaler_that_moves_is_drift_for_a_scale(platform: PlannerHarness) -> None:
    plan = await platform.planner.scale("production", COGNITIVE, 8)
    platform.stand_in.scale_by_hpa("deep-echo-prod", COGNITIVE, 9)
    assert drift(plan, await platform.planner.replan(plan)) == (f"{COGNITIVE} now has 9 replicas (had 6)",)


async def test_a_status_update_or_a_label_is_no_drift(platform: PlannerHarness) -> None:
    plans = await every_plan(platform.planner)
    await platform.api.merge(f"{DEPLOYMENTS}/{MAIN}", {"metadata": {"labels": {"seen": "yes"}}})
    for plan in plans:
        assert drift(plan, await platform.planner.replan(plan)) == ()


async def test_another_version_in_between_is_drift_and_not_a_refusal(platform: PlannerHarness) -> None:
    plan = await platform.planner.rollback("production", "abc1234", MAIN)
    template = {"spec": {"containers": [{"name": "main-app", "image": f"{REGISTRY}:main-abc1234"}]}}
    await platform.api.call(
        "PATCH", f"{DEPLOYMENTS}/{MAIN}", {"spec": {"template": template}}, "application/strategic-merge-patch+json"
    )
    assert drift(plan, await platform.planner.replan(plan)) == (f"{MAIN} now runs main-abc1234 (was main-9f00d12)",)


async def test_a_pause_in_between_is_drift_and_not_a_refusal(platform: PlannerHarness) -> None:
    plan = await platform.planner.rollback("production", "abc1234", MAIN)
    await platform.api.merge(f"{DEPLOYMENTS}/{MAIN}", {"spec": {"paused": True}})
    assert drift(plan, await platform.planner.replan(plan)) == (f"{MAIN} was paused",)
    with pytest.raises(Refused, match="is paused, so nothing new would start"):
        await platform.planner.rollback("production", "abc1234", MAIN)


async def test_a_revision_that_is_gone_is_drift(platform: PlannerHarness) -> None:
    plan = await platform.planner.rollback("production", "abc1234", MAIN)
    workload = await platform.cluster.workload(plan.changes[0].target)
    name = next(each.name for each in workload.revisions if each.template_hash == plan.changes[0].after.template_hash)
    await platform.api.call("DELETE", f"/apis/apps/v1/namespaces/deep-echo-prod/replicasets/{name}")
    with pytest.raises(Drifted, match="Nothing was changed"):
        await platform.planner.replan(plan)


async def test_a_restart_in_between_does_not_change_what_last_means(platform: PlannerHarness) -> None:
    stamp = {"kubectl.kubernetes.io/restartedAt": "2026-11-23T14:00:00Z"}
    patch = {"spec": {"template": {"metadata": {"annotations": stamp}}}}
    before = await platform.cluster.workload(team_catalogue().target("production", MAIN))
    await platform.api.merge(f"{DEPLOYMENTS}/{MAIN}", patch)
    async for state in platform.cluster.watch_rollout(before.target, within=30):
        if state.done:
            break
    assert (await platform.cluster.workload(before.target)).revision == before.revision + 1
    assert versions(await platform.planner.rollback("production", "last", MAIN)) == [(MAIN, "main-9f00d12", "main-abc1234")]


async def test_the_plan_outlives_the_planner(platform: PlannerHarness) -> None:
    plan = await platform.planner.rollback("production", "abc1234")
    catalogue = team_catalogue()
    another = Planner(lambda: catalogue, {"main": platform.cluster}, platform.store)
    assert (await another.replan(plan)).digest() == plan.digest()


async def test_a_plan_that_was_kept_as_json_is_planned_again_alike(platform: PlannerHarness) -> None:
    plan = await platform.planner.rollback("production", "abc1234")
    kept = TypeAdapter(Plan).validate_json(TypeAdapter(Plan).dump_json(plan))
    assert (await platform.planner.replan(kept)).digest() == plan.digest()
