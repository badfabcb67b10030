"""Has panels drawn by Grafana, after the answer and beside everything else."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn, Protocol

import structlog

from domain.answers.dashboards import DashboardLink
from domain.clock import Clock
from domain.dashboards.links import TimeRange
from domain.dashboards.pictures import PanelPicture
from domain.errors import UNEXPECTED_ERRORS, DeepechoError
from domain.people import Person
from domain.rich_text import Text
from storage.dashboard_messages import picture_message
from storage.store import Store

log = structlog.get_logger()

RENDER_SECONDS = 40.0
"""A renderer that starts a browser takes long. Nobody waits: the answer with the link has been given."""
ASK_SECONDS = 1.0
"""For the question whether there is a renderer, for which somebody waits."""
MAX_WAITING = 20
"""Pictures that are still to be drawn. One is drawn at a time: a renderer takes a core and half a GiB for each."""


class Renderer(Protocol):
    """What draws panels."""

    async def can_render(self) -> bool: ...

    async def render_panel(self, uid: str, panel: int, shown: TimeRange, values: Mapping[str, str]) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRequest:
    """Who wants a picture of which panel. ``source`` is the key of their command."""

    link: DashboardLink
    shown: TimeRange
    person: Person
    source: str


class PanelPictures:
    """Draws one at a time. What waits is lost with the process: the link shows the same."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        grafana: Callable[[str], Renderer | None],
        notify_outbox: Callable[[], None],
        *,
        render_seconds: float = RENDER_SECONDS,
    ) -> None:
        self._store, self._clock, self._grafana, self._notify_outbox = store, clock, grafana, notify_outbox
        self._render_seconds = render_seconds
        self._queue: asyncio.Queue[tuple[Renderer, PictureRequest]] = asyncio.Queue(MAX_WAITING)

    async def request(self, wanted: PictureRequest) -> Text:
        """Have a picture drawn, where Grafana has a renderer. Returns what to tell the person; takes a second at most."""
        renderer = self._grafana(wanted.link.environment)
        if renderer is None:
            return ""
        try:
            async with asyncio.timeout(ASK_SECONDS):
                can_render = await renderer.can_render()
        except (TimeoutError, DeepechoError):
            return "Grafana does not say whether it can draw the panel, so there is no picture."
        if not can_render:
            return "This Grafana has no renderer, so there is no picture."
        if self._queue.full():
            return f"{MAX_WAITING} pictures are still to be drawn, so there is none of this."
        self._queue.put_nowait((renderer, wanted))
        return "A picture follows in a direct message."

    async def run(self) -> NoReturn:
        """Draw what was asked for, until the process ends."""
        while True:
            renderer, wanted = await self._queue.get()
            try:
                await self._send(wanted, await self._picture(renderer, wanted))
            except DeepechoError as error:
                log.warning("picture not sent", source=wanted.source, error=str(error))
            except UNEXPECTED_ERRORS:
                log.exception("picture not sent", source=wanted.source)

    async def _picture(self, renderer: Renderer, wanted: PictureRequest) -> PanelPicture:
        link, title = wanted.link, f"{wanted.link.title}: {wanted.link.panel}"
        try:
            async with asyncio.timeout(self._render_seconds):
                png = await renderer.render_panel(link.uid, link.panel_id, wanted.shown, dict(link.variables))
        except TimeoutError:
            problem: Text = f"Grafana did not draw it within {self._render_seconds:g} s."
        except DeepechoError as error:
            problem = error.sentence
        else:
            return PanelPicture.of(title, link.url, wanted.shown, png)
        return PanelPicture(title=title, url=link.url, shown=wanted.shown, problem=problem)

    async def _send(self, wanted: PictureRequest, picture: PanelPicture) -> None:
        async with self._store.write() as tx:
            await tx.put_message(picture_message(picture, wanted.person, wanted.source), self._clock.now())
        self._notify_outbox()
