"""On-call: rotations and overrides, notices, user groups, calendars, schedules of PagerDuty, the zone data they stand on."""

import re
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.components.core import CoreComponents
from bot.components.family import BackgroundTask, Family, FamilyComponents, NotifyOutbox, Webhook
from bot.components.oncall_check import check_oncall
from bot.interactions.buttons import command_with_id
from bot.slack.user_groups import SlackUserGroups
from bot.views import oncall as views
from bot.views.render import timeless
from bot.web.calendar import CalendarEndpoint
from bot.web.metrics import MetricSpec
from commands.oncall import calendar, change, requests, show
from commands.oncall.fields import FIELDS
from domain.answers.oncall import CalendarAnswer, CoverCard, OnCallAnswer, OnCallNotice, OverrideAnswer, WeekAnswer
from domain.catalogue.base import DNS_LABEL
from domain.catalogue.catalogue import Catalogue
from domain.oncall.calendar import CALENDAR_PATH, CalendarLinks
from integrations.pagerduty import open_pagerduty_api
from runbooks.housekeeping import Prune
from runbooks.oncall.groups import GroupKeeper
from runbooks.oncall.messages import COVER_CARD, NOTICE
from runbooks.oncall.reviewer import Reviewer
from runbooks.oncall.schedules import ScheduleReader, ScheduleSource
from runbooks.oncall.service import OncallService
from runbooks.oncall.timers import EXPIRE, GROUP, REVIEW, SCHEDULE
from runbooks.periodic import run_periodically
from storage.oncall import OncallRepository

CATALOGUE_POLL_INTERVAL = timedelta(seconds=15)
"""How soon after a reload people are told that their shifts moved."""


def build_oncall(core: CoreComponents, notify_outbox: NotifyOutbox) -> FamilyComponents:
    """What changes the rota, and what tells people."""
    store, clock, current = core.store, core.clock, core.current_catalogue
    reviewer = Reviewer(store=store, clock=clock, catalogue=current, notify_outbox=notify_outbox)
    service = OncallService(store=store, clock=clock, catalogue=current, reviewer=reviewer, notify_outbox=notify_outbox)

    links = core.settings.calendar.links
    endpoint = CalendarEndpoint(links, store, clock, current)

    groups = GroupKeeper(store=store, catalogue=current, slack=SlackUserGroups(core.slack), notify_outbox=notify_outbox)
    pagerduty = _PagerDuty(core)
    schedules = ScheduleReader(store=store, catalogue=current, source=lambda: pagerduty.api, notify_outbox=notify_outbox)

    def watch() -> Coroutine[Any, Any, Any]:
        return run_periodically("oncall", CATALOGUE_POLL_INTERVAL, reviewer.watch_catalogue)

    return FamilyComponents(
        services={OncallService: service, CalendarLinks: links},
        tasks=(BackgroundTask("oncall", watch),),
        open=pagerduty.open,
        timer_handlers={
            REVIEW: reviewer.run_due,
            EXPIRE: service.expire,
            GROUP: groups.run_due,
            SCHEDULE: schedules.run_due,
        },
        webhooks=(Webhook(CALENDAR_PATH, endpoint.serve, method="GET"),) if links.secrets else (),
        metrics=(
            MetricSpec("deepecho_calendars_served", "counter", "Calendars of on-call that were read", lambda: endpoint.served),
            MetricSpec("deepecho_calendars_refused", "counter", "Calendar addresses that were wrong", lambda: endpoint.refused),
        ),
    )


class _PagerDuty:
    """The client that reads schedules, where the settings have a token for it. Opening it sends no request."""

    def __init__(self, core: CoreComponents) -> None:
        self._core = core
        self.api: ScheduleSource | None = None

    async def open(self) -> None:
        settings = self._core.settings.pagerduty
        if settings is None or settings.api_token is None or settings.user_email is None:
            return
        token = settings.api_token.get_secret_value()
        opening = open_pagerduty_api(settings.api_url, token, settings.user_email, self._core.clock)
        self.api = await self._core.stack.enter_async_context(opening)


def _team_channel(fact: OnCallNotice | CoverCard, catalogue: Catalogue, _unusable: str) -> str:
    """The team's channel, for who cannot be written to; nowhere without one."""
    config = catalogue.oncall.get(fact.request.team if isinstance(fact, CoverCard) else fact.team)
    return (config.channel or "") if config else ""


_GAP_VALUE = re.compile(rf"({DNS_LABEL})/([0-9]{{1,9}})/([0-9]{{1,10}})")
_MAX_FILL_MINUTES = 7 * 24 * 60


def _fill_command(value: str) -> str | None:
    """The override that fills a gap: at most a week of it, since one that has no end in sight is filled by nobody alone."""
    match = _GAP_VALUE.fullmatch(value)
    if match is None:
        return None
    first = int(match[2])
    starts, ends = (datetime.fromtimestamp(60 * each, UTC) for each in (first, min(int(match[3]), first + _MAX_FILL_MINUTES)))
    return f"oncall override me --team {match[1]} --from {starts:%Y-%m-%dT%H:%MZ} --to {ends:%Y-%m-%dT%H:%MZ} --fill"


ONCALL = Family(
    name="oncall",
    routers=(show.router, change.router, requests.router, calendar.router),
    form_fields=FIELDS,
    id_prefix="oc",
    fact_kinds=(NOTICE, COVER_CARD),
    views={
        OnCallAnswer: timeless(views.on_call),
        WeekAnswer: timeless(views.week),
        OverrideAnswer: timeless(views.override),
        CalendarAnswer: timeless(views.calendar),
        OnCallNotice: timeless(views.notice),
        CoverCard: timeless(views.cover_card),
    },
    buttons={
        views.TAKE: command_with_id("oncall take"),
        views.UNDO: command_with_id("oncall undo"),
        views.FILL: _fill_command,
        views.ACCEPT: command_with_id("oncall accept"),
        views.DECLINE: command_with_id("oncall decline"),
        views.WITHDRAW: command_with_id("oncall withdraw"),
    },
    fallback_channels={OnCallNotice: _team_channel, CoverCard: _team_channel},
    prunes=(
        Prune(lambda kept: kept.incidents, lambda tx, before: tx.of(OncallRepository).prune_overrides(before)),
        Prune(lambda kept: kept.incidents, lambda tx, before: tx.of(OncallRepository).prune_requests(before)),
    ),
    subjects=(lambda tx, ids: tx.of(OncallRepository).known_ids(ids),),
    checks=(check_oncall,),
    build=build_oncall,
)
