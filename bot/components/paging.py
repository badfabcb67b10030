"""Paging: policies, ways, acknowledgements from anywhere, rehearsals. Without a section of the catalogue nobody is called."""

from collections.abc import AsyncIterator
from datetime import datetime

from bot.components.core import CoreComponents
from bot.components.family import BackgroundTask, Family, FamilyComponents, NotifyOutbox, Webhook
from bot.components.rehearsal_chain import AlertChain
from bot.connections.paging_ways import PagingWays
from bot.core.check_result import CheckResult
from bot.core.metrics import MetricSpec
from bot.core.settings import Settings
from bot.interactions.buttons import command_with_id
from bot.views import page as views
from bot.views.render import timeless
from bot.web.pagerduty import PAGERDUTY_PATH, PagerDutyWebhook, pagerduty_metrics
from commands.paging import pages
from commands.paging.fields import FIELDS
from domain.answers.paging import PageAnswer
from domain.catalogue.catalogue import Catalogue
from domain.oncall.schedule import Assignment, assignments
from domain.paging.messages import PageCard
from domain.paging.pages import PageCall
from domain.paging.rehearsals import RehearsalReport
from runbooks.alerts.intake import NotificationProcessor
from runbooks.due_sweep import DueCheck
from runbooks.housekeeping import Prune
from runbooks.incidents.saving import IncidentSaver
from runbooks.paging.pager_poll import PagerPoll
from runbooks.paging.processing import PageProcessor
from runbooks.paging.rehearsal import SCHEDULE_INTERVAL, RehearsalService
from runbooks.paging.sending import PageSender
from runbooks.paging.service import PagingService
from runbooks.paging.worker import PageWorker, WorkerOptions
from runbooks.periodic import run_periodically
from storage.oncall import OncallRepository
from storage.outbox import OutboxRow
from storage.page_cards import PAGE_CALL, PAGE_CARD, REHEARSAL_REPORT
from storage.page_messages import PageMessageRepository
from storage.pager_events import PagerEventRepository
from storage.pages import PageRepository
from storage.store import Transaction


def build_paging(core: CoreComponents, notify_outbox: NotifyOutbox) -> FamilyComponents:
    """The ways, the worker that calls people, and what takes their answers."""
    ways = PagingWays(core.stack, core.settings, core.clock)
    processor = PageProcessor(
        store=core.store,
        clock=core.clock,
        catalogue=core.current_catalogue,
        ways=ways,
        on_call=_OnCall(core),
        listeners=core.page_listeners,
    )
    sender = PageSender(core.store, core.clock, ways, rng=core.options.rng, observe=core.options.observer)
    worker = PageWorker(
        core.store,
        core.clock,
        core.current_catalogue,
        processor,
        sender,
        replica=core.lease.replica,
        check_lease=core.lease.check,
        notify_outbox=notify_outbox,
        options=WorkerOptions(dead_after=core.options.lease_timings.dead_after),
    )
    service = PagingService(
        store=core.store,
        clock=core.clock,
        catalogue=core.current_catalogue,
        processor=processor,
        wake=worker.wake,
        notify_outbox=notify_outbox,
    )
    return _components(core, ways, worker, sender, service, notify_outbox)


def _components(
    core: CoreComponents,
    ways: PagingWays,
    worker: PageWorker,
    sender: PageSender,
    service: PagingService,
    notify_outbox: NotifyOutbox,
) -> FamilyComponents:
    intake = NotificationProcessor(core.store, core.clock, core.current_catalogue, notify_outbox)
    rehearsals = RehearsalService(
        store=core.store,
        clock=core.clock,
        catalogue=core.current_catalogue,
        paging=service,
        notify_outbox=notify_outbox,
        chain=AlertChain(intake, IncidentSaver(core.current_catalogue)),
    )
    poll = PagerPoll(store=core.store, clock=core.clock, service=service, api=lambda: ways.pagerduty_api)
    signatures = ways.webhook_signatures
    webhook = PagerDutyWebhook(signatures, service) if signatures else None
    return FamilyComponents(
        services={PagingService: service, RehearsalService: rehearsals, PageWorker: worker},
        on_delivered=_on_delivered,
        on_page_acknowledged=rehearsals.on_acknowledged,
        due_checks=(DueCheck("pages", _forgotten, _revive),),
        open=ways.open_connections,
        start=ways.prepare,
        tasks=(
            BackgroundTask("paging", worker.run),
            BackgroundTask("pager-poll", poll.run),
            BackgroundTask("rehearsals", lambda: run_periodically("rehearsals", SCHEDULE_INTERVAL, rehearsals.schedule)),
        ),
        timer_handlers=rehearsals.handlers,
        webhooks=(Webhook(PAGERDUTY_PATH, webhook.serve),) if webhook else (),
        metrics=(*_metrics(sender), *(pagerduty_metrics(webhook) if webhook else ())),
    )


