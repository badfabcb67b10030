"""A family: everything that one subject adds to the bot, as one value. The composition root walks ``FAMILIES``."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from aiohttp import web

from bot.components.core import CoreComponents
from bot.core.check_result import CheckResult
from bot.core.settings import Settings
from bot.interactions.buttons import ButtonCommand
from bot.interactions.shortcuts import ShortcutCommand
from bot.slack.listeners import ChannelEventStore
from bot.views.render import View
from bot.web.metrics import MetricSpec
from commands.core.fields import ArgumentField
from commands.core.request import Acknowledge
from commands.core.router import Router
from commands.home import HomeSection
from domain.catalogue.catalogue import Catalogue
from domain.health import HealthCheck, NightSource
from runbooks.dashboards.sources import AnnotationSource
from runbooks.due_sweep import DueCheck
from runbooks.housekeeping import Cleaning, FindStored, Prune
from runbooks.paging.listeners import HoldPage, LockPageSubject, PageAcknowledged, PageNoted
from runbooks.timers import TimerHandler
from storage.outbox import OutboxRow
from storage.outbox_messages import FactKind
from storage.store import OnGroupsSaved, OnIncidentSaved, OnOperationSaved, Transaction

OnDelivered = Callable[[Transaction, OutboxRow, datetime], Awaitable[None]]
"""Called in the transaction that records that a message of the outbox is in Slack, with the time of the delivery."""

FallbackChannel = Callable[[Any, Catalogue, str], str]
"""Where a card goes whose channel cannot be used: from the fact, the catalogue and that channel to another channel or user id;
empty for nowhere.
"""

Check = Callable[[Settings, Catalogue], AsyncIterator[CheckResult]]
"""The lines that a family adds to ``deepecho check``."""


@dataclass(frozen=True, slots=True)
class BackgroundTask:
    """Work that goes on for as long as the process lives. ``run`` never returns; what it raises ends the process."""

    name: str
    run: Callable[[], Coroutine[Any, Any, Any]]


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that another system posts to, or reads. Until everything is open, and while it closes, it answers 503."""

    path: str
    serve: Callable[[web.Request], Awaitable[web.StreamResponse]]
    method: Literal["GET", "POST"] = "POST"


async def _do_nothing() -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyComponents:
    """What a family runs in one process: made by ``Family.build``, opened by ``bot.wiring`` in the order of the fields."""

    routers: tuple[Router, ...] = ()
    """Commands that need what was built."""
    services: Mapping[type, object] = field(default_factory=dict)
    """What commands and tests may use, by type."""
    on_delivered: OnDelivered | None = None
    on_page_acknowledged: PageAcknowledged | None = None
    """Called in the transaction that acknowledges a page, by whatever door."""
    on_page_note: PageNoted | None = None
    """Called with each attempt to call somebody, and each change of a page."""
    lock_page_subject: LockPageSubject | None = None
    """Called before a page is locked, with what it is about."""
    hold_page: HoldPage | None = None
    """Asked before each call of a page whether it is to be made now."""
    due_checks: tuple[DueCheck, ...] = ()
    """What proves each minute that nothing which is open was forgotten."""
    health_checks: tuple[HealthCheck, ...] = ()
    """What ``health`` and the digest measure."""
    night_sources: tuple[NightSource, ...] = ()
    """Where the digest finds what the night left behind."""
    on_groups_saved: OnGroupsSaved | None = None
    on_operation_saved: OnOperationSaved | None = None
    on_incident_saved: OnIncidentSaved | None = None
    annotation_sources: Mapping[str, AnnotationSource] = field(default_factory=dict)
    """What of this becomes an annotation in Grafana, by the prefix of its id; ``storage.annotations`` takes the request."""
    open: Callable[[], Awaitable[None]] = _do_nothing
    """Called before the first message is sent."""
    close: Callable[[], Awaitable[None]] = _do_nothing
    """Called after the last message was sent."""
    start: Callable[[], Awaitable[None]] = _do_nothing
    """Called right before the background tasks."""
    tasks: tuple[BackgroundTask, ...] = ()
    timer_handlers: Mapping[str, TimerHandler] = field(default_factory=dict)
    """By the kind of the timer."""
    webhooks: tuple[Webhook, ...] = ()
    channel_events: ChannelEventStore | None = None
    """Takes what people do in channels. One family may."""
    metrics: tuple[MetricSpec, ...] = ()
    cleanings: tuple[Cleaning, ...] = ()
    """What housekeeping does beside ``Family.prunes``."""


NotifyOutbox = Callable[[], None]
Build = Callable[[CoreComponents, NotifyOutbox], FamilyComponents]
"""Makes and connects; opens, sends and writes nothing. ``NotifyOutbox`` wakes the outbox worker."""


def _build_nothing(_core: CoreComponents, _notify_outbox: NotifyOutbox) -> FamilyComponents:
    return FamilyComponents()


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One subject. Everything but ``name`` may be left out; nothing else in the house lists what is here."""

    name: str
    routers: tuple[Router, ...] = ()
    """Its commands: help, permissions and the words of the audit search come from them."""
    form_fields: Mapping[str, ArgumentField] = field(default_factory=dict)
    """How forms ask for its arguments, by the argument's name in the usage line; ``digest for`` is a flag of one command.

    No two families have the same name: one would change the forms of the other.
    """
    id_prefix: str = ""
    """``op`` for ids like ``op-k7m2``; ``audit`` finds entries by such ids."""
    fact_kinds: tuple[FactKind, ...] = ()
    """What it puts into the outbox."""
    views: Mapping[type, View] = field(default_factory=dict)
    """From each of its facts and answers to a document."""
    buttons: Mapping[str, ButtonCommand] = field(default_factory=dict)
    """By action id, the command that a click stands for."""
    shortcuts: Mapping[str, ShortcutCommand] = field(default_factory=dict)
    """By callback id, the command whose form a shortcut in a message's menu opens. The manifest names them, too."""
    acknowledgers: Mapping[str, Acknowledge] = field(default_factory=dict)
    """By the prefix of an id, what the command ``ack`` does with it."""
    home_sections: tuple[HomeSection, ...] = ()
    fallback_channels: Mapping[type, FallbackChannel] = field(default_factory=dict)
    prunes: tuple[Prune, ...] = ()
    """What housekeeping deletes of it."""
    subjects: tuple[FindStored, ...] = ()
    """Which ids are stored: the addresses of their messages in Slack are kept for as long."""
    checks: tuple[Check, ...] = ()
    build: Build = _build_nothing
