"""Tells people before a silence ends: its owner, and at night whoever is on call."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from domain.alerts import silence_endings
from domain.alerts.alerts import AlertGroup, AppliedSilence, ToldOfEnd
from domain.alerts.group_changes import GroupChange
from domain.alerts.silences import SAME_TIME
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock, has_passed
from domain.errors import DeepechoError
from domain.oncall.schedule import on_call
from domain.people import Person
from domain.severities import Severity
from domain.wall_clock import local_time
from runbooks.alerts.service import AlertmanagerLookup
from runbooks.alerts.silence_records import with_severity
from runbooks.alerts.timers import SILENCE_ENDING_AT_NIGHT
from storage.group_saves import GroupSave
from storage.oncall import OncallRepository
from storage.silence_messages import silence_ending
from storage.store import Store, Transaction
from storage.timers import Timer

ANSWER_SECONDS = 3.0
"""For what Alertmanager hides: a hundred silences that end together are named in time also where it hangs."""
ANSWER_AGE = timedelta(seconds=10)
"""Silences that end together are named by one answer."""
STARTING_TIME = timedelta(minutes=5)
"""Prometheus sends its alerts again each minute or so: one that has just started knows none."""
WAKING = (Severity.P0, Severity.P1, Severity.P2)
"""What whoever is on call is told of at night. The rest waits until the morning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceAnswer:
    """What an Alertmanager said, by the ids of silences in force: their ends, and how many alerts of which severity each hides.

    One that ``is_starting`` may not know yet of alerts and silences that it does not name.
    """

    at: datetime
    ends: Mapping[str, datetime]
    hidden: Mapping[str, Mapping[Severity, int]]
    is_starting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceReminders:
    """Works on the timers of silences that end soon. What each hides then, only Alertmanager knows."""

    store: Store
    clock: Clock
    catalogue: Callable[[], Catalogue]
    alertmanager: AlertmanagerLookup
    notify_outbox: Callable[[], None]
    _answers: dict[tuple[str, str], PlaceAnswer] = field(default_factory=dict)

    async def work(self, timer: Timer) -> None:
        """Tell whom the timer is for. Raises ``TemporaryError`` if the database does not answer; the timer stays then."""
        async with self.store.read() as tx:
            group = await tx.alerts.get(timer.subject)
        answer = await self._ask(group) if group is not None and group.silence is not None else None
        async with self.store.write() as tx:
            at = self.clock.now()
            group = (await tx.alerts.get_many_for_update([timer.subject])).get(timer.subject)
            if group is not None and group.silence is not None and group.silence.extension is not None:
                return  # Its end is being moved: the timer comes again when that is known.
            if not await tx.timers.remove(timer.key, timer.due_at) or group is None:
                return
            for told in await self._receivers(tx, timer, group, answer, at):
                await _tell(tx, group, told, _count(group, answer), at)
        self.notify_outbox()

    async def _ask(self, group: AlertGroup) -> PlaceAnswer | None:
        """What Alertmanager has now; None where it does not say so in time."""
        place = (group.environment, group.source)
        known = self._answers.get(place)
        if known is not None and not has_passed(ANSWER_AGE, known.at, self.clock.now()):
            return known
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                self._answers[place] = await self._read(*place)
        except (DeepechoError, TimeoutError):
            return None
        return self._answers[place]

    async def _read(self, environment: str, source: str) -> PlaceAnswer:
        alertmanager, at = self.alertmanager(environment, source), self.clock.now()
        silences, alerts, uptime = await asyncio.gather(
            alertmanager.silences(), alertmanager.alert_details(), alertmanager.uptime()
        )
        hidden: dict[str, Counter[Severity]] = {}
        held = [each for each in alerts if each.silenced_by]
        for alert, known in zip(held, with_severity(held, self.catalogue()), strict=True):
            for silence_id in alert.silenced_by:
                hidden.setdefault(silence_id, Counter())[known.severity] += 1
        ends = {each.id: each.ends_at for each in silences if each.in_force}
        is_starting = not has_passed(STARTING_TIME, uptime.started_at, at)
        return PlaceAnswer(at=at, ends=ends, hidden=hidden, is_starting=is_starting)

    async def _receivers(
        self, tx: Transaction, timer: Timer, group: AlertGroup, answer: PlaceAnswer | None, at: datetime
    ) -> tuple[ToldOfEnd, ...]:
        """Nobody if the silence is over, is not the one that the timer was set for, or does not end then in Alertmanager."""
        applied = group.silence
        if applied is None or at >= applied.until or not _ends_then(applied, answer):
            return ()
        if timer.kind != SILENCE_ENDING_AT_NIGHT:
            is_decided = applied.let_end_by is not None
            is_meant = silence_endings.owner_time(applied) == timer.due_at
            return (ToldOfEnd(person=applied.owner),) if is_meant and not is_decided else ()
        is_meant = silence_endings.on_call_time(applied) == timer.due_at
        if not is_meant or not self._is_worth_waking(group, answer):
            return ()
        return await self._on_call_at_night(tx, group, applied, at)

    def _is_worth_waking(self, group: AlertGroup, answer: PlaceAnswer | None) -> bool:
        """Whether something will notify that cannot wait until the morning."""
        if _count(group, answer) == 0:
            return False
        hidden = answer.hidden.get(group.silence.id, {}) if answer and group.silence else {}
        return not {group.severity, *hidden}.isdisjoint(WAKING)

    async def _on_call_at_night(
        self, tx: Transaction, group: AlertGroup, applied: AppliedSilence, at: datetime
    ) -> tuple[ToldOfEnd, ...]:
        """The first who is on call for the group's service, where it is night for their team when the silence ends.

        Not who has said already that it may end.
        """
        catalogue = self.catalogue()
        team = catalogue.team_of(group.service)
        if catalogue.alerts is None or team not in catalogue.oncall:
            return ()
        if not catalogue.alerts.night.includes(local_time(applied.until, ZoneInfo(catalogue.oncall[team].zone))):
            return ()
        names = on_call(await tx.of(OncallRepository).roster(catalogue, team, at), at)
        known = [catalogue.people[name].slack for name in names if name in catalogue.people]
        people = (Person(each, catalogue.workspaces[0]) for each in known[:1])
        return tuple(ToldOfEnd(person=each, team=team) for each in people if each != applied.let_end_by)


def _ends_then(applied: AppliedSilence, answer: PlaceAnswer | None) -> bool:
    """Whether Alertmanager has the silence with this end; True where it does not answer. Else somebody has changed it there."""
    if answer is None:
        return True
    end = answer.ends.get(applied.id)
    return answer.is_starting if end is None else abs(end - applied.until) < SAME_TIME


def _count(group: AlertGroup, answer: PlaceAnswer | None) -> int | None:
    """How many alerts the silence hides; None where that is not known."""
    if answer is None or group.silence is None:
        return None
    count = sum(answer.hidden.get(group.silence.id, {}).values())
    return None if count == 0 and group.firing and answer.is_starting else count


async def _tell(tx: Transaction, group: AlertGroup, told: ToldOfEnd, hidden: int | None, at: datetime) -> None:
    """Tell one person, and record it: the message shows a decision later."""
    applied = group.silence
    if applied is None:
        return
    fact = silence_endings.ending(group, applied, told, hidden=hidden)
    await tx.put_message(silence_ending(group, fact), at)
    change = GroupChange(record=silence_endings.tell(group, applied, told))
    await tx.save_groups([GroupSave(change=change, card_unchanged=True)], at)
