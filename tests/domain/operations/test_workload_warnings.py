"""What whoever approves is told of the workloads as they are at that moment."""

from dataclasses import replace
from typing import Any

import pytest

from domain.operations.plans import ServiceChange, Verb
from domain.operations.workload_warnings import conflict_warnings, pause_warnings, state_warnings, strategy_warnings
from domain.rich_text import plain_text
from domain.targets import WorkloadKind
from domain.workloads.deployments import Owner, OwnerKind, Workload
from domain.workloads.field_managers import AppliedFields
from domain.workloads.pod_counts import PodCounts, PodGroup, pod_counts
from domain.workloads.update_strategies import UpdateStrategy
from tests.domain.operations.test_plans import change
from tests.harness.samples.workloads import REPOSITORY, revision, workload

ASKED, OLD = "main-abc1234", "main-9f00d12"
RUNS = revision(2, ASKED)


def pods(*groups: tuple[str, int, int]) -> PodCounts:
    """Version, total and ready pods of each group; that of the version that is asked for is the current one."""
    return pod_counts(
        PodGroup(image=f"{REPOSITORY}:{version}", is_current=version == ASKED, total=total, ready=ready)
        for version, total, ready in groups
    )


def told(found: Workload, counted: PodCounts | None) -> list[str]:
    return [plain_text(text) for text in state_warnings([found], {found.uid: counted} if counted else {})]


@pytest.mark.parametrize("counted", [None, pods((ASKED, 3, 3)), pods((ASKED, 3, 1))])
def test_what_runs_as_it_was_asked_for_needs_no_word(counted: PodCounts | None) -> None:
    assert told(workload(RUNS), counted) == []


def test_a_stuck_rollout_says_what_runs_what_was_asked_for_why_and_by_whom() -> None:
    stuck = replace(
        workload(RUNS), has_arrived=False, obstacle="It made no progress for 600 s (Kubernetes' progress deadline).",
        template_set_by="op-h3c9",
    )  # fmt: skip
    (line,) = told(stuck, pods((OLD, 2, 2), (ASKED, 1, 0)))
    assert line == (
        "web does not run just what was asked for: that is main-abc1234 (by `op-h3c9`), and it has "
        "1 pod of main-abc1234 (0 ready) and 2 pods of main-9f00d12 (2 ready). "
        "It made no progress for 600 s (Kubernetes' progress deadline)."
    )


def test_a_rollout_that_goes_on_and_pods_that_cannot_be_counted_are_said_to_be() -> None:
    (line,) = told(replace(workload(RUNS), has_arrived=False), None)
    assert line == (
        "web does not run just what was asked for: that is main-abc1234, and its pods could not be counted. "
        "It is still rolling out."
    )


def test_pods_of_another_version_are_told_though_the_rollout_is_over() -> None:
    (line,) = told(workload(RUNS), pods((ASKED, 3, 3), (OLD, 1, 1)))
    assert "it has 3 pods of main-abc1234 (3 ready) and 1 pod of main-9f00d12 (1 ready)." in line


def behind(verb: Verb = Verb.DEPLOY, kind: WorkloadKind = WorkloadKind.STATEFUL_SET, **strategy: Any) -> tuple[str, ...]:
    changed = change("web")
    changed = replace(changed, target=replace(changed.target, kind=kind), strategy=UpdateStrategy(**strategy))
    return strategy_warnings([changed], verb, {changed.uid: pods((OLD, 3, 3))})


@pytest.mark.parametrize(
    ("verb", "kind", "strategy", "text"),
    [
        (
            Verb.DEPLOY,
            WorkloadKind.STATEFUL_SET,
            {"partition": 2},
            (
                "web: its partition is 2, so this rolls 1 of its 3 pods. "
                "Ordinals 0-1 keep what runs there now (main-9f00d12), even if somebody deletes them."
            ),
        ),
        (
            Verb.RESTART,
            WorkloadKind.STATEFUL_SET,
            {"partition": 1, "first_ordinal": 5},
            (
                "web: its partition is 1, so this restarts 2 of its 3 pods. "
                "Ordinal 5 keeps what runs there now (main-9f00d12), even if somebody deletes it."
            ),
        ),
        (
            Verb.ROLLBACK,
            WorkloadKind.DAEMON_SET,
            {"on_delete": True},
            (
                "web: its update strategy is OnDelete, so this rolls none of its 3 pods. "
                "All 3 keep what runs there now (main-9f00d12) until somebody deletes them."
            ),
        ),
    ],
)
def test_pods_that_keep_their_template_are_named(verb: Verb, kind: WorkloadKind, strategy: dict[str, Any], text: str) -> None:
    assert behind(verb, kind, **strategy) == (text,)


def test_what_reaches_every_pod_and_a_scaling_need_no_such_word() -> None:
    assert behind() == ()
    assert behind(Verb.SCALE, partition=2) == ()


def test_a_pause_is_told_to_whoever_scales() -> None:
    paused = workload(RUNS, paused=True)
    assert pause_warnings([paused], Verb.SCALE) == (
        "The rollout of web is paused: its number of pods changes all the same, and it stays paused.",
    )
    assert pause_warnings([workload(RUNS)], Verb.SCALE) == ()


APPLIES = AppliedFields(manager="ci", images=frozenset({"app"}), template=True)
CONFLICT = (
    "ci sets this of web by server-side apply: its next apply fails with a conflict with deepecho, "
    "or, if it forces conflicts, puts its own value back."
)


@pytest.mark.parametrize(
    ("verb", "applied", "owner", "lines"),
    [
        (Verb.DEPLOY, APPLIES, Owner(), [CONFLICT]),
        (Verb.ROLLBACK, APPLIES, Owner(), [CONFLICT]),
        (Verb.ROLLBACK, replace(APPLIES, images=frozenset()), Owner(OwnerKind.HELM, "shop"), [CONFLICT]),
        # It applied another container's image, or no number of replicas.
        (Verb.DEPLOY, replace(APPLIES, images=frozenset({"proxy"})), Owner(), []),
        (Verb.SCALE, APPLIES, Owner(), []),
        (Verb.SCALE, AppliedFields(manager="ci", replicas=True), Owner(), [CONFLICT]),
        # A restart adds an annotation, which nobody applies.
        (Verb.RESTART, APPLIES, Owner(), []),
        # Flux forces its applies: the warning about the owner says what happens then.
        (Verb.DEPLOY, APPLIES, Owner(OwnerKind.FLUX, "shop"), []),
    ],
)
def test_a_conflict_to_come_is_told(verb: Verb, applied: AppliedFields, owner: Owner, lines: list[str]) -> None:
    found = replace(workload(RUNS, owner=owner), applied=(applied,))
    changed: ServiceChange = replace(change("web"), uid=found.uid, containers=("app",))
    assert [plain_text(text).replace("`", "") for text in conflict_warnings([found], [changed], verb)] == lines
