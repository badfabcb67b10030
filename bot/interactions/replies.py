"""Sends answers to one person, directly and at most once. Where one is lost, the person asks again."""

from dataclasses import replace
from typing import Any

import structlog

from bot.slack.api import SlackApi
from bot.slack.payloads import Interaction
from bot.views.markup import blocks, limits
from bot.views.markup.message import Message
from bot.views.render import Renderer
from domain.answers.answers import WholeAnswer
from domain.clock import Clock
from domain.errors import DeepechoError, PermanentError
from domain.facts import Answer
from storage.answer_messages import WHOLE_ANSWER
from storage.outbox_messages import direct_message
from storage.store import Store

log = structlog.get_logger()

Json = dict[str, Any]
MAX_TEXT_LENGTH = 2**20
"""Characters of a file: its text waits in the database until it is sent."""


class Replies:
    """Sends answers where the person asked: in the channel, or in front of the Home tab."""

    def __init__(self, slack: SlackApi, renderer: Renderer, store: Store, clock: Clock) -> None:
        self._slack, self._renderer = slack, renderer
        self._store, self._clock = store, clock
        self.sent = 0
        self.lost = 0

    async def send(self, interaction: Interaction, answer: Answer) -> None:
        """Render and send an answer. An unknown outcome is not retried: the person would read it twice.

        The whole text of one that is too long for a message follows as a file, in a direct message.
        """
        message = self._renderer.render(answer)
        try:
            await self._send(interaction, _pointing_to_file(message) if message.overflow else message)
            if message.overflow:
                await self._send_file(interaction, message.text, message.overflow)
            self.sent += 1
        except DeepechoError as error:
            self.lost += 1
            log.warning("reply not sent", inbound=interaction.key, user=interaction.person.user_id, error=str(error))

    async def _send_file(self, interaction: Interaction, title: str, text: str) -> None:
        is_cut = len(text) > MAX_TEXT_LENGTH
        fact = WholeAnswer(title=title, text=f"{text[:MAX_TEXT_LENGTH]}\n… cut here: it is longer." if is_cut else text)
        async with self._store.write() as tx:
            await tx.put_message(direct_message(WHOLE_ANSWER, fact, interaction.person, interaction.key), self._clock.now())

    async def _send(self, interaction: Interaction, message: Message) -> None:
        if interaction.is_from_home:
            await self._as_modal(interaction, message)
        elif interaction.response_url:
            try:
                await self._slack.respond(interaction.response_url, message.text, message.blocks)
            except PermanentError:
                # The URL was used five times or is older than 30 minutes. An ephemeral message in the channel needs no URL.
                await self._in_channel(interaction, message)
        else:
            await self._in_channel(interaction, message)

    async def _in_channel(self, interaction: Interaction, message: Message) -> None:
        if interaction.channel:
            await self._slack.ephemeral(interaction.channel, interaction.person.user_id, message.text, message.blocks)
        else:
            await self._slack.post(interaction.person.user_id, message.text, message.blocks)

    async def _as_modal(self, interaction: Interaction, message: Message) -> None:
        """Open a modal in front of the Home tab; where the click's trigger has expired, send a direct message."""
        try:
            await self._slack.open_view(interaction.trigger_id, message_modal(message))
        except PermanentError:
            await self._slack.post(interaction.person.user_id, message.text, message.blocks)


def _pointing_to_file(message: Message) -> Message:
    """With a line that says where the rest is. Where no block is left for it, the cut text says that there is more."""
    note = blocks.context("This is not all of it: the whole text is a file in a direct message from me.")
    return replace(message, blocks=(*message.blocks, note) if len(message.blocks) < limits.MESSAGE_BLOCKS else message.blocks)


def message_modal(message: Message) -> Json:
    """A modal that shows a message and has no input."""
    return {
        "type": "modal",
        "title": blocks.plain_text("deepecho"),
        "close": blocks.plain_text("Close"),
        "blocks": [*message.blocks],
    }
