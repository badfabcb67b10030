"""What hides an incident's alerts, in the words that people read."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from domain.alerts.alerts import AppliedSilence
from domain.alerts.silences import Silence, SilenceState
from domain.incidents.proof import Finding, Window
from domain.incidents.proof_of_silences import AskedAlertmanager, HiddenGroup, judge_silences, nobody_to_ask
from domain.matchers import Matcher, parse_matcher
from domain.rich_text import plain_text
from tests.harness.fakes.clock import NOW
from tests.harness.samples.alerts import LEE, group

WINDOW = Window(NOW - timedelta(minutes=30), NOW)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
LABELS = {"alertname": "HighErrorRate", "service": "deep-echo-main"}
MAIN = HiddenGroup(group(), (LABELS | {"pod": "a"}, LABELS | {"pod": "b"}))
CACHE = HiddenGroup(group(id="al-2", title="RedisDown"), ({"alertname": "RedisDown"},))
NOTHING_HIDES = (Finding.SHOWN, "No silence hides it, says Alertmanager.")


def silence(
    *matchers: str,
    starts: datetime = NOW - HOUR,
    ends: datetime = NOW + HOUR,
    state: SilenceState = SilenceState.ACTIVE,
    comment: str = "known",
) -> Silence:
    fitting: tuple[Matcher, ...] = tuple(map(parse_matcher, matchers or ("service=deep-echo-main",)))
    return Silence(id="s-1", matchers=fitting, starts_at=starts, ends_at=ends, by="lee (U1)", comment=comment, state=state)


def said(silences: Sequence[Silence], *groups: HiddenGroup) -> list[tuple[Finding, str]]:
    evidence = judge_silences(groups or (MAIN,), AskedAlertmanager(tuple(silences)), WINDOW)
    return [(each.finding, plain_text(each.detail)) for each in evidence]


@pytest.mark.parametrize(
    ("silences", "expected"),
    [
        ([], [NOTHING_HIDES]),
        ([silence("service=other")], [NOTHING_HIDES]),
        ([silence("service=deep-echo-main", "pod=c")], [NOTHING_HIDES]),
        (
            [silence()],
            [
                (
                    Finding.REFUTED,
                    "A silence by lee (U1) hides HighErrorRate until 2026-11-23 15:02 UTC: known (`s-1`).",
                )
            ],
        ),
        (
            [silence('pod=~"a|z"', comment="")],
            [(Finding.REFUTED, "A silence by lee (U1) hides 1 of 2 alerts of HighErrorRate until 2026-11-23 15:02 UTC (`s-1`).")],
        ),
        (
            [silence(ends=NOW - 10 * MINUTE, state=SilenceState.EXPIRED)],
            [
                NOTHING_HIDES,
                (Finding.SHOWN, "A silence by lee (U1) hid HighErrorRate until 2026-11-23 13:52 UTC: known (`s-1`)."),
            ],
        ),
        ([silence(ends=NOW - 40 * MINUTE, state=SilenceState.EXPIRED)], [NOTHING_HIDES]),
        (
            [silence(starts=NOW + MINUTE, state=SilenceState.PENDING)],
            [
                NOTHING_HIDES,
                (Finding.SHOWN, "A silence by lee (U1) will hide HighErrorRate from 2026-11-23 14:03 UTC: known (`s-1`)."),
            ],
        ),
    ],
)
def test_what_hides_an_alert_is_named_with_its_end(silences: list[Silence], expected: list[tuple[Finding, str]]) -> None:
    assert said(silences) == expected


def test_a_silence_that_hides_several_groups_is_said_once() -> None:
    ((finding, text),) = said([silence('alertname=~".+"')], MAIN, CACHE)
    assert finding is Finding.REFUTED
    assert "hides HighErrorRate, RedisDown until" in text


def test_several_groups_are_not_hidden_either() -> None:
    assert said([], MAIN, CACHE) == [(Finding.SHOWN, "No silence hides them, says Alertmanager.")]


def test_an_expression_that_nobody_can_read_hides_perhaps() -> None:
    ((finding, text),) = said([silence('pod=~"(?<=a)b"')])
    assert finding is Finding.UNKNOWN
    assert text.startswith("Whether the silence `s-1` hides an alert cannot be told: ")


@pytest.mark.parametrize("may_pass", [True, False])
def test_a_member_of_a_pair_that_does_not_answer_may_hide_something(may_pass: bool) -> None:  # noqa: FBT001 -- a table
    asked = AskedAlertmanager((), (("Alertmanager at two.example did not answer in time.", may_pass),))
    (evidence,) = judge_silences((MAIN,), asked, WINDOW)
    assert (evidence.finding, evidence.may_pass, evidence.brief) == (Finding.UNKNOWN, may_pass, "the silences")
    assert evidence.detail == "Whether a silence hides an alert is not known: Alertmanager at two.example did not answer in time."


def test_what_the_other_member_knows_is_said_all_the_same() -> None:
    asked = AskedAlertmanager((silence(),), (("It is away.", True),))
    evidence = judge_silences((MAIN,), asked, WINDOW)
    assert [each.finding for each in evidence] == [Finding.REFUTED, Finding.UNKNOWN]


@pytest.mark.parametrize(("until", "is_named"), [(NOW + HOUR, True), (NOW - MINUTE, False)])
def test_the_silence_that_was_made_here_is_named_where_alertmanager_cannot_say(
    until: datetime,
    is_named: bool,  # noqa: FBT001 -- a table
) -> None:
    applied = AppliedSilence(id="s-2", by=LEE, at=NOW - HOUR, until=until)
    silenced = HiddenGroup(group(silence=applied), MAIN.labels)
    evidence = nobody_to_ask((silenced,), "The catalogue names no Alertmanager of production.", WINDOW)
    texts = [plain_text(each.detail) for each in evidence]
    assert ("A silence by @U0LEE00002 hides HighErrorRate until 2026-11-23 15:02 UTC." in texts) is is_named
    assert all(each.finding is not Finding.SHOWN for each in evidence)
