"""Catch-ups and timelines, as people ask for them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.answers.answers import ErrorAnswer, TextAnswer
from domain.answers.incidents import IncidentChoices
from domain.incidents.catchup import Catchup
from domain.incidents.changes import IncidentNote, change
from domain.incidents.incident import Incident, Participant
from domain.incidents.timeline import EntryKind
from domain.incidents.timeline_report import IncidentTimeline
from domain.rich_text import plain_text
from runbooks.incidents.catchup import CatchupService
from runbooks.incidents.service import IncidentService
from storage.incidents import IncidentRepository
from storage.outbox_pruning import OutboxPruning
from tests.harness.commands import CommandHarness
from tests.harness.families import load
from tests.harness.outbox import NO_RATE_LIMITS
from tests.harness.samples.team import ANA, GUS, RAY, STAN, VIV


async def declare(harness: CommandHarness, text: str = "P1 checkout is failing --environment production") -> Incident:
    await harness.run_command(RAY, f"incident declare {text}")
    return (await harness.services.of(IncidentService).latest(1))[0]


async def sent_facts(harness: CommandHarness) -> list[tuple[str, object]]:
    """Where each message of the outbox goes, and what it is."""
    async with harness.services.store.engines.read.connect() as connection:
        rows = await connection.exec_driver_sql("SELECT channel, kind, version, fact FROM outbox ORDER BY id")
        return [(row.channel, load(row.kind, row.version, row.fact)) for row in rows]


async def put_into_channel(harness: CommandHarness, incident: Incident, channel: str = "C0OPS") -> None:
    """Let the incident have its channel."""
    async with harness.services.store.write() as tx:
        permalink = f"https://deepecho.slack.com/archives/{channel}"
        moved = replace(incident.channel, id=channel, name="incident-2026-11-23-14-02", permalink=permalink)
        await tx.of(IncidentRepository).save(replace(incident, channel=moved))


async def test_a_viewer_catches_up_in_ten_lines(harness: CommandHarness) -> None:
    incident = await declare(harness)
    harness.clock.advance(timedelta(minutes=7))
    answer = await harness.run_command(VIV, f"incident catchup {incident.id}")
    assert isinstance(answer, Catchup)
    assert (answer.incident_id, answer.title) == (incident.id, "checkout is failing")
    assert "7 min ago; nobody has acknowledged it" in plain_text(answer.lines[0].text)
    assert not [fact for _, fact in await sent_facts(harness) if isinstance(fact, Catchup)]


async def test_in_the_channel_of_an_incident_the_id_can_be_left_out(harness: CommandHarness) -> None:
    incident = await declare(harness)
    assert isinstance(await harness.run_command(VIV, "incident catchup"), IncidentChoices)
    await put_into_channel(harness, incident)
    assert isinstance(await harness.run_command(VIV, "incident catchup"), Catchup)
    assert isinstance(await harness.run_command(VIV, "incident timeline"), IncidentTimeline)


async def test_guests_and_strangers_catch_up_on_nothing(harness: CommandHarness) -> None:
    incident = await declare(harness)
    for outsider in (GUS, STAN):
        answer = await harness.run_command(outsider, f"incident catchup {incident.id}")
        assert isinstance(answer, ErrorAnswer)


async def test_a_security_incident_is_not_told_to_others(harness: CommandHarness) -> None:
    incident = await declare(harness, "P1 keys leaked --environment production --security")
    for command in ("catchup", "timeline"):
        answer = await harness.run_command(VIV, f"incident {command} {incident.id}")
        assert isinstance(answer, ErrorAnswer)
        assert f"There is no incident {incident.id}." in str(answer.sentence)
        assert not isinstance(await harness.run_command(RAY, f"incident {command} {incident.id}"), ErrorAnswer)


async def test_what_somebody_adds_stands_at_its_time_with_the_author(harness: CommandHarness) -> None:
    incident = await declare(harness)
    harness.clock.advance(timedelta(minutes=20))
    answer = await harness.run_command(RAY, f"incident timeline add {incident.id} the cache was emptied --at 14:05")
    assert isinstance(answer, TextAnswer)
    assert "is on the timeline of" in plain_text(answer.text)
    assert "2026-11-23 14:05 UTC" in plain_text(answer.text)
    timeline = await harness.run_command(VIV, f"incident timeline {incident.id}")
    assert isinstance(timeline, IncidentTimeline)
    assert [(f"{entry.at:%H:%M}", plain_text(entry.text)) for entry in timeline.entries] == [
        ("14:02", "ray declared P1: checkout is failing"),
        ("14:05", "ray: the cache was emptied"),
    ]


async def test_a_time_is_read_by_the_writers_clock(harness: CommandHarness) -> None:
    incident = await declare(harness)
    harness.clock.advance(timedelta(minutes=20))
    berliner = replace(RAY, time_zone="Europe/Berlin")
    await harness.run_command(berliner, f"incident timeline add {incident.id} by my clock --at 15:05")
    await harness.run_command(berliner, f"incident timeline add {incident.id} by UTC --at 14:06Z")
    timeline = await harness.run_command(VIV, f"incident timeline {incident.id}")
    assert isinstance(timeline, IncidentTimeline)
    assert [f"{entry.at:%H:%M}" for entry in timeline.entries] == ["14:02", "14:05", "14:06"]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("so it was --at yesterday", "“yesterday” is not a time."),
        ("so it was --at 25:00", "“25:00” is not a time."),
        ("so it was --at 2026-02-31T10:00", "There is no day “2026-02-31”."),
        ("so it was --at 2027-01-01T10:00", "is in the future"),
        ("so it was --at 2026-11-20T10:00", "was declared more than a day later"),
    ],
)
async def test_what_cannot_be_added_is_refused_in_words(harness: CommandHarness, words: str, problem: str) -> None:
    incident = await declare(harness)
    answer = await harness.run_command(RAY, f"incident timeline add {incident.id} {words}")
    assert isinstance(answer, ErrorAnswer)
    assert problem in str(answer.sentence)
    entries = await harness.services.of(IncidentService).entries(incident.id)
    assert len(entries) == 1


async def test_who_may_only_look_changes_no_timeline(harness: CommandHarness) -> None:
    incident = await declare(harness)
    for command in (f"incident timeline add {incident.id} something", f"incident timeline drop {incident.id} 1"):
        assert isinstance(await harness.run_command(VIV, command), ErrorAnswer)
    assert [entry.dropped for entry in await harness.services.of(IncidentService).entries(incident.id)] == [False]


async def test_a_dropped_entry_is_gone_for_readers_and_stays_stored(harness: CommandHarness) -> None:
    incident = await declare(harness)
    await harness.run_command(RAY, f"incident timeline add {incident.id} wrong incident")
    answer = await harness.run_command(ANA, f"incident timeline drop {incident.id} 2")
    assert isinstance(answer, TextAnswer)
    assert plain_text(answer.text) == "Entry 2 is dropped: ray: wrong incident"
    timeline = await harness.run_command(VIV, f"incident timeline {incident.id}")
    assert isinstance(timeline, IncidentTimeline)
    assert [entry.number for entry in timeline.entries] == [1]
    stored = await harness.services.of(IncidentService).entries(incident.id)
    assert [(entry.number, entry.dropped) for entry in stored] == [(1, False), (2, True)]
    newest = (await harness.audit())[0].entry
    assert (newest.what, newest.who, newest.outcome) == (
        "incident timeline drop",
        ANA.person,
        "entry 2 dropped: ray: wrong incident",
    )


@pytest.mark.parametrize(("word", "problem"), [("2", "has no entry 2"), ("x", "is not the number"), ("-1", "is not the number")])
async def test_an_entry_that_does_not_exist_cannot_be_dropped(harness: CommandHarness, word: str, problem: str) -> None:
    incident = await declare(harness)
    answer = await harness.run_command(RAY, f"incident timeline drop {incident.id} {word}")
    assert isinstance(answer, ErrorAnswer)
    assert problem in str(answer.sentence)


async def test_an_entry_is_dropped_once(harness: CommandHarness) -> None:
    incident = await declare(harness)
    await harness.run_command(RAY, f"incident timeline drop {incident.id} 1")
    again = await harness.run_command(RAY, f"incident timeline drop {incident.id} 1")
    assert isinstance(again, ErrorAnswer)
    assert "Entry 1 was dropped from the timeline already." in str(again.sentence)


async def test_a_long_timeline_comes_as_a_file_to_whoever_asks(harness: CommandHarness) -> None:
    incident = await declare(harness)
    for number in range(25):
        await harness.run_command(RAY, f"incident timeline add {incident.id} step {number}")
    timeline = await harness.run_command(replace(VIV, time_zone="Asia/Tokyo"), f"incident timeline {incident.id}")
    assert isinstance(timeline, IncidentTimeline)
    assert timeline.is_filed
    channel, note = (await sent_facts(harness))[-1]
    assert channel == VIV.person.user_id
    assert isinstance(note, IncidentNote)
    assert note.file_name == f"{incident.id}-timeline.txt"
    assert "Times are UTC, then Asia/Tokyo." in note.file_text
    assert "2026-11-23 14:02 23:02    1  ray declared P1: checkout is failing" in note.file_text
    assert note.file_text.count("ray: step ") == 25


async def test_entries_link_to_their_messages(harness: CommandHarness) -> None:
    incident = await declare(harness)
    await put_into_channel(harness, incident, "C0INC")
    async with harness.services.store.write() as tx:
        row = await tx.outbox.claim("r", harness.clock.now(), NO_RATE_LIMITS)
        assert row is not None
        await tx.outbox.mark_delivered(replace(row, key=f"{incident.id}/t/1"), "C0INC", "1764.000100", harness.clock.now())
    timeline = await harness.run_command(VIV, f"incident timeline {incident.id}")
    assert isinstance(timeline, IncidentTimeline)
    assert timeline.entries[0].permalink == "https://deepecho.slack.com/archives/C0INC/p1764000100"


async def test_who_joins_late_gets_one_catchup_in_private(harness: CommandHarness) -> None:
    incident = await declare(harness)
    service = harness.services.of(CatchupService)
    assert not await service.welcome(incident.id, VIV.person)  # invited with the declaration
    harness.clock.advance(timedelta(minutes=6))
    assert await service.welcome(incident.id, VIV.person)
    assert not await service.welcome(incident.id, VIV.person)
    assert await service.welcome(incident.id, ANA.person)
    sent = [(channel, fact) for channel, fact in await sent_facts(harness) if isinstance(fact, Catchup)]
    assert [channel for channel, _ in sent] == [VIV.person.user_id, ANA.person.user_id]


async def test_nobody_from_outside_and_nobody_who_takes_part_is_told(harness: CommandHarness) -> None:
    incident = await declare(harness)
    harness.clock.advance(timedelta(minutes=6))
    service = harness.services.of(CatchupService)
    for person in (GUS.person, STAN.person, RAY.person):
        assert not await service.welcome(incident.id, person)
    assert not await service.welcome("inc-none", VIV.person)


async def test_a_catchup_that_was_sent_long_ago_is_not_sent_again(harness: CommandHarness) -> None:
    """Rows of the outbox are deleted after a month; the message's address stays."""
    incident = await declare(harness)
    harness.clock.advance(timedelta(minutes=6))
    service = harness.services.of(CatchupService)
    assert await service.welcome(incident.id, VIV.person)
    async with harness.services.store.write() as tx:
        while (row := await tx.outbox.claim("r", harness.clock.now(), NO_RATE_LIMITS)) is not None:
            await tx.outbox.mark_delivered(row, row.channel, f"{row.id}.0", harness.clock.now())
        await tx.of(OutboxPruning).prune_rows(harness.clock.now() + timedelta(days=40))
    assert not await service.welcome(incident.id, VIV.person)


async def test_a_message_on_the_timeline_names_its_author_without_a_mention(harness: CommandHarness) -> None:
    incident = await declare(harness)
    added = change(incident, EntryKind.MESSAGE, harness.clock.now(), "works again", by=Participant(ANA.person))
    async with harness.services.store.write() as tx:
        await tx.of(IncidentRepository).add_entries(added.entries)
    timeline = await harness.run_command(VIV, f"incident timeline {incident.id}")
    assert isinstance(timeline, IncidentTimeline)
    assert plain_text(timeline.entries[-1].text) == f"{ANA.person.user_id}: works again"
