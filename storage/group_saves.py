"""What a transaction writes of alert groups and of storms: the arguments of ``Transaction.save_groups``."""

from dataclasses import dataclass

from domain.alerts.group_changes import GroupChange
from domain.alerts.storms import Storm
from storage.timers import Timer


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSave:
    """One group to write, with its card and the replies in its thread.

    ``card_unchanged``: nothing on the card has changed, which saves one of the fifty edits a minute that a workspace has.
    ``is_said_in_storm``: a group in a storm has no thread, and what is said of it is left out; this goes to the storm's thread.
    """

    change: GroupChange
    low_priority: bool = False
    card_unchanged: bool = False
    is_said_in_storm: bool = False


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
