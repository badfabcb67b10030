"""What a transaction writes of alert groups and of storms: the arguments of ``Transaction.save_groups``."""

from dataclasses import dataclass

from domain.alerts.group_changes import GroupChange
from domain.alerts.storms import Storm
from storage.timers import Timer


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSave:
    """One group to write, with its card and the replies in its thread.

    ``card_unchanged``: nothing on the card has changed, which saves one of the fifty edits a minute that a workspace has.
    """

    change: GroupChange
    low_priority: bool = False
    card_unchanged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StormSave:
    """One storm whose card is counted again. ``storm`` is None if the caller does not know it: then it is read.

    A storm that ``changed`` is written. ``timer`` is the one that ends it.
    """

    id: str
    storm: Storm | None = None
    changed: bool = False
    timer: Timer | None = None
    low_priority: bool = True
