"""Post-mortems, as people get them: at the end, when they ask, and when they are done."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.alerts.alerts import AlertNote
from domain.answers.answers import ErrorAnswer, TextAnswer
from domain.incidents.changes import IncidentNote
from domain.incidents.incident import ClockKind, Incident
from domain.rich_text import plain_text
from runbooks.incidents.service import IncidentService
from storage.incidents import IncidentRepository
from storage.outbox_messages import alert_note
from storage.postmortems import PostmortemRepository
from tests.commands.incidents.test_reports import declare, put_into_channel, sent_facts
from tests.harness.commands import CommandHarness
from tests.harness.fakes.clock import NOW
from tests.harness.samples.alert_groups import PRODUCTION
from tests.harness.samples.incident_story import error_chart
from tests.harness.samples.team import RAY, VIV


async def current(harness: CommandHarness, incident: Incident) -> Incident:
    return await harness.services.of(IncidentService).find(incident.id)


async def declare_in_channel(harness: CommandHarness, text: str = "P1 checkout is failing --environment production") -> Incident:
    """An incident whose channel is there."""
    incident = await declare(harness, text)
    await put_into_channel(harness, incident, "C0INC")
    return await current(harness, incident)


async def end(harness: CommandHarness, incident: Incident) -> None:
    for command in ("ack", "resolve", "close"):
        harness.clock.advance(timedelta(minutes=5))
        assert not isinstance(await harness.run_command(RAY, f"incident {command} {incident.id}"), ErrorAnswer)


async def drafts(harness: CommandHarness) -> list[tuple[str, IncidentNote]]:
    """Where each draft was sent."""
    sent = await sent_facts(harness)
    return [(channel, fact) for channel, fact in sent if isinstance(fact, IncidentNote) and fact.file_name.endswith(".md")]


async def stored_draft(harness: CommandHarness, incident: Incident) -> str:
    async with harness.services.store.read() as tx:
        stored = await tx.of(PostmortemRepository).get(incident.id)
    return stored.text if stored else ""


async def test_a_closed_incident_posts_and_stores_its_draft(harness: CommandHarness) -> None:
    incident = await declare_in_channel(harness)
    await end(harness, incident)
    ((channel, note),) = await drafts(harness)
    assert channel == "C0INC"
    assert note.file_name == f"{incident.id}-post-mortem.md"
    assert note.file_text == await stored_draft(harness, incident)
    assert note.file_text.startswith("# Post-mortem: checkout is failing")
    assert f"incident postmortem done {incident.id}" in plain_text(note.lines[0])
    assert note.calls == ()


@pytest.mark.parametrize("text", ["P1 a --environment production --security", "P3 b --environment staging"])
async def test_every_severity_has_a_draft_and_a_security_incident_only_where_it_is(harness: CommandHarness, text: str) -> None:
    incident = await declare_in_channel(harness, text)
    await end(harness, incident)
    assert [channel for channel, _ in await drafts(harness)] == ["C0INC"]


async def test_before_the_channel_exists_the_draft_is_in_the_announcements_thread(harness: CommandHarness) -> None:
    incident = await declare(harness)
    await end(harness, incident)
    assert [channel for channel, _ in await drafts(harness)] == [(await current(harness, incident)).announcement_channel]


async def test_closed_once_more_it_posts_a_second_draft(harness: CommandHarness) -> None:
    incident = await declare_in_channel(harness)
    await end(harness, incident)
    await harness.run_command(RAY, f"incident reopen {incident.id}")
    for command in ("resolve", "close"):
        harness.clock.advance(timedelta(minutes=5))
        await harness.run_command(RAY, f"incident {command} {incident.id}")
    first, second = [note.file_text for _, note in await drafts(harness)]
    assert "reopened once" not in first
    assert "reopened once" in second


async def test_a_merged_incident_has_none(harness: CommandHarness) -> None:
    incident = await declare_in_channel(harness)
    harness.clock.advance(timedelta(minutes=5))
    other = await declare(harness, "P1 something else entirely --environment staging")
    await harness.run_command(RAY, f"incident merge {other.id} --incident {incident.id}")
    assert (await current(harness, incident)).merged_into == other.id
    assert await drafts(harness) == []


async def test_the_charts_of_its_alerts_are_in_the_thread_of_the_draft(harness: CommandHarness) -> None:
    incident = await declare_in_channel(harness)
    await harness.save_groups(PRODUCTION)
    await harness.run_command(RAY, f"incident link {PRODUCTION.id} --incident {incident.id}")
    async with harness.services.store.write() as tx:
        chart = replace(error_chart(NOW), group_id=PRODUCTION.id, key=f"chart-{PRODUCTION.episode}")
        await tx.put_message(alert_note(PRODUCTION, chart), NOW)
    await end(harness, incident)
    async with harness.services.store.engines.read.connect() as connection:
        rows = (await connection.exec_driver_sql("SELECT parent, channel FROM outbox WHERE key LIKE '%postmortem%/al-%'")).all()
    assert [tuple(row) for row in rows] == [(f"{incident.id}/t/postmortem-0", "C0INC")]
    picture = [fact for _, fact in await sent_facts(harness) if isinstance(fact, AlertNote)][-1]
    assert picture.chart is not None
    assert picture.text == f"HighErrorRate ({PRODUCTION.id})"
    assert "chart: now 14.2, limit 10" in await stored_draft(harness, incident)


async def test_whoever_asks_gets_it_in_private_at_any_time(harness: CommandHarness) -> None:
    incident = await declare_in_channel(harness)
    answer = await harness.run_command(VIV, f"incident postmortem {incident.id}")
    assert isinstance(answer, TextAnswer)
    assert plain_text(answer.text) == f"The draft of the post-mortem of {incident.id} comes in your direct messages."
    ((channel, note),) = await drafts(harness)
    assert channel == VIV.person.user_id
    assert "The incident is not over yet." in note.file_text


async def test_asked_for_in_its_channel_it_comes_there(harness: CommandHarness) -> None:
    incident = await declare(harness)
    await put_into_channel(harness, incident, "C0OPS")  # where the harness asks
    answer = await harness.run_command(VIV, "incident postmortem")
    assert isinstance(answer, TextAnswer)
    assert "comes in #C0OPS." in plain_text(answer.text)
    assert [channel for channel, _ in await drafts(harness)] == ["C0OPS"]


async def test_once_its_alerts_are_deleted_the_stored_draft_is_sent(harness: CommandHarness) -> None:
    incident = await declare_in_channel(harness)
    await harness.save_groups(PRODUCTION)
    await harness.run_command(RAY, f"incident link {PRODUCTION.id} --incident {incident.id}")
    await end(harness, incident)
    async with harness.services.store.engines.write.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM alert_groups")
    harness.clock.advance(timedelta(days=40))
    await harness.run_command(VIV, f"incident postmortem {incident.id}")
    (_, at_the_end), (channel, later) = await drafts(harness)
    assert channel == VIV.person.user_id
    assert later.file_text == at_the_end.file_text
    assert "no longer stored" not in later.file_text


async def test_nobody_asks_twice_for_what_is_done(harness: CommandHarness) -> None:
    incident = await declare_in_channel(harness)
    await end(harness, incident)
    assert (await current(harness, incident)).clock(ClockKind.POSTMORTEM) is not None
    answer = await harness.run_command(RAY, f"incident postmortem done {incident.id} https://wiki.example.com/42")
    assert isinstance(answer, TextAnswer)
    after = await current(harness, incident)
    assert after.clock(ClockKind.POSTMORTEM) is None
    assert after.postmortem is not None
    assert after.postmortem.url == "https://wiki.example.com/42"
    again = await harness.run_command(RAY, f"incident postmortem done {incident.id} https://wiki.example.com/42")
    assert isinstance(again, ErrorAnswer)
    await harness.run_command(VIV, f"incident postmortem {incident.id}")
    assert "The finished one: https://wiki.example.com/42" in plain_text((await drafts(harness))[-1][1].lines[0])


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("https://wiki.example.com/42", "so its post-mortem cannot be done"),
        ("soon", "is not the address of a page"),
        ("https://u:p@wiki.example.com", "holds a user or a password"),
    ],
)
async def test_what_cannot_be_done_is_refused_in_words(harness: CommandHarness, words: str, problem: str) -> None:
    incident = await declare_in_channel(harness)
    answer = await harness.run_command(RAY, f"incident postmortem done {incident.id} {words}")
    assert isinstance(answer, ErrorAnswer)
    assert problem in str(answer.sentence)
    assert (await current(harness, incident)).postmortem is None


async def test_a_viewer_may_read_it_and_not_end_it(harness: CommandHarness) -> None:
    incident = await declare_in_channel(harness)
    await end(harness, incident)
    answer = await harness.run_command(VIV, f"incident postmortem done {incident.id} https://wiki.example.com/42")
    assert isinstance(answer, ErrorAnswer)


async def test_a_deleted_incident_takes_its_draft_with_it(harness: CommandHarness) -> None:
    incident = await declare_in_channel(harness)
    await end(harness, incident)
    async with harness.services.store.engines.write.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM outbox")
        await connection.exec_driver_sql("DELETE FROM timers")
    async with harness.services.store.write() as tx:
        assert await tx.of(IncidentRepository).prune(harness.clock.now() + timedelta(days=1)) == 1
    assert await stored_draft(harness, incident) == ""
