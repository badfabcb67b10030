"""Which of a Deployment's versions came by other hands than ours, and as what they are told."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.changes.external_changes import change_from_external, external_changes, merge_simultaneous
from domain.changes.own_changes import change_from_operation
from domain.changes.platform_changes import ChangeKind, PlatformChange
from domain.operations.operation import OperationRecord, Phase, Progress, State
from domain.operations.plans import Plan, ServiceChange, Verb, VersionState
from domain.workloads.deployments import Owner, Revision, Template, Workload, template_hash
from domain.workloads.field_managers import FieldManager, FieldManagers
from tests.harness.fakes.clock import NOW
from tests.harness.samples.team import ANA
from tests.harness.samples.workloads import REPOSITORY, revision, target, template, workload

SINCE = NOW - timedelta(hours=6)
NOBODY = FieldManagers()


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def came(
    found: Workload, hands: FieldManagers = NOBODY, *ours: OperationRecord, templates: list[Template] | None = None
) -> list[str]:
    return [f"{each.description} at {each.at:%H:%M}" for each in changes(found, hands, *ours, templates=templates)]


def changes(
    found: Workload, hands: FieldManagers = NOBODY, *ours: OperationRecord, templates: list[Template] | None = None
) -> list[PlatformChange]:
    kept = {template_hash(each): each for each in templates or []}
    return [change_from_external(each, kept) for each in external_changes(found, hands, ours, SINCE)]


def versions(*tags: str, minutes: tuple[float, ...]) -> list[Revision]:
    """Revisions 1, 2, 3 …, each so many minutes ago."""
    return [revision(n, tag, created_at=ago(minutes=m)) for n, (tag, m) in enumerate(zip(tags, minutes, strict=True), start=1)]


def record(
    verb: Verb, after: str, *, minutes: float, phase: Phase = Phase.VERIFIED, state: State | None = None
) -> OperationRecord:
    """An operation of ours on ``web`` that began so many minutes ago."""

    def side(tag: str) -> VersionState:
        image = f"{REPOSITORY}:{tag}"
        return VersionState(version=tag, image=image, template_hash=template_hash(template(image)), replicas=3)

    change = ServiceChange(target=target(), uid="u", paused=False, owner=Owner(), before=side("v1"), after=side(after))
    return OperationRecord(
        id="op-k7m2",
        source="k",
        verb=verb,
        plan=Plan(verb=verb, environment="production", changes=(change,)),
        requested_by=ANA.person,
        requested_at=ago(minutes=minutes + 3),
        channel="C1",
        state=state or State.SUCCEEDED,
        progress=(Progress(service="web", phase=phase, started_at=ago(minutes=minutes)),),
    )


def test_a_new_version_is_a_deploy_that_can_be_taken_back() -> None:
    (told,) = changes(workload(*versions("v1", "v2", minutes=(5000, 12))))

    assert (told.kind, told.description, told.services) == (ChangeKind.DEPLOY, "deploy v2", ("web",))
    assert (told.at, told.previous_versions, told.operation_id) == (ago(minutes=12), {"web": "v1"}, "")


def test_the_first_version_of_all_has_nothing_before_it() -> None:
    (told,) = changes(workload(*versions("v1", minutes=(12,))))

    assert (told.description, told.previous_versions) == ("deploy v1", {})


def test_an_image_that_ran_before_is_a_rollback() -> None:
    # Helm renders other annotations each time, so that the same image makes a new ReplicaSet.
    old, bad = versions("v1", "v2", minutes=(5000, 100))
    back = revision(3, "v1", created_at=ago(minutes=12), RELEASE="3")

    assert came(workload(old, bad, back)) == ["deploy v2 at 12:22", "rollback to v1 at 13:50"]


def test_kubectl_undo_is_dated_by_the_hand_that_did_it() -> None:
    first, bad = versions("v1", "v2", minutes=(5000, 100))
    undone = workload(replace(first, number=3), bad)
    hand = FieldManager("kubectl-rollout", ago(minutes=12))

    told = changes(undone, FieldManagers(image=hand))

    assert [(each.description, each.at, each.by_manager) for each in told] == [
        ("deploy v2", ago(minutes=100), ""),
        ("rollback to v1", ago(minutes=12), "kubectl-rollout"),
    ]
    assert told[0].previous_versions == {"web": "v1"}
    assert told[1].previous_versions == {"web": "v2"}


@pytest.mark.parametrize("hand", [None, FieldManager("deepecho", ago(minutes=12)), FieldManager("helm", ago(minutes=200))])
def test_an_undo_by_us_or_by_an_unknown_hand_is_not_told(hand: FieldManager | None) -> None:
    first, bad = versions("v1", "v2", minutes=(5000, 100))

    assert came(workload(replace(first, number=3), bad), FieldManagers(image=hand)) == ["deploy v2 at 12:22"]


def test_what_an_operation_made_is_that_operation() -> None:
    old, new = versions("v1", "v2", minutes=(5000, 12))
    ours = record(Verb.DEPLOY, "v2", minutes=12)

    assert came(workload(old, replace(new, operation_id=ours.id)), NOBODY, ours) == []


def test_a_scale_that_writes_its_name_onto_a_version_did_not_make_it() -> None:
    old, new = versions("v1", "v2", minutes=(5000, 12))
    scale = record(Verb.SCALE, "v2", minutes=5)

    assert came(workload(old, replace(new, operation_id=scale.id)), NOBODY, scale) == ["deploy v2 at 13:50"]


def test_a_version_by_others_inherits_the_name_of_our_last_operation_and_is_not_its() -> None:
    old, ours, theirs = versions("v1", "v2", "v3", minutes=(5000, 30, 12))
    deploy = record(Verb.DEPLOY, "v2", minutes=30)
    named = [replace(each, operation_id=deploy.id) for each in (ours, theirs)]

    assert came(workload(old, *named), NOBODY, deploy) == ["deploy v3 at 13:50"]


def test_a_restart_of_ours_is_not_told_twice_and_one_by_others_after_it_is() -> None:
    image = f"{REPOSITORY}:v1"
    old = revision(1, "v1", created_at=ago(minutes=5000))
    ours = replace(old, number=2, template_hash="b" * 16, created_at=ago(minutes=30), operation_id="op-k7m2")
    restarted = template(image) | {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "later"}}}
    theirs = replace(ours, number=3, template_hash=template_hash(restarted), created_at=ago(minutes=12))
    restart = record(Verb.RESTART, "v1", minutes=30)

    assert came(workload(old, ours), NOBODY, restart) == []
    assert came(workload(old, ours, theirs), NOBODY, restart) == ["another template of web at 13:50"]


def test_the_same_image_in_another_template_is_named_by_what_differs() -> None:
    image = f"{REPOSITORY}:v1"
    old = revision(1, "v1", created_at=ago(minutes=5000))
    new = revision(2, "v1", created_at=ago(minutes=12), CACHE_TTL="600")

    (told,) = changes(workload(old, new), templates=[template(image), template(image, CACHE_TTL="600")])

    assert (told.kind, told.description, told.previous_versions) == (ChangeKind.CONFIG, "env CACHE_TTL of web", {})


def test_kubectl_restart_is_a_restart() -> None:
    image = f"{REPOSITORY}:v1"
    before = template(image)
    after = before | {"metadata": {"labels": {"app": "web"}, "annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}
    old = revision(1, "v1", created_at=ago(minutes=5000))
    new = replace(old, number=2, template_hash=template_hash(after), created_at=ago(minutes=12))

    (told,) = changes(workload(old, new), templates=[before, after])

    assert (told.kind, told.description, told.previous_versions) == (ChangeKind.RESTART, "restart of web", {})


@pytest.mark.parametrize(
    ("cause", "hand", "name"),
    [
        ("helm upgrade web: image.tag=v2", None, "helm"),
        ("helm upgrade web: image.tag=v2", FieldManager("kubectl-set", ago(minutes=12)), "kubectl-set"),
        ("fixes the cache", None, ""),
        ("helm upgrade web: image.tag=v1", None, ""),
        ("", FieldManager("helm", ago(minutes=5000)), ""),
    ],
)
def test_who_did_it_is_said_where_it_is_known(cause: str, hand: FieldManager | None, name: str) -> None:
    old, new = versions("v1", "v2", minutes=(5000, 12))
    found = workload(replace(old, change_cause="helm upgrade web: image.tag=v1"), replace(new, change_cause=cause))

    (told,) = changes(found, FieldManagers(image=hand))

    assert told.by_manager == name


def test_one_upgrade_of_several_services_is_one_change() -> None:
    def deploy(service: str, minutes: float, by: str = "helm") -> PlatformChange:
        (told,) = changes(workload(*versions("v1", "v2", minutes=(5000, minutes)), service=service))
        return replace(told, by_manager=by)

    told = merge_simultaneous([deploy("api", 11), deploy("web", 12), deploy("docs", 5), deploy("proxy", 12, by="kubectl-set")])

    assert [(each.services, each.previous_versions, each.by_manager) for each in told] == [
        (("web", "api"), {"web": "v1", "api": "v1"}, "helm"),
        (("proxy",), {"proxy": "v1"}, "kubectl-set"),
        (("docs",), {"docs": "v1"}, "helm"),
    ]


@pytest.mark.parametrize(
    ("phase", "state", "ending"),
    [
        (Phase.VERIFIED, State.SUCCEEDED, ""),
        (Phase.CHANGING, State.RUNNING, ""),
        (Phase.FAILED, State.FAILED, "it failed"),
        (Phase.ROLLING, State.CANCELLED, "a person cancelled it"),
        (Phase.ROLLING, State.NEEDS_PERSON, "it stopped halfway"),
    ],
)
def test_an_operation_is_told_however_it_ended(phase: Phase, state: State, ending: str) -> None:
    told = change_from_operation(record(Verb.DEPLOY, "v2", minutes=12, phase=phase, state=state))

    assert told is not None
    assert (told.description, told.at, told.by, told.operation_id) == ("deploy v2", ago(minutes=12), ANA.person, "op-k7m2")
    assert (told.previous_versions, told.outcome, told.running) == ({"web": "v1"}, ending, state is State.RUNNING)


@pytest.mark.parametrize(
    ("phase", "state"),
    [(Phase.WAITING, State.WAITING), (Phase.UNTOUCHED, State.CANCELLED), (Phase.CHANGING, State.FAILED)],
)
def test_an_operation_that_changed_nothing_is_not_told(phase: Phase, state: State) -> None:
    assert change_from_operation(record(Verb.DEPLOY, "v2", minutes=12, phase=phase, state=state)) is None


def test_an_operation_that_does_not_know_that_it_changed_something_is_told_by_the_cluster() -> None:
    old, new = versions("v1", "v2", minutes=(5000, 12))
    lost = record(Verb.DEPLOY, "v2", minutes=12, phase=Phase.CHANGING, state=State.NEEDS_PERSON)

    (told,) = changes(workload(old, replace(new, operation_id=lost.id)), NOBODY, lost)

    assert (told.description, told.by, told.operation_id, told.previous_versions) == (
        "deploy v2",
        ANA.person,
        "op-k7m2",
        {"web": "v1"},
    )
