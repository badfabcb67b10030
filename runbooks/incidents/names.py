"""Names of people for reports that mention nobody."""

from collections.abc import Collection, Mapping

from domain.errors import TemporaryError
from domain.people import BOT, Directory, Person

MAX_LOOKUPS = 20
"""People whose names are looked up for one report: each may be a call to Slack."""


async def lookup_names(directory: Directory, people: Collection[Person]) -> Mapping[Person, str]:
    """The names of these people. One who cannot be looked up stays without, and a report says ``somebody``."""
    names: dict[Person, str] = {}
    for person in sorted(set(people) - {BOT})[:MAX_LOOKUPS]:
        try:
            names[person] = (await directory.member(person)).name
        except TemporaryError:
            # Slack does not answer: the others would each wait for it, too.
            break
    return names
