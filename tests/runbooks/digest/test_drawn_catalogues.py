"""Drawn catalogues, outages and kills: no period twice, none early, none very late; and once all is steady, each day on time."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from domain.catalogue.digest import DigestConfig
from domain.digest.schedule import due_at, is_digest_day
from storage.engines import open_engines
from storage.store import Store
from tests.runbooks.digest.replicas import EVERY_DAY, DigestReplicas, digest_config, replicas_of

ZONES = ("Europe/Berlin", "Pacific/Auckland", "America/Los_Angeles", "Australia/Lord_Howe", "Pacific/Kiritimati")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STEADY = 5 * DAY


@pytest.fixture
async def sqlite_store(sqlite_url: str) -> AsyncIterator[Store]:
    opened = Store(open_engines(sqlite_url))
    yield opened
    await opened.close()


def draw(drawn: random.Random) -> DigestConfig:
    days = drawn.sample(EVERY_DAY, drawn.randint(1, 7))
    return digest_config(drawn.choice(ZONES), f"{drawn.randint(0, 23):02}:{drawn.choice([0, 30]):02}", days=days)


async def disturb(replicas: DigestReplicas, drawn: random.Random) -> None:
    """Sometimes another catalogue or none, an outage of up to two weeks, or a kill in the middle of measuring."""
    chance = drawn.random()
    if chance < 0.12:
        digests = {"x": draw(drawn)} if chance < 0.1 else {}
        replicas.catalogue = replicas.catalogue.model_copy(update={"digests": digests})
    elif chance < 0.2:
        replicas.clock.advance(drawn.randint(1, 400) * HOUR)
    replicas.kills = int(0.2 <= chance < 0.3)
    await replicas.tick()
    replicas.clock.advance(timedelta(minutes=drawn.choice([1, 30, 60, 180, 300])))


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happened_before_each_day_comes_once_and_at_its_time(sqlite_store: Store, seed: int) -> None:
    drawn = random.Random(seed)  # noqa: S311 -- no secret
    begin = datetime(2026, drawn.choice([3, 10]), 20, tzinfo=UTC)  # clocks change in the time that follows
    replicas = replicas_of(sqlite_store, now=begin, digests={"x": draw(drawn)})
    for _ in range(70):
        await disturb(replicas, drawn)
    replicas.kills, config = 0, draw(drawn)
    replicas.catalogue = replicas.catalogue.model_copy(update={"digests": {"x": config}})
    steady_from = replicas.clock.now() + DAY
    while replicas.clock.now() < steady_from + STEADY:
        await replicas.tick()
        replicas.clock.advance(2 * HOUR)

    found = {each.period: each for each in await replicas.digests()}
    assert list(found) == sorted(found)
    assert len(found) == len(await replicas.digests())
    late = [each.made_at - each.due_at for each in found.values() if each.due_at]
    assert (min(late) >= timedelta(), max(late) <= 8 * DAY, len(late)) == (True, True, len(found))
    wanted = [day for number in range(-1, STEADY // DAY + 2) if is_digest_day(config, day := steady_from.date() + number * DAY)]
    for day in wanted:
        if steady_from < due_at(config, day) < replicas.clock.now() - 2 * HOUR:
            assert found[day].made_at - due_at(config, day) < 2 * HOUR
