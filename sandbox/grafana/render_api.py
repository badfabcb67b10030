"""``/render/d-solo`` as Grafana does it: where it cannot draw, it answers 200 with a picture that says so."""

import struct
import zlib

from aiohttp import web

from sandbox.grafana.annotations_api import refused
from sandbox.grafana.model import State

_EXCUSE = (1_000, 500)
"""Of the picture that Grafana has ready for want of a renderer."""
_COLOURS = ((24, 27, 31), (115, 191, 105))


class RenderApi:
    """Draws a line at the height of the panel's id."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/render/d-solo/{uid}/{slug}", self.render)]

    async def render(self, request: web.Request) -> web.Response:
        query, known = request.query, self._state.dashboards.get(request.match_info["uid"])
        numbers = [query.get(name, "") for name in ("panelId", "from", "to", "width", "height")]
        if known is None or not all(number.isdigit() for number in numbers):
            return refused(400, "bad request data")
        width, height = (int(query[name]) for name in ("width", "height")) if self._state.has_renderer else _EXCUSE
        return web.Response(body=png(width, height, int(query["panelId"]) * height // 8), content_type="image/png")


def png(width: int, height: int, line: int) -> bytes:
    """A picture with one line, in two colours."""
    rows = b"".join(b"\0" + bytes([int(abs(row - line) < 3)]) * width for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    palette = bytes(part for colour in _COLOURS for part in colour)
    parts = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
