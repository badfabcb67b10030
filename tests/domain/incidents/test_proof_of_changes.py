"""Whether the changes of an incident still stand, in the words that people read."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.incidents.incident import LinkedOperation
from domain.incidents.proof import Finding
from domain.incidents.proof_of_changes import (
    StandingChange,
    cannot_see,
    changes_part,
    judge_change,
    standing_changes,
    unfinished_operations,
)
from domain.operations.operation import OperationRecord, Phase, State
from domain.operations.plans import Plan, Verb, VersionState
from domain.rich_text import plain_text
from domain.workloads.deployments import Autoscaler, Workload
from domain.workloads.pod_counts import PodCounts, PodGroup, pod_counts
from tests.harness.samples.incidents import incident
from tests.harness.samples.operations import NOW, change, progress, record
from tests.harness.samples.workloads import revision, workload

OLD, NEW = revision(1, "main-9f00d12"), revision(2, "main-abc1234")
LATER = revision(3, "main-abc1234", CACHE_TTL="60")
RESTARTED = revision(3, "main-abc1234", restarted_at="2026-11-23T14:10:00Z")
OTHER = revision(3, "main-bad5eed")
AT = NOW + timedelta(hours=1)
STANDS = "web: 3 pods run main-abc1234, as rollback `op-k7m2` left it."


def state(of: Any = NEW, replicas: int = 3) -> VersionState:
    version = of.image.rpartition(":")[2]
    return VersionState(version=version, image=of.image, template_hash=of.template_hash, replicas=replicas)


def operation(verb: Verb = Verb.ROLLBACK, *, before: int = 3, after: int = 3, **more: Any) -> OperationRecord:
    """An operation that set main-abc1234, or as many pods of it, with success."""
    runs = {Verb.ROLLBACK: OLD, Verb.DEPLOY: OLD}.get(verb, NEW)
    made = replace(
        change("web"), target=workload(NEW).target, uid="uid-of-web", before=state(runs, before), after=state(NEW, after)
    )
    plan = Plan(verb=verb, environment="production", changes=(made,))
    defaults: dict[str, Any] = {"verb": verb, "plan": plan, "progress": (progress("web", Phase.VERIFIED, ready=3, seconds=9),)}
    return record(State.SUCCEEDED, **defaults | {"ended_at": NOW} | more)


def standing(verb: Verb = Verb.ROLLBACK, **more: Any) -> StandingChange:
    (found,) = standing_changes([operation(verb, **more)])
    return found


def pods(ready: int = 3, total: int = 3, *, earlier: int = 0, image: str = NEW.image) -> PodCounts:
    before = [PodGroup(image=OLD.image, is_current=False, total=earlier, ready=earlier)] if earlier else []
    return pod_counts([PodGroup(image=image, is_current=True, total=total, ready=ready), *before])


def present(*revisions: Any, **more: Any) -> Workload:
    return workload(*revisions or (OLD, NEW), **more)


@pytest.mark.parametrize(
    ("now", "counted", "finding", "said"),
    [
        (present(), pods(), Finding.SHOWN, STANDS),
        (present(OLD, NEW, RESTARTED), pods(), Finding.SHOWN, f"{STANDS} It was restarted since, or an admission webhook"),
        (replace(present(OLD, LATER), template_set_by="op-k7m2"), pods(), Finding.SHOWN, f"{STANDS} It was restarted since"),
        (
            present(OLD, NEW, OTHER),
            pods(image=OTHER.image),
            Finding.REFUTED,
            "After rollback `op-k7m2`: web now asks for main-bad5eed, not for main-abc1234: somebody else changed it; it",
        ),
        (
            replace(present(OLD, NEW, OTHER), template_set_by="op-h3c9"),
            pods(image=OTHER.image),
            Finding.REFUTED,
            "web now asks for main-bad5eed, not for main-abc1234 (`op-h3c9`); it has",
        ),
        (
            present(OLD, NEW, LATER),
            pods(),
            Finding.REFUTED,
            "web still asks for main-abc1234, but its template was changed since: somebody else changed it.",
        ),
        (present(), pods(2), Finding.REFUTED, "only 2 of 3 pods of web are ready; it has 3 pods of main-abc1234 (2 ready)."),
        (present(), pods(1), Finding.REFUTED, "only 1 of 3 pods of web is ready"),
        (present(), pods(0, 0), Finding.REFUTED, "only 0 of 3 pods of web are ready"),
        (present(replicas=4), pods(), Finding.REFUTED, "only 3 of 4 pods of web are ready"),
        (present(), pods(earlier=1), Finding.REFUTED, "1 pod of web still runs what was before; it has 3 pods"),
        (present(replicas=0), pods(0, 0), Finding.REFUTED, "web is set to 0 pods, and nothing runs it"),
        (replace(present(), uid="another"), pods(), Finding.REFUTED, "was deleted and made anew in the meantime."),
    ],
)
def test_what_runs_is_compared_with_what_the_operation_left(
    now: Workload, counted: PodCounts, finding: Finding, said: str
) -> None:
    evidence = judge_change(standing(), now, counted, AT).evidence
    assert evidence.finding is finding
    assert said in plain_text(evidence.detail)


def test_pods_that_are_not_ready_may_be_so_soon_and_another_version_may_not() -> None:
    assert judge_change(standing(), present(), pods(2), AT).evidence.may_pass
    assert not judge_change(standing(), present(OLD, NEW, OTHER), pods(image=OTHER.image), AT).evidence.may_pass


@pytest.mark.parametrize(
    ("verb", "more", "now", "finding", "said"),
    [
        (
            Verb.SCALE,
            {"after": 5},
            present(replicas=5),
            Finding.SHOWN,
            "web: 5 pods run main-abc1234, as scale `op-k7m2` left it.",
        ),
        (
            Verb.SCALE,
            {"after": 5},
            present(replicas=2),
            Finding.REFUTED,
            "web is set to 2 pods, not to 5: somebody else changed it since.",
        ),
        (
            Verb.SCALE,
            {"after": 5},
            present(replicas=8, autoscaler=Autoscaler("hpa", 3, 20)),
            Finding.SHOWN,
            "web: 8 pods run main-abc1234",
        ),
        (Verb.SCALE, {"after": 0}, present(replicas=0), Finding.SHOWN, "web: 0 pods run main-abc1234"),
        (
            Verb.SCALE,
            {"after": 5, "duration": timedelta(hours=3)},
            present(replicas=5),
            Finding.SHOWN,
            "It goes back to 3 pods at about 2026-11-23 17:05 UTC.",
        ),
        (
            Verb.SCALE,
            {"after": 5, "duration": timedelta(minutes=20)},
            present(replicas=3),
            Finding.SHOWN,
            "web: 3 pods run main-abc1234",
        ),
        (
            Verb.SCALE,
            {"after": 5},
            present(OLD, NEW, OTHER, replicas=5),
            Finding.REFUTED,
            "After scale `op-k7m2`: web now asks for main-bad5eed",
        ),
        (
            Verb.RESTART,
            {},
            replace(present(OLD, NEW, RESTARTED), template_set_by="op-k7m2"),
            Finding.SHOWN,
            "web: 3 pods run main-abc1234, as restart `op-k7m2` left it.",
        ),
        (Verb.RESTART, {}, present(OLD, NEW, OTHER), Finding.REFUTED, "After restart `op-k7m2`: web now asks for main-bad5eed"),
        (Verb.DEPLOY, {}, present(), Finding.SHOWN, "as deploy `op-k7m2` left it."),
    ],
)
def test_each_verb_leaves_something_else(verb: Verb, more: dict[str, Any], now: Workload, finding: Finding, said: str) -> None:
    evidence = judge_change(standing(verb, **more), now, pods(now.replicas, now.replicas), AT).evidence
    assert evidence.finding is finding
    assert said in plain_text(evidence.detail)


def test_the_last_success_for_each_service_counts() -> None:
    first = operation(id="op-1", ended_at=NOW)
    last = operation(Verb.SCALE, id="op-3", ended_at=NOW + timedelta(minutes=9))
    failed = replace(operation(id="op-4", ended_at=NOW + timedelta(minutes=12)), state=State.FAILED)
    (found,) = standing_changes([last, failed, first])
    assert found.operation.id == "op-3"


def brief(*services: Any) -> str:
    part = changes_part(services, [])
    return plain_text(" | ".join(plain_text(each.brief) for each in part.evidence))


def test_the_headline_counts_the_pods_of_all_services() -> None:
    good = judge_change(standing(), present(), pods(), AT)
    six = judge_change(standing(), present(replicas=6), pods(6, 6), AT)
    one = judge_change(standing(), present(replicas=1), pods(1, 1), AT)
    other = replace(good, version="1.2-echo3")
    unseen = cannot_see(standing(), "The cluster is away.", may_pass=True)
    assert brief(good, six) == "all 9 pods run main-abc1234 | "
    assert brief(one) == "the pod runs main-abc1234"
    assert brief(good, other) == "all 3 pods run main-abc1234, all 3 pods run 1.2-echo3 | "
    assert brief(unseen, good) == "what web runs | 3 pods run main-abc1234"


def test_an_operation_that_has_not_ended_may_change_what_stands() -> None:
    waits = LinkedOperation(operation_id="op-9", title="rollback web", state="waits for an approval")
    ended = LinkedOperation(operation_id="op-8", title="deploy web", state="done", ended=True)
    (evidence,) = unfinished_operations(incident(operations=(waits, ended)))
    assert (evidence.finding, evidence.may_pass) == (Finding.UNKNOWN, True)
    assert plain_text(evidence.detail) == "rollback web (`op-9`) has not ended: waits for an approval."
