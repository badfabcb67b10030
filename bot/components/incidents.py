"""Incidents: declared by people and by alerts, with a channel, clocks, roles, a timeline and a post-mortem."""

import re
from collections.abc import AsyncIterator
from datetime import datetime

from bot.components.channel_events import build_channel_events
from bot.components.core import CoreComponents
from bot.components.family import BackgroundTask, Family, FamilyComponents, NotifyOutbox, OnDelivered
from bot.components.incident_reports import REPORT_KINDS, REPORT_VIEWS, report_services
from bot.core.check_result import CheckResult
from bot.core.settings import Settings
from bot.interactions.buttons import ID_PATTERN, ButtonCommand, command_with_id
from bot.interactions.shortcuts import command_from_message
from bot.slack.channels import SlackChannels
from bot.views import alert_buttons, incident_answers, incident_buttons, incident_card
from bot.views.render import timeless
from commands.core.arguments import Arguments
from commands.incidents import declare, lists, postmortem, reports, states, statistics, work
from commands.incidents.fields import FIELDS
from domain.answers.incidents import (
    IncidentAnswer,
    IncidentChoices,
    IncidentDeclared,
    IncidentsAnswer,
    SimilarIncidents,
    TasksAnswer,
)
from domain.catalogue.catalogue import Catalogue
from domain.incidents.cards import IncidentCard
from domain.incidents.changes import IncidentNote
from runbooks.due_sweep import DueCheck
from runbooks.housekeeping import Prune
from runbooks.incidents.catchup import CatchupService
from runbooks.incidents.channel_records import ChannelRecords
from runbooks.incidents.channel_setup import ChannelSetup, wake_channel_setup
from runbooks.incidents.listeners import IncidentListeners
from runbooks.incidents.message_events import MessageEvents
from runbooks.incidents.page_events import PageEvents
from runbooks.incidents.postmortem import PostmortemService
from runbooks.incidents.saving import IncidentSaver
from runbooks.incidents.service import IncidentService
from runbooks.incidents.statistics import StatisticsService
from runbooks.incidents.timeline import TimelineService
from runbooks.incidents.timer_handlers import IncidentTimerHandlers
from runbooks.incidents.watch import WatchEnd, WatchProof
from runbooks.incidents.watch_sources import WatchSources
from runbooks.queued_timers import QueuedTimers
from storage.incident_channels import IncidentChannelRepository
from storage.incident_messages import INCIDENT_CARD, INCIDENT_NOTE, channel_card_key
from storage.incidents import IncidentRepository
from storage.outbox import OutboxRow
from storage.store import Transaction


def build_incidents(core: CoreComponents, notify_outbox: NotifyOutbox) -> FamilyComponents:
    """The service, what follows alerts and operations, and the clocks."""
    saver = IncidentSaver(core.current_catalogue)
    service = IncidentService(
        store=core.store, clock=core.clock, catalogue=core.current_catalogue, saver=saver, notify_outbox=notify_outbox
    )
    listeners, pages = IncidentListeners(saver), PageEvents(saver)
    records = ChannelRecords(saver, core.clock)
    channels = ChannelSetup(
        store=core.store,
        clock=core.clock,
        api=SlackChannels(core.slack),
        records=records,
        notify_outbox=notify_outbox,
        observer=core.options.observer,
    )
    events, events_task = build_channel_events(core, records, MessageEvents(saver).handle, notify_outbox)
    catchup, timeline, postmortems, stats = report_services(core, saver, notify_outbox)
    ending = WatchEnd(core.store, core.clock, saver, WatchProof(_watch_sources(core)), notify_outbox)
    watch = QueuedTimers("end of a watch", core.clock, ending.work)
    timers = IncidentTimerHandlers(
        store=core.store, saver=saver, submit_watch=watch.submit, notify_outbox=notify_outbox, welcome=catchup.welcome
    )
    return FamilyComponents(
        services={
            IncidentService: service,
            CatchupService: catchup,
            TimelineService: timeline,
            PostmortemService: postmortems,
            StatisticsService: stats,
        },
        on_page_acknowledged=pages.on_acknowledged,
        on_page_note=pages.on_note,
        on_groups_saved=listeners.on_groups_saved,
        on_operation_saved=listeners.on_operation_saved,
        on_delivered=_on_delivered(saver),
        lock_page_subject=_lock_page_subject,
        due_checks=(DueCheck("incidents", _forgotten),),
        tasks=(BackgroundTask("incident-channels", channels.run), BackgroundTask("incident-watch", watch.run), events_task),
        channel_events=events,
        timer_handlers={**timers.handlers, **channels.handlers},
    )


def _watch_sources(core: CoreComponents) -> WatchSources:
    return WatchSources(
        store=core.store,
        catalogue=core.current_catalogue,
        clusters=core.clusters,
        prometheus=core.monitoring.prometheus,
        alertmanager_at=core.monitoring.alertmanager_at,
    )


