"""The workers: each takes a kept delivery, finds out what it means, has it done, and answers the person."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

import structlog

from bot.interactions import buttons
from bot.interactions.form_opener import Asking
from bot.interactions.replies import Replies
from bot.slack import payloads
from bot.slack.api import SlackApi
from bot.slack.payloads import Said, Unreadable
from bot.views.home import home_view
from commands.core.request import Request, Services
from commands.home import home
from commands.registry import Menu
from domain.answers.answers import Answer, Complaint
from domain.errors import DeepechoError, TemporaryError
from domain.inbound import Delivery, DeliveryKind
from domain.people import Directory

log = structlog.get_logger()

WORKERS = 16
"""Answers that are made at once. Most wait for a cluster or for Slack, not for us."""
DRAIN_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What the workers use. ``services`` are made anew for each request: the catalogue may have been reloaded."""

    menu: Menu
    services: Callable[[], Services]
    directory: Directory
    slack: SlackApi
    replica: str


class Dispatcher:
    """Answers deliveries, several at once, each at most once in all replicas together."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._store, self._clock = house.services().store, house.services().clock
        self.replies = Replies(house.slack)
        self._asking = Asking(house.menu, house.slack, self.replies, self.request)
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self._under_way: set[str] = set()
        self.failures = 0

    @property
    def waiting(self) -> int:
        """Deliveries that wait for a worker."""
        return self._queue.qsize()

    def is_busy_with(self, key: str) -> bool:
        """Whether this delivery waits here or is being answered."""
        return key in self._under_way

    def submit(self, delivery: Delivery) -> None:
        """Have a kept delivery answered."""
        if delivery.key not in self._under_way:
            self._under_way.add(delivery.key)
            self._queue.put_nowait(delivery)

    async def run(self) -> NoReturn:
        """Work until cancelled; what is begun then has two seconds to finish, and the next start finds the rest."""
        workers = [asyncio.create_task(self._work(), name=f"worker-{number}") for number in range(WORKERS)]
        try:
            done, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()
        finally:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._queue.join(), DRAIN_SECONDS)
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        raise AssertionError("workers work for ever")

    async def _work(self) -> NoReturn:
        while True:
            delivery = await self._queue.get()
            try:
                await self.handle(delivery)
            finally:
                self._under_way.discard(delivery.key)
                self._queue.task_done()

    async def handle(self, delivery: Delivery) -> None:
        """Answer one delivery, unless another replica does."""
        try:
            async with self._store.write() as tx:
                mine = await tx.inbox.take(delivery.key, self._house.replica)
        except TemporaryError as error:
            # The row is there and unanswered: the sweep finds it when the database is back.
            log.warning("a delivery waits for the database", key=delivery.key, error=str(error))
            return
        if not mine:
            return
        try:
            said = payloads.said(delivery)
        except Unreadable:
            log.exception("a delivery cannot be read", key=delivery.key)
            await self.answered(delivery.key, "unreadable")
            return
        with structlog.contextvars.bound_contextvars(delivery=said.key, user=said.person.user_id):
            await self._answer_somehow(said)

    async def request(self, said: Said) -> Request:
        """What a command sees. Raises ``TemporaryError`` where nobody can say who the person is: then nothing is done."""
        try:
            member = await self._house.directory.member(said.person)
        except TemporaryError as error:
            raise TemporaryError(f"Slack could not be asked who you are, so nothing was done. {error}") from error
        return Request(key=said.key, member=member, channel=said.channel, at=self._clock.now(), services=self._house.services())

    async def answered(self, key: str, how: str) -> None:
        """Note that the person has their answer, or will not get one. Before it is sent: at most once."""
        async with self._store.write() as tx:
            await tx.inbox.answered(key, self._clock.now(), how)

    async def _answer_somehow(self, said: Said) -> None:
        try:
            await self._answer(said)
        except Exception:
            # The edge of the process: a mistake of ours must neither stop the worker nor leave the person without a word.
            self.failures += 1
            reference = secrets.token_hex(4)
            log.exception("something went wrong", reference=reference, action=said.action)
            sentence = f"Something went wrong here. Nothing more was done. The log has it under {reference}."
            with suppress(DeepechoError):
                await self.answered(said.key, "failed")
            await self.replies.tell(said, Complaint(sentence))

    async def _answer(self, said: Said) -> None:
        if said.kind is DeliveryKind.EVENT:
            await self._show_home(said)
            await self.answered(said.key, "home")
            return
        text = buttons.words(said) if said.kind is DeliveryKind.ACTION else said.text
        if text is None:
            await self._without_words(said)
            return
        form = self._house.menu.form(self._house.services().catalogue, text) if said.trigger_id else None
        if form is not None and await self._asking.open(said, text, form):
            await self.answered(said.key, "form")
            return
        answer = await self._answer_to(said, text)
        await self.answered(said.key, type(answer).__name__)
        await self.replies.tell(said, answer)
        if said.home:
            await self._show_home(said)

    async def _answer_to(self, said: Said, text: str) -> Answer:
        try:
            request = await self.request(said)
        except TemporaryError as error:
            return Complaint(str(error), "Try again in a minute.")
        return await self._house.menu.answer(request, text)

    async def _without_words(self, said: Said) -> None:
        """A button that opens a link, or refreshes the Home tab."""
        if said.home:
            await self._show_home(said)
        await self.answered(said.key, "nothing to say")

    async def _show_home(self, said: Said) -> None:
        try:
            fact = await home(await self.request(said))
            await self._house.slack.publish_home(said.person.user_id, home_view(fact))
        except DeepechoError as error:
            # It is a picture, made again whenever the person looks; the one of before stays.
            log.warning("the Home tab was not shown", error=str(error))
