"""Slack's Web API in our own words. Slack's errors stop here: what is raised says whether it was done and what helps.

Reads raise ``TemporaryError``, writes ``UnknownOutcome`` where the connection broke after the request went out; both raise
``RateLimited`` with Slack's delay and ``SlackRefused`` with Slack's code. Nothing is repeated here: who asks decides.
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
"""Names our metadata on messages."""

HISTORY_PAGE_SIZE = 200
"""Messages asked for at once; Slack gives up to 1,000 and advises no more than 200."""

MAX_FILE_TITLE_LENGTH = 250

Blocks = Sequence[Mapping[str, Any]]


def open_session(base_url: str = DEFAULT_API_URL, *, seconds: float = 10.0) -> aiohttp.ClientSession:
    """The session that every call shares: one of its own for each would cost five times as much.

    ``seconds`` is the longest that a call may take. The environment's proxy is asked for once, because aiohttp would look it up
    in a thread for every call.
    """
    return aiohttp.ClientSession(timeout=timeouts(seconds), proxy=proxy_for(base_url))


@dataclass(frozen=True, slots=True)
class MessageTag:
    """What a message of ours carries unseen, so that it can be found again: the outbox row and the logical message."""

    outbox_row: int
    key: str

    def as_metadata(self) -> dict[str, Any]:
        return {"event_type": EVENT_TYPE, "event_payload": {"outbox": self.outbox_row, "key": self.key}}

    def matches(self, metadata: Mapping[str, Any]) -> bool:
        """Whether a message with this metadata is the one. Another database counts its rows too, so the key must agree."""
        payload = metadata.get("event_payload") or {}
        return payload.get("outbox") == self.outbox_row and payload.get("key") == self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the bot is, and where."""

    user_id: str
    bot_id: str
    team_id: str
    team: str
    enterprise_id: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as Slack describes it. ``teams``: the workspaces of an Enterprise organisation that it belongs to."""

    user_id: str
    team_id: str
    name: str
    zone: str
    teams: frozenset[str] = frozenset()
    enterprise_id: str = ""
    guest: bool = False
    stranger: bool = False
    bot: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that Slack expects: its id, and the address that takes its bytes."""

    file_id: str
    url: str


class FileState(Enum):
    """How far an upload came."""

    MISSING = "missing"
    UNSHARED = "unshared"
    SHARED = "shared"


class MessageAddress(NamedTuple):
    """Where a message is."""

    channel: str
    ts: str


