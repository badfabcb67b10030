"""Sets and lifts the silences of windows in Alertmanager, so that they follow the record wherever a process died.

Each is recorded before it is asked for, and carries the window's id and the end of the freeze in Alertmanager itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from domain.alerts.silences import AlertDetails, Silence
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.errors import DeepechoError, PermanentError, Refused, TemporaryError
from domain.maintenance import silence_texts as texts
from domain.maintenance.scope import silence_matchers
from domain.maintenance.silencing import (
    CREATOR,
    SECOND_LOOK,
    changed_by_hand,
    has_work,
    hidden_beyond,
    is_unchanged,
    left_by_hand,
    matchers_to_extend,
    misplaced,
    ours,
    planned_silences,
    truncated,
    wants_silences,
    with_silence,
)
from domain.maintenance.window import MaintenanceWindow, SilenceState, WindowNote, WindowSilence
from domain.matchers import Matcher
from storage.maintenance import MaintenanceRepository, silence_timer, window_card, window_note
from storage.store import Store
from storage.timers import Timer


class WindowSilenceApi(Protocol):
    """What is asked of an Alertmanager."""

    async def create_silence(
        self, matchers: tuple[Matcher, ...], *, starts_at: datetime, ends_at: datetime, by: str, comment: str
    ) -> str: ...

    async def silences(self) -> tuple[Silence, ...]: ...

    async def expire(self, silence_id: str, /) -> bool: ...

    async def alert_details(self) -> tuple[AlertDetails, ...]: ...


@dataclass(frozen=True, slots=True)
class WindowSilencer:
    """Makes Alertmanager what the record of a window says. ``alertmanager`` is that of an environment; it raises ``Refused``."""

    store: Store
    clock: Clock
    catalogue: Callable[[], Catalogue]
    alertmanager: Callable[[str], WindowSilenceApi]
    notify_outbox: Callable[[], None]

    async def work(self, timer: Timer) -> None:
        """Do what the window's record asks for now. Raises ``TemporaryError``; the timer stays then."""
        async with self.store.read() as tx:
            window = await tx.of(MaintenanceRepository).get(timer.subject)
        at = self.clock.now()
        if window is not None and has_work(window, at):
            try:
                await (self._set(window, at) if wants_silences(window, at) else self._lift(window, at))
            except TemporaryError as error:
                await self._note(window, texts.unanswered(window, error.sentence))
                raise
            except (Refused, PermanentError) as error:
                if not wants_silences(window, at):
                    # What hides alerts is not forgotten: it is tried again until Alertmanager itself ends it.
                    await self._note(window, texts.not_lifted(window, error.sentence))
                    raise TemporaryError(error.sentence) from error
                await self._give_up(window, error)
        await self._settle(timer)
        self.notify_outbox()

    async def _set(self, window: MaintenanceWindow, at: datetime) -> None:
        alertmanager = self.alertmanager(window.environment)
        if window.silences:
            window = await self._leave_by_hand(alertmanager, window)
        matchers = matchers_to_extend(window) if window.silences else await self._preview(alertmanager, window)
        planned = await self._record(window, lambda now: replace(now, silences=planned_silences(now, matchers)))
        if planned is None:
            return
        wanted = [each for each in planned.silences if each.ends_at == window.frozen_until and each.state is SilenceState.PLANNED]
        made = [await self._create(alertmanager, planned, each, at) for each in wanted]
        await self._verify(alertmanager, planned, made)
        await self._expire_shorter(alertmanager, planned)

    async def _leave_by_hand(self, alertmanager: WindowSilenceApi, window: MaintenanceWindow) -> MaintenanceWindow:
        """The window, without the silences that somebody has lifted or changed in Alertmanager since they were set."""
        changed = changed_by_hand(window, await alertmanager.silences())
        if not changed:
            return window
        await self._note(window, texts.left_by_hand(window, changed))
        return await self._record(window, lambda now: left_by_hand(now, changed)) or window

    async def _preview(self, alertmanager: WindowSilenceApi, window: MaintenanceWindow) -> tuple[tuple[Matcher, ...], ...]:
        """The matchers of its scopes, from what fires. Raises ``Refused`` where they reach beyond its environment."""
        alerts, catalogue = await alertmanager.alert_details(), self.catalogue()
        found = tuple(silence_matchers(each, alerts, window.environment, catalogue) for each in window.scopes)
        for each in found:
            if strays := misplaced(each, alerts, window, catalogue):
                raise Refused(texts.reaches_beyond(each, strays))
        return found

    async def _create(
        self, alertmanager: WindowSilenceApi, window: MaintenanceWindow, silence: WindowSilence, at: datetime
    ) -> WindowSilence:
        created = await alertmanager.create_silence(
            silence.matchers,
            starts_at=at,
            ends_at=silence.ends_at,
            by=CREATOR,
            comment=f"maintenance: {window.work[:200]} {window.marker}",
        )
        return replace(silence, id=created, state=SilenceState.SET)

    async def _verify(self, alertmanager: WindowSilenceApi, window: MaintenanceWindow, made: Sequence[WindowSilence]) -> None:
        """Compare what Alertmanager says that it hides with the scope. Raises ``Refused`` where it hides more."""
        if not made:
            return
        alerts = await alertmanager.alert_details()
        for silence in made:
            if beyond := hidden_beyond(silence, alerts, window, self.catalogue()):
                await alertmanager.expire(silence.id)
                raise Refused(texts.hides_more(silence.matchers, beyond))
        recorded = await self._record(window, lambda now: _with_all(now, made))
        await self._note(recorded or window, texts.silenced(window, made, alerts))

    async def _expire_shorter(self, alertmanager: WindowSilenceApi, window: MaintenanceWindow) -> None:
        """After an extension: the silences of the former end go once those of the new one stand."""
        earlier = [each for each in window.silences if each.ends_at != window.frozen_until and each.state.is_wanted]
        if not earlier:
            return
        former = {truncated(each.ends_at) for each in earlier}
        for silence in ours(window, await alertmanager.silences()):
            if silence.ends_at in former and is_unchanged(window, silence):
                await alertmanager.expire(silence.id)
        await self._record(window, lambda now: _with_all(now, [replace(each, state=SilenceState.OVER) for each in earlier]))

    async def _lift(self, window: MaintenanceWindow, at: datetime) -> None:
        """Expire what is ours and unchanged. A minute later it is looked for once more."""
        if at >= max(each.ends_at for each in window.silences) + SECOND_LOOK:
            await self._record(window, lambda now: _all_in(now, SilenceState.OVER))
            return
        alertmanager = self.alertmanager(window.environment)
        kept, lifted = [], []
        for silence in ours(window, await alertmanager.silences()):
            if is_unchanged(window, silence):
                await alertmanager.expire(silence.id)
                lifted.append(silence)
            else:
                kept.append(silence)
        is_second = all(each.state in (SilenceState.LIFTED, SilenceState.OVER) for each in window.silences)
        state = SilenceState.OVER if is_second else SilenceState.LIFTED
        await self._record(window, lambda now: _all_in(now, state))
        if not is_second or lifted:
            await self._note(window, texts.lifted(window, lifted, kept))

    async def _give_up(self, window: MaintenanceWindow, error: DeepechoError) -> None:
        """None of a window's silences stands where one of them cannot: what was set is lifted, and its thread says why."""
        async with self.store.read() as tx:
            window = await tx.of(MaintenanceRepository).get(window.id) or window
        if window.silences:
            alertmanager = self.alertmanager(window.environment)
            for silence in ours(window, await alertmanager.silences()):
                if is_unchanged(window, silence):
                    await alertmanager.expire(silence.id)
        await self._record(window, lambda now: replace(_all_in(now, SilenceState.OVER), scopes=()))
        await self._note(window, texts.given_up(window, error.sentence))

    async def _record(
        self, window: MaintenanceWindow, change: Callable[[MaintenanceWindow], MaintenanceWindow]
    ) -> MaintenanceWindow | None:
        """Write what changed of its silences. None where the window has ended or moved meanwhile: its timer is set anew then."""
        async with self.store.write() as tx:
            now = await tx.of(MaintenanceRepository).get(window.id)
            if now is None:
                return None
            changed = change(now)
            await tx.of(MaintenanceRepository).save(changed)
            await tx.put_message(window_card(changed), self.clock.now())
            is_same = (now.state, now.frozen_until) == (window.state, window.frozen_until)
            return changed if is_same else None

    async def _note(self, window: MaintenanceWindow, note: WindowNote) -> None:
        async with self.store.write() as tx:
            await tx.put_message(window_note(window, note), self.clock.now())

    async def _settle(self, timer: Timer) -> None:
        """Remove the timer, or set it for a second look; not where it was set anew meanwhile."""
        async with self.store.write() as tx:
            if await tx.timers.remove(timer.key, timer.due_at):
                window = await tx.of(MaintenanceRepository).get(timer.subject)
                if window is not None and has_work(window, self.clock.now()):
                    await tx.timers.set(silence_timer(window.id, self.clock.now() + SECOND_LOOK))


def _with_all(window: MaintenanceWindow, silences: Sequence[WindowSilence]) -> MaintenanceWindow:
    for silence in silences:
        window = with_silence(window, silence)
    return window


def _all_in(window: MaintenanceWindow, state: SilenceState) -> MaintenanceWindow:
    return replace(window, silences=tuple(replace(each, state=state) for each in window.silences))
