"""What can be done about an alert group: whether it can be silenced, whether its suspect can be taken back, and how. Pure."""

from dataclasses import dataclass

from domain.alerts.alerts import AlertGroup
from domain.alerts.routing import place_of
from domain.catalogue.catalogue import Catalogue
from domain.changes.platform_changes import ChangeKind, PlatformChange
from domain.errors import Refused
from domain.matchers import Operator, group_matchers

_SHIPS = (ChangeKind.DEPLOY, ChangeKind.ROLLBACK)


@dataclass(frozen=True, slots=True)
class Undo:
    """The rollback that takes a change back: these services to what ran before."""

    environment: str
    version: str
    services: tuple[str, ...]


def can_silence(group: AlertGroup) -> bool:
    """Whether an Alertmanager can: it must be known which one, and of a watchdog it knows nothing."""
    return bool(group.environment) and not is_own(group)


def reach_of_silence(group: AlertGroup, catalogue: Catalogue) -> tuple[str, ...]:
    """The environments whose alerts a silence of the group holds for: its own alone where its matchers name that one.

    Else it is every one that shares the Alertmanager. Empty where it is not known which that is.
    """
    known = catalogue.environments
    if group.environment not in known:
        return ()
    named = {each.name: each.value for each in group_matchers(group.group_key, group.labels) if each.operator is Operator.EQUAL}
    labels = catalogue.alerts.environment_labels if catalogue.alerts else ()
    if any(place_of({each: named[each]}, catalogue).environment == group.environment for each in labels if each in named):
        return (group.environment,)
    own = known[group.environment]
    shared = {name: each for name, each in known.items() if each.alertmanager == own.alertmanager}
    is_placed = named.get("namespace") == own.namespace
    return tuple(name for name, each in shared.items() if not is_placed or each.namespace == own.namespace)


def is_own(group: AlertGroup) -> bool:
    """Whether the bot itself raised it (``domain.alerts.watchdogs``). Alertmanager's keys begin with a brace, or are a hash."""
    return group.group_key.startswith("watchdog/")


def can_undo(group: AlertGroup) -> bool:
    """Whether one rollback takes the suspect back."""
    return group.suspect is not None and _why_not(group.suspect.change) == ""


def undo_of(group: AlertGroup) -> Undo:
    """The rollback of the suspect. Raises ``Refused`` with what a person can do instead."""
    if group.suspect is None:
        raise Refused(
            f"No change is under suspicion for {group.id}, so there is nothing to roll back. "
            f"`/deepecho rollback {group.environment or '<env>'} last` goes back all the same."
        )
    change = group.suspect.change
    if why := _why_not(change):
        raise Refused(f"The suspect of {group.id} is “{change.what}”. {why}")
    return Undo(change.environment, change.before[change.services[0]], change.services)


def _why_not(change: PlatformChange) -> str:
    if change.kind not in _SHIPS:
        return f"A rollback puts back versions and does not undo {_KINDS[change.kind]}."
    if not change.services or not all(change.before.get(each) for each in change.services):
        return f"It is not known what ran before it. `/deepecho versions {change.environment}` shows what can run again."
    versions = {change.before[each] for each in change.services}
    if len(versions) > 1:
        each = " ".join(f"`/deepecho rollback {change.environment} {change.before[name]} {name}`" for name in change.services)
        return f"Its services ran different versions before, so each goes back by itself: {each}"
    return ""


_KINDS = {
    ChangeKind.RESTART: "a restart",
    ChangeKind.SCALE: "a change of the number of pods",
    ChangeKind.CONFIG: "a change of configuration",
    ChangeKind.AUTOSCALER: "a move of the autoscaler",
    ChangeKind.MAINTENANCE: "maintenance",
}
