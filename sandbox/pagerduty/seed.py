"""The account that the sandbox starts with: its people have the names of the local Slack's."""

import hashlib
from datetime import timedelta

from domain.clock import Clock
from sandbox.pagerduty.account import Account
from sandbox.pagerduty.model import Policy, Schedule, Service, Shift, User
from sandbox.slack import people

SERVICE_NAME = "platform"
"""The name of the service in the bot's settings and in policies."""
BOT_EMAIL = "deepecho@example.com"
SCHEDULE_ID = "PPLATSCHED"
_TURNS = ("lee", "ana")
_WEEKS_AHEAD = 13
_WEEKS_BACK = 2


def seed_account(clock: Clock) -> Account:
    """One service; its policy calls who has the week, then mia, then kim."""
    users = {person.name: _user(person.name) for person in people.PEOPLE if not person.is_guest and not person.is_stranger}
    bot = User(id="PDEEPECHO", name="deepecho", email=BOT_EMAIL)
    monday = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    monday -= timedelta(days=monday.weekday())
    shifts = tuple(
        Shift(
            user=users[_TURNS[week % len(_TURNS)]], start=monday + timedelta(weeks=week), end=monday + timedelta(weeks=week + 1)
        )
        for week in range(-_WEEKS_BACK, _WEEKS_AHEAD)
    )
    schedule = Schedule(id=SCHEDULE_ID, name="Platform", shifts=shifts)
    policy = Policy(id="PPLATPOLIC", name="Platform", levels=((schedule,), (users["mia"],), (users["kim"],)))
    service = Service(id="PPLATSERVI", name="Deep Echo platform", routing_key=routing_key(SERVICE_NAME), policy=policy)
    return Account(clock, (*users.values(), bot), (service,))


def routing_key(name: str) -> str:
    """An integration key as PagerDuty's look, the same on each start."""
    return hashlib.sha256(f"sandbox {name}".encode()).hexdigest()[:32]


def user_id(name: str) -> str:
    """A person's id at PagerDuty, from the name that they have in Slack."""
    return f"P{name.upper():0<7}"


def _user(name: str) -> User:
    return User(id=user_id(name), name=name.capitalize(), email=f"{name}@example.com")
