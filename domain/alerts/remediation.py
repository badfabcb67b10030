"""Remedies for an alert group: whether it can be silenced, and whether a rollback undoes its suspect. Pure."""

from dataclasses import dataclass

from domain.alerts.alerts import AlertGroup
from domain.alerts.routing import location_of
from domain.catalogue.catalogue import Catalogue
from domain.changes.platform_changes import ChangeKind, PlatformChange
from domain.errors import Refused
from domain.matchers import Operator, group_matchers
from domain.rich_text import CommandMention, Text, join, sentence
from domain.workloads.revisions import revision_number_in

_VERSION_CHANGES = (ChangeKind.DEPLOY, ChangeKind.ROLLBACK)


@dataclass(frozen=True, slots=True)
class RollbackTarget:
    """The rollback that undoes a change: these services go back to this version."""

    environment: str
    version: str
    services: tuple[str, ...]


def can_silence(group: AlertGroup) -> bool:
    """Whether an Alertmanager can silence the group: its environment is known, and neither the bot nor Grafana raised it."""
    return bool(group.environment) and not raised_by_bot(group) and not raised_by_grafana(group)


def silence_scope(group: AlertGroup, catalogue: Catalogue) -> tuple[str, ...]:
    """The environments whose alerts a silence of the group can hide: its own alone if its matchers name it.

    Otherwise these are all that share the Alertmanager. Empty if the group's environment is unknown.
    """
    environments = catalogue.environments
    if group.environment not in environments:
        return ()
    named = {each.name: each.value for each in group_matchers(group.group_key, group.labels) if each.operator is Operator.EQUAL}
    labels = catalogue.alerts.environment_labels if catalogue.alerts else ()
    if any(location_of({each: named[each]}, catalogue).environment == group.environment for each in labels if each in named):
        return (group.environment,)
    own = environments[group.environment]
    addresses = catalogue.alertmanagers_of(group.environment, group.source)
    shared = {name: each for name, each in environments.items() if each is own or each.alertmanager in addresses}
    namespace = named.get("namespace")
    is_placed = namespace in catalogue.namespaces(group.environment)
    return tuple(name for name in shared if not is_placed or namespace in catalogue.namespaces(name))


def raised_by_bot(group: AlertGroup) -> bool:
    """Whether the bot raised it (``domain.alerts.watchdogs``). Keys of Alertmanager begin with a brace or are a hash."""
    return group.group_key.startswith("watchdog/")


def raised_by_grafana(group: AlertGroup) -> bool:
    """Whether Grafana's own alerting raised it: no Alertmanager outside of Grafana knows it."""
    return any(each.grafana is not None for each in group.examples)


def can_roll_back(group: AlertGroup) -> bool:
    """Whether one rollback undoes the suspect."""
    return group.suspect is not None and _why_no_rollback(group.suspect.change) == ""


def rollback_of(group: AlertGroup) -> RollbackTarget:
    """The rollback that undoes the suspect. Raises ``Refused`` with what a person can do instead."""
    if group.suspect is None:
        raise Refused(
            sentence(
                f"No change is under suspicion for {group.id}, so there is nothing to roll back. ",
                CommandMention(f"rollback {group.environment or '<env>'} last"),
                " goes back all the same.",
            )
        )
    change = group.suspect.change
    if why := _why_no_rollback(change):
        raise Refused(sentence(f"The suspect of {group.id} is “{change.description}”. ", why))
    return RollbackTarget(change.environment, change.previous_versions[change.services[0]], change.services)


def _why_no_rollback(change: PlatformChange) -> Text:
    if change.kind not in _VERSION_CHANGES:
        return f"A rollback puts back versions and does not undo {_KIND_NAMES[change.kind]}."
    if not change.services or not all(change.previous_versions.get(each) for each in change.services):
        versions_command = CommandMention(f"versions {change.environment}")
        return sentence("It is not known what ran before it. ", versions_command, " shows what can run again.")
    versions = {change.previous_versions[each] for each in change.services}
    if len(versions) > 1 or (len(change.services) > 1 and any(revision_number_in(each) is not None for each in versions)):
        rollbacks = (f"rollback {change.environment} {change.previous_versions[name]} {name}" for name in change.services)
        commands = join(" ", (CommandMention(each) for each in rollbacks))
        return sentence("Its services ran different versions before, so each goes back by itself: ", commands)
    return ""


_KIND_NAMES = {
    ChangeKind.RESTART: "a restart",
    ChangeKind.SCALE: "a change of the number of pods",
    ChangeKind.CONFIG: "a change of configuration",
    ChangeKind.AUTOSCALER: "a move of the autoscaler",
    ChangeKind.MAINTENANCE: "maintenance",
}
