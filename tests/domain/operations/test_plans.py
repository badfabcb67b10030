from dataclasses import replace
from typing import Any

import pytest

from domain.operations.plans import Plan, ServiceChange, Verb, VersionState, drift
from domain.policies import Action
from domain.workloads.deployments import Autoscaler, Owner, OwnerKind
from tests.harness.samples.workloads import target


def side(version: str = "main-abc1234", replicas: int = 3, template_hash: str = "") -> VersionState:
    image = f"registry.example/web:{version}"
    return VersionState(version=version, image=image, template_hash=template_hash or f"hash-of-{version}", replicas=replicas)


def change(service: str = "web", **more: Any) -> ServiceChange:
    before, after = side("main-9f00d12"), side()
    facts: dict[str, Any] = {
        "target": target(service),
        "uid": "u1",
        "paused": False,
        "owner": Owner(),
        "before": before,
        "after": after,
    }
    return ServiceChange(**facts | more)


def plan(*changes: ServiceChange, verb: Verb = Verb.ROLLBACK, **more: Any) -> Plan:
    return Plan(verb=verb, environment="production", changes=changes or (change(),), arguments={"service": "web"}, **more)


BEFORE, AFTER = side("main-9f00d12"), side()


@pytest.mark.parametrize(
    "moved",
    [
        change(autoscaler=Autoscaler("web", 3, 20)),
        change(before=replace(BEFORE, replicas=6), after=replace(AFTER, replicas=6)),
        change(differences=("image",)),
        change(never_seen=True),
    ],
)
def test_what_a_decision_does_not_depend_on(moved: ServiceChange) -> None:
    assert plan(moved).digest() == plan().digest()
    assert drift(plan(), plan(moved)) == ()


def test_warnings_bind_nothing() -> None:
    assert plan(warnings=("ConfigMap changed",)).digest() == plan().digest()


@pytest.mark.parametrize(
    ("moved", "says"),
    [
        (change(uid="u2"), "web was deleted and made anew"),
        (change(paused=True), "web was paused"),
        (change(owner=Owner(OwnerKind.ARGO_CD, "web", reverts=True)), "web changed hands: argo-cd web"),
        (change(before=side("main-77aa001")), "web now runs main-77aa001 (was main-9f00d12)"),
        (
            change(before=replace(BEFORE, template_hash="another")),
            "web now runs a changed template of main-9f00d12 (was main-9f00d12)",
        ),
        (change(after=replace(AFTER, template_hash="another")), "main-abc1234 of web would no longer be the same template"),
    ],
)
def test_what_moved_is_said(moved: ServiceChange, says: str) -> None:
    assert plan(moved).digest() != plan().digest()
    assert drift(plan(), plan(moved)) == (says,)


def test_replicas_matter_to_scale_only() -> None:
    now = plan(change(before=replace(BEFORE, replicas=5)), verb=Verb.SCALE)
    assert drift(plan(verb=Verb.SCALE), now) == ("web now has 5 replicas (had 3)",)


def test_services_that_come_and_go_are_drift() -> None:
    both = plan(change(), change("api"))
    assert drift(both, plan()) == ("api is no longer part of it",)
    assert drift(plan(), both) == ("api is now part of it",)


@pytest.mark.parametrize(
    "other",
    [
        plan(verb=Verb.DEPLOY),
        replace(plan(), environment="staging"),
        replace(plan(), arguments={"service": "api"}),
        plan(change(target=replace(target(), cluster="other"))),
        plan(change(target=replace(target(), namespace="other"))),
        plan(change(target=replace(target(), deployment="other"))),
    ],
)
def test_the_digest_binds_what_was_asked_for(other: Plan) -> None:
    assert other.digest() != plan().digest()
    assert drift(plan(), other)


@pytest.mark.parametrize(
    ("before", "after", "action"), [(3, 5, Action.SCALE_UP), (5, 3, Action.SCALE_DOWN), (1, 0, Action.SCALE_DOWN)]
)
def test_less_is_governed_otherwise_than_more(before: int, after: int, action: Action) -> None:
    scaled = plan(change(before=side(replicas=before), after=side(replicas=after)), verb=Verb.SCALE)
    assert scaled.action is action


@pytest.mark.parametrize("verb", [Verb.DEPLOY, Verb.ROLLBACK, Verb.RESTART])
def test_every_other_verb_is_its_own_action(verb: Verb) -> None:
    assert plan(verb=verb).action is Action(verb.value)
