"""Where one Alertmanager of a pair does not answer, the other is asked, and nothing is done twice."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import PermanentError, TemporaryError, UnknownOutcome
from domain.matchers import Matcher, Operator
from integrations.alertmanager import AlertmanagerPair
from tests.harness.fakes.clock import NOW

MATCHERS = (Matcher("alertname", Operator.EQUAL, "HighErrorRate"),)


@dataclass
class Member:
    """Answers with its name, or with an error."""

    name: str
    error: Exception | None = None
    asked: list[str] = field(default_factory=list)

    async def _answer(self, what: str) -> Any:
        self.asked.append(what)
        if self.error is not None:
            raise self.error
        return self.name

    async def silences(self) -> Any:
        return await self._answer("silences")

    async def create_silence(self, *_: Any, **__: Any) -> Any:
        return await self._answer("create")


def pair_of(*members: Member) -> AlertmanagerPair:
    return AlertmanagerPair(members)  # type: ignore[arg-type]


async def create(pair: AlertmanagerPair) -> str:
    return await pair.create_silence(MATCHERS, starts_at=NOW, ends_at=NOW + timedelta(hours=1), by="ana", comment="")


async def test_the_other_is_asked_where_one_is_away_and_stays_first() -> None:
    first, second = Member("first", TemporaryError("It cannot be reached.")), Member("second")
    pair = pair_of(first, second)
    assert [await create(pair), await create(pair)] == ["second", "second"]
    assert (first.asked, second.asked) == (["create"], ["create", "create"])
    first.error, second.error = None, TemporaryError("It cannot be reached.")
    assert await create(pair) == "first"


@pytest.mark.parametrize("error", [UnknownOutcome("The answer was lost."), PermanentError("It refused.")])
async def test_nothing_is_asked_of_the_other_where_one_may_have_done_it_or_refused(error: Exception) -> None:
    first, second = Member("first", error), Member("second")
    with pytest.raises(type(error)):
        await create(pair_of(first, second))
    assert second.asked == []


async def test_where_none_answers_that_is_said() -> None:
    members = [Member(name, TemporaryError(f"{name} cannot be reached.")) for name in ("first", "second", "third")]
    with pytest.raises(TemporaryError, match=r"third cannot be reached\."):
        await pair_of(*members).silences()
    assert [each.asked for each in members] == [["silences"]] * 3