class SlackApi:
    """The workspace, as the bot. ``session`` is shared and closed by who made it; ``base_url`` may lack its last slash."""

    def __init__(self, token: str, session: aiohttp.ClientSession, *, base_url: str = DEFAULT_API_URL) -> None:
        self.web = AsyncWebClient(token, base_url.rstrip("/") + "/", session=session, retry_handlers=[])
        self.web.proxy = None  # the SDK ignores NO_PROXY; the session knows better
        self._session = session

    async def post(
        self, channel: str, text: str, blocks: Blocks = (), *, thread_ts: str = "", tag: MessageTag | None = None
    ) -> MessageAddress:
        """A new message; its address. To a user's id it goes into their conversation with the bot, which has an id of its own."""
        arguments: dict[str, Any] = {"channel": channel, "text": text, "unfurl_links": False, "unfurl_media": False}
        answer = await self._write("chat.postMessage", arguments | _content(blocks, tag) | _without_empty(thread_ts=thread_ts))
        return MessageAddress(str(answer.get("channel") or channel), str(answer["ts"]))

    async def edit(self, channel: str, ts: str, text: str, blocks: Blocks = (), *, tag: MessageTag | None = None) -> None:
        """Make a message say this instead. Doing it twice changes nothing."""
        await self._write("chat.update", {"channel": channel, "ts": ts, "text": text, "blocks": []} | _content(blocks, tag))

    async def find(self, tag: MessageTag, channel: str, *, thread_ts: str = "", oldest: datetime) -> str | None:
        """The ts of the message that carries the mark, among those since ``oldest``; None where there is none."""
        arguments = {
            "channel": channel,
            "oldest": f"{oldest.timestamp():.6f}",
            "limit": HISTORY_PAGE_SIZE,
            "include_all_metadata": True,
        }
        method = "conversations.replies" if thread_ts else "conversations.history"
        async for page in self._pages(method, arguments | _without_empty(ts=thread_ts)):
            for message in page.get("messages", []):
                if tag.matches(message.get("metadata") or {}):
                    return str(message["ts"])
        return None

    async def join(self, channel: str) -> None:
        """Enter a public channel."""
        await self._write("conversations.join", {"channel": channel})

    async def ephemeral(self, channel: str, user: str, text: str, blocks: Blocks = (), *, thread_ts: str = "") -> None:
        """Show something to one person, at most once; gone when they reload."""
        arguments = (
            {"channel": channel, "user": user, "text": text} | _content(blocks, None) | _without_empty(thread_ts=thread_ts)
        )
        await self._write("chat.postEphemeral", arguments)

    async def respond(self, response_url: str, text: str, blocks: Blocks = (), *, replace: bool = False) -> None:
        """Answer on the address that came with a command or a click: to that person alone. Five times in 30 minutes."""
        body: dict[str, Any] = {"text": text, "response_type": "ephemeral", "replace_original": replace}
        await self._send(response_url, "response_url", json=body | _content(blocks, None))

    async def open_view(self, trigger_id: str, view: Mapping[str, Any]) -> tuple[str, str]:
        """Open a form within three seconds of the click; the view's id and hash."""
        return _view(await self._write("views.open", {"trigger_id": trigger_id, "view": view}))

    async def update_view(self, view_id: str, view: Mapping[str, Any], *, hash: str = "") -> tuple[str, str]:  # noqa: A002 -- Slack's word
        """Fill an open form. With ``hash``, only if it is still as it was then (else ``hash_conflict``)."""
        return _view(await self._write("views.update", {"view_id": view_id, "view": view} | _without_empty(hash=hash)))

    async def publish_home(self, user: str, view: Mapping[str, Any]) -> None:
        """Show a person their Home tab."""
        await self._write("views.publish", {"user_id": user, "view": view})

    async def new_upload(self, filename: str, size: int) -> Upload:
        """First stage of a file: its id is known before anybody can see it. ``size`` in bytes."""
        answer = await self._read("files.getUploadURLExternal", {"filename": filename, "length": size})
        return Upload(str(answer["file_id"]), str(answer["upload_url"]))

    async def send_bytes(self, upload: Upload, content: bytes) -> None:
        """Second stage: hand over the bytes. Nobody sees the file yet."""
        await self._send(upload.url, "upload", data=content)

    async def finish_upload(self, file_id: str, title: str, channel: str, *, thread_ts: str) -> None:
        """Third stage: the file appears in the thread. Slack does it a moment later, and gives no ts."""
        arguments = {
            "files": [{"id": file_id, "title": title[:MAX_FILE_TITLE_LENGTH]}],
            "channel_id": channel,
            "thread_ts": thread_ts,
        }
        await self._write("files.completeUploadExternal", arguments)

    async def file_state(self, file_id: str) -> FileState:
        """How far the upload of a file came. Bytes that were handed over and nothing more do not make a file."""
        try:
            file = (await self._read("files.info", {"file": file_id}))["file"]
        except SlackRefused as refused:
            if refused.code in {"file_not_found", "file_deleted"}:
                return FileState.MISSING
            raise
        shared = any(file.get(where) for where in ("shares", "channels", "groups", "ims"))
        return FileState.SHARED if shared else FileState.UNSHARED

    async def identity(self) -> Identity:
        """Who the token belongs to."""
        answer = await self._read("auth.test", {})
        names = ("user_id", "bot_id", "team_id", "team", "enterprise_id", "url")
        return Identity(**{name: str(answer.get(name) or "") for name in names})

    async def member(self, user: str) -> Account:
        """What the workspace says of an account."""
        return _account((await self._read("users.info", {"user": user}))["user"])

    async def groups(self) -> Mapping[str, frozenset[str]]:
        """Every user group's id, with the ids of its members."""
        answer = await self._read("usergroups.list", {"include_users": True})
        return {str(group["id"]): frozenset(group.get("users") or ()) for group in answer["usergroups"]}

    async def _pages(self, method: str, arguments: Mapping[str, Any]) -> AsyncIterator[Mapping[str, Any]]:
        cursor = ""
        while True:
            page = await self._read(method, {**arguments, **_without_empty(cursor=cursor)})
            yield page
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return

    async def _read(self, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._call(method, write=False, http_verb="GET", params=dict(arguments))

    async def _write(self, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._call(method, write=True, json=dict(arguments))

    async def _call(self, method: str, *, write: bool, **options: Any) -> Mapping[str, Any]:
        try:
            answer = await self.web.api_call(method, **options)
        except SlackApiError as error:
            raise from_response(error, method, write=write) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise from_connection(error, method, write=write) from error
        except AttributeError as error:  # its own, over a 200 of plain text: somebody between answered
            raise connection_lost(f"Somebody else than Slack answered {method}.", write=write) from error
        if not isinstance(answer.data, dict):
            raise connection_lost(f"Somebody else than Slack answered {method}.", write=write)
        return answer.data

    async def _send(self, address: str, name: str, **body: Any) -> None:
        """Post to an address that is no method: it answers plain text, or JSON where it refuses."""
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
    """Without the empty ones: Slack refuses an empty ``thread_ts`` or ``cursor``."""
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
        guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted") or user.get("is_invited_user")),
        stranger=bool(user.get("is_stranger")),
        bot=bool(user.get("is_bot") or user.get("is_workflow_bot")),
        deleted=bool(user.get("deleted") or user.get("suspended")),
    )
