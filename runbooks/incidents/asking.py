"""Questions of a proof to other systems: each has its own time limit, fails alone and says why."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from domain.errors import UNEXPECTED_ERRORS, DeepechoError, TemporaryError
from domain.rich_text import Text

log = structlog.get_logger()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why a question was not answered. ``may_pass``: it may be answered if it is asked again soon."""

    why: Text
    may_pass: bool


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a proof has to be ready, in seconds of the event loop, and how long one question may take."""

    ends_at: float
    question_seconds: float

    async def ask(self, what: str, question: Callable[[], Awaitable[T]]) -> T | NoAnswer:
        """Ask within the limits. ``what`` is for the log."""
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(min(self.ends_at, now + self.question_seconds)):
                return await question()
        except TimeoutError:
            return NoAnswer("It took too long.", may_pass=True)
        except DeepechoError as error:
            return NoAnswer(error.sentence, may_pass=isinstance(error, TemporaryError))
        except UNEXPECTED_ERRORS as error:
            log.exception("part of a proof failed", part=what)
            return NoAnswer(f"An error in the program: {type(error).__name__}.", may_pass=False)
