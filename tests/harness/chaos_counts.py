"""What a chaos run left behind, as people, the cluster and the database have it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select

from domain.alerts.alerts import AlertGroup
from domain.audit import find_broken_link
from domain.operations.operation import OperationRecord
from sandbox.cluster.resources import DEPLOYMENTS
from sandbox.cluster.store import StoreChange
from sandbox.slack.message_views import MessageView, texts_in
from storage.tables.core import inbox, outbox
from tests.harness.chaos_load import ChaosLoad
from tests.harness.crash import CrashHarness
from tests.harness.families import render

OPERATION_ANNOTATION = "deepecho/operation"
LIMIT = 10_000


@dataclass(slots=True)
class AppliedChanges:
    """Counts, from inside the cluster, how often each operation changed each Deployment."""

    by_operation: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def on_change(self, change: StoreChange) -> None:
        """Count a write that made a new generation. The controllers' writes make none."""
        if change.storage != DEPLOYMENTS.storage or change.previous is None:
            return
        metadata = change.object["metadata"]
        operation = (metadata.get("annotations") or {}).get(OPERATION_ANNOTATION)
        if operation and metadata["generation"] != change.previous["metadata"]["generation"]:
            self.by_operation[operation, metadata["namespace"], metadata["name"]] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything that must not be. Each list names the commands, operations, groups or messages concerned."""

    lost_commands: tuple[str, ...]
    lost_alerts: tuple[str, ...]
    doubled_operations: tuple[str, ...]
    doubled_changes: tuple[str, ...]
    doubled_messages: tuple[str, ...]
    missing_cards: tuple[str, ...]
    stale_cards: tuple[str, ...]
    unfinished: tuple[str, ...]
    left_locks: int
    failed_messages: int
    broken_audit: str


async def findings(harness: CrashHarness, load: ChaosLoad, changes: AppliedChanges) -> Findings:
    """Compare what was asked for with the database, with Slack and with the cluster. Everything has settled before."""
    async with harness.store.read() as tx:
        operations = await tx.operations.recent(limit=LIMIT)
        groups, _ = await tx.alerts.search(environments=["production"], limit=LIMIT)
        log = [each async for each in tx.audit.walk()]
        broken = find_broken_link(log, await tx.audit.head())
        locks = await tx.locks.active(log[-1].entry.at)
    public = await _public_messages(harness)
    messages, keys = {_key(each): each for each in public}, Counter(map(_key, public))
    reasons = Counter(record.reason for record in operations)
    facts = {record.id: record for record in operations} | {group.id: group for group in groups}
    outcomes = await _outcomes(harness)
    return Findings(
        lost_commands=tuple(
            each.reason for each in load.commands if each.acknowledged and not _was_answered(each.reason, outcomes, reasons)
        ),
        lost_alerts=_lost_alerts(load, groups),
        doubled_operations=tuple(reason for reason, count in reasons.items() if count > 1),
        doubled_changes=tuple("/".join(key) for key, count in changes.by_operation.items() if count > 1),
        doubled_messages=tuple(key for key, count in keys.items() if count > 1),
        missing_cards=tuple(fact for fact in facts if f"{fact}/card" not in messages),
        stale_cards=tuple(
            fact for fact in facts if (card := messages.get(f"{fact}/card")) is not None and not _shows(card, facts[fact])
        ),
        unfinished=tuple(record.id for record in operations if not record.state.final),
        left_locks=len(locks),
        failed_messages=await _failed_messages(harness),
        broken_audit=broken.problem if broken else "",
    )


async def settled(harness: CrashHarness) -> bool:
    """Whether every delivery is answered, every message sent and every operation ended."""
    async with harness.store.engines.read.connect() as connection:
        unanswered = await connection.scalar(select(inbox.c.key).where(inbox.c.answered_at.is_(None)).limit(1))
        unsent = await connection.scalar(select(outbox.c.id).where(outbox.c.settled_at.is_(None)).limit(1))
    async with harness.store.read() as tx:
        unfinished = await tx.operations.recent(unfinished=True)
    return unanswered is None and unsent is None and not unfinished


async def _outcomes(harness: CrashHarness) -> Mapping[str, str]:
    """The outcome of each command that is in the inbox, by its text."""
    frames = (frame for frame in harness.slack.gateway.hub.sockets.sent if frame["type"] == "slash_commands")
    texts = {frame["envelope_id"]: frame["payload"]["text"] for frame in frames}
    async with harness.store.engines.read.connect() as connection:
        rows = await connection.execute(select(inbox.c.key, inbox.c.outcome).where(inbox.c.kind == "command"))
        return {texts[key]: outcome for key, outcome in rows if key in texts}


def _was_answered(reason: str, outcomes: Mapping[str, str], reasons: Mapping[str, int]) -> bool:
    """Whether the command became an operation, or the person was told why not (or to repeat it)."""
    outcome = next((outcome for text, outcome in outcomes.items() if text.endswith(f'"{reason}"')), "")
    return reasons[reason] == 1 or (outcome != "" and not outcome.startswith("op-"))


def _lost_alerts(load: ChaosLoad, groups: tuple[AlertGroup, ...]) -> tuple[str, ...]:
    """Alerts whose newest group does not say what their last notification said."""
    newest = {group.title: group for group in sorted(groups, key=lambda group: group.seen_at)}
    return tuple(name for name, firing in load.alerts_firing.items() if name not in newest or (newest[name].firing > 0) != firing)


async def _public_messages(harness: CrashHarness) -> list[MessageView]:
    every = await harness.slack.client.all_messages_everywhere()
    return [each for each in every if not each.is_ephemeral and each.metadata]


def _key(message: MessageView) -> str:
    return str(((message.metadata or {}).get("event_payload") or {}).get("key"))


def _shows(card: MessageView, fact: OperationRecord | AlertGroup) -> bool:
    """Whether the card in Slack reads as the database's row does when it is drawn now."""
    return card.visible_text == "\n".join(texts_in(list(render(fact).blocks)))


async def _failed_messages(harness: CrashHarness) -> int:
    async with harness.store.read() as tx:
        return (await tx.outbox.count_by_state()).get("failed", 0)
