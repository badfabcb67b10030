"""Leases: what the bot has set in other systems for a time."""

from datetime import datetime, timedelta

from bot.components.core import CoreComponents
from bot.components.family import Family, FamilyComponents, NotifyOutbox
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


def build_leases(core: CoreComponents, _notify_outbox: NotifyOutbox) -> FamilyComponents:
    """What compares leases with reality, for the command, for ``health`` and for the digest."""
    service = LeaseService(
        store=core.store, clock=core.clock, catalogue=core.current_catalogue, alertmanager=core.monitoring.alertmanager
    )

    async def check(environment: str) -> tuple[HealthLine, ...]:
        return health_lines(await service.compare((environment,)), environment, core.clock.now())

    async def left(environment: str, since: datetime, until: datetime) -> tuple[LeftByNight, ...]:
        # A freeze is listed among the locks.
        standing = [each for each in await service.recorded((environment,)) if each.kind is not LeaseKind.FREEZE]
        return tuple(_left(each) for each in standing if each.until <= until + ABOUT_TO_END or each.set_at >= since)

    return FamilyComponents(
        services={LeaseService: service},
        health_checks=(HealthCheck(name="leases", run=check),),
        night_sources=(NightSource(name="leases", find=left),),
    )


def health_lines(found: LeasesAnswer, environment: str, at: datetime) -> tuple[HealthLine, ...]:
    """One line where something that was set is not as recorded; none where all is."""
    gone = sum(each.reality is Reality.GONE for each in found.readings)
    changed = sum(each.reality is Reality.CHANGED for each in found.readings)
    counts = {"ended elsewhere": gone, "changed by somebody": changed, "that nobody recorded": len(found.orphans)}
    said = [f"{number} {what}" for what, number in counts.items() if number]
    if not said:
        return ()
    return (
        HealthLine(
            system="leases",
            level=HealthLevel.RED if gone or found.orphans else HealthLevel.YELLOW,
            text=f"silences: {', '.join(said)}",
            measured_at=at,
            commands=(f"leases {environment}",),
        ),
    )


def _left(lease: Lease) -> LeftByNight:
    text = sentence(f"{lease.kind} of ", lease.owner, " ends ", Timestamp(lease.until), f": {lease.purpose}")
    return LeftByNight(text=text, command=f"leases {lease.environment}", label="Leases")


LEASES = Family(
    name="leases",
    routers=(leases.router,),
    views={LeasesAnswer: timeless(views.leases)},
    prunes=(Prune(lambda kept: kept.alerts, lambda tx, before: tx.of(LeaseRepository).prune(before)),),
    build=build_leases,
)
