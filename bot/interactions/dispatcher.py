"""The workers: each takes a kept delivery, finds out what it means, has it done, and answers the person."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn

import structlog

from bot.interactions.buttons import ButtonCommand, command_text
from bot.interactions.form_opener import FormOpener
from bot.interactions.replies import Replies
from bot.interactions.shortcuts import ShortcutCommand, shortcut_text
from bot.slack import payloads
from bot.slack.api import SlackApi
from bot.slack.payload_shapes import InvalidPayload
from bot.slack.payloads import Interaction
from bot.views.render import Renderer
from commands.core.request import Request, Services
from commands.core.slack_text import escape_for_slack
from commands.registry import CommandRegistry, usage_answer
from domain.answers.answers import ErrorAnswer
from domain.errors import DeepechoError, TemporaryError, UsageError
from domain.facts import Answer
from domain.inbound import InboundKind, InboundMessage
from domain.people import Directory
from domain.rich_text import CommandMention, sentence

log = structlog.get_logger()

WORKER_CONCURRENCY = 16
"""Answers that are made at once. Most wait for a cluster or for Slack, not for us."""
DRAIN_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatcherDependencies:
    """What the workers use. ``services`` are made anew for each request: the catalogue may have been reloaded."""

    registry: CommandRegistry
    buttons: Mapping[str, ButtonCommand]
    """By action id."""
    shortcuts: Mapping[str, ShortcutCommand] = field(default_factory=dict)
    """By callback id."""
    renderer: Renderer
    services: Callable[[], Services]
    directory: Directory
    slack: SlackApi
    replica: str


class Dispatcher:
    """Answers deliveries, several at once, each at most once in all replicas together."""

    def __init__(self, dependencies: DispatcherDependencies) -> None:
        self._dependencies = dependencies
        self._store, self._clock = dependencies.services().store, dependencies.services().clock
        self.replies = Replies(dependencies.slack, dependencies.renderer, self._store, self._clock)
        self._form_opener = FormOpener(
            dependencies.registry, dependencies.slack, self.replies, dependencies.renderer, self.build_request
        )
        self._queue: asyncio.Queue[InboundMessage] = asyncio.Queue()
        self._in_progress: set[str] = set()
        self.failures = 0

    @property
    def queue_length(self) -> int:
        """Deliveries that wait for a worker."""
        return self._queue.qsize()

    def is_processing(self, key: str) -> bool:
        """Whether this delivery waits here or is being answered."""
        return key in self._in_progress

    def submit(self, inbound: InboundMessage) -> None:
        """Have a kept delivery answered."""
        if inbound.key not in self._in_progress:
            self._in_progress.add(inbound.key)
            self._queue.put_nowait(inbound)

    async def run(self) -> NoReturn:
        """Work until cancelled; what is begun then has two seconds to finish, and the next start finds the rest."""
        workers = [asyncio.create_task(self._work(), name=f"worker-{number}") for number in range(WORKER_CONCURRENCY)]
        try:
            done, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()
        finally:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._queue.join(), DRAIN_TIMEOUT_SECONDS)
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        raise AssertionError("workers work for ever")

    async def _work(self) -> NoReturn:
        # Not ``run_periodically``: a queue has no interval, and ``handle`` decides for each delivery.
        while True:
            inbound = await self._queue.get()
            try:
                await self.handle(inbound)
            finally:
                self._in_progress.discard(inbound.key)
                self._queue.task_done()

    async def handle(self, inbound: InboundMessage) -> None:
        """Answer one delivery, unless another replica does."""
        try:
            async with self._store.write() as tx:
                is_claimed = await tx.inbox.claim(inbound.key, self._dependencies.replica)
        except TemporaryError as error:
            # The row is there and unanswered: the sweep finds it when the database is back.
            log.warning("inbox claim failed, retrying", inbound=inbound.key, error=str(error))
            return
        if not is_claimed:
            return
        try:
            interaction = payloads.parse_inbound(inbound)
        except InvalidPayload:
            log.exception("inbound message is invalid", inbound=inbound.key)
            await self.mark_answered(inbound.key, "invalid_payload")
            return
        with structlog.contextvars.bound_contextvars(inbound=interaction.key, user=interaction.person.user_id):
            await self._answer_guarded(interaction)

    async def build_request(self, interaction: Interaction) -> Request:
        """What a command sees. Raises ``TemporaryError`` where nobody can say who the person is: then nothing is done.

        The catalogue is read after the person was looked up: a reload meanwhile may have taken a role away.
        """
        try:
            member = await self._dependencies.directory.member(interaction.person)
        except TemporaryError as error:
            what = "Slack could not be asked who you are, so nothing was done. "
            raise TemporaryError(sentence(what, error.sentence)) from error
        return Request(
            key=interaction.key,
            member=member,
            channel=interaction.channel,
            at=self._clock.now(),
            services=self._dependencies.services(),
        )

    async def mark_answered(self, key: str, outcome: str) -> None:
        """Note that the person has their answer, or will not get one. Before it is sent: at most once."""
        async with self._store.write() as tx:
            await tx.inbox.mark_answered(key, self._clock.now(), outcome)

    async def _answer_guarded(self, interaction: Interaction) -> None:
        try:
            await self._answer(interaction)
        except Exception:
            # The edge of the process: a mistake of ours must neither stop the worker nor leave the person without a word.
            self.failures += 1
            reference = secrets.token_hex(4)
            log.exception("interaction failed, unexpected error", reference=reference, action=interaction.action)
            problem = f"Something went wrong here. Nothing more was done. The log has it under {reference}."
            with suppress(DeepechoError):
                await self.mark_answered(interaction.key, "failed")
            await self.replies.send(interaction, ErrorAnswer(problem))

    async def _answer(self, interaction: Interaction) -> None:
        if interaction.kind is InboundKind.EVENT:
            await self._show_home(interaction)
            await self.mark_answered(interaction.key, "home")
            return
        if interaction.kind is InboundKind.SHORTCUT:
            shortcut_answer = await self._form_of_shortcut(interaction)
            await self.mark_answered(interaction.key, "shortcut")
            if shortcut_answer is not None:
                await self.replies.send(interaction, shortcut_answer)
            return
        is_click = interaction.kind is InboundKind.ACTION
        text = command_text(self._dependencies.buttons, interaction) if is_click else interaction.text
        if text is None:
            await self._handle_other_action(interaction)
            return
        answer = await self._form_or_answer(interaction, text)
        await self.mark_answered(interaction.key, type(answer).__name__ if answer is not None else "form")
        if answer is None:
            return
        await self.replies.send(interaction, answer)
        if interaction.is_from_home:
            await self._show_home(interaction)

    async def _form_or_answer(self, interaction: Interaction, text: str) -> Answer | None:
        """Open the form that the text asks for: then None; else the answer."""
        registry, catalogue = self._dependencies.registry, self._dependencies.services().catalogue
        try:
            invocation = registry.parse(catalogue, text)
        except UsageError as error:
            return usage_answer(error)
        form = registry.form(catalogue, invocation) if interaction.trigger_id else None
        if form is not None and await self._form_opener.open(interaction, invocation, form):
            return None
        return await self._run_command(interaction, text)

    async def _form_of_shortcut(self, interaction: Interaction) -> Answer | None:
        """Open the form of a shortcut: then None; else why it did not open. The command is not run: nobody has sent it."""
        registry, catalogue = self._dependencies.registry, self._dependencies.services().catalogue
        text = shortcut_text(self._dependencies.shortcuts, interaction)
        if text is None:
            return ErrorAnswer("This shortcut is none of deepecho's any more.", "Nothing was done.")
        try:
            invocation = registry.parse(catalogue, escape_for_slack(text))
        except UsageError as error:
            return usage_answer(error)
        form = registry.form(catalogue, invocation, always=True)
        if form is not None and await self._form_opener.open(interaction, invocation, form, only_form=True):
            return None
        return ErrorAnswer("Slack did not open the form. Nothing was done.", sentence("Send ", CommandMention(text), "."))

    async def _run_command(self, interaction: Interaction, text: str) -> Answer:
        try:
            request = await self.build_request(interaction)
        except TemporaryError as error:
            return ErrorAnswer(error.sentence, "Try again in a minute.")
        return await self._dependencies.registry.parse_and_answer(request, text)

    async def _handle_other_action(self, interaction: Interaction) -> None:
        """A button that opens a link, or refreshes the Home tab."""
        if interaction.is_from_home:
            await self._show_home(interaction)
        await self.mark_answered(interaction.key, "no_reply")

    async def _show_home(self, interaction: Interaction) -> None:
        try:
            fact = await self._dependencies.registry.home(await self.build_request(interaction))
            view = self._dependencies.renderer.render_home(fact)
            await self._dependencies.slack.publish_home(interaction.person.user_id, view)
        except DeepechoError as error:
            # It is a picture, made again whenever the person looks; the one of before stays.
            log.warning("home tab not published", error=str(error))
