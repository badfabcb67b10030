"""Looks at who somebody is right now, for what takes effect at once."""

import asyncio

from domain.errors import TemporaryError
from domain.people import Directory, Member, Person

MAX_LOOK_SECONDS = 1.0
"""How long what must not wait, such as Stop, waits for Slack's word."""


async def member_briefly(directory: Directory, person: Person) -> Member | None:
    """The person as known within five minutes; None if Slack has to be asked and does not say so within a second."""
    try:
        async with asyncio.timeout(MAX_LOOK_SECONDS):
            return await directory.member(person)
    except (TemporaryError, TimeoutError):
        return None


async def look_briefly(directory: Directory, known: Member) -> Member:
    """The person as Slack has them now; as they are ``known`` if Slack does not say so within a second."""
    try:
        async with asyncio.timeout(MAX_LOOK_SECONDS):
            return await directory.fresh_member(known.person)
    except (TemporaryError, TimeoutError):
        return known
