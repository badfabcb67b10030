"""Silences that people extend or let end, and what is said of something new under them."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from domain.alerts.silences import OnNew
from domain.answers.answers import ErrorAnswer, Form, TextAnswer
from domain.people import Member
from storage.tripwires import TripwireRepository
from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.samples.alert_groups import ALL_GROUPS
from tests.harness.samples.team import ALERTMANAGER, GUS, RAY, ROB, SAM, VIV, alerting_catalogue

HOUR = timedelta(hours=1)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[CommandHarness]:
    async with open_command_harness(tmp_path, alerting_catalogue()) as opened:
        await opened.save_groups(*ALL_GROUPS)
        yield opened


async def said(harness: CommandHarness, who: Member, text: str) -> str:
    answer = await harness.run_command(who, text)
    assert isinstance(answer, TextAnswer), answer
    return str(answer.text)


async def refused(harness: CommandHarness, who: Member, text: str) -> str:
    answer = await harness.run_command(who, text)
    assert isinstance(answer, ErrorAnswer), answer
    return f"{answer.sentence} {answer.hint}"


def ends(harness: CommandHarness) -> list[str]:
    return [f"{each.ends_at:%d %H:%M}" for each in harness.alertmanagers[ALERTMANAGER].stored.values()]


@pytest.mark.parametrize(
    ("who", "more", "until"),
    [
        (RAY, "1h", "23 16:02"),
        (RAY, "90m", "23 16:32"),
        (RAY, "3h", "23 18:02"),
        (RAY, "16:30", "23 16:30"),
        (RAY, "2026-11-23T16:02:00Z", "23 16:02"),
        (RAY, "in 2h", "23 16:02"),
        (SAM, "1d", "24 15:02"),
        (SAM, "tomorrow 9:00", "24 09:00"),
    ],
)
async def test_a_silence_ends_later_by_a_span_or_at_a_time(harness: CommandHarness, who: Member, more: str, until: str) -> None:
    await said(harness, RAY, "silence al-prod 1h")
    words = await said(harness, who, f"silence extend AL-PROD {more}")
    assert words.startswith("al-prod is silenced until 2026-11-")
    assert "and the silence is yours" in words
    assert ends(harness) == [until]


@pytest.mark.parametrize(
    ("who", "text", "why"),
    [
        (RAY, "silence extend al-prod 4h", "Silencing for longer than 4 h from now needs the role sre in production"),
        (RAY, "silence extend al-prod 4h", "You may: `silence extend al-prod 179m`"),
        (RAY, "silence extend al-prod tomorrow 9:00", "Silencing for longer than 4 h from now needs the role sre"),
        (SAM, "silence extend al-prod 30d", "A silence ends at most 30 days from now."),
        (SAM, "silence extend al-prod 31d", "“31d” is too long."),
        (SAM, "silence extend al-prod 15:00", "al-prod is silenced until 15:02 UTC already. Nothing was changed."),
        (SAM, "silence extend al-prod soon", "“soon” is not a time that can be read."),
        (SAM, "silence extend al-prod 0m", "0m"),
        (SAM, "silence extend al-stag 1h", "al-stag is not silenced from here any more."),
        (SAM, "silence let-end al-stag", "al-stag is not silenced from here any more."),
        (SAM, "silence extend al-nope 1h", "There is no alert group al-nope."),
        (ROB, "silence extend al-prod 1h", "This needs the role responder in production"),
        (ROB, "silence let-end al-prod", "This needs the role responder in production"),
        (VIV, "silence extend al-prod 1h", "You may not use `silence extend` in any environment."),
        (GUS, "silence let-end al-prod", "Guests can change and look up nothing here."),
    ],
)
async def test_who_may_not_or_cannot_is_told_why(harness: CommandHarness, who: Member, text: str, why: str) -> None:
    await said(harness, RAY, "silence al-prod 1h")
    assert why in await refused(harness, who, text)
    assert ends(harness) == ["23 15:02"]


async def test_a_form_asks_for_what_is_missing(harness: CommandHarness) -> None:
    await said(harness, RAY, "silence al-prod 1h")
    form = await harness.run_command(RAY, "silence extend al-prod")
    assert isinstance(form, Form)
    assert (form.title, [(each.label, each.value) for each in form.fields]) == (
        "Extend a silence",
        [("Alert", "al-prod"), ("How much longer, or until when", "")],
    )
    text = harness.registry.form_command_text("silence extend", {"alert": "al-prod", "later": "tomorrow 9:00"})
    assert "until 2026-11-24 09:00 UTC" in await said(harness, SAM, text)


async def test_who_lets_it_end_is_told_when(harness: CommandHarness) -> None:
    await said(harness, RAY, "silence al-prod 1h")
    assert (await said(harness, SAM, "silence let-end al-prod")).startswith(
        "The silence of al-prod ends at 2026-11-23 15:02 UTC."
    )
    again = await refused(harness, RAY, "silence let-end al-prod")
    assert "lets the silence of al-prod end already" in again
    await said(harness, RAY, "silence extend al-prod 1h")
    applied = (await harness.group("al-prod")).silence
    assert applied is not None
    assert applied.let_end_by is None


@pytest.mark.parametrize(
    ("flags", "on_new", "more_than"),
    [
        ("", OnNew.TELL, 0),
        ("--on-new lift", OnNew.LIFT, 0),
        ("--on-new=LIFT --more-than 5", OnNew.LIFT, 5),
        ("--more-than 99999", OnNew.TELL, 99999),
    ],
)
async def test_what_is_done_about_something_new(harness: CommandHarness, flags: str, on_new: OnNew, more_than: int) -> None:
    await said(harness, RAY, f"silence al-prod 1h {flags}")
    async with harness.services.store.read() as tx:
        (tripwire,) = await tx.of(TripwireRepository).standing("production", "", harness.clock.now())
    assert (tripwire.choice.on_new, tripwire.choice.max_alerts) == (on_new, more_than)


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        ("--on-new explode", "“explode” is not known. Write `--on-new tell` or `--on-new lift`"),
        ("--on-new", "on-new"),
        ("--more-than many", "“many” is no number of alerts. Write it like `--more-than 5`."),
        ("--more-than -1", "“-1” is no number of alerts."),
        ("--more-than 1.5", "“1.5” is no number of alerts."),
        ("--more-than 100000", "“100000” is no number of alerts."),
        ("--more-than ٣", "“٣” is no number of alerts."),
        ("--on-new lift --on-new tell", "`--on-new` was said twice."),
    ],
)
async def test_a_wrong_flag_silences_nothing(harness: CommandHarness, flags: str, why: str) -> None:
    assert why in await refused(harness, RAY, f"silence al-prod 1h {flags}")
    assert ends(harness) == []
