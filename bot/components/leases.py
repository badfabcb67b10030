"""Leases: what the bot has set in other systems for a time."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from bot.components.core import CoreComponents
from bot.components.family import Family, FamilyComponents, NotifyOutbox
from bot.slack.user_groups import SlackUserGroups
from bot.views import leases as views
from bot.views.render import timeless
from commands.leases import leases
from domain.answers.leases import LeasesAnswer
from domain.health import HealthCheck, HealthLevel, HealthLine, LeftByNight, NightSource
from domain.leases.lease import Lease, LeaseKind, Reality
from domain.rich_text import Timestamp, sentence
from runbooks.housekeeping import Prune
from runbooks.leases.service import LeaseService
from storage.leases import LeaseRepository

ABOUT_TO_END = timedelta(hours=8)
"""The digest names what ends within the working day."""
_UNDO_LABELS = {LeaseKind.SILENCE: "End it now", LeaseKind.SCALE: "Scale back now"}


def build_leases(core: CoreComponents, _notify_outbox: NotifyOutbox) -> FamilyComponents:
    """What compares leases with reality, for the command, for ``health`` and for the digest."""
    service = LeaseService(
        store=core.store,
        clock=core.clock,
        catalogue=core.current_catalogue,
        alertmanager=core.monitoring.alertmanager,
        clusters=core.clusters,
        user_groups=SlackUserGroups(core.slack),
    )

    async def check(environment: str) -> tuple[HealthLine, ...]:
        return health_lines(await service.compare((environment,)), environment, core.clock.now())

    async def left(environment: str, since: datetime, until: datetime) -> tuple[LeftByNight, ...]:
        return left_by_night(await service.recorded((environment,)), since, until)

    return FamilyComponents(
        services={LeaseService: service},
        health_checks=(HealthCheck(name="leases", run=check),),
        night_sources=(NightSource(name="leases", find=left),),
    )


def health_lines(found: LeasesAnswer, environment: str, at: datetime) -> tuple[HealthLine, ...]:
    """One line where something that was set is not as recorded; none where all is."""
    silences, silence_level = _silences(found)
    scales, scale_level = _scales(found)
    if not silences and not scales:
        return ()
    return (
        HealthLine(
            system="leases",
            level=min(silence_level, scale_level, key=lambda level: level.rank),
            text="; ".join(each for each in (silences, scales) if each),
            measured_at=at,
            commands=(f"leases {environment}",),
        ),
    )


def _silences(found: LeasesAnswer) -> tuple[str, HealthLevel]:
    readings = [each for each in found.readings if each.lease.kind is not LeaseKind.SCALE]
    gone = sum(each.reality is Reality.GONE for each in readings)
    changed = sum(each.reality is Reality.CHANGED for each in readings)
    orphans = sum(each.kind is not LeaseKind.SCALE for each in found.orphans)
    counts = {"ended elsewhere": gone, "changed by somebody": changed, "that nobody recorded": orphans}
    return _counted("silences", counts), HealthLevel.RED if gone or orphans else HealthLevel.YELLOW


def _scales(found: LeasesAnswer) -> tuple[str, HealthLevel]:
    """Too many or too few pods hide no alert: they are yellow, and red where the bot has given up to put them back."""
    readings = [each for each in found.readings if each.lease.kind is LeaseKind.SCALE]
    changed = sum(each.reality in (Reality.CHANGED, Reality.GONE) for each in readings)
    overdue = sum(each.reality is Reality.OVERDUE for each in readings)
    orphans = sum(each.kind is LeaseKind.SCALE for each in found.orphans)
    counts = {"changed by somebody": changed, "past their time": overdue, "that nothing puts back": orphans}
    return _counted("scales", counts), HealthLevel.RED if orphans else HealthLevel.YELLOW


def _counted(what: str, counts: Mapping[str, int]) -> str:
    said = [f"{number} {how}" for how, number in counts.items() if number]
    return f"{what}: {', '.join(said)}" if said else ""


def left_by_night(recorded: Iterable[Lease], since: datetime, until: datetime) -> tuple[LeftByNight, ...]:
    """What was set in the night, ends soon, or was not put back. A freeze is listed among the locks."""
    standing = (each for each in recorded if each.kind is not LeaseKind.FREEZE)
    return tuple(_left(each) for each in standing if each.until <= until + ABOUT_TO_END or each.set_at >= since)


def _left(lease: Lease) -> LeftByNight:
    """With the command that ends it. What a window has set ends with the window, so that its button only shows it."""
    if lease.abandoned:
        text = sentence("scale of ", lease.owner, f" was not put back: {lease.purpose}")
    else:
        text = sentence(f"{lease.kind} of ", lease.owner, " ends ", Timestamp(lease.until), f": {lease.purpose}")
    if lease.kind in _UNDO_LABELS:
        return LeftByNight(text=text, command=lease.undo, label=_UNDO_LABELS[lease.kind])
    return LeftByNight(text=text, command=f"leases {lease.environment}", label="Leases")


LEASES = Family(
    name="leases",
    routers=(leases.router,),
    views={LeasesAnswer: timeless(views.leases)},
    buttons={views.UNDO: views.undo_command},
    prunes=(Prune(lambda kept: kept.alerts, lambda tx, before: tx.of(LeaseRepository).prune(before)),),
    build=build_leases,
)
