"""Silences that people make, end and look at."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from domain.alerts.alerts import GrafanaDetails
from domain.alerts.silences import SilenceState
from domain.answers.alerts import SilencesAnswer
from domain.answers.answers import ErrorAnswer, Form, TextAnswer
from domain.matchers import Matcher, Operator, format_matcher
from domain.people import Member
from domain.rich_text import CommandMention, sentence
from integrations.alertmanager.webhook import MAX_NAME_CHARACTERS
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.samples.alert_groups import ALL_GROUPS, PRODUCTION, STAGING
from tests.harness.samples.team import ALERTMANAGER, GUS, RAY, ROB, SAM, SHARED_ALERTMANAGER, STAN, VIV, alerting_catalogue

STAGED = "deep-echo-staging"
"""The namespace of staging."""


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[CommandHarness]:
    async with open_command_harness(tmp_path, alerting_catalogue()) as opened:
        await opened.save_groups(*ALL_GROUPS, replace(PRODUCTION, id="al-dogs", group_key="watchdog/prometheus"))
        (example, *_) = PRODUCTION.examples
        await opened.save_groups(
            replace(PRODUCTION, id="al-graf", examples=(replace(example, grafana=GrafanaDetails()),)),
            replace(PRODUCTION, id="al-long", labels={"environment": "production", "query": "x" * MAX_NAME_CHARACTERS}),
        )
        yield opened


@pytest.mark.parametrize(
    ("who", "span", "says"),
    [
        (RAY, "1h", "is silenced for 1 h until 23 Nov 15:02 UTC."),
        (RAY, "90m", "is silenced for 1 h 30 min until 23 Nov 15:32 UTC."),
        (RAY, "4h", "is silenced for 4 h until 23 Nov 18:02 UTC."),
        (SAM, "8h", "is silenced for 8 h until 23 Nov 22:02 UTC."),
        (SAM, "30d", "is silenced for 30 days until 23 Dec 14:02 UTC."),
    ],
)
async def test_a_silence_of_exactly_the_group(harness: CommandHarness, who: Member, span: str, says: str) -> None:
    answer = await harness.run_command(who, f"silence AL-PROD {span} the fix is on its way")
    assert answer == TextAnswer(sentence(f"al-prod {says} To end it: ", CommandMention("unsilence al-prod"), "."))
    (made,) = harness.alertmanagers[ALERTMANAGER].stored.values()
    assert [format_matcher(each) for each in made.matchers] == [
        'alertname="HighErrorRate"',
        'environment="production"',
        'service="deep-echo-main"',
    ]
    assert made.comment == f"the fix is on its way, by {who.name} [al-prod]"
    mark = (await harness.group("al-prod")).silence
    assert mark is not None
    assert (mark.id, mark.by, mark.until, mark.reason) == (made.id, who.person, made.ends_at, "the fix is on its way")


@pytest.mark.parametrize(
    ("who", "text", "why"),
    [
        (
            RAY,
            "silence al-prod 5h",
            "Silencing for longer than 4 h needs the role sre in production, which you do not hold. Up to 4 h you",
        ),
        (RAY, "silence al-prod 241m", "Silencing for longer than 4 h needs the role sre in production"),
        (ROB, "silence al-prod 1h", "This needs the role responder in production"),
        (ROB, "silence al-stag 8h", "Silencing for longer than 4 h needs the role sre in staging"),
        (VIV, "silence al-prod 1h", "You may not use `silence` in any environment."),
        (GUS, "silence al-prod 1h", "Guests can change and look up nothing here."),
        (STAN, "silence al-prod 1h", "People of other workspaces can change"),
        (VIV, "unsilence al-prod", "You may not use `unsilence` in any environment."),
        (GUS, "silences", "Guests can change and look up nothing here."),
        (ROB, "silences production", "This needs the role viewer in production"),
        (SAM, "silence al-prod 31d", "“31d” is too long."),
        (SAM, "silence al-nope 1h", "There is no alert group al-nope."),
        (SAM, "silence al-none 1h", "The catalogue names no Alertmanager of this alert."),
        (
            SAM,
            "silence al-dogs 1h",
            "deepecho itself raised al-dogs, so no Alertmanager can silence it. Acknowledge it: `ack",
        ),
        (SAM, "silence al-graf 1h", "Grafana itself raised al-graf, so no Alertmanager can silence it."),
        (SAM, "silence al-long 1h", "al-long has a group label too long to keep whole. Silence it in Alertmanager itself."),
        (SAM, "unsilence al-prod", "al-prod is not silenced from here."),
    ],
)
async def test_who_may_not_or_cannot_is_told_why(harness: CommandHarness, who: Member, text: str, why: str) -> None:
    answer = await harness.run_command(who, text)
    assert isinstance(answer, ErrorAnswer), answer
    assert str(answer.sentence).startswith(why)
    assert not any(each.stored for each in harness.alertmanagers.values())


async def test_a_resolved_group_can_be_silenced_and_that_is_said(harness: CommandHarness) -> None:
    answer = await harness.run_command(RAY, "silence al-over 1h")
    assert isinstance(answer, TextAnswer)
    assert "It is resolved at the moment; this holds if it fires again." in str(answer.text)


async def test_a_second_silence_is_refused_and_the_first_can_be_ended(harness: CommandHarness) -> None:
    await harness.run_command(RAY, "silence al-prod 1h")
    refused = await harness.run_command(SAM, "silence al-prod 4h")
    assert isinstance(refused, ErrorAnswer)
    assert str(refused.sentence).startswith("al-prod is silenced already, until 15:02 UTC")
    assert await harness.run_command(SAM, "unsilence al-prod") == TextAnswer("The silence of al-prod is over. It fires.")
    (made,) = harness.alertmanagers[ALERTMANAGER].stored.values()
    assert made.state is SilenceState.EXPIRED
    assert (await harness.group("al-prod")).silence is None


async def test_an_alertmanager_that_is_silent_changes_nothing(harness: CommandHarness) -> None:
    harness.alertmanagers[ALERTMANAGER].unreachable = True
    answer = await harness.run_command(RAY, "silence al-prod 1h")
    assert isinstance(answer, ErrorAnswer)
    assert "did not answer" in str(answer.sentence)
    assert (await harness.group("al-prod")).silence is None


async def found(harness: CommandHarness, who: Member, text: str = "silences") -> SilencesAnswer:
    answer = await harness.run_command(who, text)
    assert isinstance(answer, SilencesAnswer), answer
    return answer


async def by_hand(harness: CommandHarness, address: str, name: str, *, starts_at: datetime, hours: int) -> None:
    await harness.alertmanagers[address].create_silence(
        (Matcher("alertname", Operator.EQUAL, name),),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=hours),
        by="kim",
        comment="database upgrade",
    )


async def test_what_is_silenced_and_what_will_be(harness: CommandHarness) -> None:
    now = harness.clock.now()
    await by_hand(harness, ALERTMANAGER, "Later", starts_at=now + timedelta(hours=1), hours=1)
    await by_hand(harness, ALERTMANAGER, "Long", starts_at=now, hours=9)
    await by_hand(harness, ALERTMANAGER, "Over", starts_at=now - timedelta(hours=9), hours=1)
    await harness.run_command(RAY, "silence al-prod 1h")
    production, shared = sorted((await found(harness, VIV)).alertmanagers, key=lambda each: len(each.environments))
    assert (production.environments, shared.environments) == (("production",), ("development", "staging"))
    assert [(each.silence.matchers[0].value, each.group_id) for each in production.silences] == [
        ("HighErrorRate", "al-prod"),
        ("Long", ""),
        ("Later", ""),
    ]
    assert (shared.silences, shared.problem) == ((), "")


async def test_one_that_does_not_answer_does_not_sink_the_others(harness: CommandHarness) -> None:
    await harness.run_command(RAY, "silence al-prod 1h")
    harness.alertmanagers[SHARED_ALERTMANAGER].unreachable = True
    places = {each.environments: each for each in (await found(harness, VIV)).alertmanagers}
    assert places["development", "staging"].problem == "Alertmanager at alertmanager.example did not answer in time."
    assert len(places["production",].silences) == 1


async def test_only_what_one_may_see_is_asked(harness: CommandHarness) -> None:
    assert [each.environments for each in (await found(harness, ROB)).alertmanagers] == [("staging",)]
    assert [each.environments for each in (await found(harness, VIV, "silences prod")).alertmanagers] == [("production",)]


async def test_a_form_asks_for_how_long(harness: CommandHarness) -> None:
    answer = await harness.run_command(RAY, "silence al-prod")
    assert isinstance(answer, Form)
    assert [(each.id, each.value, each.required) for each in answer.fields] == [
        ("alert", "al-prod", True),
        ("for", "", True),
        ("reason", "", False),
        ("on-new", "", False),
        ("more-than", "", False),
    ]
    text = harness.registry.form_command_text("silence", {"alert": "al-prod", "for": "2h", "reason": "the fix is on its way"})
    assert isinstance(await harness.run_command(RAY, text), TextAnswer)


def in_force(harness: CommandHarness, address: str = ALERTMANAGER) -> list[str]:
    stored, now = harness.alertmanagers[address].stored.values(), harness.clock.now()
    return [each.id for each in stored if each.state is SilenceState.ACTIVE and each.ends_at > now]


async def test_an_answer_that_is_lost_is_said_and_saying_it_again_makes_no_second_silence(harness: CommandHarness) -> None:
    alertmanager = harness.alertmanagers[ALERTMANAGER]
    alertmanager.loses_responses = True
    answer = await harness.run_command(RAY, "silence al-prod 1h")
    assert isinstance(answer, ErrorAnswer)
    assert str(answer.sentence).endswith("it may or may not have been done.")
    assert str(answer.hint).startswith("`silences` shows what Alertmanager holds.")
    assert (await harness.group("al-prod")).silence is None
    alertmanager.loses_responses = False
    harness.clock.advance(timedelta(minutes=1))
    again = await harness.run_command(SAM, "silence al-prod 8h")
    assert isinstance(again, TextAnswer)
    assert str(again.text) == (
        "al-prod is silenced until 23 Nov 15:02 UTC: so an earlier attempt had made it, and it holds. "
        "To end it: `unsilence al-prod`."
    )
    assert len(alertmanager.stored) == 1
    mark = (await harness.group("al-prod")).silence
    assert mark is not None
    assert mark.id in alertmanager.stored


async def test_a_silence_whose_answer_was_lost_can_be_ended_from_here(harness: CommandHarness) -> None:
    harness.alertmanagers[ALERTMANAGER].loses_responses = True
    await harness.run_command(RAY, "silence al-prod 1h")
    harness.alertmanagers[ALERTMANAGER].loses_responses = False
    assert await harness.run_command(RAY, "unsilence al-prod") == TextAnswer("The silence of al-prod is over. It fires.")
    assert in_force(harness) == []
    assert [each.entry.outcome for each in await harness.audit()] == ["al-prod: ended silence-1"]
    refused = await harness.run_command(RAY, "unsilence al-prod")
    assert isinstance(refused, ErrorAnswer)
    assert str(refused.sentence).startswith("al-prod is not silenced from here.")


async def test_an_end_whose_answer_is_lost_is_said_and_can_be_said_again(harness: CommandHarness) -> None:
    await harness.run_command(RAY, "silence al-prod 1h")
    harness.alertmanagers[ALERTMANAGER].loses_responses = True
    answer = await harness.run_command(RAY, "unsilence al-prod")
    assert isinstance(answer, ErrorAnswer)
    assert "Saying it again is safe" in str(answer.hint)
    assert (await harness.group("al-prod")).silence is not None
    harness.alertmanagers[ALERTMANAGER].loses_responses = False
    assert isinstance(await harness.run_command(RAY, "unsilence al-prod"), TextAnswer)
    assert (await harness.group("al-prod")).silence is None
    assert (await harness.audit())[0].entry.outcome == "al-prod: silence-1 was over already"


async def test_one_that_ran_out_is_not_revived_by_ending_it(harness: CommandHarness) -> None:
    await harness.run_command(RAY, "silence al-prod 1h")
    harness.clock.advance(timedelta(hours=2))
    assert isinstance(await harness.run_command(RAY, "unsilence al-prod"), TextAnswer)
    assert in_force(harness) == []
    assert isinstance(await harness.run_command(RAY, "silence al-prod 2h"), TextAnswer)
    assert in_force(harness) == ["silence-2"]


async def test_what_a_responder_silences_never_reaches_further_than_four_hours(harness: CommandHarness) -> None:
    """Neither by adding to what holds, nor by what somebody else's words in Alertmanager look like."""
    for _ in range(3):
        await harness.run_command(RAY, "silence al-prod 4h")
        harness.clock.advance(timedelta(hours=1))
    (made,) = harness.alertmanagers[ALERTMANAGER].stored.values()
    assert made.ends_at - made.starts_at == timedelta(hours=4)
    await harness.run_command(RAY, "silence al-stag 4h in the manner of [al-prod]")
    assert len(in_force(harness)) == 1
    assert len(in_force(harness, SHARED_ALERTMANAGER)) == 1


