"""One row's way to Slack: looked for where it may have arrived, else posted or edited; its file into the thread."""

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
"""Slack does not take the blocks; it takes the words."""

MAX_PLAIN_LENGTH = 3_900
"""Characters of a message without blocks; Slack asks for at most 4,000."""

MAX_CLOCK_SKEW = timedelta(minutes=5)
"""How far Slack's clock may be from the database's when a message is looked for."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that belongs to a message. ``suffix`` is the end of its name, without the dot."""

    title: str
    suffix: str
    content: bytes


class Sender:
    """Sends rows. ``alive`` is asked before every call that others can see."""

    def __init__(self, slack: SlackApi, check_lease: Callable[[], None]) -> None:
        self._slack = slack
        self._check_lease = check_lease

    async def send(self, row: OutboxRow, message: Message) -> MessageAddress:
        """The address under which Slack has the row's message now.

        Raises ``SlackRefused``, and ``TemporaryError`` or its kinds: ``UnknownOutcome`` where it may be there all the same.
        """
        try:
            return await self._send_once(row, message)
        except SlackRefused as refused:
            if refused.code != "not_in_channel":
                raise
            await self._join(row.channel, refused)
        return await self._send_once(row, message)

    async def _send_once(self, row: OutboxRow, message: Message) -> MessageAddress:
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
        except TemporaryError as error:  # not found out yet, so it stays unknown
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
        except SlackRefused:  # a private channel: somebody has to invite the bot
            raise refused from None

    async def send_file(self, row: OutboxRow, file: Attachment, on_upload_begun: Callable[[str], Awaitable[None]]) -> None:
        """Put a file into the thread. ``begun`` keeps its id before anybody can see the file.

        ``row.ts`` is the message's. Raises as ``send`` does; a file that was begun is looked up, never sent twice.
        """
        thread_ts = row.parent_ts or row.ts
        file_id = row.file_id
        state = FileState.MISSING if file_id in {"", FILE_NOT_UPLOADED} else await self._slack.file_state(file_id)
        if state is FileState.SHARED:
            return
        self._check_lease()
        if state is FileState.MISSING:
            upload = await self._slack.new_upload(f"{_file_name(row.key)}.{file.suffix}", len(file.content))
            file_id = upload.file_id
            await on_upload_begun(file_id)
            await self._slack.send_bytes(upload, file.content)
        await self._slack.finish_upload(file_id, file.title, row.channel, thread_ts=thread_ts)


def text_without_blocks(message: Message) -> str:
    """The message without blocks: what it says, without buttons; the commands that do the same are in the text."""
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
