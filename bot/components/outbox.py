"""The outbox worker, with what the families know of the messages in it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from bot.charts import Charts
from bot.components.core import CoreComponents
from bot.components.family import FallbackChannel, Family, FamilyComponents
from bot.delivery.metrics import OutboxMetrics
from bot.delivery.worker import OutboxWorker
from bot.views.render import Renderer
from bot.web.metrics import MetricsEndpoint
from domain.catalogue.catalogue import Catalogue
from storage.outbox import OutboxRow
from storage.outbox_messages import FactKinds
from storage.store import Transaction


def build_outbox_worker(
    core: CoreComponents, families: Sequence[Family], built: Sequence[FamilyComponents], metrics: MetricsEndpoint
) -> OutboxWorker:
    """``built`` may be filled later: the families need the worker to wake it, the worker needs them once it runs."""
    charts, renderer, fact_kinds = Charts(), renderer_of(families), fact_kinds_of(families)
    core.stack.callback(charts.close)

    async def on_delivered(tx: Transaction, row: OutboxRow, at: datetime) -> None:
        for components in built:
            if components.on_delivered is not None:
                await components.on_delivered(tx, row, at)

    return OutboxWorker(
        core.store,
        core.slack,
        lambda fact: renderer.render(fact, core.clock.now()),
        fact_kinds,
        clock=core.clock,
        replica=core.lease.replica,
        rate_limits=core.options.rate_limits,
        check_lease=core.lease.check,
        fallback=_fallback_channel(core, families, fact_kinds),
        on_delivered=on_delivered,
        draw=charts.png,
        rng=core.options.rng,
        retry_policy=core.options.retry_policy,
        dead_after=core.options.lease_timings.dead_after,
        metrics=OutboxMetrics(metrics.registry),
    )


def renderer_of(families: Sequence[Family]) -> Renderer:
    """Every family's views."""
    return Renderer({fact_type: view for family in families for fact_type, view in family.views.items()})


def fact_kinds_of(families: Sequence[Family]) -> FactKinds:
    """Every family's kinds of facts."""
    return FactKinds(kind for family in families for kind in family.fact_kinds)


def _fallback_channel(core: CoreComponents, families: Sequence[Family], fact_kinds: FactKinds) -> Callable[[OutboxRow], str]:
    fallbacks: Mapping[type, FallbackChannel] = {
        fact_type: fallback for family in families for fact_type, fallback in family.fallback_channels.items()
    }

    def fallback(row: OutboxRow) -> str:
        """Where a message goes, with its thread, when its channel cannot be used; empty for nowhere.

        Where its family has no rule, that is the channel of alerts that no route names.
        """
        if fact_kinds.is_personal(row.kind, row.version):
            return ""
        fact = fact_kinds.load(row.kind, row.version, row.fact)
        channel = fallbacks.get(type(fact), _default_channel)(fact, core.current_catalogue(), row.channel)
        return channel if channel != row.channel else ""

    return fallback


def _default_channel(_fact: object, catalogue: Catalogue, _unusable: str) -> str:
    return catalogue.alerts.default.channel if catalogue.alerts else ""
