"""Alerts: Alertmanager's webhook, cards and threads of alert groups, silences, suspects, storms, watchdogs."""

import re
from collections.abc import AsyncIterator

from bot.components.core import CoreComponents
from bot.components.family import BackgroundTask, Family, FamilyComponents, NotifyOutbox, Webhook
from bot.core.check_result import CheckResult
from bot.core.settings import Settings
from bot.interactions.buttons import ID_PATTERN, command_with_id
from bot.views import alert_answers, alert_buttons, alert_card, silence_ending, storm_card
from bot.views.render import timeless
from bot.web.alertmanager import AlertmanagerWebhook, alert_metrics, webhook_path
from bot.web.metrics import MetricSpec
from commands.alerts import alerts, silence_endings, silences, suspects
from commands.alerts.fields import FIELDS
from domain.alerts.alerts import AlertGroup, AlertNote
from domain.alerts.silence_endings import SilenceEnding
from domain.alerts.storms import StormCard
from domain.answers.alerts import AlertsAnswer, RouteAnswer, SilencesAnswer
from domain.catalogue.catalogue import Catalogue
from runbooks.alerts import enrichment as enrichments
from runbooks.alerts.alertmanager_list import AlertListReader
from runbooks.alerts.enrichment import ENRICHMENT_SECONDS, Enrichment, EnrichmentSources
from runbooks.alerts.firing_rules import FiringRules
from runbooks.alerts.intake import NotificationProcessor
from runbooks.alerts.reconciliation import Reconciler
from runbooks.alerts.service import AlertService
from runbooks.alerts.silence_endings import SilenceEndings
from runbooks.alerts.silence_reminders import SilenceReminders
from runbooks.alerts.suspect_search import SuspectFinder
from runbooks.alerts.timer_handlers import AlertTimerHandlers
from runbooks.alerts.timers import DOUBT, ENRICH, RECONCILE, SILENCE_ENDING, SILENCE_ENDING_AT_NIGHT, SILENCE_EXTENSION, TRIPWIRES
from runbooks.alerts.tripwires import TRIPWIRE_SECONDS, Tripwires, TripwireSources
from runbooks.housekeeping import Prune
from runbooks.queued_timers import QueuedTimers
from storage.alertmanagers import AlertmanagerRepository
from storage.outbox_messages import ALERT_CARD, ALERT_NOTE, STORM_CARD
from storage.silence_messages import SILENCE_ENDING as SILENCE_ENDING_MESSAGE
from storage.tripwires import TripwireRepository


def build_alerts(core: CoreComponents, notify_outbox: NotifyOutbox) -> FamilyComponents:
    """What takes notifications, looks into groups, and does what people want of them."""
    store, clock, current = core.store, core.clock, core.current_catalogue
    intake = NotificationProcessor(store, clock, current, notify_outbox)
    sources = EnrichmentSources(
        catalogue=current,
        clusters=core.clusters,
        prometheus=core.monitoring.prometheus,
        suspect_source=SuspectFinder(store=store, clock=clock, catalogue=current, clusters=core.clusters),
    )
    enriching = Enrichment(store, clock, sources, notify_outbox)
    enrichment = QueuedTimers("enrichment of an alert", clock, enriching.work, work_seconds=ENRICHMENT_SECONDS)
    timers = AlertTimerHandlers(store=store, catalogue=current, intake=intake, notify_outbox=notify_outbox)
    service = AlertService(
        store=store, clock=clock, catalogue=current, alertmanager=core.monitoring.alertmanager, notify_outbox=notify_outbox
    )
    reader = AlertListReader(core.monitoring.alertmanager_at)
    reconciler = Reconciler(store, clock, current, reader, FiringRules(core.monitoring.prometheus), notify_outbox)
    silenced = TripwireSources(catalogue=current, alertmanager=core.monitoring.alertmanager)
    looking = Tripwires(store, clock, silenced, notify_outbox)
    tripwires = QueuedTimers("tripwires of silences", clock, looking.work, work_seconds=TRIPWIRE_SECONDS)
    reminders = SilenceReminders(
        store=store, clock=clock, catalogue=current, alertmanager=core.monitoring.alertmanager, notify_outbox=notify_outbox
    )
    endings = SilenceEndings(alerts=service)
    extensions = QueuedTimers("extensions of silences", clock, endings.settle)
    ends = QueuedTimers("silences that end", clock, reminders.work)
    webhook = _webhook(core, intake)
    return FamilyComponents(
        services={AlertService: service, SilenceEndings: endings},
        on_delivered=enrichments.on_delivered,
        start=intake.start_watchdogs,
        tasks=(
            BackgroundTask("enrichment", enrichment.run),
            BackgroundTask("alerts", intake.run),
            BackgroundTask("reconciliation", reconciler.run),
            BackgroundTask("tripwires", tripwires.run),
            BackgroundTask("ends of silences", ends.run),
            BackgroundTask("extensions of silences", extensions.run),
        ),
        timer_handlers={
            **timers.handlers,
            ENRICH: enrichment.submit,
            RECONCILE: reconciler.submit,
            DOUBT: reconciler.submit,
            TRIPWIRES: tripwires.submit,
            SILENCE_ENDING: ends.submit,
            SILENCE_ENDING_AT_NIGHT: ends.submit,
            SILENCE_EXTENSION: extensions.submit,
        },
        webhooks=tuple(Webhook(path, webhook.serve) for path in webhook.paths) if webhook else (),
        metrics=(*alert_metrics(intake, webhook), *_reconciliation_metrics(reconciler, reader)),
    )


