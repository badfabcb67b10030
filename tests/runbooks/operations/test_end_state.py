"""What a person reads of one service when an operation ends before its time."""

from dataclasses import replace

import pytest

from domain.operations.operation import Phase, Progress
from domain.operations.plans import ServiceChange, VersionState
from domain.rich_text import CommandMention, sentence
from domain.workloads.deployments import Owner
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

OLD_KEPT = "Pods of main-9f00d12 keep running until the new ones are ready."
OLD_ONES_KEPT = "Its old pods keep running until the new ones are ready."


def progress(phase: Phase, updated: int = 1, ready: int = 0, desired: int = 3, detail: str = "") -> Progress:
    return Progress(service="web", phase=phase, updated=updated, ready=ready, desired=desired, detail=detail)


@pytest.mark.parametrize(
    ("change", "at", "lines"),
    [
        (DEPLOY, progress(Phase.VERIFIED), ["web runs main-abc1234, verified."]),
        (
            DEPLOY,
            progress(Phase.VERIFIED, updated=0, desired=0),
            ["web is set to main-abc1234, and nothing runs it: it has 0 pods."],
        ),
        (RESTART, progress(Phase.VERIFIED), ["web was restarted, verified."]),
        (SCALE, progress(Phase.VERIFIED), ["web has 5 pods, verified."]),
        (DEPLOY, progress(Phase.WAITING), ["web was not touched; it runs main-9f00d12."]),
        (DEPLOY, progress(Phase.UNTOUCHED), ["web was not touched; it runs main-9f00d12."]),
        (DEPLOY, progress(Phase.CHANGING), ["web was not changed; it ran main-9f00d12 when this was planned."]),
        (
            DEPLOY,
            progress(Phase.ROLLING),
            [f"web was set to main-abc1234; when last seen, 1 of 3 pods were new, 0 of them ready. {OLD_KEPT}"],
        ),
        (
            DEPLOY,
            progress(Phase.FAILED, detail="BadImage"),
            [
                f"web was set to main-abc1234; when last seen, 1 of 3 pods were new, 0 of them ready (BadImage). {OLD_KEPT}",
                "To put it back: `rollback production main-9f00d12 web`.",
            ],
        ),
        (
            DEPLOY,
            progress(Phase.FAILED, updated=3, ready=3),
            [
                "web was set to main-abc1234; when last seen, 3 of 3 pods were new, 3 of them ready.",
                "To put it back: `rollback production main-9f00d12 web`.",
            ],
        ),
        (
            RESTART,
            progress(Phase.FAILED),
            [f"web was restarted; when last seen, 1 of 3 pods were new, 0 of them ready. {OLD_ONES_KEPT}"],
        ),
        (
            SCALE,
            progress(Phase.FAILED, updated=5, ready=3, desired=5, detail="Unschedulable"),
            [
                "web was set to 5 pods (there were 3); when last seen, 3 of them were ready (Unschedulable).",
                "To put it back: `scale production web 3`.",
            ],
        ),
    ],
)
def test_it_is_true_of_the_verb_and_the_moment(change: ServiceChange, at: Progress, lines: list[str]) -> None:
    assert [str(each) for each in describe_end_state(change, at)] == lines


def test_what_the_cluster_never_answered_is_not_claimed() -> None:
    (line,) = describe_end_state(DEPLOY, progress(Phase.CHANGING), certain=False)
    assert line == sentence("Whether web was changed is not known; ", CommandMention("status production web"), " shows it.")
