"""Slack's directory in memory: what tests change about people, and a Slack that does not answer."""

import asyncio

from domain.errors import TemporaryError
from domain.people import Member, Person
from tests.harness.samples.team import GUS, STAN


class MemoryDirectory:
    """Everybody is a full member unless a test says otherwise."""

    def __init__(self) -> None:
        self.members = {each.person: each for each in (GUS, STAN)}
        self.outage = ""
        """While it is set, nobody can be looked up."""
        self.delay = 0.0
        """Seconds until Slack answers, or does not."""
        self.lookups = 0
        self.forgotten: list[str] = []

    def change(self, member: Member) -> None:
        """What Slack says of this person from now on."""
        self.members[member.person] = member

    def forget_account(self, user_id: str) -> None:
        self.forgotten.append(user_id)

    def forget_groups(self) -> None:
        self.forgotten.append("groups")

    async def member(self, person: Person) -> Member:
        return await self.fresh_member(person)

    async def fresh_member(self, person: Person) -> Member:
        self.lookups += 1
        await asyncio.sleep(self.delay)
        if self.outage:
            raise TemporaryError(self.outage)
        return self.members.get(person) or Member(person=person, name=person.user_id)
