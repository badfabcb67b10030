"""An alert group's card in every state: what a person reads, and what they can tap."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.alerts.alerts import Alert, AlertGroup, GrafanaDetails, GroupState, Route
from domain.changes.platform_changes import Suspect
from domain.severities import Severity
from tests.harness.families import render, render_text
from tests.harness.message_text import buttons, markup_tokens, visible_text
from tests.harness.samples.alert_gallery import ALERT_GALLERY, RAGING
from tests.harness.samples.alerts import (
    ACKNOWLEDGED,
    AGAIN,
    BOTH,
    CONFIG,
    DEPLOY,
    FIRING,
    FLAPPING,
    LONELY,
    MISSED,
    OUTAGE,
    PAGED,
    PARTLY,
    REOPENED,
    RESOLVED,
    SILENCED,
    TRUNCATED,
    alert,
    group,
)
from tests.harness.samples.operations import NEW, NOW

CALLED = ["<!subteam^S0SRETEAM1> <@U0MIA00003>"]
EVERYTHING = ["Acknowledge", "Silence", "Roll back"]

CARDS: dict[str, tuple[AlertGroup, list[str], list[str], list[str]]] = {
    "firing": (
        FIRING,
        [
            "🔴 HighErrorRate · production · deep-echo-main",
            "\n*P1 firing* · since <!date^",
            "(13:56 UTC) · 3 alerts",
            "Error rate 14.2 per cent over 5 min (limit 10)",
            "*Value* 14.2 (limit 10)",
            "*Suspect* deploy main-9f00d12 by <@U0LEE00002>, 12 min before (`op-h3c9`)",
            "*Owner* platform · <!subteam^S0SRETEAM1> <@U0MIA00003>",
            "🔴 pod=deep-echo-main-7c9d-x2x4q",
            "*Links* <https://grafana.example/d/echo-main?var-environment=production&amp;var-service=deep-echo-main&amp;from=1",
            "&amp;to=now|Grafana> · <https://prometheus.example/graph?g0.expr=error_ratio%20%3E%2010&amp;g0.tab=0|Prometheus> · ",
            "|traces with errors> · <https://runbooks.example/errors|runbook>",
            "*Labels* namespace=deep-echo-prod",
            "`al-k7m2` · or type `/deepecho ack al-k7m2`",
        ],
        ["acknowledged", "silenced", "time in", "flapping", "more", "esolved"],
        EVERYTHING,
    ),
    "one alert of the least": (
        LONELY,
        ["🟡 High", "\n*P3 firing*", "1 alert\n", "severity=warning, team=platform"],
        ["Suspect", "Owner", "Links", "Value", "pod=", "<!subteam"],
        ["Acknowledge", "Silence"],
    ),
    "an outage": (
        OUTAGE,
        ["🚨 DeepEchoServiceDown", "🚨 ", "\n*P0 firing*", "*Suspect* ConfigMap deep-echo-config by helm, 3 min before", *CALLED],
        ["(`op-"],
        ["Acknowledge", "Silence"],
    ),
    "acknowledged": (
        ACKNOWLEDGED,
        ["👀 HighErrorRate · production", "🔴 *P1 firing*", "👀 acknowledged by <@U0MIA00003> until <!date^", "(15:02 UTC)"],
        ["or type"],
        ["Silence", "Roll back"],
    ),
    "silenced": (
        SILENCED,
        ["🔕 HighErrorRate", "🔕 silenced by <@U0MIA00003> until", "(18:02 UTC): known, fix is on its way"],
        ["acknowledged"],
        ["Acknowledge", "End silence", "Roll back"],
    ),
    "silenced and acknowledged": (
        BOTH,
        ["🔕 HighErrorRate", "acknowledged by", "silenced by"],
        [],
        ["End silence", "Roll back"],
    ),
    "partly resolved": (
        PARTLY,
        ["1 of 120 alerts", "🔴 pod=deep-echo-main-7c9d-x2x4q", "✅ pod=deep-echo-main-7c9d-gone1", "and 118 more"],
        [],
        EVERYTHING,
    ),
    "flapping": (
        FLAPPING,
        ["🎢 flapping: 6 changes since 13:40 UTC. The thread stays quiet until it is steady.", "🔁 4th time in 22 min"],
        [],
        EVERYTHING,
    ),
    "resolved": (
        RESOLVED,
        [
            "✅ HighErrorRate · production · deep-echo-main",
            "*Resolved after 21 min* · P1 · 3 alerts",
            "fired from <!date^",
            "(14:02 UTC)",
            "*Suspect* deploy main-9f00d12",
            "|Grafana>",
        ],
        ["firing", "Value", "pod=", "<!subteam", "or type"],
        [],
    ),
    "resolved while silenced": (
        replace(RESOLVED, silence=SILENCED.silence, acknowledgement=ACKNOWLEDGED.acknowledgement),
        ["✅ High", "*Resolved", "🔕 silenced by <@U0MIA00003>"],
        ["acknowledged"],
        ["End silence"],
    ),
    "again": (
        AGAIN,
        ["*Last time* `al-9x2c`, resolved 7 h 54 min before, after 1 h"],
        [],
        ["Acknowledge", "Silence", "Roll back"],
    ),
    "reopened": (REOPENED, ["*P1 firing*", "🔁 2nd time in 40 min"], ["Suspect", "Value"], ["Acknowledge", "Silence"]),
    "truncated": (
        TRUNCATED,
        ["⚠️ Alertmanager left some alerts out of what it sent, so there may be more."],
        [],
        ["Acknowledge", "Silence"],
    ),
    "a watchdog that is missed": (
        MISSED,
        [
            "🔴 WatchdogMissing · production",
            "No sign of life from prometheus-production for 10 min. Alerts may no longer reach this channel",
            "*Labels* watchdog=prometheus-production",
            "`al-w4tc` · or type",
            *CALLED,
        ],
        ["pod=", "Links"],
        ["Acknowledge"],
    ),
    "of no environment": (
        replace(LONELY, environment="", service=""),
        ["🟡 HighErrorRate\n"],
        ["production"],
        ["Acknowledge"],
    ),
}


@pytest.mark.parametrize("name", CARDS)
def test_a_person_reads_where_it_stands(name: str) -> None:
    fact, there, absent, tappable = CARDS[name]
    message = render(fact)
    text = visible_text(message)
    assert [words for words in there if words not in text] == []
    assert [words for words in absent if words in text] == []
    assert list(buttons(message.blocks)) == tappable
    assert message.overflow is None


def test_a_lock_screen_says_how_bad_what_where_and_which() -> None:
    assert render(FIRING).text == (
        "🔴 HighErrorRate · production · deep-echo-main · P1 firing · Error rate 14.2 per cent over 5 min (limit 10) · al-k7m2"
    )
    assert render(RESOLVED).text == "✅ HighErrorRate · production · deep-echo-main · resolved after 21 min · al-k7m2"
    assert render(RAGING).text.startswith("🌩️ Alert storm: 990 new alert groups in 2 min in this channel · 880 fire now")


def test_only_the_catalogue_says_who_is_called_and_only_while_it_fires() -> None:
    people = {"!subteam^S0SRETEAM1", "@U0MIA00003", "@U0LEE00002"}
    assert {each for each in markup_tokens(render(FIRING).blocks) if not each.startswith("https")} == people
    assert {each for each in markup_tokens(render(RESOLVED).blocks) if not each.startswith("https")} == {"@U0LEE00002"}
    odd = replace(PAGED, mentions=("S1><!channel", "U1><!here", "<!everyone>"))
    assert markup_tokens(render(replace(LONELY, route=odd)).blocks) == []


def test_buttons_carry_the_group_and_nothing_else() -> None:
    found = buttons(render(FIRING).blocks)
    assert {each["action_id"]: each.get("value") for each in found.values()} == {
        "alert.acknowledge": "al-k7m2",
        "alert.silence": None,
        "alert.rollback": "al-k7m2",
    }
    options = [(each["text"]["text"], each["value"]) for each in found["Silence"]["options"]]
    assert options == [("1 hour", "al-k7m2/1h"), ("4 hours", "al-k7m2/4h"), ("Other…", "al-k7m2/other")]
    assert buttons(render(SILENCED).blocks)["End silence"]["value"] == "al-k7m2"


def test_rolling_back_asks_once_more_and_says_what_it_will_do() -> None:
    question = buttons(render(FIRING).blocks)["Roll back"]["confirm"]
    assert question["title"]["text"] == "Roll back production?"
    assert question["text"]["text"] == (
        f"deep-echo-main to {NEW}, which ran before the suspect (deploy main-9f00d12). "
        "Where this needs an approval, it waits for one."
    )


@pytest.mark.parametrize(
    "change",
    [CONFIG, replace(DEPLOY, previous_versions={}), replace(DEPLOY, services=("deep-echo-main", "deep-echo-cache"))],
)
def test_what_cannot_be_rolled_back_has_no_button(change: object) -> None:
    fact = group(suspect=Suspect(change=change, score=50, reasons=()))  # type: ignore[arg-type]
    assert "Roll back" not in buttons(render(fact).blocks)


def test_a_suspect_without_reasons_says_when() -> None:
    suspect = Suspect(change=replace(DEPLOY, running=True), score=50, reasons=())
    text = visible_text(render(group(suspect=suspect)))
    assert "by <@U0LEE00002>, <!date^" in text
    assert "(13:44 UTC), still going on (`op-h3c9`)" in text


def test_what_lasts_for_days_says_the_day() -> None:
    assert BOTH.silence is not None
    assert BOTH.acknowledgement is not None
    until = NOW + timedelta(days=3)
    fact = replace(BOTH, silence=replace(BOTH.silence, until=until), acknowledgement=replace(BOTH.acknowledgement, until=until))
    assert visible_text(render(fact)).count("{date_short_pretty} {time}|2026-11-26 14:02>") == 2


def test_a_thousand_alerts_are_counted() -> None:
    text = visible_text(render(group(firing=1000, total=1000)))
    assert "1,000 alerts" in text
    assert "and 997 more" in text


def test_the_terminal_shows_addresses() -> None:
    text = render_text(FIRING)
    assert "runbook (https://runbooks.example/errors)" in text
    assert "&from=1&to=now)" in text
    assert "@S0SRETEAM1" in text


def test_every_severity_has_a_sign_of_its_own() -> None:
    def first(severity: Severity) -> str:
        return visible_text(render(group(route=Route(rule="default", channel="C1", severity=severity))))[0]

    assert len({first(each) for each in Severity}) == len(Severity)


@pytest.mark.parametrize("name", ALERT_GALLERY)
def test_every_card_is_short_enough_for_a_phone(name: str) -> None:
    assert len(visible_text(render(ALERT_GALLERY[name])).splitlines()) <= 40


WAITS = "Pod main-1 waits (CrashLoopBackOff)"


@pytest.mark.parametrize(
    ("alerts", "more", "is_told"),
    [
        ([alert("main-1", description=WAITS)], {}, True),
        ([alert("main-1", description=WAITS), alert("main-2", description=WAITS)], {}, True),
        ([alert("main-1", description=WAITS), alert("main-2", description="Pod main-2 waits")], {}, False),
        ([alert("main-1", description=WAITS), alert("main-2", description="over", firing=False)], {"firing": 1}, True),
        ([alert("main-1", description=WAITS)], {"firing": 9, "total": 9}, False),
        ([alert("main-1", description=WAITS)], {"summary": f"Crash looping: {WAITS}."}, False),
        ([alert("main-1", description=WAITS)], {"state": GroupState.RESOLVED, "firing": 0, "resolved_at": NOW}, False),
    ],
    ids=["one", "all alike", "different", "the other is over", "not all are known", "said already", "resolved"],
)
def test_the_description_stands_beside_the_summary_where_it_is_true_of_all(
    alerts: list[Alert], more: dict[str, Any], *, is_told: bool
) -> None:
    fact = replace(group(examples=tuple(alerts), firing=len(alerts), total=len(alerts)), **more)
    assert (f"\n{WAITS}\n" in visible_text(render(fact))) is is_told


def test_a_long_description_is_cut() -> None:
    text = visible_text(render(group(examples=(alert("main-1", description="word " * 2000),), firing=1, total=1)))
    assert "word word…\n" in text
    assert text.count("word") == 60


def of_grafana(**values: float) -> Alert:
    return replace(alert("deep-echo-main-7c9d-x2x4q"), grafana=GrafanaDetails(values=values))


def test_the_values_that_grafana_reports_are_on_the_card() -> None:
    one = replace(FIRING, examples=(of_grafana(B=44.23943737541908, C=1),), firing=1, total=1, value="")
    assert "*Value* B 44.24, C 1" in visible_text(render(one))
    assert "*Value* 14.2 (limit 10)" in visible_text(render(replace(one, value="14.2 (limit 10)")))
    assert "Value" not in visible_text(render(replace(one, examples=(of_grafana(),))))
    two = replace(one, examples=(of_grafana(B=1), replace(of_grafana(B=2), fingerprint="b")), firing=2, total=2)
    shown = visible_text(render(two))
    assert ": B 1" in shown
    assert ": B 2" in shown


def test_grafana_s_own_alert_is_not_silenced_in_alertmanager() -> None:
    shown = buttons(render(replace(FIRING, examples=(of_grafana(),))).blocks)
    assert list(shown) == ["Acknowledge", "Roll back"]


def test_the_title_names_the_source_so_that_two_clusters_are_told_apart() -> None:
    here, there = group(id="al-1"), group(id="al-2", source="cluster-b")
    assert "cluster-b" not in render(here).text
    assert "· production · cluster-b ·" in render(there).text
