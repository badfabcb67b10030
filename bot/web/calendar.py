"""Calendars of on-call: whoever knows the signed address reads one. Addresses are secrets, and are written to no log."""

from collections.abc import Callable

from aiohttp import web

from bot.views.oncall_calendar import calendar_text
from domain.catalogue.catalogue import Catalogue
from domain.clock import Clock
from domain.errors import TemporaryError
from domain.oncall.calendar import CalendarLinks, Feed, FeedKind, events_of
from storage.oncall import OncallRepository
from storage.store import Store

HEADERS = {"Cache-Control": "private, max-age=300", "X-Robots-Tag": "noindex"}


class CalendarEndpoint:
    """Serves ``CALENDAR_PATH``."""

    def __init__(self, links: CalendarLinks, store: Store, clock: Clock, catalogue: Callable[[], Catalogue]) -> None:
        self._links, self._store, self._clock, self._catalogue = links, store, clock, catalogue
        self.served = 0
        self.refused = 0

    async def serve(self, request: web.Request) -> web.Response:
        """Answer with the calendar. A wrong signature and an unknown name are both 404, so that nobody learns who exists."""
        feed, catalogue = _feed_of(request), self._catalogue()
        if feed is None or not self._links.is_signed(feed, request.query.get("signed", "")) or not _exists(feed, catalogue):
            self.refused += 1
            return web.Response(status=404, text="There is no such calendar. Ask the bot for its address again: oncall calendar.")
        at = self._clock.now()
        teams = [feed.name] if feed.kind is FeedKind.TEAM else list(catalogue.oncall)
        try:
            async with self._store.read() as tx:
                rosters = [await tx.of(OncallRepository).roster(catalogue, team, at) for team in teams]
        except TemporaryError:
            return web.Response(status=503, text="Not now.", headers={"Retry-After": "60"})
        self.served += 1
        body = calendar_text(f"On call: {feed.name}", events_of(feed, rosters, at), at)
        return web.Response(body=body, content_type="text/calendar", charset="utf-8", headers=HEADERS)


def _feed_of(request: web.Request) -> Feed | None:
    named = [(kind, request.query[kind.value]) for kind in FeedKind if kind.value in request.query]
    return Feed(*named[0]) if len(named) == 1 else None


def _exists(feed: Feed, catalogue: Catalogue) -> bool:
    return feed.name in (catalogue.oncall if feed.kind is FeedKind.TEAM else catalogue.people)
