"""What a person reads of one service when an operation ends before its time."""

from dataclasses import replace

import pytest

from domain.operations.operation import Phase, Progress
from domain.operations.plans import ServiceChange, VersionState
from domain.rich_text import CommandMention, sentence
from domain.workloads.containers import ContainerImage
from domain.workloads.deployments import Owner
from domain.workloads.pod_counts import PodCounts, PodGroup, pod_counts
from domain.workloads.update_strategies import UpdateStrategy
from runbooks.operations.end_state import describe_end_state
from tests.harness.samples.workloads import target

BEFORE = VersionState(version="main-9f00d12", image="i:main-9f00d12", template_hash="old", replicas=3)
DEPLOY = ServiceChange(
    target=target(),
    uid="u",
    paused=False,
    owner=Owner(),
    before=BEFORE,
    after=VersionState(version="main-abc1234", image="i:main-abc1234", template_hash="new", replicas=3),
)
RESTART = replace(DEPLOY, after=BEFORE)
SCALE = replace(DEPLOY, after=replace(BEFORE, replicas=5))

BACK = "To put it back: `rollback production main-9f00d12 web`."


def progress(phase: Phase, updated: int = 1, ready: int = 0, desired: int = 3, detail: str = "") -> Progress:
    return Progress(service="web", phase=phase, updated=updated, ready=ready, desired=desired, detail=detail)


def counted(new: tuple[int, int] | None, *old: tuple[str, int, int], version: str = "main-abc1234") -> PodCounts:
    """``new`` are total and ready pods of the present template, ``old`` version, total and ready of the others."""
    current = [PodGroup(image=f"i:{version}", is_current=True, total=new[0], ready=new[1])] if new else []
    earlier = [
        PodGroup(image=f"i:{old_version}", is_current=False, total=total, ready=ready) for old_version, total, ready in old
    ]
    return pod_counts([*earlier, *current])


OLD = "main-9f00d12"
FULL = counted((3, 3))
BEFORE_ONLY = pod_counts([PodGroup(image="i:main-9f00d12", is_current=True, total=3, ready=3)])
NO_PODS = pod_counts([])


