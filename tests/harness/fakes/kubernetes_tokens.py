"""A clock that tests move, and an API server that records and refuses tokens."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass(frozen=True)
class ClientCertificate:
    certificate: Path
    key: Path


@dataclass
class ManualClock:
    time: datetime = NOON

    def now(self) -> datetime:
        return self.time

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


@dataclass
class FakeApiServer:
    """Answers /version over TLS and remembers who asked, by header or certificate; refuses what it is told to."""

    port: int
    certificate: Path
    seen: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    closed: bool = False

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    async def version(self, request: web.Request) -> web.Response:
        header = request.headers.get("Authorization", "") or _certificate_name(request)
        self.seen.append(header)
        if self.closed or header in self.refused:
            return web.json_response({"kind": "Status", "message": "Unauthorized"}, status=401)
        return web.json_response({"gitVersion": "v1.34.1"})


def _certificate_name(request: web.Request) -> str:
    transport = request.transport
    certificate = transport.get_extra_info("peercert") if transport else None
    return "".join(value for part in (certificate or {}).get("subject", ()) for key, value in part if key == "commonName")
