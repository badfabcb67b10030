"""Messages of pages: what is to be sent to whom by which way, and what became of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.paging.messages import ClaimedMessage, MessageState, PageCard, StoredMessage
from domain.paging.pages import Page, PageCall, PageState
from domain.paging.ways import PageAction
from domain.rich_text import Text, plain_text
from domain.severities import Severity
from storage.outbox import Outbox, OutboxState
from storage.outbox_messages import type_adapter
from storage.page_cards import page_call_card, page_card
from storage.tables.core import outbox
from storage.tables.paging import page_messages, pages
from storage.upsert import insert

MAX_NAMED = 5
"""Pages that a message for many names; the others it counts."""
MIRROR_RANK = 5
"""What pagers are told of acknowledgements comes after every call."""
TEST_RANK = 10
"""Pages of a rehearsal come after all others."""

_is_trigger = page_messages.c.action == PageAction.TRIGGER


class PageMessageRepository:
    """The rows of messages on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, page: Page, messages: Sequence[StoredMessage], at: datetime, *, mirroring: Collection[str]) -> None:
        """Add messages; those whose key exists already are left out. ``mirroring`` are ways that are told of the end."""
        rows = [_columns(page, message, at) | {"mirrors": message.way in mirroring} for message in messages]
        if rows:
            statement = insert(self._connection, page_messages).on_conflict_do_nothing(index_elements=["key"])
            await self._connection.execute(statement, rows)

    async def triggers(self, page_id: str) -> tuple[StoredMessage, ...]:
        """All messages of a page that call somebody, in the order in which they were added."""
        where = (page_messages.c.page_id == page_id) & _is_trigger
        return tuple(message for message, _ in await self._select(where))

    async def unnoted(self, page_id: str) -> tuple[StoredMessage, ...]:
        """Messages of a page whose outcome was not reported to its subject yet. From now on they count as reported."""
        where = (page_messages.c.page_id == page_id) & ~page_messages.c.noted & _is_trigger
        rows = await self._select(where & (page_messages.c.settled_at.is_not(None) | page_messages.c.is_late))
        ids = [number for _, number in rows]
        if not ids:
            return ()
        await self._connection.execute(update(page_messages).where(page_messages.c.id.in_(ids)).values(noted=True))
        return tuple(message for message, _ in rows)

    async def settle(
        self, claimed: ClaimedMessage, state: MessageState, at: datetime, *, error: Text = "", reference: str = ""
    ) -> bool:
        """Record how sending ended. False if another replica has claimed the message since."""
        values = {"state": state, "settled_at": at, "error": plain_text(error), "reference": reference[:200], "noted": False}
        return await self._update_if_current(claimed, **values)

    async def retry_later(self, claimed: ClaimedMessage, not_before: datetime, error: Text) -> bool:
        """Let the message be sent again, not before this time; meanwhile the next way is used. False as for ``settle``.

        It is noted once that the way does not work, not at each attempt.
        """
        noted = page_messages.c.is_late & page_messages.c.noted
        values = {"state": MessageState.PENDING, "not_before": not_before, "error": plain_text(error)}
        return await self._update_if_current(claimed, **values, is_late=True, noted=noted)

    async def queue(self, claimed: ClaimedMessage, until: datetime, at: datetime) -> None:
        """Hand the message over to the outbox; it is late if it is not in Slack by ``until``."""
        await Outbox(self._connection).put(page_call_card(claimed.call, claimed.outbox_key), at=at)
        await self._update_if_current(claimed, state=MessageState.QUEUED, not_before=until)

    async def delivered_by_outbox(self, outbox_key: str, at: datetime) -> None:
        """The outbox has delivered a card. Its messages are delivered with it; a later version of the card changes nothing."""
        is_card = (page_messages.c.key == outbox_key) | (page_messages.c.bundle == outbox_key)
        where = is_card & (page_messages.c.state == MessageState.QUEUED)
        await self._finish_queued(where, {"state": MessageState.DELIVERED, "settled_at": at, "noted": False})

    async def queued_until(self, at: datetime) -> tuple[tuple[str, str], ...]:
        """Messages that the outbox should have delivered by now: their key, and that of their card."""
        where = (page_messages.c.state == MessageState.QUEUED) & ~page_messages.c.is_late & (page_messages.c.not_before <= at)
        rows = await self._connection.execute(select(page_messages.c.key, page_messages.c.bundle).where(where).limit(100))
        return tuple((key, bundle or key) for key, bundle in rows)

    async def note_queued(self, key: str, card: str, at: datetime) -> None:
        """The outbox has not delivered a message in time: it has failed, or is late and may still arrive."""
        newest = select(outbox.c.state, outbox.c.error).where(outbox.c.key == card).order_by(outbox.c.id.desc()).limit(1)
        row = (await self._connection.execute(newest)).one_or_none()
        has_failed = row is None or row.state == OutboxState.FAILED
        over = {"state": MessageState.FAILED, "settled_at": at} if has_failed else {}
        error = row.error if row and row.error else "Slack has not taken it yet."
        where = (page_messages.c.key == key) & (page_messages.c.state == MessageState.QUEUED)
        await self._finish_queued(where, {"is_late": True, "error": error, "noted": False, **over})

    async def stop(self, page_id: str, at: datetime) -> tuple[str, ...]:
        """Stop what calls people for this page and was not sent yet. Returns what is being sent just now: ``@lee by sms``."""
        pending = (page_messages.c.page_id == page_id) & _is_trigger & (page_messages.c.state == MessageState.PENDING)
        carried = select(page_messages.c.bundle).where(pending & page_messages.c.carries)
        for bundle in (await self._connection.execute(carried)).scalars().all():
            # The others of the bundle go on without the page that stood for them.
            alone = {"bundle": "", "carries": False, "dedup_key": page_messages.c.page_id}
            await self._connection.execute(update(page_messages).where(page_messages.c.bundle == bundle).values(**alone))
        stopped = {"state": MessageState.STOPPED, "settled_at": at, "noted": True}
        await self._connection.execute(update(page_messages).where(pending).values(**stopped))
        sending = (page_messages.c.page_id == page_id) & _is_trigger & (page_messages.c.state == MessageState.SENDING)
        rows = await self._connection.execute(select(page_messages.c.person, page_messages.c.way).where(sending))
        return tuple(f"{person} by {way}" for person, way in rows)

    async def mirror(self, page: Page, at: datetime, remote_key: str) -> None:
        """Tell pagers that the page was acknowledged or has ended: once, and not the one that reported it."""
        action = PageAction.RESOLVE if page.state is PageState.ENDED else PageAction.ACKNOWLEDGE
        told = (page_messages.c.page_id == page.id) & page_messages.c.mirrors & (page_messages.c.attempts > 0) & _is_trigger
        for message, _ in await self._select(told):
            if action is PageAction.ACKNOWLEDGE and message.dedup_key == remote_key:
                continue
            if message.dedup_key == page.id or await self._is_bundle_over(message.dedup_key, action):
                key = f"{message.dedup_key}/{action}/{message.way}/{message.destination}"
                mirrored = replace(message, key=key, action=action, state=MessageState.PENDING, error="", is_late=False)
                await self.add(page, [mirrored], at, mirroring=[mirrored.way])

    async def redraw(self, page: Page, at: datetime) -> None:
        """Show the page's state in the direct messages about it. What Slack does not have yet is not sent any more."""
        in_slack = page_messages.c.state.in_((MessageState.QUEUED, MessageState.DELIVERED))
        where = (page_messages.c.page_id == page.id) & (page_messages.c.way == "slack") & in_slack & _is_trigger
        messages = Outbox(self._connection)
        for message, number in await self._select(where):
            card = await self._card_key(number)
            if not card:
                continue
            if await messages.withdraw(card, at):
                stopped = {"state": MessageState.STOPPED, "settled_at": at, "noted": True}
                await self._connection.execute(update(page_messages).where(page_messages.c.id == number).values(**stopped))
            else:
                await messages.put(page_call_card(await self.call(message, page), card), at=at)

    async def put_card(self, page: Page, at: datetime) -> None:
        """Show the page as it is, in the channel that it was asked for in."""
        if page.request.channel:
            card = page_card(PageCard(page=page, messages=await self.triggers(page.id)))
            await Outbox(self._connection).put(card, at=at)

    async def call(self, message: StoredMessage, page: Page) -> PageCall:
        """What a message says: its page, and those that it announces too."""
        if message.dedup_key == page.id:
            return PageCall(page=page, person=message.person, destination=message.destination, is_repeated=message.is_repeated)
        joined = page_messages.join(pages, pages.c.id == page_messages.c.page_id)
        where = (page_messages.c.bundle == message.dedup_key) & (page_messages.c.page_id != page.id)
        statement = select(pages.c.record).select_from(joined).where(where).order_by(pages.c.rank, pages.c.id)
        records = (await self._connection.execute(statement.limit(MAX_NAMED))).scalars()
        others = tuple(type_adapter(Page).validate_json(record) for record in records)
        count = (await self._connection.execute(select(func.count()).select_from(page_messages).where(where))).scalar_one()
        return PageCall(
            page=page,
            person=message.person,
            destination=message.destination,
            bundle=message.dedup_key,
            others=others,
            more=count - len(others),
        )

    async def pages_of_bundle(self, bundle: str) -> tuple[str, ...]:
        """The pages that one message announced together."""
        statement = select(page_messages.c.page_id).where(page_messages.c.bundle == bundle).distinct()
        return tuple((await self._connection.execute(statement)).scalars())

    async def _is_bundle_over(self, bundle: str, action: PageAction) -> bool:
        """Whether what was told of many pages together holds for all of them."""
        over = [PageState.ENDED] if action is PageAction.RESOLVE else [PageState.ENDED, PageState.ACKNOWLEDGED]
        joined = page_messages.join(pages, pages.c.id == page_messages.c.page_id)
        where = (page_messages.c.bundle == bundle) & pages.c.state.not_in(over)
        return (await self._connection.execute(select(pages.c.id).select_from(joined).where(where).limit(1))).first() is None

    async def _card_key(self, number: int) -> str:
        """The outbox key of the card of a message; empty if another one of its bundle carries it."""
        columns = (page_messages.c.key, page_messages.c.bundle, page_messages.c.carries)
        key, bundle, carries = (await self._connection.execute(select(*columns).where(page_messages.c.id == number))).one()
        return key if not bundle else bundle if carries else ""

    async def _finish_queued(self, where: ColumnElement[bool], values: Mapping[str, Any]) -> None:
        updated = update(page_messages).where(where).values(**values).returning(page_messages.c.page_id)
        page_ids = (await self._connection.execute(updated)).scalars().all()
        await self._recheck(page_ids)

    async def _update_if_current(self, claimed: ClaimedMessage, **values: Any) -> bool:
        """Update the message, and those of its bundle, if this attempt is still the last one."""
        name = page_messages.c.bundle == claimed.bundle if claimed.bundle else page_messages.c.key == claimed.message.key
        is_current = (page_messages.c.state == MessageState.SENDING) & (page_messages.c.attempts == claimed.attempts)
        updated = update(page_messages).where(name & is_current & _is_action(claimed)).values(**values)
        page_ids = (await self._connection.execute(updated.returning(page_messages.c.page_id))).scalars().all()
        await self._recheck(page_ids)
        return bool(page_ids)

    async def _recheck(self, page_ids: Sequence[str]) -> None:
        """Let the pages be looked at: their messages have news."""
        for start in range(0, len(page_ids), 500):
            chunk = page_ids[start : start + 500]
            await self._connection.execute(update(pages).where(pages.c.id.in_(chunk)).values(recheck=True))

    async def _select(self, where: ColumnElement[bool]) -> tuple[tuple[StoredMessage, int], ...]:
        statement = select(page_messages).where(where).order_by(page_messages.c.id)
        return tuple((read_message(row), row["id"]) for row in (await self._connection.execute(statement)).mappings())


