from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import Refused
from domain.operations.plan_warnings import change_warnings, config_warnings, ran_until, refuse_impossible_change
from domain.operations.plans import Verb
from domain.workloads.deployments import Autoscaler, ConfigChange, Owner, OwnerKind
from tests.harness.fakes.clock import NOW
from tests.harness.samples.workloads import revision, workload

RUNS = revision(1, "main-abc1234")
EVERY = list(Verb)


@pytest.mark.parametrize("verb", EVERY)
@pytest.mark.parametrize(
    ("kind", "tool"), [(OwnerKind.ARGO_CD, "`argocd app"), (OwnerKind.FLUX, "`flux suspend kustomization web`")]
)
def test_what_would_be_put_back_is_refused_with_that_tools_own_way(verb: Verb, kind: OwnerKind, tool: str) -> None:
    with pytest.raises(Refused) as refused:
        refuse_impossible_change(workload(RUNS, owner=Owner(kind, "web", reverts=True)), verb)
    told = str(refused.value)
    assert "puts every change back within seconds. Nothing was changed." in told
    assert tool in told or "argocd app sync web" in told


def test_the_ways_of_each_tool() -> None:
    def told(kind: OwnerKind, verb: Verb) -> str:
        with pytest.raises(Refused) as refused:
            refuse_impossible_change(workload(RUNS, owner=Owner(kind, "web", reverts=True)), verb)
        return str(refused.value)

    assert "`argocd app rollback web <id>`" in told(OwnerKind.ARGO_CD, Verb.ROLLBACK)
    assert "`git revert` the commit, then `flux reconcile kustomization web" in told(OwnerKind.FLUX, Verb.ROLLBACK)


@pytest.mark.parametrize("verb", [Verb.DEPLOY, Verb.ROLLBACK, Verb.RESTART])
def test_a_paused_rollout_is_refused_with_the_way_to_resume_it(verb: Verb) -> None:
    with pytest.raises(Refused, match="`kubectl --namespace ns-production rollout resume deployment/web`"):
        refuse_impossible_change(workload(RUNS, paused=True), verb)


@pytest.mark.parametrize("verb", EVERY)
@pytest.mark.parametrize(
    "owner", [Owner(), Owner(OwnerKind.HELM, "web"), Owner(OwnerKind.ARGO_CD, "web"), Owner(OwnerKind.FLUX, "web")]
)
def test_whoever_does_not_put_things_back_does_not_stand_in_the_way(verb: Verb, owner: Owner) -> None:
    refuse_impossible_change(workload(RUNS, owner=owner), verb)


@pytest.mark.parametrize(
    ("owner", "says"),
    [
        (Owner(OwnerKind.HELM, "shop"), "web, api belong to Helm: the next helm upgrade of release shop overwrites this."),
        (Owner(OwnerKind.ARGO_CD, "shop"), "web, api belong to Argo CD (shop): the next sync overwrites this."),
        (Owner(OwnerKind.FLUX, "shop"), "web, api belong to Flux (shop): the next sync overwrites this."),
    ],
)
@pytest.mark.parametrize("verb", [Verb.DEPLOY, Verb.ROLLBACK, Verb.SCALE])
def test_an_owner_is_named_once(owner: Owner, says: str, verb: Verb) -> None:
    assert change_warnings([workload(RUNS, owner=owner), workload(RUNS, owner=owner, service="api")], verb) == (says,)


def test_a_restart_changes_nothing_that_an_owner_would_overwrite() -> None:
    service = workload(RUNS, owner=Owner(OwnerKind.HELM, "shop"), autoscaler=Autoscaler("web", 3, 20))
    assert change_warnings([service], Verb.RESTART) == ()


def test_autoscalers_are_told() -> None:
    service = workload(RUNS, autoscaler=Autoscaler("web", 3, 20))
    assert change_warnings([service], Verb.ROLLBACK) == ("web is autoscaled 3 to 20; its number of pods is left alone.",)
    assert "may soon change the number again" in change_warnings([service], Verb.SCALE)[0]


def test_a_config_that_changed_is_told_once() -> None:
    changed = ConfigChange(kind="ConfigMap", name="web-config", changed_at=datetime(2026, 11, 22, 16, 34, tzinfo=UTC))
    assert config_warnings({"main-abc1234": [changed, changed]}) == (
        "ConfigMap web-config changed after main-abc1234 ran (22 Nov 16:34 UTC); a rollback does not restore it.",
    )


def test_a_version_ran_until_the_next_one_was_made() -> None:
    old, new = revision(4, "main-abc1234"), revision(5, "main-9f00d12", created_at=NOW)
    assert ran_until(old, workload(old, new)) == NOW


def test_a_revision_that_was_taken_up_again_does_not_end_a_version_before_it_began() -> None:
    old = revision(6, "main-abc1234", created_at=NOW)
    again = revision(7, "main-9f00d12", created_at=NOW - timedelta(days=9))
    assert ran_until(old, workload(old, again)) == NOW
