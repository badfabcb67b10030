"""Health now, and the digest of every morning."""

from bot.components.core import CoreComponents
from bot.components.family import Family, FamilyComponents, NotifyOutbox
from bot.views import digest as views
from bot.views.render import timeless
from commands.digest import health
from domain.answers.health import HealthAnswer
from runbooks.digest.checks import HouseChecks
from runbooks.digest.measuring import HealthReader


def build_digest(core: CoreComponents, _notify_outbox: NotifyOutbox) -> FamilyComponents:
    """What measures."""
    checks = HouseChecks(store=core.store, clock=core.clock, catalogue=core.current_catalogue, clusters=core.clusters)
    return FamilyComponents(
        services={HealthReader: HealthReader(core.health, core.clock)},
        health_checks=checks.all(),
    )


DIGEST = Family(
    name="digest",
    routers=(health.router,),
    views={HealthAnswer: timeless(views.health)},
    build=build_digest,
)
