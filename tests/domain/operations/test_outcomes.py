"""The sentence with which a verified operation ends."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.operations.outcomes import VerifiedService, deployed_text, restarted_text, scaled_text
from domain.workloads.containers import ContainerImage
from domain.workloads.update_strategies import KeptPods, UpdateStrategy
from tests.domain.operations.test_plans import change


def web(pods: int, service: str = "web", *remarks: str, **more: Any) -> VerifiedService:
    return VerifiedService(change=change(service, **more), pods=pods, remarks=remarks)


STAYS = "Not every container of web runs main-abc1234: migrate runs acme/tool:main-9f00d12."
SEVERAL: dict[str, Any] = {"containers": ("migrate", "app", "worker")}
OTHER: dict[str, Any] = {"containers": ("app",), "staying": (ContainerImage("migrate", "acme/tool:main-9f00d12"),)}


@pytest.mark.parametrize(
    ("services", "text"),
    [
        ([web(3)], "Verified: all 3 pods run main-abc1234."),
        ([web(1)], "Verified: the pod runs main-abc1234."),
        ([web(3), web(6, "api")], "Verified: all 9 pods run main-abc1234."),
        ([web(3, **SEVERAL)], "Verified: all 3 pods run main-abc1234 in migrate, app and worker."),
        ([web(3, **SEVERAL), web(6, "api")], "Verified: all 9 pods run main-abc1234 (web in migrate, app and worker)."),
        (
            [web(3, **OTHER)],
            f"Verified: 3 pods run main-abc1234 in app. {STAYS}",
        ),
        ([web(0)], "main-abc1234 is set, and nothing runs it: web has 0 pods."),
        ([web(0), web(0, "api")], "main-abc1234 is set, and nothing runs it: web and api have 0 pods."),
        (
            [web(3), web(0, "api")],
            "Verified: all 3 pods run main-abc1234. main-abc1234 is set, and nothing runs it: api has 0 pods.",
        ),
        ([web(3, "web", "That cannot be told.")], "Verified: all 3 pods run main-abc1234. That cannot be told."),
    ],
)
def test_deploys_and_rollbacks(services: list[VerifiedService], text: str) -> None:
    assert deployed_text(services) == text


def kept(pods: int, names: str, count: int, **strategy: Any) -> VerifiedService:
    behind = replace(change("web"), strategy=UpdateStrategy(**strategy))
    return VerifiedService(change=behind, pods=pods, kept=(KeptPods(names=names, version="main-9f00d12", count=count),))


@pytest.mark.parametrize(
    ("services", "text"),
    [
        (
            [kept(1, "ordinals 0-1", 2, partition=2)],
            "main-abc1234 is set; 1 of 3 pods of web has it, verified. Ordinals 0-1 keep main-9f00d12: its partition is 2.",
        ),
        (
            [kept(0, "pod web-2kx7d", 1, on_delete=True), web(3, "api")],
            (
                "Verified: all 3 pods run main-abc1234. main-abc1234 is set; 0 of 1 pods of web have it. "
                "Pod web-2kx7d keeps main-9f00d12 until somebody deletes it: its update strategy is OnDelete."
            ),
        ),
    ],
)
def test_what_an_update_strategy_kept_is_named(services: list[VerifiedService], text: str) -> None:
    assert deployed_text(services) == text


@pytest.mark.parametrize(
    ("services", "text"),
    [
        ([web(3)], "Verified: 3 new pods of web are ready."),
        ([web(1)], "Verified: 1 new pod of web is ready."),
        ([web(0)], "The restart is set, and nothing runs it: web has 0 pods."),
    ],
)
def test_restarts(services: list[VerifiedService], text: str) -> None:
    assert restarted_text(services) == text


@pytest.mark.parametrize(
    ("before", "wanted", "pods", "duration", "text"),
    [
        (3, 5, 5, None, "Verified: 5 pods are ready (there were 3)."),
        (0, 1, 1, None, "Verified: 1 pod is ready (there were 0)."),
        (3, 5, 5, timedelta(hours=2), "Verified: 5 pods are ready (there were 3). In 2 h it goes back to 3."),
        (3, 0, 0, None, "Verified: no pod of web is left (there were 3), and nothing runs it."),
        (
            3,
            5,
            4,
            None,
            "Verified: 4 pods are ready (there were 3). 5 were asked for; something else has set another number since.",
        ),
    ],
)
def test_scalings(before: int, wanted: int, pods: int, duration: timedelta | None, text: str) -> None:
    scaled = change()
    scaled = replace(scaled, before=replace(scaled.before, replicas=before), after=replace(scaled.before, replicas=wanted))
    assert scaled_text(VerifiedService(change=scaled, pods=pods), duration) == text
