"""Slack user groups that hold whoever is on call, compared with Slack."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from domain.errors import PermanentError, TemporaryError
from domain.leases.lease import Lease, LeaseReading, Reality
from domain.oncall.groups import GroupMembers
from domain.oncall.leases import compare_group, orphan_of_group
from domain.rich_text import Text, sentence
from runbooks.leases.scales import COMPARISON_TIMEOUT, Readings


class UserGroupList(Protocol):
    """What is asked of Slack."""

    async def read_groups(self) -> Mapping[str, GroupMembers]:
        """Every user group by its id. Raises ``TemporaryError``, ``PermanentError``."""
        ...


async def read_user_groups(slack: UserGroupList, leases: Sequence[Lease], at: datetime) -> Readings:
    """Ask for all groups at once; not at all where none is filled."""
    if not leases:
        return Readings()
    problem: Text
    try:
        async with asyncio.timeout(COMPARISON_TIMEOUT.total_seconds()):
            found = await slack.read_groups()
    except TimeoutError:
        problem = "Slack did not answer in time."
    except (TemporaryError, PermanentError) as error:
        problem = error.sentence
    else:
        return _compared(leases, found, at)
    unknown = tuple(LeaseReading(lease=each, reality=Reality.UNKNOWN) for each in leases if not each.abandoned)
    return Readings(readings=unknown, problems=(sentence("User groups: ", problem),))


def _compared(leases: Sequence[Lease], found: Mapping[str, GroupMembers], at: datetime) -> Readings:
    compared = [compare_group(each, found.get(each.key), at) for each in leases]
    still_so = (Reality.HELD, Reality.OVERDUE)
    return Readings(
        readings=tuple(each for each in compared if not each.lease.abandoned),
        orphans=tuple(orphan_of_group(each.lease) for each in compared if each.lease.abandoned and each.reality in still_so),
    )
