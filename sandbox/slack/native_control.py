"""`/_control/…`: the local Slack's own control API with its own field names, for scripts that know it from its documentation.

Its own socket is not the bot's: what it would deliver and log by itself goes through the gateway.
"""

from aiohttp import web

from sandbox.slack.control import ControlApi, ControlHandler, json_handler
from sandbox.slack.errors import Json
from sandbox.slack.hub import Hub
from sandbox.slack.user_actions import UserActions

_PREFIXES = ("/_control", "/_control/_control")
"""The second is for scripts that add the documented path to an address which ends in it already."""


class NativeControlApi:
    def __init__(self, hub: Hub, acts: UserActions, control: ControlApi) -> None:
        self._hub = hub
        self._acts = acts
        self._control = control

    def routes(self) -> list[web.RouteDef]:
        """Those that differ from the local Slack's own; the rest is passed through to it."""
        orders: dict[str, ControlHandler] = {
            "message": self._message,
            "command": self._control.command,
            "interact": self._interact,
            "open-home": self._control.open_home,
            "reset": self._control.reset,
        }
        looks: dict[str, ControlHandler] = {"log": self._log, "state": self._state}
        routes: list[web.RouteDef] = []
        for prefix in _PREFIXES:
            routes += [web.post(f"{prefix}/{path}", json_handler(order)) for path, order in orders.items()]
            routes += [web.get(f"{prefix}/{path}", json_handler(look)) for path, look in looks.items()]
            routes += [web.get(f"{prefix}/messages/{{channel}}", self._messages)]
        return routes

    async def _message(self, body: Json) -> Json:
        """`{user, channel, text, thread_ts?}`; what begins with a slash is a command, as on the page."""
        text = str(body.get("text", ""))
        if text.startswith("/"):
            command, _, rest = text.partition(" ")
            return await self._control.command({**body, "command": command, "text": rest.strip()})
        return await self._hub.upstream.post_control("message", body)

    async def _interact(self, body: Json) -> Json:
        """`{user, channel, messageTs, action: {action_id, value?}}`"""
        return await self._control.click({**body, "ts": body["messageTs"]})

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        """By the channel's id or its name; ephemeral messages and replies are among them."""

        async def look(_: Json) -> Json:
            room = await self._hub.channels.find(request.match_info["channel"])
            return {"messages": await self._hub.messages.all_messages(room.id)}

        return await json_handler(look)(request)

    async def _state(self, _: Json) -> Json:
        return await self._hub.upstream.get_control("state")

    async def _log(self, _: Json) -> Json:
        """Everything between Slack and the bot, in order: what was delivered, how it was acknowledged, and each Web API call."""
        calls = (await self._hub.upstream.get_control("log"))["log"]
        return {"log": sorted([*calls, *self._hub.deliveries.log], key=lambda entry: entry["time"])}