async def test_somebody_else_may_end_it_and_the_thread_says_who(harness: CommandHarness) -> None:
    await harness.run_command(SAM, "silence al-prod 8h the database moves")
    assert isinstance(await harness.run_command(RAY, "unsilence al-prod"), TextAnswer)
    kept = [(each.entry.what, each.entry.who, each.entry.why) for each in await harness.audit()]
    assert kept == [("unsilence", RAY.person, ""), ("silence", SAM.person, "the database moves")]


async def test_who_was_denied_is_in_the_audit_log(harness: CommandHarness) -> None:
    await harness.run_command(RAY, "silence al-prod 5h quiet please")
    (entry,) = [each.entry for each in await harness.audit()]
    assert (entry.what, entry.who) == ("silence", RAY.person)
    assert entry.outcome.startswith("denied: Silencing for longer than 4 h needs the role sre in production")


async def test_a_silence_that_would_hold_elsewhere_needs_the_role_there(harness: CommandHarness) -> None:
    """Staging and development share an Alertmanager: what names neither would quieten both."""
    bare = {"alertname": "HighMemoryUsage"}
    await harness.save_groups(
        replace(STAGING, id="al-bare", labels=bare), replace(STAGING, id="al-name", labels=bare | {"namespace": STAGED})
    )
    denied = await harness.run_command(ROB, "silence al-bare 1h")
    assert isinstance(denied, ErrorAnswer)
    assert str(denied.sentence) == (
        "al-bare groups its alerts by nothing that names staging, so its silence would hold in development too. "
        "That needs the role responder in development, which you do not hold. Nothing was silenced."
    )
    assert in_force(harness, SHARED_ALERTMANAGER) == []
    assert isinstance(await harness.run_command(ROB, "silence al-name 1h"), TextAnswer)
    assert isinstance(await harness.run_command(RAY, "silence al-bare 1h"), TextAnswer)


async def test_a_group_whose_environment_is_gone_is_not_silenced(harness: CommandHarness) -> None:
    await harness.save_groups(replace(PRODUCTION, id="al-gone", environment="gone"))
    answer = await harness.run_command(SAM, "silence al-gone 1h")
    assert isinstance(answer, ErrorAnswer)
    assert str(answer.sentence).startswith("The catalogue names no Alertmanager of gone")