@pytest.mark.parametrize(
    ("change", "at", "pods", "lines"),
    [
        (DEPLOY, progress(Phase.VERIFIED), FULL, ["web runs main-abc1234, verified."]),
        (DEPLOY, progress(Phase.VERIFIED), None, ["web runs main-abc1234, verified."]),
        (
            DEPLOY,
            progress(Phase.VERIFIED),
            counted((3, 1)),
            ["web runs main-abc1234, verified. Counted now, 1 of 3 pods are ready."],
        ),
        (
            DEPLOY,
            progress(Phase.VERIFIED, updated=0, desired=0),
            NO_PODS,
            ["web is set to main-abc1234, and nothing runs it: it has 0 pods."],
        ),
        (RESTART, progress(Phase.VERIFIED), FULL, ["web was restarted, verified."]),
        (SCALE, progress(Phase.VERIFIED), counted((5, 5)), ["web has 5 pods, verified."]),
        (DEPLOY, progress(Phase.WAITING), BEFORE_ONLY, ["web was not touched; it runs main-9f00d12."]),
        (DEPLOY, progress(Phase.UNTOUCHED), None, ["web was not touched; it ran main-9f00d12 when this was planned."]),
        (DEPLOY, progress(Phase.UNTOUCHED), NO_PODS, ["web was not touched; it has no pods."]),
        (
            DEPLOY,
            progress(Phase.UNTOUCHED),
            counted((1, 0), (OLD, 2, 2), version="main-77aa001"),
            ["web was not touched; it has 1 pod of main-77aa001 (0 ready) and 2 pods of main-9f00d12 (2 ready)."],
        ),
        (DEPLOY, progress(Phase.CHANGING), None, ["web was not changed; it ran main-9f00d12 when this was planned."]),
        (
            DEPLOY,
            progress(Phase.ROLLING),
            counted((1, 0), (OLD, 3, 3)),
            [
                (
                    "web was set to main-abc1234; counted now, 1 of 3 pods is new, 0 of them ready. "
                    "3 pods of main-9f00d12 (3 ready) still exist."
                )
            ],
        ),
        (
            DEPLOY,
            progress(Phase.FAILED, detail="BadImage"),
            counted((3, 0)),
            [
                (
                    "web was set to main-abc1234; counted now, 3 of 3 pods are new, 0 of them ready (BadImage). "
                    "No earlier pod runs, and none is ready."
                ),
                BACK,
            ],
        ),
        (
            DEPLOY,
            progress(Phase.FAILED),
            NO_PODS,
            [
                (
                    "web was set to main-abc1234; counted now, 0 of 3 pods are new, 0 of them ready. "
                    "No earlier pod runs, and none is ready."
                ),
                BACK,
            ],
        ),
        (
            DEPLOY,
            progress(Phase.FAILED, updated=3, ready=3),
            counted((3, 3)),
            ["web was set to main-abc1234; counted now, 3 of 3 pods are new, 3 of them ready. No earlier pod runs.", BACK],
        ),
        (
            DEPLOY,
            progress(Phase.FAILED, updated=1, ready=0),
            None,
            ["web was set to main-abc1234; when last seen, 1 of 3 pods were new, 0 of them ready.", BACK],
        ),
        (
            RESTART,
            progress(Phase.FAILED),
            counted((1, 0), (OLD, 1, 1), version=OLD),
            [
                (
                    "web was restarted; counted now, 1 of 3 pods is new, 0 of them ready. "
                    "1 old pod of main-9f00d12 (1 ready) still exists."
                )
            ],
        ),
        (
            SCALE,
            progress(Phase.FAILED, updated=5, ready=3, desired=5, detail="Unschedulable"),
            counted((5, 3)),
            [
                "web was set to 5 pods (there were 3); counted now, it has 5 pods, 3 of them ready (Unschedulable).",
                "To put it back: `scale production web 3`.",
            ],
        ),
        (
            SCALE,
            progress(Phase.ROLLING, updated=5, ready=3, desired=5),
            None,
            ["web was set to 5 pods (there were 3); when last seen, 3 of them were ready."],
        ),
    ],
)
def test_it_is_true_of_the_verb_and_the_moment(
    change: ServiceChange, at: Progress, pods: PodCounts | None, lines: list[str]
) -> None:
    assert [str(each) for each in describe_end_state(change, at, pods=pods)] == lines


MIGRATE = ContainerImage("migrate", "acme/tool:main-9f00d12")
LEFT = "Not every container of web runs main-abc1234: migrate runs acme/tool:main-9f00d12."


@pytest.mark.parametrize("phase", [Phase.VERIFIED, Phase.ROLLING, Phase.FAILED])
def test_containers_that_were_left_behind_are_named(phase: Phase) -> None:
    change = replace(DEPLOY, staying=(MIGRATE,))
    assert LEFT in map(str, describe_end_state(change, progress(phase), pods=FULL))
    # Neither a scaling nor a restart was to move them.
    for other in (SCALE, RESTART):
        assert LEFT not in map(str, describe_end_state(replace(other, staying=(MIGRATE,)), progress(phase), pods=FULL))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (DEPLOY, "web is set to main-abc1234; 1 of 3 pods have it, verified: its partition is 2."),
        (RESTART, "web was restarted; 1 of 3 pods have it, verified: its partition is 2."),
    ],
)
def test_what_a_partition_kept_is_not_called_verified(change: ServiceChange, line: str) -> None:
    behind = replace(change, strategy=UpdateStrategy(partition=2))
    assert describe_end_state(behind, progress(Phase.VERIFIED, ready=1), pods=FULL) == (line,)


def test_what_somebody_else_set_since_is_not_called_ours() -> None:
    pods = counted((1, 1), (OLD, 2, 2), version="main-77aa001")
    (line,) = describe_end_state(DEPLOY, progress(Phase.ROLLING), pods=pods, asked="main-77aa001")
    assert line == (
        "web was set to main-abc1234, and by somebody else to main-77aa001 since; "
        "it has 1 pod of main-77aa001 (1 ready) and 2 pods of main-9f00d12 (2 ready)."
    )


def test_what_the_cluster_never_answered_is_not_claimed() -> None:
    (line,) = describe_end_state(DEPLOY, progress(Phase.CHANGING), certain=False)
    assert line == sentence("Whether web was changed is not known; ", CommandMention("status production web"), " shows it.")
