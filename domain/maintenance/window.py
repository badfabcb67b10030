"""A maintenance window: when an environment is worked on, who answers for it, and until when its changes are frozen."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.health import HealthLine
from domain.maintenance.jobs import WindowJob
from domain.matchers import Matcher
from domain.people import Person
from domain.rich_text import Text

GRACE = timedelta(minutes=30)
"""How long the freeze outlasts the planned end of a window that nobody has ended. Then the bot ends it."""
MAX_LENGTH = timedelta(hours=24)
"""The longest window, extensions included: a freeze that nobody ends must not last."""


class WindowState(StrEnum):
    """The states of a window. One that waits freezes nothing."""

    WAITING = "waiting"
    """For a second person, since it lies outside the environment's policy."""
    PLANNED = "planned"
    RUNNING = "running"
    ENDED = "ended"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """Whether something of it is yet to come."""
        return self not in (WindowState.ENDED, WindowState.CANCELLED)


class SilenceState(StrEnum):
    """How far a silence of a window is."""

    PLANNED = "planned"
    """Recorded before Alertmanager is asked for it, so that it is found again whatever happens in between."""
    SET = "set"
    LIFTED = "lifted"
    """Expired, or not found. It is looked for once more: a request may still have been on its way."""
    OVER = "over"
    BY_HAND = "by hand"
    """Somebody has lifted or changed it in Alertmanager while the window runs: it is not set again."""

    @property
    def is_wanted(self) -> bool:
        """Whether it is to stand while the window runs."""
        return self in (SilenceState.PLANNED, SilenceState.SET)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSilence:
    """A silence in Alertmanager. It ends there at ``ends_at`` whatever happens to the bot; ``id`` is empty until it is set."""

    matchers: tuple[Matcher, ...]
    ends_at: datetime
    id: str = ""
    state: SilenceState = SilenceState.PLANNED


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceWindow:
    """One window. ``told`` are the keys of what was announced; ``outcome`` is its last sentence, empty until it is over."""

    id: str
    source: str
    environment: str
    work: str
    """What is done, in the owner's words."""
    owner: Person
    channel: str
    planned_at: datetime
    starts_at: datetime
    ends_at: datetime
    state: WindowState
    approved_by: Person | None = None
    told: tuple[str, ...] = ()
    over_at: datetime | None = None
    outcome: Text = ""
    scopes: tuple[tuple[Matcher, ...], ...] = ()
    """What to hide in Alertmanager meanwhile, as its owner asked for it."""
    silences: tuple[WindowSilence, ...] = ()
    planned_jobs: tuple[WindowJob, ...] | None = None
    """The backup and the verification, as the catalogue named them when the window began; None until then."""
    health_before: tuple[HealthLine, ...] | None = None
    """As it was measured when the window began, and after it ended; None until then."""
    health_after: tuple[HealthLine, ...] | None = None

    @property
    def marker(self) -> str:
        """What a silence of this window has in its comment, and no other."""
        return f"[{self.id}]"

    @property
    def jobs(self) -> tuple[WindowJob, ...]:
        """The backup and the verification, as far as they are known."""
        return self.planned_jobs or ()

    @property
    def frozen_until(self) -> datetime:
        """When the freeze ends by itself, whatever happens to the bot."""
        return self.ends_at + GRACE

    def freezes(self, at: datetime) -> bool:
        """Whether deploys are refused at this time. It depends on the clock alone, not on a timer that may be late."""
        is_set = self.state in (WindowState.PLANNED, WindowState.RUNNING)
        return is_set and self.starts_at <= at < self.frozen_until


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowNote:
    """A reply in the thread of a window's announcement. ``key`` is unique in it, so that nothing is announced twice."""

    window_id: str
    key: str
    text: Text
    warning: bool = False
    escalates: bool = False
    """Whether those who are on call are to be named in it."""
    log: tuple[str, ...] = ()
    """Lines that say more."""


@dataclass(frozen=True, slots=True)
class WindowChange:
    """What a transition makes of a window, and what its thread says of it."""

    window: MaintenanceWindow
    notes: tuple[WindowNote, ...] = ()
