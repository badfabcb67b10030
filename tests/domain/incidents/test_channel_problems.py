"""What an incident's card says about its channel."""

from dataclasses import replace

import pytest

from domain.incidents.channel import (
    MAX_NAMES,
    IncidentChannel,
    Step,
    StepKind,
    archived_by_hand,
    gone,
    name_taken,
    retried,
    step_done,
    step_failed,
    unarchived_by_hand,
)
from domain.incidents.channel_problems import problems
from domain.rich_text import Text, plain_text
from tests.domain.incidents.test_channel import ANA, CARD, KIM, LEE, NAME, NEW, WANTED, made, step_of
from tests.harness.fakes.clock import NOW


def told(channel: IncidentChannel) -> list[str]:
    return [plain_text(problem) for problem in problems(channel)]


def refused(channel: IncidentChannel, step: Step, why: Text) -> IncidentChannel:
    return step_failed(channel, step, why, permanent=True, at=NOW)


def test_a_channel_without_problems_says_nothing() -> None:
    assert told(IncidentChannel()) == told(made()) == []


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        (Step(kind=StepKind.CREATE, text=NAME), f"#{NAME} could not be created: not allowed. The incident goes on here."),
        (
            Step(kind=StepKind.UNARCHIVE),
            f"#{NAME} is archived and could not be brought back: not allowed. The incident goes on here.",
        ),
        (Step(kind=StepKind.PURPOSE, text="x"), f"The purpose of #{NAME} could not be set: not allowed."),
        (Step(kind=StepKind.TOPIC, text="x"), f"The topic of #{NAME} could not be set: not allowed."),
        (Step(kind=StepKind.INVITE, person=ANA), f"@U0ANA could not be invited to #{NAME}: not allowed."),
        (Step(kind=StepKind.PIN, text="1.2"), f"The card could not be pinned in #{NAME}: not allowed."),
        (Step(kind=StepKind.BOOKMARK, bookmark=CARD), f"#{NAME} has no bookmark for Card: not allowed."),
        (Step(kind=StepKind.ARCHIVE), f"#{NAME} could not be archived: not allowed."),
    ],
)
def test_each_step_that_could_not_be_done_is_said_with_its_reason(step: Step, sentence: str) -> None:
    assert told(refused(made(), step, "not allowed.")) == [sentence]
    assert told(step_done(refused(made(), step, "not allowed."), step)) == []


def test_people_with_the_same_reason_share_a_sentence() -> None:
    channel = made()
    for person, why in ((ANA, "no such account"), (LEE, "guests stay out"), (KIM, "no such account")):
        channel = refused(channel, Step(kind=StepKind.INVITE, person=person), why)
    assert told(channel) == [
        f"@U0ANA, @U0KIM could not be invited to #{NAME}: no such account.",
        f"@U0LEE could not be invited to #{NAME}: guests stay out.",
    ]


def test_the_same_step_is_said_once_however_often_it_fails() -> None:
    channel = made()
    for topic in ("P0", "P1", "P2"):
        channel = refused(channel, Step(kind=StepKind.TOPIC, text=topic), "no")
    assert told(channel) == [f"The topic of #{NAME} could not be set: no."]


def test_a_failure_that_may_pass_is_said_when_it_stays() -> None:
    channel = step_done(IncidentChannel(), step_of(IncidentChannel()))
    create = step_of(channel)
    for expected in ([], [], [f"#{NAME} could not be created: Slack does not answer. deepecho keeps trying."]):
        channel = step_failed(channel, create, "Slack does not answer.", permanent=False, at=NOW)
        assert told(channel) == expected
    assert told(step_done(channel, create, NEW)) == []


def test_a_channel_that_people_take_away_is_said_and_forgotten_when_it_is_back() -> None:
    channel = archived_by_hand(step_done(archived_by_hand(made()), Step(kind=StepKind.UNARCHIVE)))
    assert told(channel) == [f"#{NAME} was archived again by hand. The incident goes on here."]
    assert told(unarchived_by_hand(channel)) == []
    assert told(gone(made())) == [f"#{NAME} was deleted, or deepecho was removed from it. The incident goes on here."]
    assert told(retried(gone(made()))) == []
    assert told(step_done(made(), Step(kind=StepKind.ARCHIVE))) == []


def test_a_minute_whose_names_are_all_taken_is_said() -> None:
    channel = IncidentChannel()
    for _ in range(MAX_NAMES):
        channel = name_taken(step_done(channel, step_of(channel)), WANTED, NOW)
    assert told(channel) == [f"#{NAME}-21 could not be created: 20 names are taken. The incident goes on here."]
    assert told(replace(channel, failures=())) == []
