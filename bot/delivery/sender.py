"""Sends one outbox row to Slack: looks it up where it may have arrived, else posts or edits it; then uploads its file."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.slack.api import FileState, MessageAddress, MessageTag, SlackApi
from bot.slack.errors import SlackRefused
from bot.views.markup.limits import cut
from bot.views.markup.message import Message
from domain.errors import TemporaryError, UnknownOutcome
from storage.outbox import FILE_NOT_UPLOADED, OutboxRow

LAYOUT_ERRORS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "block_mismatch", "msg_too_long"})
"""Slack's codes for blocks that it does not accept. The text alone is accepted."""

MAX_PLAIN_LENGTH = 3_900
"""Characters of a message without blocks; Slack asks for at most 4,000."""

MAX_CLOCK_SKEW = timedelta(minutes=5)
"""Tolerance between Slack's clock and the database's when a message is looked up in the history."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file for a message's thread. ``suffix`` is the file name's extension, without the dot; ``name`` is what stands before it.

    Without a name, that is made of the message's key.
    """

    title: str
    suffix: str
    content: bytes
    name: str = ""


class Sender:
    """Sends rows. Every call with a visible effect is preceded by ``check_lease``."""

    def __init__(self, slack: SlackApi, check_lease: Callable[[], None]) -> None:
        self._slack = slack
        self._check_lease = check_lease

    async def send(self, row: OutboxRow, message: Message) -> MessageAddress:
        """Send the row's message and return its address in Slack.

        Raises ``SlackRefused``, ``TemporaryError``, or ``UnknownOutcome`` where Slack may have taken the message.
        """
        try:
            return await self._send_once(row, message)
        except SlackRefused as refused:
            if refused.code != "not_in_channel":
                raise
            await self._join(row.channel, refused)
        return await self._send_once(row, message)

    async def _send_once(self, row: OutboxRow, message: Message) -> MessageAddress:
        # After an unknown outcome the message may be in the channel already. An edit needs no lookup: repeating it is harmless.
        if row.outcome_unknown and not row.ts and (ts := await self._find(row)) is not None:
            return MessageAddress(row.channel, ts)
        try:
            return await self._post_or_edit(row, message.text, message.blocks)
        except SlackRefused as refused:
            if refused.code not in LAYOUT_ERRORS:
                raise
        return await self._post_or_edit(row, text_without_blocks(message), ())

    async def _find(self, row: OutboxRow) -> str | None:
        oldest = row.created_at - MAX_CLOCK_SKEW
        try:
            return await self._slack.find(MessageTag(row.id, row.key), row.channel, thread_ts=row.parent_ts, oldest=oldest)
        except TemporaryError as error:  # the lookup failed, so the outcome stays unknown
            raise UnknownOutcome(str(error), error.retry_after) from error

    async def _post_or_edit(self, row: OutboxRow, text: str, blocks: tuple[dict[str, Any], ...]) -> MessageAddress:
        self._check_lease()
        tag = MessageTag(row.id, row.key)
        if not row.ts:
            return await self._slack.post(row.channel, text, blocks, thread_ts=row.parent_ts, tag=tag)
        await self._slack.edit(row.channel, row.ts, text, blocks, tag=tag)
        return MessageAddress(row.channel, row.ts)

    async def _join(self, channel: str, refused: SlackRefused) -> None:
        self._check_lease()
        try:
            await self._slack.join(channel)
        except SlackRefused:  # a private channel: a member has to invite the bot
            raise refused from None

    async def send_file(self, row: OutboxRow, file: Attachment, on_upload_begun: Callable[[str], Awaitable[None]]) -> None:
        """Upload a file into the message's thread. ``on_upload_begun`` stores its id before the file is visible.

        ``row.ts`` is the message's. Raises as ``send`` does. An upload that was begun before is continued, never repeated.
        """
        thread_ts = row.parent_ts or row.ts
        file_id = row.file_id
        state = FileState.MISSING if file_id in {"", FILE_NOT_UPLOADED} else await self._slack.file_state(file_id)
        if state is FileState.SHARED:
            return
        self._check_lease()
        if state is FileState.MISSING:
            upload = await self._slack.new_upload(f"{_file_name(file.name or row.key)}.{file.suffix}", len(file.content))
            file_id = upload.file_id
            await on_upload_begun(file_id)
            await self._slack.send_bytes(upload, file.content)
        await self._slack.finish_upload(file_id, file.title, row.channel, thread_ts=thread_ts)


def text_without_blocks(message: Message) -> str:
    """The message as text alone. Buttons are left out: the text names the commands that do the same."""
    parts = [message.text, *(text for text in _texts(message.blocks) if text != message.text)]
    return cut("\n".join(parts), MAX_PLAIN_LENGTH)


def _texts(value: Any) -> list[str]:
    if isinstance(value, list | tuple):
        return [text for each in value for text in _texts(each)]
    if not isinstance(value, dict) or value.get("type") == "actions":
        return []
    return [each for key in ("text", "fields", "elements") for each in _text_of(value.get(key))]


def _text_of(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else _texts(value)


def _file_name(key: str) -> str:
    return re.sub(r"[^\w.-]+", "-", key)[:100]
