"""The HTTP door: Slack's requests, and what a load balancer and Prometheus ask.

Slash commands and clicks are verified and kept before Bolt sees them, at a third of the cost of the way through Bolt. What is
answered within the acknowledgement (a submitted form, suggestions) goes through Bolt.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import web

from bot import payloads
from bot.intake import Intake
from bot.payloads import Unreadable
from bot.signatures import BadSignature, Signatures
from domain.errors import TemporaryError

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

COMMANDS, INTERACTIONS, EVENTS = "/slack/commands", "/slack/interactions", "/slack/events"
SLACK = (COMMANDS, INTERACTIONS, EVENTS)
"""The addresses that the app's manifest names."""

LARGEST_BODY = 512 * 1024
"""Slack's largest payload, a view with 100 blocks, stays under half of this."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class SlackDoor:
    """Slack's three addresses. ``bolt`` answers what must be answered at once."""

    def __init__(self, signatures: Signatures, intake: Intake, bolt: "AsyncApp") -> None:
        self._signatures, self._intake, self._bolt = signatures, intake, bolt
        self._answers = {COMMANDS: self._command, INTERACTIONS: self._interaction, EVENTS: self._any}
        self.refused = 0

    async def serve(self, request: web.Request) -> web.Response:
        """Check who calls, then take what they bring. 401 and 400 keep nothing; 503 says that it may come again."""
        body = await request.read()
        headers = request.headers
        stamp, signature = headers.get("X-Slack-Request-Timestamp", ""), headers.get("X-Slack-Signature", "")
        try:
            self._signatures.check(stamp, signature, body, self._intake.now())
            return await self._answers[request.path](body)
        except BadSignature as error:
            self.refused += 1
            return web.Response(status=401, text=str(error))
        except Unreadable as error:
            return web.Response(status=400, text=str(error))
        except TemporaryError as error:
            return web.Response(status=503, text=str(error), headers={"Retry-After": "5"})

    async def _command(self, body: bytes) -> web.Response:
        """A slash command: kept, then acknowledged with nothing; the answer follows by itself."""
        await self._intake.keep(payloads.form_command_delivery(body, self._intake.now()))
        return web.Response()

    async def _interaction(self, body: bytes) -> web.Response:
        """A click is kept and acknowledged; everything else is answered by Bolt."""
        payload = payloads.form_payload(body)
        if payload.get("type") != "block_actions":
            return await self._through_bolt(body, "application/x-www-form-urlencoded")
        key = str(payload.get("trigger_id") or "")
        await self._intake.keep(payloads.action_delivery(payload, key, self._intake.now()))
        return web.Response()

    async def _any(self, body: bytes) -> web.Response:
        """Bolt's habit is one address for everything, so this one takes everything: events are JSON, the others are forms."""
        if body.startswith(b"payload="):
            return await self._interaction(body)
        return await self._command(body) if body.startswith((b"token=", b"command=")) else await self._event(body)

    async def _event(self, body: bytes) -> web.Response:
        """An event, or the question whether this address is ours."""
        payload = payloads.read_json(body)
        if payload.get("type") == "url_verification":
            return web.json_response({"challenge": str(payload.get("challenge", ""))})
        return await self._through_bolt(body, "application/json")

    async def _through_bolt(self, body: bytes, kind: str) -> web.Response:
        from slack_bolt.request.async_request import AsyncBoltRequest

        request = AsyncBoltRequest(body=body.decode("utf-8", "replace"), headers={"content-type": kind})
        answer = await self._bolt.async_dispatch(request)
        # Bolt answers 404 to what no listener wants; Slack would count that as a failure and send it again.
        status = 200 if answer.status == 404 else answer.status
        said = answer.first_headers().get("content-type", "text/plain").split(";")[0]
        return web.Response(status=status, text=answer.body or "", content_type=said)


class HttpDoor:
    """One listening socket. It opens before the rest is ready, so that probes get an answer from the first moment."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._doors: dict[str, Handler] = {}
        self._app = web.Application(client_max_size=LARGEST_BODY)
        self._runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=1)

    def add(self, path: str, handler: Handler) -> None:
        """Serve an address. Only before ``open``."""
        self._app.router.add_get(path, handler)

    def reserve(self, *paths: str) -> None:
        """Addresses that others post to. Until ``let_in`` they answer 503: whoever calls tries again. Only before ``open``."""
        for path in paths:
            self._app.router.add_post(path, self._to_door)

    def let_in(self, handler: Handler, *paths: str) -> None:
        """From now on what is posted to these addresses is taken."""
        self._doors.update(dict.fromkeys(paths, handler))

    def keep_out(self) -> None:
        """From now on all of it is answered 503: the process is stopping."""
        self._doors.clear()

    async def open(self) -> int:
        """Listen, and answer with the port."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        port: int = self._runner.addresses[0][1]
        return port

    async def close(self) -> None:
        """Finish what is being answered, for a second at most, and stop listening."""
        await self._runner.cleanup()

    async def _to_door(self, request: web.Request) -> web.StreamResponse:
        handler = self._doors.get(request.path)
        if handler is None:
            return web.Response(status=503, text="Not ready yet.", headers={"Retry-After": "5"})
        return await handler(request)
