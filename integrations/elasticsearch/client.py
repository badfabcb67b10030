"""Client of one Elasticsearch (7.10 and later) or OpenSearch."""

import base64
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import quote, urlencode

import aiohttp

from domain.errors import Forbidden, NotFound
from integrations.elasticsearch.answers import Product, SearchState, parse_field_types, parse_product, parse_search
from integrations.elasticsearch.queries import LineSearch, body_of
from integrations.http import HttpClient, open_session

TIMEOUT_SECONDS = 5.0
"""For each request, because somebody waits."""
KEEP_ALIVE = "60s"
"""How long the server keeps a search that nobody deletes. Its own default is five days; OpenSearch takes no less."""
MAX_ANSWER_BYTES = 16 * 2**20


class Elasticsearch:
    """One server. Every method raises TemporaryError when it does not answer properly and in time, Forbidden when the
    account lacks the right, and PermanentError otherwise.
    """

    def __init__(self, base_url: str, session: aiohttp.ClientSession, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self.base_url = base_url
        self._timeout_seconds = timeout_seconds
        self._http = HttpClient("the log server", base_url, session, timeout_seconds=timeout_seconds, message_key="error.reason")
        self._product: Product | None = None

    async def product(self) -> Product:
        """Which server it is, asked once."""
        if self._product is None:
            try:
                self._product = await self._http.request("GET", "/", "tell its version", parse_product)
            except Forbidden:
                # That needs a right beside those on the indices, and only OpenSearch has to be known as such.
                return Product("Elasticsearch", "of an unknown version")
        return self._product

    async def field_types(self, indices: str, names: Iterable[str]) -> Mapping[str, frozenset[str]]:
        """The types of these fields in the indices; fields that no index has are left out."""
        query = _encoded({"fields": ",".join(names), "ignore_unavailable": "true", "allow_no_indices": "true"})
        path = f"/{quote(indices, safe=',*')}/_field_caps?{query}"
        return await self._http.request("GET", path, "describe its fields", parse_field_types)

    async def start(self, search: LineSearch, wait_seconds: float) -> SearchState:
        """Start a search, and wait this long for its end. What it finds later is kept for ``KEEP_ALIVE`` at most."""
        product = await self.product()
        options = {
            "wait_for_completion_timeout": _milliseconds(wait_seconds),
            "keep_alive": KEEP_ALIVE,
            "keep_on_completion": "false",
            "ignore_unavailable": "true",
            "allow_no_indices": "true",
        }
        if product.plugin_path:
            path = f"{product.plugin_path}?{_encoded({'index': search.indices, **options})}"
        else:
            path = f"/{quote(search.indices, safe=',*')}/_async_search?{_encoded(options)}"
        body = body_of(search, self._timeout_seconds)
        parse = partial(parse_search, search=search)
        # Searching changes nothing, whatever the method: a lost answer may be asked for again.
        return await self._http.request("POST", path, "search", parse, body=body, is_write=False, max_bytes=MAX_ANSWER_BYTES)

    async def look(self, search: LineSearch, search_id: str, wait_seconds: float) -> SearchState:
        """How far a search is, after waiting this long for its end. Raises NotFound for one that is gone."""
        query = _encoded({"wait_for_completion_timeout": _milliseconds(wait_seconds)})
        path = f"{await self._searches()}/{quote(search_id, safe='')}?{query}"
        return await self._http.request("GET", path, "search", partial(parse_search, search=search), max_bytes=MAX_ANSWER_BYTES)

    async def delete(self, search_id: str) -> None:
        """Delete a search and what it found; one that is gone is no error."""
        path = f"{await self._searches()}/{quote(search_id, safe='')}"
        try:
            await self._http.request("DELETE", path, "delete a search", bytes, is_write=False)
        except NotFound:
            return

    async def _searches(self) -> str:
        return (await self.product()).plugin_path or "/_async_search"


def headers_of(*, api_key: str = "", username: str = "", password: str = "") -> dict[str, str]:
    """The headers of an account; without any, those of a stranger."""
    if api_key:
        return {"Authorization": f"ApiKey {api_key}"}
    if username:
        return {"Authorization": f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"}
    return {}


@asynccontextmanager
async def open_elasticsearch(
    base_url: str, headers: Mapping[str, str], *, timeout_seconds: float = TIMEOUT_SECONDS
) -> AsyncIterator[Elasticsearch]:
    """Open a client with its own session. It connects with the first call."""
    async with open_session(base_url, headers) as session:
        yield Elasticsearch(base_url, session, timeout_seconds=timeout_seconds)


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _encoded(values: Mapping[str, str]) -> str:
    return urlencode(values, quote_via=quote, errors="replace")
