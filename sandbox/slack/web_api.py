"""The Web API: who may call, what goes wrong on purpose, how often one may call, and then the method itself."""

import asyncio
import json
from typing import Any

from aiohttp import web

from sandbox.slack import methods_chat, methods_conversations, methods_extras, methods_files, methods_people, methods_views
from sandbox.slack.call_log import ApiCall
from sandbox.slack.errors import Json, WebApiError
from sandbox.slack.faults import ApiFault
from sandbox.slack.hub import Hub
from sandbox.slack.methods import Method

METHODS: dict[str, Method] = {
    **methods_chat.METHODS,
    **methods_conversations.METHODS,
    **methods_extras.METHODS,
    **methods_files.METHODS,
    **methods_people.METHODS,
    **methods_views.METHODS,
}
_APP_METHODS = {"apps.connections.open"}
_JSON_ARGUMENTS = {"blocks", "attachments", "view", "metadata", "files"}
_NEEDS_NO_TOKEN = {"api.test"}


async def read_args(request: web.Request) -> tuple[str | None, Json]:
    """The token and the arguments of a call, from wherever the caller put them."""
    args: Json = dict(request.query)
    if request.method == "POST":
        if request.content_type == "application/json":
            body = await request.text()
            args |= json.loads(body) if body.strip() else {}
        else:
            args |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    for key in _JSON_ARGUMENTS & args.keys():
        args[key] = _parsed(args[key])
    in_body = args.pop("token", None)
    header = request.headers.get("Authorization", "")
    return (header.removeprefix("Bearer ") if header.startswith("Bearer ") else in_body), args


def _parsed(value: Any) -> Any:
    """JSON in a form field; what is not JSON is left for the method to refuse."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


class WebApi:
    """Answers `/api/{method}`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def handle(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        try:
            token, args = await read_args(request)
        except ValueError:
            return web.json_response({"ok": False, "error": "invalid_json"})
        call = self._hub.call_log.open(method, args)
        return await self.respond(request, call, self._run_method(call, token))

    async def respond(self, request: web.Request, call: ApiCall, response: Any) -> web.StreamResponse:
        """Await ``response`` unless a fault or a limit comes first; close the call in the log."""
        fault = self._hub.faults.take_matching(call.method, call.channel)
        if fault is not None and not fault.is_after_delivery:
            early = await self._fault_before_delivery(request, call, fault)
            if early is not None:
                response.close()
                return early
        if (wait := self._hub.rates.retry_after(call.method, call.channel)) is not None:
            response.close()
            self._hub.call_log.close(call, "ratelimited")
            return _rate_limited(wait)
        answer: Json = await response
        call.delivered = bool(answer.get("ok"))
        call.ts = answer.get("ts") or answer.get("message_ts")
        if fault is not None and fault.is_after_delivery:
            return await self._fault_after_delivery(request, call, fault)
        self._hub.call_log.close(call, "ok" if answer["ok"] else str(answer["error"]))
        return web.json_response(answer)

    async def _run_method(self, call: ApiCall, token: str | None) -> Json:
        try:
            self._authorize(call.method, token)
            return {"ok": True, **(await METHODS.get(call.method, _unknown)(self._hub, call.args))}
        except WebApiError as refusal:
            return refusal.response_body()

    def _authorize(self, method: str, token: str | None) -> None:
        if method in _NEEDS_NO_TOKEN:
            return
        tokens = self._hub.tokens
        if not token:
            raise WebApiError("not_authed")
        if token not in {tokens.bot, tokens.app}:
            raise WebApiError("invalid_auth")
        if token != (tokens.app if method in _APP_METHODS else tokens.bot):
            raise WebApiError("not_allowed_token_type")

    async def _fault_before_delivery(self, request: web.Request, call: ApiCall, fault: ApiFault) -> web.StreamResponse | None:
        """What an early fault answers, or None when the call goes on."""
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            return None
        if fault.kind == "held":
            await self._hub.faults.hang()
            return None
        self._hub.call_log.close(call, fault.kind if fault.kind != "ok_false" else fault.error)
        if fault.kind == "429":
            return _rate_limited(fault.retry_after)
        if fault.kind in {"500", "503"}:
            return web.Response(status=int(fault.kind), text="upstream connect error")
        if fault.kind == "ok_false":
            return web.json_response({"ok": False, "error": fault.error})
        await self._hub.faults.hang()
        return _cut_connection(request)

    async def _fault_after_delivery(self, request: web.Request, call: ApiCall, fault: ApiFault) -> web.StreamResponse:
        """The call took effect, and its answer gets lost."""
        self._hub.call_log.close(call, fault.kind)
        if fault.kind == "500_after":
            return web.Response(status=500, text="upstream connect error")
        if fault.kind == "timeout_after":
            await self._hub.faults.hang()
        return _cut_connection(request)


async def _unknown(_hub: Hub, _args: Json) -> Json:
    raise WebApiError("unknown_method")


def _rate_limited(seconds: int) -> web.Response:
    return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": str(seconds)})


def _cut_connection(request: web.Request) -> web.Response:
    """Cut the connection: the response that is returned never leaves."""
    if isinstance(request.transport, asyncio.Transport):
        request.transport.abort()
    return web.Response(status=500)