async def _forgotten(tx: Transaction, at: datetime) -> tuple[str, ...]:
    return await tx.of(IncidentRepository).ids_forgotten(at)


async def _lock_page_subject(tx: Transaction, subject: str) -> None:
    if subject.startswith(f"{INCIDENTS.id_prefix}-"):
        await tx.of(IncidentRepository).get_for_update(subject)


def _on_delivered(saver: IncidentSaver) -> OnDelivered:
    async def on_delivered(tx: Transaction, row: OutboxRow, at: datetime) -> None:
        """Once the card is in the incident's channel, tell there what happened so far, and have the card pinned."""
        incident_id = row.key.partition("/")[0]
        if row.key != channel_card_key(incident_id) or row.ts:
            return
        await wake_channel_setup(tx, incident_id, at)
        if (incident := await tx.of(IncidentRepository).get(incident_id)) is not None:
            await saver.tell_so_far(tx, incident, at)

    return on_delivered


async def check_incidents(_settings: Settings, catalogue: Catalogue) -> AsyncIterator[CheckResult]:
    """Incidents need a section of the catalogue; without a channel of their own, alerts' channels announce them."""
    if catalogue.incidents is None:
        yield CheckResult("incidents", ok=True, detail="switched off: the catalogue has no section incidents")
        return
    opens = ", ".join(catalogue.incidents.open_for) or "no"
    where = catalogue.incidents.channel or "the channel of the alert"
    yield CheckResult("incidents", ok=True, detail=f"announced in {where}; {opens} alerts open one")


_SEVERITY_VALUE = re.compile(r"(?P<id>inc-[a-z0-9]{1,40})/(?P<severity>P[0-3])")
_CHOSEN = re.compile(r"incident [^\x00-\x1f]{1,1500}")


def _severity_command(value: str) -> str | None:
    """A choice of the menu: which incident, and the severity."""
    match = _SEVERITY_VALUE.fullmatch(value)
    return f"incident severity {match['severity']} --incident {match['id']}" if match else None


def _with_flag(command: str) -> ButtonCommand:
    """A button that opens the form of a command for its incident."""
    return lambda value: f"{command} --incident {value}" if ID_PATTERN.fullmatch(value) else None


def _chosen_command(value: str) -> str | None:
    """The command that the person typed, with the incident that they chose."""
    return value if _CHOSEN.fullmatch(value) else None


INCIDENTS = Family(
    name="incidents",
    routers=(declare.router, states.router, work.router, lists.router, reports.router, postmortem.router, statistics.router),
    form_fields=FIELDS,
    id_prefix="inc",
    fact_kinds=(INCIDENT_CARD, INCIDENT_NOTE, *REPORT_KINDS),
    views={
        IncidentCard: incident_card.card,
        IncidentNote: timeless(incident_card.note),
        IncidentAnswer: timeless(incident_answers.incident),
        IncidentsAnswer: timeless(incident_answers.incidents),
        IncidentChoices: timeless(incident_answers.choices),
        SimilarIncidents: timeless(incident_answers.similar),
        IncidentDeclared: timeless(incident_answers.declared),
        TasksAnswer: timeless(incident_answers.tasks),
        **REPORT_VIEWS,
    },
    buttons={
        incident_buttons.ACKNOWLEDGE: command_with_id("incident ack"),
        incident_buttons.UPDATE: _with_flag("incident update"),
        incident_buttons.SEVERITY: _severity_command,
        incident_buttons.COMMAND: _with_flag("incident role commander me"),
        incident_buttons.RESOLVE: command_with_id("incident resolve"),
        incident_buttons.CLOSE: command_with_id("incident close"),
        incident_buttons.REOPEN: command_with_id("incident reopen"),
        incident_buttons.HERE: command_with_id("incident here"),
        incident_buttons.POSTMORTEM: command_with_id("incident postmortem"),
        incident_buttons.SHOW: command_with_id("incident show"),
        incident_buttons.CATCHUP: command_with_id("incident catchup"),
        incident_buttons.CHOOSE: _chosen_command,
        incident_buttons.TAKE_PAGER: command_with_id("oncall take"),
        alert_buttons.OPEN_INCIDENT: command_with_id("incident open"),
    },
    acknowledgers={"inc": lambda request, word: states.ack_command(request, Arguments(positional=(word,)))},
    shortcuts={"incident.declare": command_from_message("incident declare", "origin")},
    prunes=(
        Prune(lambda kept: kept.incidents, lambda tx, before: tx.of(IncidentRepository).prune(before)),
        Prune(lambda kept: kept.messages, lambda tx, before: tx.of(IncidentChannelRepository).prune_event_times(before)),
    ),
    subjects=(lambda tx, ids: tx.of(IncidentRepository).stored_ids(ids),),
    checks=(check_incidents,),
    build=build_incidents,
)
