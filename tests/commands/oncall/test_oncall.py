"""The commands of on-call: what people type, what they read, and what is so afterwards."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.answers.answers import ErrorAnswer, TextAnswer
from domain.answers.oncall import OnCallAnswer, OverrideAnswer, WeekAnswer
from domain.facts import Answer
from domain.oncall.calendar import CalendarLinks
from domain.people import Member
from domain.rich_text import plain_text
from storage.tables.core import outbox
from tests.commands.oncall.conftest import ZONES
from tests.harness.commands import CommandHarness
from tests.harness.families import FACT_KINDS, render_text
from tests.harness.oncall import ACCOUNTS, CHANNEL
from tests.harness.samples.team import GUS

HANDOFF = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)


def person(name: str) -> Member:
    return replace(ACCOUNTS[name], time_zone=ZONES[name])


async def read(harness: CommandHarness, name: str, text: str) -> str:
    """What this person reads after typing it."""
    return shown(await harness.run_command(person(name), text))


def shown(answer: Answer) -> str:
    return render_text(answer)


async def primary(harness: CommandHarness, at: datetime | None = None) -> str:
    at = at or harness.clock.now()
    answer = await harness.run_command(person("viv"), f"oncall platform --at {at:%Y-%m-%dT%H:%MZ}")
    assert isinstance(answer, OnCallAnswer), answer
    return ", ".join(each.name for each in answer.teams[0].layers[0].people)


async def messages(harness: CommandHarness) -> dict[str, str]:
    """What each receiver was told last, by name."""
    async with harness.services.store.engines.read.connect() as connection:
        rows = (await connection.execute(outbox.select().order_by(outbox.c.id))).mappings().all()
    names = {member.person.user_id: name for name, member in ACCOUNTS.items()}
    facts = [(row["channel"], FACT_KINDS.load(row["kind"], row["version"], row["fact"])) for row in rows]
    return {names.get(channel, channel): shown(fact) for channel, fact in facts}


async def settle(harness: CommandHarness) -> None:
    """Let the team be looked at once, so that what follows are changes."""
    await harness.run_command(person("sam"), "oncall override sam --from 2027-01-04T09:00Z --to 2027-01-04T10:00Z")


class TestOncall:
    async def test_it_says_who_until_when_and_who_is_next(self, harness: CommandHarness) -> None:
        text = await read(harness, "viv", "oncall")
        assert "primary: @U0RESPONDER until 2026-11-30 08:00 UTC, then @U0DEPLOYER" in text
        assert "secondary: @U0APPROVER until 2026-11-30 11:00 UTC, then @U0RESPONDER" in text

    async def test_a_time_is_an_instant_on_the_writers_clock(self, harness: CommandHarness) -> None:
        answers = [await harness.run_command(person(name), "oncall platform --at Mon 9:30") for name in ("ana", "ray")]
        assert all(isinstance(each, OnCallAnswer) for each in answers)
        ana, ray = answers
        assert isinstance(ana, OnCallAnswer)
        assert isinstance(ray, OnCallAnswer)
        # 09:30 in Berlin is after the handoff of 09:00; 09:30 on Lord Howe is half a day before it.
        assert [each.teams[0].layers[0].people[0].name for each in (ana, ray)] == ["ana", "ray"]
        assert (ana.at, ray.at) == (datetime(2026, 11, 30, 8, 30, tzinfo=UTC), datetime(2026, 11, 29, 22, 30, tzinfo=UTC))

    async def test_an_unknown_team_is_answered_with_the_nearest(self, harness: CommandHarness) -> None:
        text = await read(harness, "viv", "oncall platfrom")
        assert "There is no team called “platfrom”." in text
        assert "platform" in text

    async def test_guests_are_told_nothing(self, harness: CommandHarness) -> None:
        assert "Guests can change and look up nothing here" in shown(await harness.run_command(GUS, "oncall"))

    async def test_who_may_take_the_pager_is_offered_it(self, harness: CommandHarness) -> None:
        offered = {}
        for name in ("ana", "ray", "sam"):
            answer = await harness.run_command(person(name), "oncall")
            assert isinstance(answer, OnCallAnswer)
            offered[name] = answer.can_take
        assert offered == {"ana": "platform", "ray": "", "sam": ""}

    async def test_the_week_lists_shifts_with_overrides_and_has_no_gap(self, harness: CommandHarness) -> None:
        await harness.run_command(person("ana"), "oncall override ana --from Wed 10:00 --to Wed 12:00")
        answer = await harness.run_command(person("viv"), "oncall week")
        assert isinstance(answer, WeekAnswer)
        people = [(each.people[0].name, each.is_override) for each in answer.layers["primary"]]
        assert people == [("lee", False), ("ray", False), ("ana", True), ("ray", False)]
        assert answer.gaps == ()


class TestOverride:
    async def test_times_are_read_on_the_writers_clock_and_said_back_on_everybodys(self, harness: CommandHarness) -> None:
        text = await read(harness, "lee", "oncall override lee --from tomorrow 18:00 --to tomorrow 20:00")
        assert "@U0APPROVER is on call for platform (primary) instead of @U0RESPONDER." in text
        assert (
            "From Wed 25 Nov 00:00 UTC · Tue 18:00 America/Chicago (yours, lee's) · 01:00 Europe/Berlin (rota)"
            " · 11:00 Australia/Lord_Howe (ray's)" in text
        )
        assert await primary(harness, datetime(2026, 11, 25, 0, 30, tzinfo=UTC)) == "lee"
        assert await primary(harness, datetime(2026, 11, 25, 2, 0, tzinfo=UTC)) == "ray"

    async def test_without_an_end_it_lasts_until_the_next_handoff(self, harness: CommandHarness) -> None:
        await harness.run_command(person("lee"), "oncall override <@U0SRE|sam> --from Tue 9:00")
        assert await primary(harness, HANDOFF - timedelta(minutes=1)) == "sam"
        assert await primary(harness, HANDOFF) == "ana"

    async def test_one_that_replaces_somebody_who_is_not_on_call_is_refused_and_changes_nothing(
        self, harness: CommandHarness
    ) -> None:
        text = await read(harness, "ana", "oncall override sam --instead-of lee --from Tue 9:00 --to Wed 9:00")
        assert "In that time lee is never on call for platform (primary), so that would change nothing." in text
        assert await primary(harness, datetime(2026, 11, 24, 12, tzinfo=UTC)) == "ray"

    async def test_one_by_who_is_on_call_anyway_is_refused(self, harness: CommandHarness) -> None:
        text = await read(harness, "ana", "oncall override ray --from Tue 9:00 --to Wed 9:00")
        assert "nobody but ray is on call" in text

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("oncall override zoe", "There is no person called “zoe”"),
            ("oncall override <@U0NEW|new>", "is not among the people of the catalogue"),
            ("oncall override sam --from 18:00 --to 6pm", "“6pm” is not a time that can be read"),
            ("oncall override sam --from tomorrow 18:00 --to tomorrow 9:00", "It would end before it begins"),
            ("oncall override sam --from 2026-11-01 9:00 --to 2026-11-02 9:00", "That time is over"),
            ("oncall override sam --team network", "There is no team called “network”"),
            ("oncall override sam --layer third", "There is no layer called “third”"),
            ("oncall override sam --form 18:00", "Did you mean --from"),
        ],
    )
    async def test_what_cannot_be_is_refused_in_words(self, harness: CommandHarness, text: str, says: str) -> None:
        assert says in await read(harness, "ana", text)
        assert await messages(harness) == {}

    async def test_it_is_for_the_rotation_the_lead_and_an_sre_and_a_refusal_is_audited(self, harness: CommandHarness) -> None:
        assert "You may not use oncall override" in await read(harness, "viv", "oncall override sam")
        assert (await harness.audit())[0].entry.outcome.startswith("denied")
        assert isinstance(await harness.run_command(person("sam"), "oncall override sam --to Wed 9:00"), OverrideAnswer)
        entry = (await harness.audit())[0].entry
        assert (entry.what, entry.where) == ("oncall-override", "platform")
        assert re.match(r"oc-\w+: primary, 2026-11-23 14:02 to 2026-11-25 08:00 UTC sam instead of ray", entry.outcome)

    async def test_without_a_person_a_form_asks(self, harness: CommandHarness) -> None:
        form = harness.form("oncall override --from Tue 9:00")
        assert form is not None
        fields = {field.id: field for field in form.fields}
        assert (fields["from"].value, fields["from"].label, fields["who"].required) == ("Tue 9:00", "From", True)
        loaded = await harness.registry.load_options(harness.request(person("ana")), form)
        assert [option.value for option in loaded.fields[0].options] == ["ana", "lee", "ray", "sam", "viv"]

    async def test_it_is_taken_back_in_one_tap_by_those_whom_it_concerns(self, harness: CommandHarness) -> None:
        made = await harness.run_command(person("ana"), "oncall override sam --instead-of ray --to Wed 9:00")
        assert isinstance(made, OverrideAnswer)
        assert "is for those two to take back" in await read(harness, "viv", f"oncall undo {made.undo}")
        assert await primary(harness) == "sam"
        assert "is taken back" in await read(harness, "ray", f"oncall undo {made.undo}")
        assert await primary(harness) == "ray"
        assert "There is no override" in await read(harness, "ray", f"oncall undo {made.undo}")

    async def test_what_has_passed_of_one_stays_true_after_it_is_taken_back(self, harness: CommandHarness) -> None:
        made = await harness.run_command(person("ana"), "oncall override sam --to Wed 9:00")
        assert isinstance(made, OverrideAnswer)
        began = harness.clock.now() + timedelta(minutes=1)
        harness.clock.advance(timedelta(hours=2))
        await harness.run_command(person("sam"), f"oncall undo {made.undo}")
        assert [await primary(harness, began), await primary(harness)] == ["sam", "ray"]


class TestTake:
    async def test_it_needs_no_consent_lasts_until_the_handoff_and_both_are_told(self, harness: CommandHarness) -> None:
        await settle(harness)
        text = await read(harness, "ana", "oncall take platform --reason ray is at the dentist")
        assert "@U0DEPLOYER is on call for platform (primary) instead of @U0RESPONDER." in text
        told = await messages(harness)
        assert "You are on call for platform (primary) until 2026-12-07 08:00 UTC. Before you: @U0RESPONDER." in told["ana"]
        assert "You are no longer on call for platform (primary). @U0DEPLOYER is now." in told["ray"]
        assert "Why: @U0DEPLOYER took the pager: ray is at the dentist." in told["ray"]
        assert "/deepecho oncall undo oc-" in told["ray"]
        assert told[CHANNEL].startswith("📟 ana is on call for platform (primary)")
        assert await primary(harness, HANDOFF - timedelta(minutes=1)) == "ana"

    async def test_who_lost_it_takes_it_back_in_one_tap_and_both_are_told(self, harness: CommandHarness) -> None:
        await settle(harness)
        taken = await harness.run_command(person("ana"), "oncall take")
        assert isinstance(taken, OverrideAnswer)
        harness.clock.advance(timedelta(minutes=10))
        await harness.run_command(person("ray"), f"oncall undo {taken.undo}")
        assert await primary(harness) == "ray"
        told = await messages(harness)
        assert "You are on call for platform (primary)" in told["ray"]
        assert "You are no longer on call for platform (primary). @U0RESPONDER is now." in told["ana"]

    async def test_somebody_outside_the_rotation_cannot(self, harness: CommandHarness) -> None:
        assert "You are in no rotation of platform" in await read(harness, "sam", "oncall take platform")
        assert await primary(harness) == "ray"

    async def test_who_has_it_already_is_told_so(self, harness: CommandHarness) -> None:
        assert "You have the pager of platform (primary) already" in await read(harness, "ray", "oncall take")

    async def test_two_who_take_it_at_once_have_it_one_after_the_other(self, harness: CommandHarness) -> None:
        await harness.run_command(person("ana"), "oncall take")
        harness.clock.advance(timedelta(seconds=1))
        await harness.run_command(person("lee"), "oncall take")
        harness.clock.advance(timedelta(minutes=1))
        assert await primary(harness) == "lee"

    async def test_the_lead_may_too_and_a_layer_can_be_named(self, harness: CommandHarness) -> None:
        assert isinstance(await harness.run_command(person("ana"), "oncall take --layer secondary"), OverrideAnswer)
        answer = await harness.run_command(person("viv"), "oncall")
        assert isinstance(answer, OnCallAnswer)
        assert [layer.people[0].name for layer in answer.teams[0].layers] == ["ray", "ana"]


class TestCover:
    async def test_the_first_who_says_yes_has_the_shift_and_both_are_told(self, harness: CommandHarness) -> None:
        await settle(harness)
        asked = await read(harness, "ray", "oncall cover --from tomorrow 9:00 --to tomorrow 12:00 --reason school play")
        name = re.findall(r"oc-\w+", asked)[0]
        # Nine on Tuesday's morrow where Ray lives is late on Tuesday in UTC.
        assert await primary(harness, datetime(2026, 11, 24, 23, 0, tzinfo=UTC)) == "ray"
        assert "@U0RESPONDER asks to be relieved" in (await messages(harness))[CHANNEL]
        assert "You relieve @U0RESPONDER in platform (primary)." in await read(harness, "ana", f"oncall accept {name}")
        assert "ana accepted" in await read(harness, "lee", f"oncall accept {name}")
        assert await primary(harness, datetime(2026, 11, 24, 23, 0, tzinfo=UTC)) == "ana"
        told = await messages(harness)
        assert f"Why: @U0DEPLOYER accepted the request for cover {name}." in told["ray"]
        assert "✅ Accepted by @U0DEPLOYER" in told[CHANNEL]

    async def test_without_times_it_is_the_shift_that_runs_or_comes_next(self, harness: CommandHarness) -> None:
        name = re.findall(r"oc-\w+", await read(harness, "ana", "oncall cover --layer primary"))[0]
        await harness.run_command(person("lee"), f"oncall accept {name}")
        assert [await primary(harness, HANDOFF + timedelta(days=day)) for day in (0, 6, 7)] == ["lee", "lee", "lee"]
        assert await primary(harness, HANDOFF + timedelta(days=14)) == "ray"

    async def test_who_is_not_on_call_then_cannot_ask(self, harness: CommandHarness) -> None:
        text = await read(harness, "ana", "oncall cover --layer primary --from Tue 9:00 --to Tue 12:00")
        assert "In that time ana is never on call for platform (primary), so that would change nothing." in text
        assert await messages(harness) == {}

    async def test_one_does_not_accept_ones_own_and_strangers_to_the_rotation_do_not_either(
        self, harness: CommandHarness
    ) -> None:
        name = re.findall(r"oc-\w+", await read(harness, "ray", "oncall cover"))[0]
        assert "You asked for it yourself" in await read(harness, "ray", f"oncall accept {name}")
        assert f"{name} is for the rotation of platform" in await read(harness, "sam", f"oncall accept {name}")
        assert "is ray's: only they can withdraw it" in await read(harness, "ana", f"oncall withdraw {name}")
        assert "is withdrawn. You are on call as planned." in await read(harness, "ray", f"oncall withdraw {name}")
        assert f"{name} is withdrawn" in await read(harness, "ana", f"oncall accept {name}")
        assert await primary(harness) == "ray"


class TestSwap:
    async def test_both_shifts_change_hands_when_the_other_says_yes(self, harness: CommandHarness) -> None:
        text = await read(harness, "ana", "oncall swap <@U0APPROVER|lee> --layer primary")
        name = re.findall(r"oc-\w+", text)[0]
        assert "Until they say yes, nothing changes." in text
        assert "@U0DEPLOYER offers @U0APPROVER a swap" in (await messages(harness))["lee"]
        assert [await primary(harness, HANDOFF + timedelta(days=day)) for day in (1, 8)] == ["ana", "lee"]
        assert f"{name} is a question to lee" in await read(harness, "ray", f"oncall accept {name}")
        await harness.run_command(person("lee"), f"oncall accept {name}")
        assert [await primary(harness, HANDOFF + timedelta(days=day)) for day in (1, 8, 15)] == ["lee", "ana", "ray"]
        assert "is taken back" in await read(harness, "ana", f"oncall undo {name}")
        assert [await primary(harness, HANDOFF + timedelta(days=day)) for day in (1, 8)] == ["ana", "lee"]

    async def test_a_no_changes_nothing(self, harness: CommandHarness) -> None:
        name = re.findall(r"oc-\w+", await read(harness, "ana", "oncall swap lee --layer primary"))[0]
        assert isinstance(await harness.run_command(person("lee"), f"oncall decline {name}"), TextAnswer)
        assert f"@U0APPROVER declined your swap {name}." in (await messages(harness))["ana"]
        assert "is declined" in await read(harness, "lee", f"oncall accept {name}")
        assert await primary(harness, HANDOFF + timedelta(days=1)) == "ana"

    async def test_with_oneself_or_without_a_shift_it_is_refused(self, harness: CommandHarness) -> None:
        assert "That is you" in await read(harness, "ana", "oncall swap ana")
        assert "sam has no such shift" in await read(harness, "ana", "oncall swap sam")


async def test_the_address_of_a_calendar_is_answered_to_whoever_asks_and_to_nobody_else(harness: CommandHarness) -> None:
    own, teams = [await read(harness, "ana", text) for text in ("oncall calendar", "oncall calendar platform")]
    assert "https://deepecho.example.com/oncall/calendar.ics?person=ana&signed=" in own
    assert "https://deepecho.example.com/oncall/calendar.ics?team=platform&signed=" in teams
    assert all("signed=" not in record.entry.outcome + record.entry.where for record in await harness.audit())
    request = harness.request(person("ana"))
    off = replace(harness.services, family_services={CalendarLinks: CalendarLinks("", ())})
    assert "Calendars are switched off" in shown(await harness.answer(replace(request, services=off), "oncall calendar"))


async def test_without_the_sections_it_says_what_the_catalogue_lacks(harness: CommandHarness) -> None:
    bare = harness.services.catalogue.model_copy(update={"oncall": {}})
    request = replace(harness.request(person("ana")), services=replace(harness.services, catalogue=bare))
    for text in ("oncall", "oncall week", "oncall take", "oncall cover"):
        answer = await harness.answer(request, text)
        assert isinstance(answer, ErrorAnswer)
        assert "The catalogue says nothing of who is on call" in plain_text(answer.sentence)
