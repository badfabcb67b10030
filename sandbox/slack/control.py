"""`/_gateway/…`: what tests and scripts order and look up. Bodies and answers are JSON."""

import dataclasses
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.slack import people
from sandbox.slack.channel_actions import ChannelActions
from sandbox.slack.deliveries import Ack
from sandbox.slack.errors import Json, WebApiError
from sandbox.slack.faults import UnknownFault, parse_fault
from sandbox.slack.hub import Hub
from sandbox.slack.methods_people import user_object
from sandbox.slack.payloads import event
from sandbox.slack.user_actions import UserActions

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ControlHandler = Callable[[Json], Awaitable[Any]]


def json_handler(handler: ControlHandler) -> Handler:
    """A handler of a JSON body that answers JSON; a refusal is 400 with its word."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            body = await request.json() if request.can_read_body else dict(request.query)
            answer = await handler(body)
        except json.JSONDecodeError:
            return web.json_response({"ok": False, "error": "the body is not JSON"}, status=400)
        except (WebApiError, UnknownFault) as refusal:
            return web.json_response({"ok": False, "error": str(refusal)}, status=400)
        except KeyError as missing:
            return web.json_response({"ok": False, "error": f"missing: {missing.args[0]}"}, status=400)
        return web.json_response({"ok": True, **(answer or {})})

    return handle


def _ack_body(ack: Ack) -> Json:
    return {"ack": dataclasses.asdict(ack)}


def _with_ack(action: Callable[[Json], Awaitable[Ack]]) -> ControlHandler:
    async def handle(body: Json) -> Json:
        return _ack_body(await action(body))

    return handle


class ControlApi:
    def __init__(self, hub: Hub, actions: UserActions) -> None:
        self._hub = hub
        self._actions = actions

    def routes(self) -> list[web.RouteDef]:
        return [
            *(web.post(f"/_gateway/{path}", json_handler(handler)) for path, handler in self._post_handlers().items()),
            *(web.get(f"/_gateway/{path}", json_handler(handler)) for path, handler in self._get_handlers().items()),
        ]

    def _post_handlers(self) -> dict[str, ControlHandler]:
        return {
            "faults": self._add_fault,
            "faults/clear": self._clear_faults,
            "rates": self._set_rates,
            "sockets/drop": self._drop,
            "sockets/mute": self._mute,
            "sockets/unmute": self._unmute,
            "sockets/repeat": self._repeat,
            "sockets/disconnect": self._disconnect,
            "delivery": self._delivery,
            "http": self._http,
            "triggers/expire": self._expire_triggers,
            "log/clear": self._clear_log,
            "reset": self.reset,
            "command": self.command,
            "click": self.click,
            "view-click": self._view_click,
            "submit": self._submit,
            "close": self._close,
            "open-home": self.open_home,
            "say": self._say,
            "react": self._react,
            **self._channel_handlers(),
            "roster/account": self._change_account,
            "roster/group": self._set_group,
        }

    def _get_handlers(self) -> dict[str, ControlHandler]:
        return {
            "health": self._health,
            "faults": self._list_faults,
            "rates": self._get_rates,
            "sockets": self._sockets,
            "log": self._log,
            "messages": self._messages,
            "changes": self._changes,
            "channels": self._channels,
            "forms": self._forms,
            "home": self._home,
        }

    async def _health(self, _: Json) -> Json:
        roles = {person.id: person.role for person in people.PEOPLE}
        return {"connected": self._hub.sockets.connected, "people": people.people_by_role(), "roles": roles}

    async def _add_fault(self, body: Json) -> None:
        self._hub.faults.add(parse_fault(body))

    async def _clear_faults(self, _: Json) -> None:
        self._hub.faults.clear()

    async def _list_faults(self, _: Json) -> Json:
        return {"faults": self._hub.faults.pending()}

    async def _set_rates(self, body: Json) -> Json:
        scale = body.get("scale")
        self._hub.rates.set_scale(float(scale) if scale is not None else None)
        return self._hub.rates.as_json()

    async def _get_rates(self, _: Json) -> Json:
        return self._hub.rates.as_json()

    async def _sockets(self, _: Json) -> Json:
        return self._hub.sockets.status()

    async def _drop(self, _: Json) -> Json:
        return {"connections": self._hub.sockets.drop()}

    async def _mute(self, _: Json) -> Json:
        return {"connections": self._hub.sockets.mute()}

    async def _unmute(self, _: Json) -> Json:
        return {"connections": self._hub.sockets.mute(muted=False)}

    async def _repeat(self, body: Json) -> None:
        self._hub.sockets.duplicates_left += int(body.get("times", 1))

    async def _disconnect(self, body: Json) -> Json:
        return {"connections": await self._hub.sockets.disconnect(str(body.get("reason", "refresh_requested")))}

    async def _delivery(self, body: Json) -> None:
        self._hub.deliveries.request_url = body.get("request_url")

    async def _http(self, body: Json) -> Json:
        ack = await self._hub.deliveries.post(
            body["url"],
            body.get("kind", "interactive"),
            body["payload"],
            secret=body.get("secret"),
            timestamp=body.get("timestamp"),
            headers=body.get("headers"),
        )
        return _ack_body(ack)

    async def _expire_triggers(self, _: Json) -> Json:
        return {"expired": self._hub.issued_tokens.expire_triggers()}

    async def _log(self, body: Json) -> Json:
        calls = self._hub.call_log.calls
        wanted = [call for call in calls if body.get("method") in {None, call.method}]
        return {"calls": [call.as_json() for call in wanted], "over_budget": self._hub.rates.over_budget}

    async def _clear_log(self, _: Json) -> None:
        self._hub.call_log.clear()

    async def reset(self, _: Json) -> None:
        """Everything as at the start; the bot stays connected."""
        hub = self._hub
        hub.channels.reset()
        for part in (hub.messages, hub.views, hub.roster):
            part.clear()
        for collection in (hub.faults, hub.call_log, hub.schedule, hub.deliveries.log):
            collection.clear()
        hub.rates.set_scale(None)
        await hub.upstream.post_control("reset", {})

    async def _channels(self, _: Json) -> Json:
        return {"channels": [room.to_api() | {"members": room.members} for room in self._hub.channels.all()]}

    async def _messages(self, body: Json) -> Json:
        """The messages of a channel, or of all, as they are now: ephemeral ones too, with the number of their edits."""
        rooms = [await self._hub.channels.find(body["channel"])] if body.get("channel") else self._hub.channels.all()
        edits = self._hub.messages.edits
        messages = [message for room in rooms for message in await self._hub.messages.all_messages(room.id)]
        return {"messages": [{**message, "edits": edits.get((message["channel"], message["ts"]), 0)} for message in messages]}

    async def _changes(self, _: Json) -> Json:
        return {"count": self._hub.changes.count}

    async def _forms(self, body: Json) -> Json:
        user = body["user"]
        return {"stack": self._hub.views.stacks.get(user, []), "errors": self._hub.views.errors.get(user, {})}

    async def _home(self, body: Json) -> Json:
        return {"view": self._hub.views.homes.get(body["user"])}

    async def command(self, body: Json) -> Json:
        """`{user, channel, command, text}`"""
        ack = await self._actions.command(
            user=body["user"], command=body["command"], text=body.get("text", ""), channel=body["channel"]
        )
        return _ack_body(ack)

    async def click(self, body: Json) -> Json:
        """`{user, channel, ts, action: {action_id, value?, block_id?}}`"""
        ack = await self._actions.click(user=body["user"], channel=body["channel"], ts=body["ts"], action=body["action"])
        return _ack_body(ack)

    async def _view_click(self, body: Json) -> Json:
        ack = await self._actions.click_in_view(user=body["user"], view_id=body.get("view_id"), action=body["action"])
        return _ack_body(ack)

    async def _submit(self, body: Json) -> Json:
        return _ack_body(await self._actions.submit(user=body["user"], values=body.get("values", {})))

    async def _close(self, body: Json) -> None:
        await self._actions.close(user=body["user"])

    async def open_home(self, body: Json) -> Json:
        """`{user}`"""
        return _ack_body(await self._actions.open_home(user=body["user"]))

    async def _say(self, body: Json) -> Json:
        ts = await self._actions.say(
            user=body["user"], channel=body["channel"], text=body["text"], thread_ts=body.get("thread_ts")
        )
        return {"ts": ts}

    async def _react(self, body: Json) -> None:
        await self._actions.react(
            user=body["user"],
            channel=body["channel"],
            ts=body["ts"],
            name=body["name"],
            present=body.get("present", True),
        )

    async def _change_account(self, body: Json) -> None:
        """`{user, fields, tell}`; with ``tell`` the bot gets the event ``user_change``."""
        self._hub.roster.change_account(body["user"], body["fields"])
        person = people.find_user(body["user"])
        if body["tell"] and person is not None:
            changed = self._hub.roster.account(user_object(person))
            await self._hub.deliveries.deliver("events_api", event({"type": "user_change", "user": changed}))

    async def _set_group(self, body: Json) -> None:
        """`{group, users, tell}`; with ``tell`` the bot gets the event ``subteam_members_changed``."""
        self._hub.roster.set_members(body["group"], tuple(body["users"]))
        if body["tell"]:
            told = {"type": "subteam_members_changed", "subteam_id": body["group"], "team_id": people.TEAM_ID}
            await self._hub.deliveries.deliver("events_api", event(told))

    def _channel_handlers(self) -> dict[str, ControlHandler]:
        actions = ChannelActions(self._hub)
        acknowledged = {
            "pin": actions.pin,
            "unpin": actions.unpin,
            "join": actions.join,
            "archive": actions.archive,
            "unarchive": actions.unarchive,
            "rename": actions.rename,
            "remove-bot": actions.remove_bot,
            "delete-channel": actions.delete_channel,
            "shortcut": actions.shortcut,
        }
        return {
            "edit": actions.edit,
            "delete": actions.delete,
            **{name: _with_ack(action) for name, action in acknowledged.items()},
        }
