"""Makes an incident's channel as it should be, step by step.

Each step is recorded in a transaction of its own right after it is done. A crash between the two does the step again, which
changes nothing: names are reserved in the database before a channel is created, and Slack has a name only once. A channel is
worked on by one worker of all replicas at a time, apart from the other timers, which must not wait for Slack.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NoReturn, Protocol

import structlog

from domain.clock import Clock
from domain.errors import UNEXPECTED_ERRORS, PermanentError, TemporaryError
from domain.incidents.channel import (
    IncidentChannel,
    Step,
    StepKind,
    WantedChannel,
    archived_by_hand,
    gone,
    name_taken,
    name_unclear,
    next_step,
    step_done,
    step_failed,
)
from runbooks.engine.engine import StepObserver, ignore_step
from runbooks.incidents.channel_api import ChannelApi, ChannelArchived, ChannelMissing, ChannelNameTaken, FoundChannel
from runbooks.timers import TimerHandler
from storage.incident_channels import IncidentChannelRepository
from storage.store import Store, Transaction
from storage.timers import Timer

log = structlog.get_logger()

INCIDENT_CHANNEL = "incident-channel"
"""The kind of the timer."""
STEP_TIMEOUT = timedelta(seconds=60)
"""The longest that a step takes: at most five calls of ten seconds, and a transaction. After it, any replica takes over."""
MAX_PAUSE = timedelta(hours=1)
"""The longest pause between attempts, as long as Slack may ask for. A longer one was stored before the clock was set back."""
CHANNEL_CONCURRENCY = 4
"""Channels that are worked on at the same time."""

Outcome = Callable[[IncidentChannel, datetime], IncidentChannel]
"""What a step has changed: from the channel as it is recorded by now, and the time."""


@dataclass(frozen=True, slots=True)
class ChannelState:
    """An incident's channel, as it is and as it should be."""

    channel: IncidentChannel
    wanted: WantedChannel


class IncidentChannelRecords(Protocol):
    """Where incidents are stored."""

    async def load_for_update(self, tx: Transaction, incident_id: str) -> ChannelState | None:
        """The channel of an incident, whose row stays locked until the transaction ends; None if there is no such incident."""
        ...

    async def save(self, tx: Transaction, incident_id: str, channel: IncidentChannel, at: datetime) -> None:
        """Write the channel back, with whatever shows it. It may set the timer again."""
        ...


