"""Client of Slack's Web API. It translates Slack's errors into the project's.

Where the connection broke after the request was sent, reads raise ``TemporaryError`` and writes ``UnknownOutcome``. Both raise
``RateLimited`` with Slack's delay and ``SlackRefused`` with Slack's code. The client never retries: the caller decides.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import SlackRefused, connection_lost, from_connection, from_plain_response, from_response
from integrations.http import proxy_for, timeouts

DEFAULT_API_URL = "https://slack.com/api/"
EVENT_TYPE = "deepecho"
"""``event_type`` of our metadata on messages."""

HISTORY_PAGE_SIZE = 200
"""Messages for each page of history; Slack allows 1,000 and recommends at most 200."""

MAX_FILE_TITLE_LENGTH = 250

Blocks = Sequence[Mapping[str, Any]]


def open_session(base_url: str = DEFAULT_API_URL, *, seconds: float = 10.0) -> aiohttp.ClientSession:
    """Open the session that all calls share: a session for each call would cost five times as much.

    ``seconds`` is the timeout of a call. The environment's proxy is looked up once, because aiohttp would look it up in a
    thread for every call.
    """
    return aiohttp.ClientSession(timeout=timeouts(seconds), proxy=proxy_for(base_url))


@dataclass(frozen=True, slots=True)
class MessageTag:
    """Invisible metadata by which a message of ours is found again: the outbox row and the logical message's key."""

    outbox_row: int
    key: str

    def as_metadata(self) -> dict[str, Any]:
        return {"event_type": EVENT_TYPE, "event_payload": {"outbox": self.outbox_row, "key": self.key}}

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """Whether the metadata is this tag's. Row ids repeat in other databases, so the key must match too."""
        payload = metadata.get("event_payload") or {}
        return payload.get("outbox") == self.outbox_row and payload.get("key") == self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The bot's user and workspace, as ``auth.test`` returns them."""

    user_id: str
    bot_id: str
    team_id: str
    team: str
    enterprise_id: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account, as ``users.info`` returns it.

    ``teams``: its workspaces within an Enterprise organisation. ``organisation_user_id``: its user id there, which may be another
    one than in a workspace; empty without an organisation.
    """

    user_id: str
    team_id: str
    name: str
    zone: str
    teams: frozenset[str] = frozenset()
    enterprise_id: str = ""
    organisation_user_id: str = ""
    guest: bool = False
    stranger: bool = False
    bot: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that Slack expects: the file's id, and the URL that takes its bytes."""

    file_id: str
    url: str


class FileState(Enum):
    """State of an upload: ``UNSHARED`` has an id and is not visible yet."""

    MISSING = "missing"
    UNSHARED = "unshared"
    SHARED = "shared"


class MessageAddress(NamedTuple):
    """Channel and ts of a message."""

    channel: str
    ts: str


