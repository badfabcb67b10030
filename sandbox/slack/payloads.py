"""The payloads that Slack sends to an app, in their documented shapes."""

import time
import uuid

from sandbox.slack import people
from sandbox.slack.channels import Channel
from sandbox.slack.errors import Json

_TOKEN = "verification-token"


def _common() -> Json:
    return {
        "token": _TOKEN,
        "api_app_id": people.APP_ID,
        "team": {"id": people.TEAM_ID, "domain": people.TEAM_DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def user_payload(user_id: str) -> Json:
    """A person as interactive payloads name them, with the workspace they belong to."""
    person = people.find_user(user_id)
    name = person.name if person else user_id
    return {
        "id": user_id,
        "username": name,
        "name": name,
        "team_id": person.team_id if person else people.TEAM_ID,
    }


def slash_command(*, user: str, room: Channel, command: str, text: str, trigger_id: str, response_url: str) -> Json:
    person = people.find_user(user)
    is_stranger = person is not None and person.is_stranger
    name = "directmessage" if room.is_im else "privategroup" if room.is_private else room.name
    return {
        "token": _TOKEN,
        "team_id": person.team_id if is_stranger and person else people.TEAM_ID,
        "team_domain": "partners" if is_stranger else people.TEAM_DOMAIN,
        "channel_id": room.id,
        "channel_name": name,
        "user_id": user,
        "user_name": person.name if person else user,
        "command": command,
        "text": text,
        "api_app_id": people.APP_ID,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


def message_action(*, user: str, room: Channel, message: Json, action: Json, trigger_id: str, response_url: str) -> Json:
    """`block_actions` of a click in a message."""
    container: Json = {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": room.id,
        "is_ephemeral": message.get("subtype") == "ephemeral",
    }
    if message.get("thread_ts"):
        container["thread_ts"] = message["thread_ts"]
    return {
        "type": "block_actions",
        **_common(),
        "user": user_payload(user),
        "container": container,
        "trigger_id": trigger_id,
        "channel": {"id": room.id, "name": "directmessage" if room.is_im else room.name},
        "message": message,
        "state": {"values": {}},
        "response_url": response_url,
        "actions": [{**action, "action_ts": f"{time.time():.6f}"}],
    }


def message_shortcut(*, user: str, room: Channel, message: Json, callback_id: str, trigger_id: str, response_url: str) -> Json:
    """`message_action`: an app's entry in the menu of a message."""
    return {
        "type": "message_action",
        **_common(),
        "callback_id": callback_id,
        "action_ts": f"{time.time():.6f}",
        "user": user_payload(user),
        "trigger_id": trigger_id,
        "channel": {"id": room.id, "name": "directmessage" if room.is_im else room.name},
        "message_ts": message["ts"],
        "message": message,
        "response_url": response_url,
    }


def view_action(*, user: str, view: Json, action: Json, trigger_id: str) -> Json:
    """`block_actions` of a click in a form or on the Home tab."""
    return {
        "type": "block_actions",
        **_common(),
        "user": user_payload(user),
        "container": {"type": "view", "view_id": view["id"]},
        "trigger_id": trigger_id,
        "view": view,
        "state": view["state"],
        "actions": [{**action, "action_ts": f"{time.time():.6f}"}],
    }


def view_submission(*, user: str, view: Json, trigger_id: str) -> Json:
    return {
        "type": "view_submission",
        **_common(),
        "user": user_payload(user),
        "trigger_id": trigger_id,
        "view": view,
        "response_urls": [],
    }


def view_closed(*, user: str, view: Json, is_cleared: bool) -> Json:
    return {"type": "view_closed", **_common(), "user": user_payload(user), "view": view, "is_cleared": is_cleared}


def event(inner: Json) -> Json:
    """An Events API envelope around ``inner``."""
    return {
        "token": _TOKEN,
        "team_id": people.TEAM_ID,
        "context_team_id": people.TEAM_ID,
        "context_enterprise_id": None,
        "api_app_id": people.APP_ID,
        "event": inner,
        "type": "event_callback",
        "event_id": f"Ev{uuid.uuid4().hex[:10].upper()}",
        "event_time": int(time.time()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": people.TEAM_ID,
                "user_id": people.BOT_USER_ID,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
    }


def home_opened(*, user: str, channel: str, view: Json | None) -> Json:
    inner: Json = {"type": "app_home_opened", "user": user, "channel": channel, "tab": "home"}
    inner["event_ts"] = f"{time.time():.6f}"
    if view is not None:
        inner["view"] = view
    return event(inner)
