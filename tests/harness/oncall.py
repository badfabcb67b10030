"""A team's rota on a real database: changed as people do, read back as the outbox worker reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import select

from domain.catalogue.catalogue import Catalogue
from domain.people import Person
from domain.rich_text import plain_text
from runbooks.oncall.changes import OncallRequest
from runbooks.oncall.reviewer import Reviewer
from runbooks.oncall.service import OncallService
from runbooks.oncall.timers import EXPIRE, REVIEW
from runbooks.timers import TimerDispatcher, TimerHandler
from storage.store import Store
from storage.tables.core import outbox
from tests.harness.fakes.clock import StoppedClock
from tests.harness.families import load
from tests.harness.samples.team import ANA, LEE, RAY, SAM, TEAM, VIV, team_catalogue

MONDAY = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)
CHANNEL = "C0ONCALL"
ACCOUNTS = {"ana": ANA, "lee": LEE, "ray": RAY, "sam": SAM, "viv": VIV}
PEOPLE = {name: {"slack": member.person.user_id} for name, member in ACCOUNTS.items()}
LAYER: Mapping[str, Any] = {
    "name": "primary",
    "people": ["ray", "ana", "lee"],
    "starts": "2026-11-02",
    "handoff": {"at": "09:00", "days": ["mon"]},
}


def oncall_catalogue(*layers: Mapping[str, Any], people: Mapping[str, Any] | None = None, **team: Any) -> Catalogue:
    """Ray, Ana and Lee a week each from Monday 09:00 in Berlin. On 23 November it is Ray's turn, then Ana's."""
    config = {"zone": "Europe/Berlin", "channel": CHANNEL, "lead": "lee", "layers": [dict(each) for each in layers or (LAYER,)]}
    return team_catalogue(people=people or PEOPLE, oncall={"platform": config | team})


def account(name: str) -> Person:
    return Person(PEOPLE[name]["slack"], TEAM)


@dataclass(frozen=True)
class Told:
    """A message as it waits in the outbox."""

    receiver: str
    text: str
    fact: Any


@dataclass
class OncallHarness:
    """One replica. ``catalogue`` is replaced as a reload does."""

    store: Store
    catalogue: Catalogue = field(default_factory=oncall_catalogue)
    clock: StoppedClock = field(default_factory=lambda: StoppedClock(MONDAY))
    numbers: "count[int]" = field(default_factory=count)
    handlers: dict[str, TimerHandler] = field(default_factory=dict)
    replica: str = "one"
    _read_rows: int = 0

    def __post_init__(self) -> None:
        current = lambda: self.catalogue  # noqa: E731 -- a reload changes it
        self.reviewer = Reviewer(store=self.store, clock=self.clock, catalogue=current, notify_outbox=lambda: None)
        self.service = OncallService(
            store=self.store, clock=self.clock, catalogue=current, reviewer=self.reviewer, notify_outbox=lambda: None
        )
        self.handlers |= {REVIEW: self.reviewer.run_due, EXPIRE: self.service.expire}

    def request(self, name: str, reason: str = "") -> OncallRequest:
        return OncallRequest(by=account(name), name=name, source=f"envelope-{self.replica}-{next(self.numbers)}", reason=reason)

    async def tick(self) -> None:
        """What the process does every second."""
        await self.reviewer.watch_catalogue()
        timers = TimerDispatcher(store=self.store, clock=self.clock, replica=self.replica, handlers=self.handlers)
        await timers.run_due()

    async def until(self, at: datetime) -> None:
        """Let time pass to an instant, with a tick each hour and at the end."""
        while self.clock.now() < at:
            self.clock.advance(min(timedelta(hours=1), at - self.clock.now()))
            await self.tick()

    async def told(self) -> list[Told]:
        """The messages that are new since the last call, by receiver: names for accounts."""
        names = {member.person.user_id: name for name, member in ACCOUNTS.items()}
        async with self.store.engines.read.connect() as connection:
            rows = (await connection.execute(select(outbox).order_by(outbox.c.id).offset(self._read_rows))).mappings().all()
        self._read_rows += len(rows)
        facts = [(row["channel"], load(row["kind"], row["version"], row["fact"])) for row in rows]
        return [Told(names.get(channel, channel), _text(fact), fact) for channel, fact in facts]


def _text(fact: Any) -> str:
    if not hasattr(fact, "title"):
        return repr(fact)
    return "\n".join(plain_text(text) for text in (fact.title, *fact.lines))