def _webhook(core: CoreComponents, intake: NotificationProcessor) -> AlertmanagerWebhook | None:
    tokens = core.settings.webhooks.tokens_by_source
    if not tokens:
        return None
    return AlertmanagerWebhook(tokens, core.inbox_writer, intake, core.clock, lambda: core.current_catalogue().alerts)


def _reconciliation_metrics(reconciler: Reconciler, reader: AlertListReader) -> tuple[MetricSpec, ...]:
    return (
        MetricSpec(
            "deepecho_alerts_corrected", "counter", "Alerts changed to what Alertmanager lists", lambda: reconciler.corrected
        ),
        MetricSpec(
            "deepecho_alertmanager_unanswered", "counter", "Alertmanager did not answer when asked", lambda: reader.unanswered
        ),
    )


async def check_alerts(settings: Settings, catalogue: Catalogue) -> AsyncIterator[CheckResult]:
    """Alerts need a token for the webhook and routes in the catalogue, or neither."""
    paths = [webhook_path(source) for source in settings.webhooks.tokens_by_source]
    has_token, has_routes = bool(paths), catalogue.alerts is not None
    if has_token and has_routes:
        yield CheckResult("alerts", ok=True, detail=f"taken at {', '.join(paths)}")
    elif not has_token and not has_routes:
        yield CheckResult("alerts", ok=True, detail="switched off: neither a token nor routes")
    else:
        missing = "DEEPECHO_WEBHOOKS__ALERTMANAGER_TOKEN is not set" if has_routes else "the catalogue has no alerts"
        yield CheckResult("alerts", ok=False, detail=f"not taken: {missing}")


_DURATION_PATTERN = re.compile(rf"[0-9]{{1,3}}[hmd]|{alert_buttons.OTHER_DURATION}")


def _silence_command(value: str) -> str | None:
    """A choice of the menu: which group, and for how long or "other", which leaves it to the form to ask."""
    name, _, duration = value.partition("/")
    if not ID_PATTERN.fullmatch(name) or not _DURATION_PATTERN.fullmatch(duration):
        return None
    return f"silence {name}" if duration == alert_buttons.OTHER_DURATION else f"silence {name} {duration}"


_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z")


def _extend_command(value: str) -> str | None:
    """Which group, and until when its silence shall last."""
    name, _, until = value.partition("/")
    return f"silence extend {name} {until}" if ID_PATTERN.fullmatch(name) and _INSTANT.fullmatch(until) else None


ALERTS = Family(
    name="alerts",
    routers=(alerts.router, silences.router, silence_endings.router, suspects.router),
    form_fields=FIELDS,
    id_prefix="al",
    fact_kinds=(ALERT_CARD, ALERT_NOTE, STORM_CARD, SILENCE_ENDING_MESSAGE),
    views={
        AlertGroup: timeless(alert_card.card),
        AlertNote: timeless(alert_card.note),
        StormCard: timeless(storm_card.card),
        SilenceEnding: timeless(silence_ending.silence_ending),
        AlertsAnswer: timeless(alert_answers.alerts),
        RouteAnswer: timeless(alert_answers.route),
        SilencesAnswer: timeless(alert_answers.silences),
    },
    buttons={
        alert_buttons.ACKNOWLEDGE: command_with_id("ack"),
        alert_buttons.SILENCE: _silence_command,
        alert_buttons.UNSILENCE: command_with_id("unsilence"),
        silence_ending.EXTEND: _extend_command,
        silence_ending.EXTEND_LONGER: _extend_command,
        silence_ending.LET_END: command_with_id("silence let-end"),
        alert_buttons.ROLL_BACK: command_with_id("rollback-suspect"),
    },
    prunes=(
        Prune(lambda kept: kept.alerts, lambda tx, before: tx.alerts.prune(before)),
        Prune(lambda kept: kept.alerts, lambda tx, before: tx.storms.prune(before)),
        Prune(lambda kept: kept.alerts, lambda tx, before: tx.of(AlertmanagerRepository).prune(before)),
        Prune(lambda kept: kept.alerts, lambda tx, before: tx.of(TripwireRepository).prune(before)),
    ),
    subjects=(lambda tx, ids: tx.alerts.stored_ids(ids), lambda tx, ids: tx.storms.stored_ids(ids)),
    checks=(check_alerts,),
    build=build_alerts,
)
