"""What people do: commands, clicks, forms, messages. The page and the tests both come through here."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from sandbox.slack import payloads
from sandbox.slack.deliveries import Ack
from sandbox.slack.elements import clicked_action, find_action, form_state, missing_fields
from sandbox.slack.errors import Json, WebApiError
from sandbox.slack.hub import Hub
from sandbox.slack.limits import check_message_blocks, check_view


class UserActions:
    """Each act delivers a payload to the bot and does with the answer what Slack does."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def command(self, *, user: str, command: str, text: str, channel: str) -> Ack:
        """Type a slash command. When the bot does not answer, the person is told so."""
        hub = self._hub
        room = await hub.channels.find(channel)
        payload = payloads.slash_command(
            user=user,
            room=room,
            command=command,
            text=text,
            trigger_id=hub.issued_tokens.new_trigger(user),
            response_url=hub.response_url(channel=room.id, user=user),
        )
        ack = await hub.deliveries.deliver("slash_commands", payload)
        if not ack.answered:
            word = "operation_timeout" if hub.sockets.connected or ack.status else "dispatch_failed"
            error_message = {"text": f'{command} failed with the error "{word}"', "username": "Slackbot"}
            await hub.upstream.call("chat.postEphemeral", error_message | {"channel": room.id, "user": user})
        elif ack.payload and (ack.payload.get("text") or ack.payload.get("blocks")):
            await self._post_ack_response(room.id, user, ack.payload)
        return ack

    async def _post_ack_response(self, channel: str, user: str, answer: Json) -> None:
        check_message_blocks(answer.get("blocks") or [])
        content = {key: answer[key] for key in ("text", "blocks") if answer.get(key)} | {"channel": channel}
        if answer.get("response_type") == "in_channel":
            await self._hub.upstream.call("chat.postMessage", content)
        else:
            await self._hub.upstream.call("chat.postEphemeral", content | {"user": user})

    async def click(self, *, user: str, channel: str, ts: str, action: Json) -> Ack:
        """Click or choose in a message. ``action`` needs an ``action_id``; of a message that has changed in the
        meantime, it is delivered as it was seen.
        """
        hub = self._hub
        room = await hub.channels.find(channel)
        message = await hub.messages.find(room.id, ts)
        origin = {"ts": ts, "thread_ts": message.get("thread_ts")}
        payload = payloads.message_action(
            user=user,
            room=room,
            message=message,
            action=_as_reported(message_blocks(message), action),
            trigger_id=hub.issued_tokens.new_trigger(user),
            response_url=hub.response_url(channel=room.id, user=user, message=origin),
        )
        return await hub.deliveries.deliver("interactive", payload)

    async def click_in_view(self, *, user: str, view_id: str | None, action: Json) -> Ack:
        """Click or choose in a form, or on the Home tab when ``view_id`` is None."""
        hub = self._hub
        view = hub.views.find(view_id)[1] if view_id else hub.views.homes.get(user)
        if view is None:
            raise WebApiError("not_found")
        payload = payloads.view_action(
            user=user,
            view=view,
            action=_as_reported(view["blocks"], action),
            trigger_id=hub.issued_tokens.new_trigger(user),
        )
        return await hub.deliveries.deliver("interactive", payload)

    async def submit(self, *, user: str, values: Json) -> Ack:
        """Submit the form in front of a person. ``values`` are keyed by block id or action id."""
        hub = self._hub
        view = hub.views.top(user)
        if view is None:
            raise WebApiError("not_found")
        state = form_state(view, values)
        if empty := missing_fields(view, state):
            await self._show_errors(user, empty)
            return Ack(answered=False, payload={"response_action": "errors", "errors": empty})
        view["state"] = {"values": state}
        payload = payloads.view_submission(user=user, view=view, trigger_id=hub.issued_tokens.new_trigger(user))
        ack = await hub.deliveries.deliver("interactive", payload)
        if not ack.answered:
            await self._show_errors(user, {"form": "We had some trouble connecting. Try again?"})
            return ack
        await self._after_submission(user, view, ack.payload or {})
        return ack

    async def _after_submission(self, user: str, view: Json, answer: Json) -> None:
        views = self._hub.views
        action = answer.get("response_action")
        if action == "errors":
            await self._show_errors(user, answer["errors"])
            return
        if action == "update":
            views.update(check_view(answer.get("view"), "modal"), view_id=view["id"], external_id=None, expected_hash=None)
        elif action == "push":
            views.push(user, check_view(answer.get("view"), "modal"))
        elif views.top(user) is view or action == "clear":
            views.close(user, everything=action == "clear")
        await self._hub.pages.show_forms(user)

    async def _show_errors(self, user: str, errors: Json) -> None:
        self._hub.views.errors[user] = errors
        await self._hub.pages.show_errors(user)

    async def close(self, *, user: str) -> None:
        """Close the form in front of a person; the bot hears of it when it asked to."""
        view = self._hub.views.close(user)
        await self._hub.pages.show_forms(user)
        if view is not None and view["notify_on_close"]:
            payload = payloads.view_closed(user=user, view=view, is_cleared=False)
            await self._hub.deliveries.deliver("interactive", payload)

    async def open_home(self, *, user: str) -> Ack:
        """Open the app's Home tab."""
        room = await self._hub.channels.open_direct(user)
        await self._hub.pages.show_home(user)
        event = payloads.home_opened(user=user, channel=room.id, view=self._hub.views.homes.get(user))
        return await self._hub.deliveries.deliver("events_api", event)

    async def say(self, *, user: str, channel: str, text: str, thread_ts: str | None = None) -> str:
        """Write a message; its ts. The bot hears of it when it is in the channel."""
        room = await self._hub.channels.find(channel)
        body = {"channel": room.id, "user": user, "text": text, "thread_ts": thread_ts}
        answer = await self._hub.upstream.post_control("message", body)
        return str(answer["message"]["ts"])

    async def react(self, *, user: str, channel: str, ts: str, name: str, present: bool = True) -> None:
        body = {"channel": channel, "ts": ts, "user": user, "name": name, "present": present}
        await self._hub.upstream.post_control("reaction", body)


def message_blocks(message: Json) -> list[Json]:
    """A message's blocks, those of its attachments too."""
    attached = [block for attachment in message.get("attachments") or [] for block in attachment.get("blocks", [])]
    return [*(message.get("blocks") or []), *attached]


def _as_reported(blocks: list[Json], action: Json) -> Json:
    """The action as Slack reports it: the element as it stands, when it still stands there."""
    option = action.get("selected_option") or {}
    value = action.get("value") if action.get("value") is not None else option.get("value")
    found = find_action(blocks, str(action["action_id"]), value)
    if found is None:
        return {"type": "button", **action}
    return clicked_action(*found, value)


class BackgroundActions:
    """Acts that nobody waits for, kept until they end. What goes wrong in one ends it, and is shown."""

    def __init__(self, report: Callable[[BaseException], None]) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._report = report

    def start(self, action: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(action)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            self._report(problem)

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