def _is_action(claimed: ClaimedMessage) -> ColumnElement[bool]:
    return page_messages.c.action == claimed.message.action


def rank_of(page: Page, action: PageAction) -> int:
    """The order of sending: calls of severe pages first, then what pagers are told, then rehearsals."""
    rank = page.request.severity.rank if action is PageAction.TRIGGER else MIRROR_RANK
    return rank + (TEST_RANK if page.request.is_test else 0)


def read_message(row: Mapping[Any, Any]) -> StoredMessage:
    """A row as a value."""
    return StoredMessage(
        key=row["key"],
        page_id=row["page_id"],
        call=row["call"],
        position=row["position"],
        person=row["person"],
        way=row["way"],
        destination=row["destination"],
        dedup_key=row["dedup_key"],
        action=PageAction(row["action"]),
        state=MessageState(row["state"]),
        is_late=row["is_late"],
        is_repeated=row["is_repeated"],
        error=row["error"],
        settled_at=row["settled_at"],
    )


def _columns(page: Page, message: StoredMessage, at: datetime) -> dict[str, Any]:
    is_first_of_outage = page.request.severity is Severity.P0 and message.call == 0 and not page.request.is_test
    return {
        "key": message.key,
        "page_id": message.page_id,
        "call": message.call,
        "position": message.position,
        "person": message.person,
        "way": message.way,
        "destination": message.destination,
        "dedup_key": message.dedup_key,
        "action": message.action,
        "rank": rank_of(page, message.action),
        "urgent": is_first_of_outage and message.action is PageAction.TRIGGER,
        "is_late": message.is_late,
        "is_repeated": message.is_repeated,
        "state": message.state,
        "noted": False,
        "carries": False,
        "not_before": at,
        "created_at": at,
        "settled_at": None if message.state.is_unsettled else at,
        "error": plain_text(message.error),
    }
