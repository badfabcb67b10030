"""Silences, made and ended in a real Alertmanager and seen in its API."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.alerts.silences import SilenceState
from domain.errors import NotFound, Refused
from domain.matchers import Matcher, Operator
from integrations.alertmanager import Alertmanager, open_alertmanager
from tests.harness.monitoring_servers import NEWER_ALERTMANAGER, running_alertmanager
from tests.harness.wait import wait_until

pytestmark = pytest.mark.alerts

SERVICE = Matcher("service", Operator.EQUAL, 'check"out\\')
ALL_OPERATORS = (
    Matcher("alertname", Operator.MATCHES, "High.*|Slow(ish)?"),
    SERVICE,
    Matcher("severity", Operator.NOT_EQUAL, "info"),
    Matcher("team", Operator.MATCHES_NOT, "test-.+"),
)
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module", params=[None, NEWER_ALERTMANAGER], ids=["of-the-system", "newer"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("alertmanager")
    with running_alertmanager(folder, request.param) as found:
        yield found


@pytest.fixture
async def alertmanager(address: str) -> AsyncIterator[Alertmanager]:
    async with open_alertmanager(address) as opened:
        yield opened


@pytest.fixture
def end() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


async def make(alertmanager: Alertmanager, end: datetime, comment: str, *matchers: Matcher, start: datetime | None = None) -> str:
    begin = start or datetime.now(UTC)
    return await alertmanager.create_silence(matchers or (SERVICE,), starts_at=begin, ends_at=end, by="Ada (U1)", comment=comment)


def in_the_api(address: str, silence_id: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{address}/api/v2/silence/{silence_id}", timeout=5) as answer:  # noqa: S310 -- our own server
        found: dict[str, Any] = json.load(answer)
        return found


async def test_a_silence_stands_in_the_api_with_every_kind_of_matcher(
    address: str, alertmanager: Alertmanager, end: datetime
) -> None:
    made = await make(alertmanager, end, "deploying <main>", *ALL_OPERATORS)

    shown = in_the_api(address, made)
    flags = {each["name"]: (each["value"], each["isEqual"], each["isRegex"]) for each in shown["matchers"]}
    assert flags == {
        "alertname": ("High.*|Slow(ish)?", True, True),
        "service": ('check"out\\', True, False),
        "severity": ("info", False, False),
        "team": ("test-.+", False, True),
    }
    assert (shown["createdBy"], shown["comment"], shown["status"]["state"]) == ("Ada (U1)", "deploying <main>", "active")

    silence = await alertmanager.get_silence(made)
    assert set(silence.matchers) == set(ALL_OPERATORS)
    assert abs(silence.ends_at - end) < timedelta(milliseconds=1)
    assert (silence.by, silence.comment, silence.state) == ("Ada (U1)", "deploying <main>", SilenceState.ACTIVE)


async def test_the_same_silence_made_again_is_the_same(alertmanager: Alertmanager, end: datetime) -> None:
    first = await make(alertmanager, end, "again", *ALL_OPERATORS)

    assert await make(alertmanager, end, "again", *reversed(ALL_OPERATORS)) == first
    both = await asyncio.gather(make(alertmanager, end, "at once"), make(alertmanager, end, "at once"))
    assert len(set(both)) == 1

    others = {
        await make(alertmanager, end, "another comment", *ALL_OPERATORS),
        await make(alertmanager, end + timedelta(minutes=1), "again", *ALL_OPERATORS),
        await make(alertmanager, end, "again", *ALL_OPERATORS[:3]),
    }
    assert len(others | {first}) == 4


async def test_an_ended_silence_stays_ended_and_the_next_one_is_new(alertmanager: Alertmanager, end: datetime) -> None:
    first = await make(alertmanager, end, "ended")

    assert await alertmanager.expire(first) is True
    assert await alertmanager.expire(first) is False
    assert (await alertmanager.get_silence(first)).state is SilenceState.EXPIRED

    second = await make(alertmanager, end, "ended")
    assert second != first
    states = {each.id: each.state for each in await alertmanager.silences()}
    assert (states[first], states[second]) == (SilenceState.EXPIRED, SilenceState.ACTIVE)


async def test_a_silence_that_ran_out_by_itself_is_not_revived(alertmanager: Alertmanager, end: datetime) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    first = await make(alertmanager, soon, "short")

    async def over() -> bool:
        return (await alertmanager.get_silence(first)).state is SilenceState.EXPIRED

    await wait_until(over)
    assert await alertmanager.expire(first) is False
    with pytest.raises(Refused, match="end time can't be in the past"):
        await make(alertmanager, soon, "short", start=soon - timedelta(seconds=1))
    assert await make(alertmanager, end, "short") != first


async def test_a_silence_for_later_is_pending_and_can_be_ended(alertmanager: Alertmanager, end: datetime) -> None:
    begin = end - timedelta(minutes=30)
    made = await make(alertmanager, end, "tonight", start=begin)

    assert (await alertmanager.get_silence(made)).state is SilenceState.PENDING
    assert await make(alertmanager, end, "tonight", start=begin) == made
    assert await alertmanager.expire(made) is True
    assert (await alertmanager.get_silence(made)).state is SilenceState.EXPIRED


async def test_what_it_never_knew_cannot_be_ended(alertmanager: Alertmanager) -> None:
    for unknown in (NOBODY, "", "..", "no id", "a" * 5000):
        assert await alertmanager.expire(unknown) is False
        with pytest.raises(NotFound):
            await alertmanager.get_silence(unknown)


@pytest.mark.parametrize(
    "matchers",
    [
        (),
        (Matcher("a", Operator.EQUAL, ""),),
        (Matcher("a", Operator.NOT_EQUAL, "b"), Matcher("c", Operator.MATCHES, ".*"), Matcher("d", Operator.MATCHES_NOT, "e")),
    ],
)
async def test_a_silence_of_everything_is_refused(alertmanager: Alertmanager, end: datetime, matchers: tuple[Matcher]) -> None:
    with pytest.raises(Refused, match="would hold for every alert"):
        await alertmanager.create_silence(matchers, starts_at=end, ends_at=end, by="Ada", comment="all")


async def test_an_expression_that_cannot_be_read_is_refused_in_its_words(alertmanager: Alertmanager, end: datetime) -> None:
    with pytest.raises(Refused, match=r"refused to make the silence: .*missing closing"):
        await make(alertmanager, end, "odd", Matcher("a", Operator.MATCHES, "("))


async def test_the_newest_is_first(alertmanager: Alertmanager, end: datetime) -> None:
    older = await make(alertmanager, end, "older")
    newer = await make(alertmanager, end, "newer", start=end - timedelta(minutes=1))

    ids = [each.id for each in await alertmanager.silences()]
    assert ids.index(newer) < ids.index(older)


async def test_it_says_its_version(alertmanager: Alertmanager) -> None:
    assert (await alertmanager.ping())[0].isdigit()


async def test_the_end_of_a_silence_moves_and_it_stays_the_same_one(alertmanager: Alertmanager, end: datetime) -> None:
    made = await make(alertmanager, end, "longer", *ALL_OPERATORS)
    before = await alertmanager.get_silence(made)
    for later in (end + timedelta(hours=1), end - timedelta(minutes=30)):
        assert await alertmanager.move_end(before, later) == made
        after = await alertmanager.get_silence(made)
        assert abs(after.ends_at - later) < timedelta(milliseconds=1)
        assert (after.starts_at, set(after.matchers), after.by, after.comment) == (
            before.starts_at,
            set(before.matchers),
            before.by,
            before.comment,
        )


async def test_a_silence_that_somebody_ended_meanwhile_is_made_anew(alertmanager: Alertmanager, end: datetime) -> None:
    made = await make(alertmanager, end, "raced")
    before = await alertmanager.get_silence(made)
    await alertmanager.expire(made)

    moved = await alertmanager.move_end(before, end + timedelta(hours=1))
    assert moved != made
    assert (await alertmanager.get_silence(moved)).in_force
    assert not (await alertmanager.get_silence(made)).in_force