class _OnCall:
    """Who is on call for a team now, by the one function that also answers the command, the notices and the calendar."""

    def __init__(self, core: CoreComponents) -> None:
        self._core = core

    async def __call__(self, tx: Transaction, team: str) -> tuple[Assignment, ...]:
        catalogue, now = self._core.current_catalogue(), self._core.clock.now()
        if team not in catalogue.oncall:
            return ()
        return assignments(await tx.of(OncallRepository).roster(catalogue, team, now), now)


async def _on_delivered(tx: Transaction, row: OutboxRow, at: datetime) -> None:
    """A direct message counts as delivered once it is in Slack."""
    if row.kind == PAGE_CALL.name:
        await tx.of(PageMessageRepository).delivered_by_outbox(row.key, at)


async def _forgotten(tx: Transaction, at: datetime) -> tuple[str, ...]:
    return await tx.of(PageRepository).forgotten(at)


async def _revive(tx: Transaction, page_id: str, at: datetime) -> None:
    await tx.of(PageRepository).revive(page_id, at)


def _metrics(sender: PageSender) -> tuple[MetricSpec, ...]:
    counts = sender.counts
    return (
        MetricSpec("deepecho_page_messages_sent", "counter", "Messages of pages that a service took", lambda: counts.sent),
        MetricSpec("deepecho_page_messages_retried", "counter", "Attempts that are made again", lambda: counts.retried),
        MetricSpec("deepecho_page_messages_failed", "counter", "Messages that will never go their way", lambda: counts.failed),
        MetricSpec("deepecho_page_messages_uncertain", "counter", "May have arrived, not sent again", lambda: counts.uncertain),
    )


async def check_paging(settings: Settings, catalogue: Catalogue) -> AsyncIterator[CheckResult]:
    """Every way that a policy names has to be set up."""
    paging = catalogue.paging
    if paging is None:
        yield CheckResult("paging", ok=True, detail="switched off: the catalogue has no section paging")
        return
    policies = [*paging.policies.values(), *(policy for team in paging.teams.values() for policy in team.values())]
    named = dict.fromkeys(way for policy in policies for step in policy.steps for way in step.ways)
    missing = [way for way in named if not _is_set_up(way, settings, catalogue)]
    detail = f"not set up: {', '.join(missing)}" if missing else f"by {', '.join(named)}"
    yield CheckResult("paging", ok=not missing, detail=detail)


def _is_set_up(way: str, settings: Settings, catalogue: Catalogue) -> bool:
    name, _, service = way.partition(":")
    services = [service] if service else list(catalogue.oncall)
    match name:
        case "pagerduty":
            known = settings.pagerduty.routing_keys if settings.pagerduty else {}
            return bool(services) and all(each in known for each in services)
        case "webhook":
            return bool(services) and all(each in settings.page_webhooks for each in services)
        case "sms":
            return settings.sms is not None
        case "email":
            return settings.ses is not None or settings.smtp is not None
        case _:
            return True


PAGING = Family(
    name="paging",
    routers=(pages.router,),
    form_fields=FIELDS,
    id_prefix="pg",
    fact_kinds=(PAGE_CALL, PAGE_CARD, REHEARSAL_REPORT),
    views={
        PageCall: timeless(views.call),
        PageCard: timeless(views.card),
        RehearsalReport: timeless(views.report),
        PageAnswer: timeless(lambda fact: views.card(fact.card)),
    },
    buttons={views.ACKNOWLEDGE: command_with_id("ack")},
    acknowledgers={"pg": pages.acknowledge_page, "pb": pages.acknowledge_page},
    prunes=(
        Prune(lambda kept: kept.incidents, lambda tx, before: tx.of(PageRepository).prune(before)),
        Prune(lambda kept: kept.messages, lambda tx, before: tx.of(PagerEventRepository).prune(before)),
    ),
    checks=(check_paging,),
    build=build_paging,
)
