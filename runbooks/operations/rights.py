"""Checks, right before a change, that it may still be made: people, roles and catalogue are read anew."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.errors import Refused, TemporaryError
from domain.operations.operation import OperationRecord
from domain.operations.rights import Participants, is_guarded, rights_refusal
from domain.people import BOT, Directory, Member, Person
from domain.rich_text import sentence
from runbooks.retries import MAX_REQUESTED_PAUSE_SECONDS
from storage.store import Store

MAX_SLACK_OUTAGE = timedelta(minutes=2)
"""How long a change waits for Slack to answer, as long as a step waits for a cluster (``engine.STEP_RETRY_TIMEOUT``)."""
RETRY_INTERVAL_SECONDS = 1.0
"""Seconds between look-ups while Slack does not answer, unless it asked for more; and between looks for a cancellation."""

WAITING_FOR_SLACK = "waits for Slack to say who may still do this"

OnWait = Callable[[str], Awaitable[None]]
"""Called with the reason about once a second while the check waits. May raise, which ends the wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RightsCheck:
    """The check of an operation's rights, with what Slack and the catalogue say at that moment."""

    store: Store
    clock: Clock
    directory: Directory
    catalogue: Callable[[], Catalogue]
    max_slack_outage: timedelta = MAX_SLACK_OUTAGE

    async def require(self, record: OperationRecord, on_wait: OnWait) -> None:
        """Raise ``Refused`` unless the operation may change something now.

        While Slack cannot be asked, what is protected or needed an approval waits, ``max_slack_outage`` at most, and is then
        refused. Anything else goes on with what is known of the person, by the catalogue and the lock as they are now.
        """
        deadline = time.monotonic() + self.max_slack_outage.total_seconds()
        while True:
            try:
                people = await self.participants(record)
                break
            except TemporaryError as error:
                if not is_guarded(record, self.catalogue()):
                    people = Participants(requester=await self._known(record.requested_by))
                    break
                if time.monotonic() >= deadline:
                    raise _unanswered(record, error) from error
                await _wait(min(error.retry_after or 0, MAX_REQUESTED_PAUSE_SECONDS), on_wait)
        # The catalogue and the lock after the people: a reload during the look-up counts.
        async with self.store.read() as tx:
            lock = await tx.locks.change_lock(record.environment, self.clock.now())
        if (refusal := rights_refusal(record, people, self.catalogue(), lock)) is not None:
            raise refusal

    async def participants(self, record: OperationRecord) -> Participants:
        """Who asked and who approved, looked up now. Raises ``TemporaryError`` if Slack does not answer."""
        approved_by = record.approval.decided_by if record.approval else None
        requester, approver = await asyncio.gather(self.requester(record), self._look_up(approved_by))
        return Participants(requester=requester, approver=approver)

    async def requester(self, record: OperationRecord) -> Member | None:
        """Who asked, looked up now; None for the bot. Raises ``TemporaryError`` if Slack does not answer."""
        return await self._look_up(record.requested_by)

    async def _known(self, person: Person) -> Member | None:
        """The person as known last. Who is not known any more counts as in every group: the role was held when they asked."""
        if person == BOT:
            return None
        try:
            return await self.directory.member(person)
        except TemporaryError:
            grants = self.catalogue().roles.values()
            holders = {holder for grant in grants for names in grant.values() for holder in names}
            return Member(person=person, name=person.user_id, groups=frozenset(holders - {person.user_id}))

    async def _look_up(self, person: Person | None) -> Member | None:
        return None if person is None or person == BOT else await self.directory.fresh_member(person)


async def _wait(seconds: float, on_wait: OnWait) -> None:
    """Wait for ``seconds``, at least ``RETRY_INTERVAL_SECONDS``, and call ``on_wait`` in between."""
    ends_at = time.monotonic() + seconds
    while True:
        await on_wait(WAITING_FOR_SLACK)
        await asyncio.sleep(RETRY_INTERVAL_SECONDS)
        if time.monotonic() >= ends_at:
            return


def _unanswered(record: OperationRecord, error: TemporaryError) -> Refused:
    what = f"Slack could not be asked who may still do this, so nothing more was changed in {record.environment}. "
    return Refused(sentence(what, error.sentence, " Ask again when Slack answers."))
