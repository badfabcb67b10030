"""What is read of an incident and around it, from both databases."""

from collections.abc import Mapping
from dataclasses import replace

from domain.audit import AuditEntry
from domain.incidents.cards import IncidentCard
from domain.incidents.changes import IncidentNote
from domain.incidents.incident import LinkedOperation
from domain.operations.operation import OperationRecord, State
from storage.incident_evidence import EvidenceReader
from storage.incident_links import IncidentLinks
from storage.incident_messages import announcement, incident_note
from storage.incidents import IncidentRepository
from storage.outbox_messages import alert_note
from storage.store import Store
from tests.harness.outbox import NO_RATE_LIMITS
from tests.harness.samples.incident_story import (
    ANA,
    BAD_DEPLOY,
    ERRORS,
    MIA,
    ROLLBACK,
    IncidentStory,
    closed,
    error_chart,
    minute,
    rolling_back,
)


async def store_story(store: Store, story: IncidentStory) -> None:
    async with store.write() as tx:
        await tx.of(IncidentRepository).add(story.record)
        await tx.of(IncidentRepository).add_entries(story.entries)
        await tx.alerts.save([story.group])


async def store_operations(store: Store, *operations: OperationRecord) -> None:
    async with store.write() as tx:
        for operation in operations:
            await tx.operations.add(operation)


async def test_operations_of_the_environment_count_from_shortly_before_the_first_alert(store: Store) -> None:
    story = rolling_back()
    await store_story(store, story)
    yesterday = replace(BAD_DEPLOY, id="op-old", source="old", requested_at=minute(-1500), ended_at=minute(-1490))
    elsewhere = replace(BAD_DEPLOY, id="op-else", source="else", plan=replace(BAD_DEPLOY.plan, environment="staging"))
    waited = replace(BAD_DEPLOY, id="op-wait", source="wait", requested_at=minute(-600), ended_at=minute(-5), state=State.FAILED)
    await store_operations(store, BAD_DEPLOY, ROLLBACK, yesterday, elsewhere, waited)
    async with store.read() as tx:
        evidence = await tx.of(EvidenceReader).read(story.record, minute(15))
    assert [operation.id for operation in evidence.operations] == ["op-wait", BAD_DEPLOY.id, ROLLBACK.id]


async def test_what_a_person_linked_belongs_to_it_wherever_it_ran(store: Store) -> None:
    story = rolling_back()
    elsewhere = replace(BAD_DEPLOY, id="op-else", source="else", plan=replace(BAD_DEPLOY.plan, environment="staging"))
    linked = LinkedOperation(operation_id="op-else", title="deploy", state="done", ended=True)
    gone = LinkedOperation(operation_id="op-gone", title="deploy", state="done", ended=True)
    story.record = replace(story.record, operations=(linked, gone))
    await store_story(store, story)
    await store_operations(store, elsewhere)
    async with store.read() as tx:
        evidence = await tx.of(EvidenceReader).read(story.record, minute(15))
    assert [operation.id for operation in evidence.operations] == ["op-else"]


async def test_a_closed_incident_ends_with_its_end(store: Store) -> None:
    story = closed()
    await store_story(store, story)
    next_week = replace(ROLLBACK, id="op-week", source="week", requested_at=minute(9000), ended_at=minute(9010))
    await store_operations(store, ROLLBACK, next_week)
    async with store.read() as tx:
        evidence = await tx.of(EvidenceReader).read(story.record, minute(20_000))
    assert [operation.id for operation in evidence.operations] == [ROLLBACK.id]


async def test_locks_and_acts_are_those_of_its_environment(store: Store) -> None:
    story = rolling_back()
    await store_story(store, story)
    acts: Mapping[str, str] = {
        "silence": "production/deep-echo-main/HighLatency",
        "lock": "production",
        "acknowledge": "preproduction/other",
        "incident update": "production/inc-x4k2",
    }
    async with store.write() as tx:
        await tx.locks.lock_environment("production", MIA.person, "incident", minute(9), minute(90))
        await tx.locks.lock_environment("staging", MIA.person, "upgrade", minute(9), minute(90))
        for number, (what, where) in enumerate(acts.items()):
            entry = AuditEntry(key=f"envelope-{number}", at=minute(number), who=MIA.person, what=what, where=where)
            await tx.audit.append(entry)
        await tx.audit.append(
            AuditEntry(key="no", at=minute(5), who=MIA.person, what="lock", where="production", outcome="denied: no")
        )
        await tx.audit.append(
            AuditEntry(key="op", at=minute(6), who=MIA.person, what="rollback", where="production", operation="op-1")
        )
        await tx.audit.append(AuditEntry(key="later", at=minute(99), who=MIA.person, what="unlock", where="production"))
    async with store.read() as tx:
        evidence = await tx.of(EvidenceReader).read(story.record, minute(15))
    assert [lock.environment for lock in evidence.locks] == ["production"]
    assert [act.what for act in evidence.acts] == ["silence", "lock"]


async def test_the_charts_of_its_alerts_are_those_that_were_posted(store: Store) -> None:
    story = rolling_back()
    await store_story(store, story)
    async with store.write() as tx:
        await tx.put_message(alert_note(ERRORS, error_chart(minute(1))), minute(1))
    async with store.read() as tx:
        evidence = await tx.of(EvidenceReader).read(story.record, minute(15), with_charts=True)
        without = await tx.of(EvidenceReader).read(story.record, minute(15))
    assert [chart.text for chart in evidence.charts] == [error_chart(minute(1)).text]
    assert without.charts == ()
    assert evidence.groups == (story.group,)
    assert evidence.names[ANA.person] == "ana"


async def test_an_incident_without_an_environment_reads_no_others(store: Store) -> None:
    story = rolling_back()
    story.record = replace(story.record, environment="", alerts=())
    await store_story(store, story)
    await store_operations(store, BAD_DEPLOY)
    async with store.read() as tx:
        evidence = await tx.of(EvidenceReader).read(story.record, minute(15))
    assert (evidence.operations, evidence.locks, evidence.acts, evidence.groups) == ((), (), (), ())


async def test_a_reply_links_into_its_thread(store: Store) -> None:
    """Before the channel exists, notes are replies to the announcement."""
    story = rolling_back()
    card = IncidentCard(incident=story.record, at=minute(1))
    note = IncidentNote(incident_id=story.record.id, key="3", at=minute(1), text="hello")
    message = incident_note(story.record, note)
    assert message is not None
    async with store.write() as tx:
        await tx.put_message(announcement(card, low_priority=False), minute(1))
        await tx.put_message(message, minute(1))
        for ts in ("1764.000001", "1764.000002"):
            row = await tx.outbox.claim("r", minute(2), NO_RATE_LIMITS)
            assert row is not None
            await tx.outbox.mark_delivered(row, row.channel, ts, minute(2))
    channel = replace(story.record.channel, id="C0INC", permalink="https://x.slack.com/archives/C0INC")
    async with store.read() as tx:
        links = await tx.of(IncidentLinks).of_entries(replace(story.record, channel=channel))
        assert await tx.of(IncidentLinks).of_entries(story.record) == {}
    assert links == {3: "https://x.slack.com/archives/C0ALERTS01/p1764000002?thread_ts=1764.000001&cid=C0ALERTS01"}
