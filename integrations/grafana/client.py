"""Client of one Grafana: search, dashboards, annotations, version."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp

from domain.dashboards.annotations import Annotation, StoredAnnotation
from domain.dashboards.dashboards import Dashboard, FoundDashboard
from domain.dashboards.links import TimeRange, milliseconds
from domain.dashboards.pictures import HEIGHT, MAX_PICTURE_BYTES, WIDTH, is_panel
from domain.errors import NotFound, PermanentError
from integrations.grafana.api_models import (
    UID,
    parse_annotations,
    parse_can_render,
    parse_created_id,
    parse_dashboard,
    parse_found,
    parse_version,
)
from integrations.http import HttpClient, open_session

TIMEOUT_SECONDS = 4.0
"""Somebody waits for the answer."""
RENDER_SECONDS = 30.0
"""For a picture, for which nobody waits. Grafana itself gives up after 60."""
MAX_BODY_BYTES = 4 * 2**20
"""Of one answer. A dashboard with hundreds of panels has one or two MiB."""
MAX_ANNOTATIONS = 100
_DAY = timedelta(days=1)


class Grafana:
    """One Grafana, as the token of a service account sees it; without a token, as strangers do.

    Every method raises TemporaryError when Grafana does not answer properly and in time, Forbidden when the token lacks
    the right, PermanentError otherwise; a change raises UnknownOutcome when its answer is lost.
    """

    def __init__(self, base_url: str, session: aiohttp.ClientSession, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self.base_url = base_url
        self._http = HttpClient("Grafana", base_url, session, timeout_seconds=timeout_seconds)
        self._renderer = HttpClient("Grafana", base_url, session, timeout_seconds=RENDER_SECONDS)

    async def search(self, words: str, limit: int) -> tuple[FoundDashboard, ...]:
        """Dashboards with the words in their titles, in Grafana's order."""
        query = _encoded({"type": "dash-db", "query": words, "limit": str(limit)})
        return await self._http.request("GET", f"/api/search?{query}", "search", parse_found, max_bytes=MAX_BODY_BYTES)

    async def dashboard(self, uid: str) -> Dashboard:
        """One dashboard with its variables and panels. Raises NotFound."""
        if not UID.fullmatch(uid):
            raise NotFound(f"{self._http.server} can have no dashboard with the uid “{uid[:60]}”.")
        path = f"/api/dashboards/uid/{uid}"
        return await self._http.request("GET", path, "read a dashboard", parse_dashboard, max_bytes=MAX_BODY_BYTES)

    async def annotations_of(self, annotation: Annotation) -> tuple[StoredAnnotation, ...]:
        """What is there of the same subject, the oldest first."""
        # Without a time Grafana would answer with the newest of the last hours only.
        query = {
            "type": "annotation",
            "tags": annotation.subject_tag,
            "from": str(milliseconds(annotation.since - _DAY)),
            "to": str(milliseconds((annotation.until or annotation.since) + _DAY)),
            "limit": str(MAX_ANNOTATIONS),
        }
        return await self._http.request("GET", f"/api/annotations?{_encoded(query)}", "list annotations", parse_annotations)

    async def create_annotation(self, annotation: Annotation) -> int:
        """Write an annotation for all dashboards that ask for one of its tags. Returns its id."""
        body = _body(annotation)
        return await self._http.request("POST", "/api/annotations", "write an annotation", parse_created_id, body=body)

    async def change_annotation(self, annotation_id: int, annotation: Annotation) -> None:
        """Write it anew, under its id."""
        path = f"/api/annotations/{annotation_id}"
        await self._http.request("PUT", path, "change an annotation", len, body=_body(annotation))

    async def delete_annotation(self, annotation_id: int) -> None:
        """Delete an annotation. Raises NotFound where somebody else has."""
        await self._http.request("DELETE", f"/api/annotations/{annotation_id}", "delete an annotation", len)

    async def can_render(self) -> bool:
        """Whether it has a renderer. Without one it answers with a picture, too: of a sentence that says so."""
        return await self._http.request("GET", "/api/frontend/settings", "say whether it has a renderer", parse_can_render)

    async def render_panel(self, uid: str, panel: int, shown: TimeRange, values: Mapping[str, str]) -> bytes:
        """A panel as PNG. Raises PermanentError for a picture of something else, such as of what went wrong."""
        query = {"panelId": str(panel), "from": str(milliseconds(shown.since)), "to": str(milliseconds(shown.until))}
        query |= {"width": str(WIDTH), "height": str(HEIGHT), "tz": "UTC"}
        query |= {f"var-{name}": value for name, value in values.items()}
        png = await self._renderer.request(
            "GET",
            f"/render/d-solo/{quote(uid, safe='')}/_?{_encoded(query)}",
            "draw a panel",
            bytes,
            headers={"Accept": "image/png"},
            max_bytes=MAX_PICTURE_BYTES,
        )
        if not is_panel(png):
            raise PermanentError(f"{self._http.server} answered with another picture than the panel's.")
        return png

    async def ping(self) -> str:
        """The server's version; empty where it does not tell."""
        return await self._http.request("GET", "/api/health", "say its version", parse_version)


def _body(annotation: Annotation) -> Mapping[str, Any]:
    until: datetime = annotation.until or annotation.since
    return {
        "time": milliseconds(annotation.since),
        "timeEnd": milliseconds(until),
        "tags": list(annotation.tags),
        "text": annotation.html_text,
    }


def _encoded(query: Mapping[str, str]) -> str:
    return urlencode(query, quote_via=quote, errors="replace")


def headers_of(token: str) -> dict[str, str]:
    """What a session sends with each request."""
    return {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})


@asynccontextmanager
async def open_grafana(base_url: str, token: str = "", *, timeout_seconds: float = TIMEOUT_SECONDS) -> AsyncIterator[Grafana]:
    """Open a client with its own session. It connects with the first call."""
    async with open_session(base_url, headers_of(token)) as session:
        yield Grafana(base_url, session, timeout_seconds=timeout_seconds)