async def wake_channel_setup(tx: Transaction, incident_id: str, at: datetime) -> None:
    """Have an incident's channel looked at once the transaction is committed. Call it when something about it has changed."""
    await tx.timers.bring_forward(_timer(incident_id, at))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSetup:
    """Works on incident channels. ``observer`` is told before a step, when it is done, and when it is recorded."""

    store: Store
    clock: Clock
    api: ChannelApi
    records: IncidentChannelRecords
    notify_outbox: Callable[[], None]
    observer: StepObserver = ignore_step
    # Not ``runbooks.queued_timers``: the claim on a channel is in the row of its name and begins anew with each step, so that a
    # channel with many people may take, and wait, longer than one claim of a timer.
    _queue: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    @property
    def handlers(self) -> Mapping[str, TimerHandler]:
        """By the kind of the timer."""
        return {INCIDENT_CHANNEL: self._submit}

    async def run(self) -> NoReturn:
        """Work on the channels whose timers are due, until the process ends."""
        async with asyncio.TaskGroup() as workers:
            for number in range(CHANNEL_CONCURRENCY):
                workers.create_task(self._work(), name=f"incident-channels-{number}")
        raise AssertionError("workers work for ever")

    async def set_up(self, incident_id: str) -> None:
        """Do every step that can be done now. Raises ``TemporaryError`` if the database does not answer."""
        while (todo := await self._begin_step(incident_id)) is not None:
            state, step = todo
            self.observer(incident_id, step.kind.value, "before")
            outcome = await self._outcome(state, step)
            self.observer(incident_id, step.kind.value, "done")
            has_changed = await self._record(incident_id, outcome)
            self.observer(incident_id, step.kind.value, "recorded")
            self.notify_outbox()
            if not has_changed:
                # Otherwise the same step would come again at once, and again. The timer repeats it in a minute.
                return

    async def _submit(self, timer: Timer, _at: datetime) -> None:
        """Queue a channel. Its timer stays until nothing is left to do, so that a crash loses nothing."""
        self._queue.put_nowait(timer.subject)

    async def _work(self) -> NoReturn:
        # Not ``run_periodically``: a queue has no interval, and each channel has a failure of its own.
        while True:
            incident_id = await self._queue.get()
            try:
                await self.set_up(incident_id)
            except TemporaryError as error:
                log.warning("incident channel not set up, retrying in a minute", incident=incident_id, error=str(error))
            except UNEXPECTED_ERRORS:
                log.exception("incident channel not set up, retrying in a minute", incident=incident_id)

    async def _begin_step(self, incident_id: str) -> tuple[ChannelState, Step] | None:
        """What to do now; None if nothing is left, or not yet. The timer is then removed, or set to the next attempt."""
        now = self.clock.now()
        async with self.store.write() as tx:
            # Lock the incident before the timer, in the same order as who saves an incident, to avoid a deadlock.
            state = await self._with_name(tx, await self.records.load_for_update(tx, incident_id), now)
            step = next_step(state.channel, state.wanted) if state else None
            if state is None or step is None:
                await tx.timers.remove(_timer(incident_id, now).key)
                return None
            begin_at = _not_before(state.channel, now) or await tx.of(IncidentChannelRepository).begin_step(
                incident_id, now, now + STEP_TIMEOUT
            )
            # Due again when this process must have died, or when the channel's turn comes.
            await tx.timers.set(_timer(incident_id, begin_at or now + STEP_TIMEOUT), now)
            return (state, step) if begin_at is None else None

    async def _record(self, incident_id: str, outcome: Outcome) -> bool:
        """Write down what a step has changed. False if it changed nothing."""
        now = self.clock.now()
        async with self.store.write() as tx:
            state = await self.records.load_for_update(tx, incident_id)
            channels = tx.of(IncidentChannelRepository)
            await channels.end_step(incident_id)
            if state is None:
                return False
            channel = outcome(state.channel, now)
            if channel.id and not state.channel.id:
                await channels.assign(channel.name, channel.id)
            if channel != state.channel:
                await self.records.save(tx, incident_id, channel, now)
            return channel != state.channel

    async def _outcome(self, state: ChannelState, step: Step) -> Outcome:
        """Do a step. What people and Slack did to the channel meanwhile is an outcome, too."""
        wanted = state.wanted
        try:
            return await self._do(state, step)
        except ChannelArchived:
            return lambda channel, _at: archived_by_hand(channel)
        except ChannelMissing:
            return lambda channel, _at: gone(channel)
        except TemporaryError as error:
            log.info(
                "incident channel step failed, retrying", incident=state.wanted.incident_id, step=step.kind, error=str(error)
            )
            why, retry_after = error.sentence, error.retry_after
            return lambda channel, at: step_failed(channel, step, why, permanent=False, at=at, retry_after=retry_after)
        except PermanentError as error:
            log.warning("incident channel step refused", incident=wanted.incident_id, step=step.kind, error=str(error))
            why = error.sentence
            return lambda channel, at: step_failed(channel, step, why, permanent=True, at=at)

    async def _do(self, state: ChannelState, step: Step) -> Outcome:
        channel = state.channel
        match step:
            case Step(kind=StepKind.CREATE):
                return await self._create(state.wanted, step)
            case Step(kind=StepKind.PURPOSE, text=text):
                await self.api.set_purpose(channel, text)
            case Step(kind=StepKind.TOPIC, text=text):
                await self.api.set_topic(channel, text)
            case Step(person=person) if person is not None:
                await self.api.invite(channel, person)
            case Step(bookmark=bookmark) if bookmark is not None:
                await self.api.set_bookmark(channel, bookmark)
            case Step(kind=StepKind.PIN, text=message):
                await self.api.pin(channel, message)
            case Step(kind=StepKind.UNARCHIVE):
                await self.api.unarchive(channel)
            case _:
                await self.api.archive(channel)
        return lambda recorded, _at: step_done(recorded, step)

    async def _with_name(self, tx: Transaction, state: ChannelState | None, now: datetime) -> ChannelState | None:
        """The state with a name reserved for the channel, if that is the next step.

        The claim on a channel is in the row of its name. A step of its own for the name could not be claimed, and who ended it
        would end the claim of another replica that is further.
        """
        while state is not None and (step := next_step(state.channel, state.wanted)) and step.kind is StepKind.NAME:
            wanted = state.wanted
            is_reserved = await tx.of(IncidentChannelRepository).reserve(step.text, wanted.incident_id)
            channel = step_done(state.channel, step) if is_reserved else name_taken(state.channel, wanted, now)
            await self.records.save(tx, wanted.incident_id, channel, now)
            state = replace(state, channel=channel)
        return state

    async def _create(self, wanted: WantedChannel, step: Step) -> Outcome:
        """Create the channel, or take the one that an earlier attempt has created.

        After an unknown outcome it is simply created again: Slack refuses a name that exists, which is the surest look-up.
        """
        try:
            address = await self.api.create(step.text, is_private=wanted.is_private)
        except ChannelNameTaken:
            found = await self.api.find(step.text)
            if found is None:
                return lambda channel, at: name_unclear(channel, wanted, step, at)
            if not _is_of(wanted, found):
                return lambda channel, at: name_taken(channel, wanted, at)
            address = found.address
        return lambda channel, _at: step_done(channel, step, address)


def _is_of(wanted: WantedChannel, found: FoundChannel) -> bool:
    """Whether an earlier attempt has created this channel for the incident.

    The name is reserved for this incident alone, so one of the bot that has no purpose yet is the incident's.
    """
    return found.is_own and (not found.purpose or wanted.incident_id in found.purpose)


def _not_before(channel: IncidentChannel, now: datetime) -> datetime | None:
    """When the next attempt may begin, if that is not now."""
    planned = channel.next_attempt_at
    return planned if planned is not None and now < planned <= now + MAX_PAUSE else None


def _timer(incident_id: str, due_at: datetime) -> Timer:
    return Timer(f"{INCIDENT_CHANNEL}/{incident_id}", INCIDENT_CHANNEL, incident_id, due_at)
