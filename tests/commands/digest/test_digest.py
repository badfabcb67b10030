"""What a person sees who asks for a digest, of now or of an older date."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.views import digest as views
from bot.views.markup.document import Actions
from commands.digest.digest import home_section
from domain.answers.answers import ErrorAnswer
from domain.answers.digest import DigestAnswer, DigestsAnswer
from domain.catalogue.digest import DigestConfig
from domain.digest.digest import Digest
from domain.health import LeftByNight, NightSource
from runbooks.digest.composing import DigestComposer
from runbooks.digest.measuring import HealthReader, HealthSources
from runbooks.digest.night import HouseNight
from runbooks.digest.today import TodayReader
from storage.digest import DigestRepository, PlannedDigest
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.families import render_text
from tests.harness.samples.alerts import group
from tests.harness.samples.operations import NOW
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
    assert "2 alerts, both HighErrorRate" in text
    assert "Other" not in text


async def test_an_older_one_is_shown_as_it_was_made(harness: CommandHarness) -> None:
    now = harness.clock.now()
    made = Digest(audience="a", environment="production", period=DAY, due_at=now, made_at=now, since_yesterday=("3 deploys",))
    async with harness.services.store.write() as tx:
        planned = PlannedDigest(audience="a", period=DAY, environment="production", due_at=now)
        assert await tx.of(DigestRepository).plan(planned)
        assert not await tx.of(DigestRepository).plan(planned)
        assert await tx.of(DigestRepository).make(made)
        assert not await tx.of(DigestRepository).make(made)
    assert await harness.run_command(VIV, "digest production --for 2026-11-20") == DigestAnswer(made, is_past=True)


async def test_of_a_day_without_one_the_last_one_before_is_named(harness: CommandHarness) -> None:
    today = harness.clock.now().date()
    await save_digest(harness, DAY)
    text = render_text(await harness.run_command(VIV, f"digest production --for {DAY + timedelta(days=2)}"))
    assert "The last one before: /deepecho digest production --for 2026-11-20" in text
    await save_digest(harness, today - timedelta(days=1))
    answer = await harness.run_command(VIV, "digest production --for yesterday")
    assert isinstance(answer, DigestAnswer)
    assert answer.digest.period == today - timedelta(days=1)


async def save_digest(harness: CommandHarness, period: date) -> None:
    """One of production that was made."""
    now = harness.clock.now()
    async with harness.services.store.write() as tx:
        planned = PlannedDigest(audience="a", period=period, environment="production", due_at=now)
        await tx.of(DigestRepository).plan(planned)
        await tx.of(DigestRepository).make(Digest(audience="a", environment="production", period=period, made_at=now))


async def test_an_older_one_has_no_buttons_because_they_were_meant_for_what_stood_then() -> None:
    left = (LeftByNight(text="production is locked", command="unlock production", label="Unlock"),)
    digest = Digest(environment="production", period=DAY, made_at=NOW, left=left)
    past, present = (
        views.digest_answer(DigestAnswer(digest, is_past=True)).blocks,
        views.digest_answer(DigestAnswer(digest)).blocks,
    )
    assert not any(isinstance(each, Actions) for each in past)
    assert any(isinstance(each, Actions) for each in present)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("digest production --for 2026-11-19", "There is no digest of production for Thu 19 Nov 2026: none was made"),
        ("digest production --for 2099-01-01", "There is no digest of production for Thu 01 Jan 2099 yet."),
        ("digest production --for friday", "not a date"),
        ("digest production --for 0000-00-00", "not a date"),
    ],
)
async def test_a_date_without_a_digest_is_said(harness: CommandHarness, text: str, said: str) -> None:
    answer = await harness.run_command(VIV, text)
    assert isinstance(answer, ErrorAnswer)
    assert said in render_text(answer)


async def test_another_environment_than_ones_own_is_refused(harness: CommandHarness) -> None:
    assert isinstance(await harness.run_command(ROB, "digest production"), ErrorAnswer)


async def test_home_shows_the_next_and_the_last_digest_of_what_one_may_see(harness: CommandHarness) -> None:
    now = harness.clock.now()
    digests = {name: {"environment": name, "channel": "C0OPS", "zone": "UTC"} for name in ("production", "staging")}
    known = replace(harness.services, catalogue=harness.services.catalogue.model_copy(update={"digests": digests_of(digests)}))
    seen = replace(harness, services=known)
    async with known.store.write() as tx:
        rows = tx.of(DigestRepository)
        planned = PlannedDigest(audience="production", period=DAY, environment="production", due_at=now)
        await rows.plan(planned)
        await rows.make(Digest(audience="production", environment="production", period=DAY, made_at=now))
        await rows.plan(replace(planned, period=DAY + timedelta(days=1), due_at=now + timedelta(days=1)))
    section = await home_section(seen.request(VIV))
    assert isinstance(section, DigestsAnswer)
    production, staging = section.audiences
    assert (production.next_at, production.last, production.is_delivered) == (now + timedelta(days=1), DAY, False)
    assert (staging.next_at, staging.last) == (None, None)
    text = render_text(section)
    assert "digest production --for 2026-11-20" in text
    assert "not in Slack yet" in text
    hidden = await home_section(seen.request(ROB))
    assert not isinstance(hidden, DigestsAnswer) or "production" not in {each.environment for each in hidden.audiences}


def digests_of(data: dict[str, dict[str, str]]) -> dict[str, DigestConfig]:
    return {name: DigestConfig.model_validate(each) for name, each in data.items()}
