"""What a person sees who asks for a digest, of now or of an older date."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from domain.answers.answers import ErrorAnswer
from domain.answers.digest import DigestAnswer
from domain.digest.digest import Digest
from domain.health import NightSource
from runbooks.digest.composing import DigestComposer
from runbooks.digest.measuring import HealthReader, HealthSources
from runbooks.digest.night import HouseNight
from runbooks.digest.today import TodayReader
from storage.digest import DigestRepository, PlannedDigest
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.families import render_text
from tests.harness.samples.alerts import group
from tests.harness.samples.team import ROB, VIV

DAY = date(2026, 11, 20)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[CommandHarness]:
    async with open_command_harness(tmp_path) as commands:
        known = commands.services
        night: list[NightSource] = [*HouseNight(store=known.store, catalogue=lambda: known.catalogue).all()]
        reader = HealthReader(HealthSources(night=night), commands.clock)
        today = TodayReader(store=known.store, catalogue=lambda: known.catalogue)
        composer = DigestComposer(store=known.store, reader=reader, today=today)
        yield replace(commands, services=replace(known, family_services={**known.family_services, DigestComposer: composer}))


async def test_of_now_it_counts_what_fired_since_yesterday_in_that_environment(harness: CommandHarness) -> None:
    now = harness.clock.now()
    await harness.save_groups(
        group(id="al-aaaa", environment="production", title="HighErrorRate", seen_at=now - timedelta(hours=3)),
        group(id="al-bbbb", environment="production", title="HighErrorRate", seen_at=now - timedelta(hours=2)),
        group(id="al-cccc", environment="production", title="Old", seen_at=now - timedelta(hours=30)),
        group(id="al-dddd", environment="staging", title="Other", seen_at=now - timedelta(hours=2)),
    )
    text = render_text(await harness.run_command(VIV, "digest production"))
    assert "alerts: 2, 2 of them HighErrorRate" in text
    assert "Other" not in text


async def test_an_older_one_is_shown_as_it_was_made(harness: CommandHarness) -> None:
    now = harness.clock.now()
    made = Digest(audience="a", environment="production", period=DAY, due_at=now, made_at=now, since_yesterday=("deploy: 3",))
    async with harness.services.store.write() as tx:
        planned = PlannedDigest(audience="a", period=DAY, environment="production", due_at=now)
        assert await tx.of(DigestRepository).plan(planned)
        assert not await tx.of(DigestRepository).plan(planned)
        assert await tx.of(DigestRepository).make(made)
        assert not await tx.of(DigestRepository).make(made)
    assert await harness.run_command(VIV, "digest production --for 2026-11-20") == DigestAnswer(made)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("digest production --for 2026-11-19", "There is no digest of production"),
        ("digest production --for friday", "not a date"),
    ],
)
async def test_a_date_without_a_digest_is_said(harness: CommandHarness, text: str, said: str) -> None:
    answer = await harness.run_command(VIV, text)
    assert isinstance(answer, ErrorAnswer)
    assert said in render_text(answer)


async def test_another_environment_than_ones_own_is_refused(harness: CommandHarness) -> None:
    assert isinstance(await harness.run_command(ROB, "digest production"), ErrorAnswer)
