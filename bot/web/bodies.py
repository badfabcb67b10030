"""Bodies of requests, read within limits of size, of time, and of all together. Nothing is inflated before it is admitted."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import HttpProcessingError

from bot.web.connections import reading_body

SLICE_BYTES = 64 * 1024
"""What is inflated before other work has its turn: about a quarter of a millisecond."""
_GZIP = 16 + zlib.MAX_WBITS
_GZIP_NAMES = ("gzip", "x-gzip")
OVERLOADED = "Too much is waiting already. Nothing was kept."


class BodyRefused(Exception):
    """The body was not read to its end. ``status`` is the response's; after 503 the client may send it again."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = {"Retry-After": "5"} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}


class BodyReader:
    """Reads bodies of one endpoint. ``max_total`` counts bytes that came in, of requests that are read or handled."""

    def __init__(self, *, max_bytes: int, max_total: int, accepts_gzip: bool = False) -> None:
        self.max_bytes, self.accepts_gzip = max_bytes, accepts_gzip
        self._max_total = max_total
        self._in_memory: dict[_Body, int] = {}
        self._total = 0

    @asynccontextmanager
    async def reading(self, request: web.BaseRequest) -> AsyncIterator[bytes]:
        """The body, which counts until the end of the block. Raises ``BodyRefused``."""
        body = _Body(self, request)
        try:
            yield await body.read()
        finally:
            self.release(body)

    def count(self, body: "_Body", size: int) -> None:
        """Count bytes that came in. Where they are too many, the bodies that have been read longest are given up."""
        self._in_memory[body] = self._in_memory.get(body, 0) + size
        self._total += size
        if self._total <= self._max_total:
            return
        for each in list(self._in_memory):
            if each.give_up():
                self.release(each)
            if self._total <= self._max_total:
                return
        raise BodyRefused(HTTPStatus.SERVICE_UNAVAILABLE, OVERLOADED)

    def release(self, body: "_Body") -> None:
        """The body is not in memory any more."""
        self._total -= self._in_memory.pop(body, 0)


class _Body:
    __slots__ = ("_deadline", "_given_up", "_reader", "_request", "_size")

    def __init__(self, reader: BodyReader, request: web.BaseRequest) -> None:
        self._reader, self._request = reader, request
        self._deadline: asyncio.Timeout | None = None
        self._given_up = False
        self._size = 0

    async def read(self) -> bytes:
        self._check_headers()
        body = await self._receive()
        return await self._inflate(body) if self._encoding() != "identity" else body

    def give_up(self) -> bool:
        """End reading at once, for the sake of others. False where the body is complete."""
        if self._deadline is None or self._given_up:
            return False
        self._given_up = True
        self._deadline.reschedule(asyncio.get_running_loop().time())
        return True

    def _check_headers(self) -> None:
        length = self._request.content_length
        if length is not None and length > self._reader.max_bytes:
            raise self._too_large()
        encoding = self._encoding()
        if encoding != "identity" and not (self._reader.accepts_gzip and encoding in _GZIP_NAMES):
            allowed = "as it is or with gzip" if self._reader.accepts_gzip else "as it is"
            raise BodyRefused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Send the body {allowed}.")

    def _encoding(self) -> str:
        return ",".join(self._request.headers.getall("Content-Encoding", ["identity"])).strip().lower()

    def _too_large(self) -> BodyRefused:
        return BodyRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is larger than {_size(self._reader.max_bytes)}.")

    async def _receive(self) -> bytes:
        try:
            if self._request.content.is_eof():
                return self._counted(self._request.content.read_nowait())
            await self._continue()
            return await self._receive_in_time()
        except TimeoutError:
            if self._given_up:
                raise BodyRefused(HTTPStatus.SERVICE_UNAVAILABLE, OVERLOADED) from None
            raise BodyRefused(HTTPStatus.REQUEST_TIMEOUT, "The body took too long.") from None
        except (ConnectionError, web.RequestPayloadError, HttpProcessingError):
            raise BodyRefused(HTTPStatus.BAD_REQUEST, "The body is not complete.") from None

    async def _continue(self) -> None:
        """Tell a client that waits for it that its headers were accepted: RFC 9110, 10.1.1."""
        if self._request.version >= HttpVersion11 and self._request.headers.get("Expect", "").lower() == "100-continue":
            await self._request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # The response proper begins after it.
            self._request.writer.output_size = 0

    async def _receive_in_time(self) -> bytes:
        chunks: list[bytes] = []
        try:
            with reading_body(self._request) as timeout:
                async with asyncio.timeout(timeout) as self._deadline:
                    while chunk := await self._request.content.readany():
                        chunks.append(self._counted(chunk))
        finally:
            self._deadline = None
        return b"".join(chunks)

    def _counted(self, chunk: bytes) -> bytes:
        self._size += len(chunk)
        if self._size > self._reader.max_bytes:
            raise self._too_large()
        self._reader.count(self, len(chunk))
        return chunk

    async def _inflate(self, compressed: bytes) -> bytes:
        """The body that one gzip member stands for, as large as an uncompressed one at most."""
        pieces: list[bytes] = []
        member = zlib.decompressobj(_GZIP)
        self._size = 0
        try:
            for start in range(0, len(compressed), SLICE_BYTES):
                rest, piece = compressed[start : start + SLICE_BYTES], b""
                # A full piece may leave more to come, though all of the input is consumed.
                while (rest or len(piece) == SLICE_BYTES) and not member.eof:
                    piece = member.decompress(rest, SLICE_BYTES)
                    pieces.append(self._counted(piece))
                    rest = member.unconsumed_tail
                    await asyncio.sleep(0)
                if member.eof:
                    break
        except zlib.error:
            raise BodyRefused(HTTPStatus.BAD_REQUEST, "The body is not gzip.") from None
        if not member.eof or member.unused_data or start + SLICE_BYTES < len(compressed):
            raise BodyRefused(HTTPStatus.BAD_REQUEST, "The body is not one complete gzip member.")
        return b"".join(pieces)


def _size(size: int) -> str:
    kib = size // 1024
    return f"{kib // 1024} MiB" if kib % 1024 == 0 else f"{kib} KiB"