class SlackApi:
    """Calls Slack as the bot. The caller owns ``session`` and closes it; ``base_url`` may lack its last slash."""

    def __init__(self, token: str, session: aiohttp.ClientSession, *, base_url: str = DEFAULT_API_URL) -> None:
        self.web = AsyncWebClient(token, base_url.rstrip("/") + "/", session=session, retry_handlers=[])
        self.web.proxy = None  # the SDK ignores NO_PROXY; the session has the right proxy
        self._session = session

    async def post(
        self, channel: str, text: str, blocks: Blocks = (), *, thread_ts: str = "", tag: MessageTag | None = None
    ) -> MessageAddress:
        """Post a message and return its address. A user id posts to the direct conversation, whose id the address has."""
        arguments: dict[str, Any] = {"channel": channel, "text": text, "unfurl_links": False, "unfurl_media": False}
        answer = await self.write("chat.postMessage", arguments | _content(blocks, tag) | _without_empty(thread_ts=thread_ts))
        return MessageAddress(str(answer.get("channel") or channel), str(answer["ts"]))

    async def edit(self, channel: str, ts: str, text: str, blocks: Blocks = (), *, tag: MessageTag | None = None) -> None:
        """Replace a message's text and blocks. Repeating it changes nothing."""
        await self.write("chat.update", {"channel": channel, "ts": ts, "text": text, "blocks": []} | _content(blocks, tag))

    async def find(self, tag: MessageTag, channel: str, *, thread_ts: str = "", oldest: datetime) -> str | None:
        """The ts of the message with this tag, among those since ``oldest``; None where there is none."""
        arguments = {
            "channel": channel,
            "oldest": f"{oldest.timestamp():.6f}",
            "limit": HISTORY_PAGE_SIZE,
            "include_all_metadata": True,
        }
        method = "conversations.replies" if thread_ts else "conversations.history"
        async for page in self.pages(method, arguments | _without_empty(ts=thread_ts)):
            for message in page.get("messages", []):
                if tag.matches(message.get("metadata") or {}):
                    return str(message["ts"])
        return None

    async def join(self, channel: str) -> None:
        """Join a public channel."""
        await self.write("conversations.join", {"channel": channel})

    async def ephemeral(self, channel: str, user: str, text: str, blocks: Blocks = (), *, thread_ts: str = "") -> None:
        """Show a message to one person, at most once. It disappears when they reload Slack."""
        arguments = (
            {"channel": channel, "user": user, "text": text} | _content(blocks, None) | _without_empty(thread_ts=thread_ts)
        )
        await self.write("chat.postEphemeral", arguments)

    async def respond(self, response_url: str, text: str, blocks: Blocks = (), *, replace: bool = False) -> None:
        """Answer one person through a command's or click's response URL. Slack allows five answers within 30 minutes."""
        body: dict[str, Any] = {"text": text, "response_type": "ephemeral", "replace_original": replace}
        await self._send(response_url, "response_url", json=body | _content(blocks, None))

    async def open_view(self, trigger_id: str, view: Mapping[str, Any]) -> tuple[str, str]:
        """Open a modal, within three seconds of the click. Return the view's id and hash."""
        return _view(await self.write("views.open", {"trigger_id": trigger_id, "view": view}))

    async def update_view(self, view_id: str, view: Mapping[str, Any], *, hash: str = "") -> tuple[str, str]:  # noqa: A002 -- Slack's word
        """Replace an open modal. With ``hash``, only if nobody changed it since (else ``SlackRefused``, ``hash_conflict``)."""
        return _view(await self.write("views.update", {"view_id": view_id, "view": view} | _without_empty(hash=hash)))

    async def publish_home(self, user: str, view: Mapping[str, Any]) -> None:
        """Publish a person's Home tab."""
        await self.write("views.publish", {"user_id": user, "view": view})

    async def new_upload(self, filename: str, size: int) -> Upload:
        """First stage of an upload: get the file's id, which nobody can see yet. ``size`` in bytes."""
        answer = await self.read("files.getUploadURLExternal", {"filename": filename, "length": size})
        return Upload(str(answer["file_id"]), str(answer["upload_url"]))

    async def send_bytes(self, upload: Upload, content: bytes) -> None:
        """Second stage: send the bytes. Nobody can see the file yet."""
        await self._send(upload.url, "upload", data=content)

    async def finish_upload(self, file_id: str, title: str, channel: str, *, thread_ts: str) -> None:
        """Third stage: share the file in the thread. Slack does it a moment later and returns no ts."""
        arguments = {
            "files": [{"id": file_id, "title": title[:MAX_FILE_TITLE_LENGTH]}],
            "channel_id": channel,
            "thread_ts": thread_ts,
        }
        await self.write("files.completeUploadExternal", arguments)

    async def file_state(self, file_id: str) -> FileState:
        """State of an upload. Slack knows no file before the third stage, even where it has the bytes."""
        try:
            file = (await self.read("files.info", {"file": file_id}))["file"]
        except SlackRefused as refused:
            if refused.code in {"file_not_found", "file_deleted"}:
                return FileState.MISSING
            raise
        shared = any(file.get(where) for where in ("shares", "channels", "groups", "ims"))
        return FileState.SHARED if shared else FileState.UNSHARED

    async def identity(self) -> Identity:
        """The account that the token belongs to."""
        answer = await self.read("auth.test", {})
        names = ("user_id", "bot_id", "team_id", "team", "enterprise_id", "url")
        return Identity(**{name: str(answer.get(name) or "") for name in names})

    async def member(self, user: str) -> Account:
        """An account of the workspace."""
        return _account((await self.read("users.info", {"user": user}))["user"])

    async def groups(self) -> Mapping[str, frozenset[str]]:
        """User group ids, each with the ids of its members."""
        answer = await self.read("usergroups.list", {"include_users": True})
        return {str(group["id"]): frozenset(group.get("users") or ()) for group in answer["usergroups"]}

    async def pages(self, method: str, arguments: Mapping[str, Any]) -> AsyncIterator[Mapping[str, Any]]:
        """Every page of a method that reads a list."""
        cursor = ""
        while True:
            page = await self.read(method, {**arguments, **_without_empty(cursor=cursor)})
            yield page
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return

    async def read(self, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call a method that changes nothing."""
        return await self._call(method, write=False, http_verb="GET", params=dict(arguments))

    async def write(self, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call a method that changes something."""
        return await self._call(method, write=True, json=dict(arguments))

    async def _call(self, method: str, *, write: bool, **options: Any) -> Mapping[str, Any]:
        try:
            answer = await self.web.api_call(method, **options)
        except SlackApiError as error:
            raise from_response(error, method, write=write) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise from_connection(error, method, write=write) from error
        except AttributeError as error:  # the SDK's own, on a 200 with plain text: a proxy answered, not Slack
            raise connection_lost(f"Somebody else than Slack answered {method}.", write=write) from error
        if not isinstance(answer.data, dict):
            raise connection_lost(f"Somebody else than Slack answered {method}.", write=write)
        return answer.data

    async def _send(self, address: str, name: str, **body: Any) -> None:
        """Post to a URL that is not an API method. It answers plain text, or JSON where it refuses."""
        try:
            async with self._session.post(address, **body) as response:
                status, text, delay = response.status, await response.text(), response.headers.get("Retry-After")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise from_connection(error, name, write=True) from error
        if (problem := from_plain_response(status, text, delay, name)) is not None:
            raise problem


def _content(blocks: Blocks, tag: MessageTag | None) -> dict[str, Any]:
    content: dict[str, Any] = {"blocks": list(blocks)} if blocks else {}
    return content | ({"metadata": tag.as_metadata()} if tag else {})


def _without_empty(**arguments: str) -> dict[str, str]:
    """Drop empty arguments: Slack refuses an empty ``thread_ts`` or ``cursor``."""
    return {name: value for name, value in arguments.items() if value}


def _view(answer: Mapping[str, Any]) -> tuple[str, str]:
    return str(answer["view"]["id"]), str(answer["view"].get("hash", ""))


def _account(user: Mapping[str, Any]) -> Account:
    profile, enterprise = user.get("profile") or {}, user.get("enterprise_user") or {}
    return Account(
        user_id=str(user["id"]),
        team_id=str(user.get("team_id") or ""),
        name=str(profile.get("display_name") or user.get("real_name") or user.get("name") or user["id"]),
        zone=str(user.get("tz") or "UTC"),
        teams=frozenset(enterprise.get("teams") or ()),
        enterprise_id=str(enterprise.get("enterprise_id") or ""),
        organisation_user_id=str(enterprise.get("id") or ""),
        guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted") or user.get("is_invited_user")),
        stranger=bool(user.get("is_stranger")),
        bot=bool(user.get("is_bot") or user.get("is_workflow_bot")),
        deleted=bool(user.get("deleted") or user.get("suspended")),
    )
