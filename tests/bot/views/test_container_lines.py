"""What a card says of a service's containers, and of a service without pods."""

from dataclasses import replace

import pytest

from domain.operations.operation import Phase
from domain.operations.plans import Verb
from domain.workloads.containers import ContainerImage
from tests.harness.families import render
from tests.harness.message_text import visible_text
from tests.harness.samples.operations import change, plan, progress, record, succeeded


@pytest.mark.parametrize("verb", [Verb.DEPLOY, Verb.ROLLBACK])
def test_the_containers_that_move_are_named_before_the_approval(verb: Verb) -> None:
    waiting = record(plan=plan(verb, replace(change(), containers=("migrate", "app", "worker"))))
    assert "containers migrate, app and worker" in visible_text(render(waiting))


def test_one_container_is_not_named() -> None:
    assert "container" not in visible_text(render(record(plan=plan(Verb.DEPLOY, replace(change(), containers=("app",))))))


def test_the_only_one_that_moves_is_named_where_another_stays() -> None:
    staying = (ContainerImage("migrate", "acme/tool:1"),)
    waiting = record(plan=plan(Verb.DEPLOY, replace(change(), containers=("app",), staying=staying)))
    assert "container app" in visible_text(render(waiting))


def test_a_service_without_pods_is_not_called_verified() -> None:
    one = change()
    idle = replace(
        succeeded(), plan=plan(Verb.DEPLOY, one), progress=(progress(one.target.service, Phase.VERIFIED, desired=0, seconds=1),)
    )
    text = visible_text(render(idle))
    assert "set, and nothing runs it: 0 pods" in text
    assert "0/0" not in text
