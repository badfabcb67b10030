"""Whatever rules, labels and annotations say: a card is valid, calls only whom the catalogue names, keeps its buttons."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.alerts.alerts import Alert, AlertGroup, AlertLink, AlertNote, AppliedSilence, GroupState
from domain.alerts.groups import with_counts
from domain.alerts.routing import Location, MatcherResult, RouteExplanation, RuleStep
from domain.answers.alerts import AlertmanagerSilences, AlertsAnswer, ListedSilence, RouteAnswer, SilencesAnswer
from domain.changes.platform_changes import ChangeKind, Suspect
from domain.matchers import Matcher, Operator
from domain.metrics.charts import Chart, Marker, Series
from domain.rich_text import Code, CommandMention, sentence
from domain.severities import Severity
from sandbox.slack.limits import check_message
from tests.bot.views.test_hostile import HOSTILE, LONG, MANY, OWN_TERMINAL
from tests.harness.families import Fact, render, render_text
from tests.harness.message_text import buttons, markup_tokens
from tests.harness.samples.alert_gallery import HELD, RAGING
from tests.harness.samples.alerts import ACKNOWLEDGED, CHART, DEPLOY, FIRING, LEE, PAGED, RESOLVED
from tests.harness.samples.operations import MIA, NOW

URLS = st.one_of(
    HOSTILE,
    st.builds("https://x.example/{}".format, HOSTILE),
    st.builds(
        "{}{}".format, st.sampled_from(["javascript:", "data:text/html,", "https://", "http://u:p@", "HTTPS://x/|>"]), HOSTILE
    ),
)
TEXT = st.one_of(HOSTILE, st.sampled_from(["{{ $labels.instance }}", '{{ template "x" }}', "%s %(a)s {0} ${HOME}"]), LONG)
KNOWN = {"!subteam^S0SRETEAM1", f"@{MIA.user_id}", f"@{LEE.user_id}", "#C0ALERTS01"}
LABELS = st.dictionaries(st.one_of(st.sampled_from(["alertname", "pod", "instance", "team"]), HOSTILE), TEXT, max_size=8)


@st.composite
def _groups(draw: st.DrawFn) -> AlertGroup:
    """A group as the domain itself counts it, from alerts that say anything."""
    alerts = {
        str(number): Alert(
            fingerprint=str(number),
            firing=draw(st.booleans()),
            labels=draw(LABELS),
            annotations=draw(st.dictionaries(st.sampled_from(["summary", "description", "runbook_url"]), TEXT, max_size=3)),
            starts_at=NOW,
        )
        for number in range(draw(st.integers(1, 7)))
    }
    change = replace(
        DEPLOY,
        kind=draw(st.sampled_from(list(ChangeKind))),
        description=draw(TEXT),
        by=draw(st.sampled_from([LEE, None])),
        by_manager=draw(HOSTILE),
        operation_id=draw(HOSTILE),
        services=(draw(HOSTILE),),
    )
    change = replace(change, previous_versions=dict.fromkeys(change.services, draw(HOSTILE)), environment=draw(HOSTILE))
    blank = replace(
        draw(st.sampled_from([FIRING, ACKNOWLEDGED, RESOLVED])),
        labels=draw(LABELS),
        environment=draw(HOSTILE),
        service=draw(HOSTILE),
        value=draw(HOSTILE),
        links=tuple(AlertLink(draw(HOSTILE), draw(URLS)) for _ in range(draw(st.integers(0, 4)))),
        suspect=draw(st.sampled_from([None, Suspect(change=change, score=9, reasons=draw(MANY))])),
        route=replace(PAGED, owner=draw(HOSTILE), severity=draw(st.sampled_from(list(Severity)))),
        silence=draw(
            st.sampled_from([None, AppliedSilence(id="s", by=MIA, at=NOW, until=NOW + timedelta(hours=1), reason=draw(HOSTILE))])
        ),
        flapping=draw(st.booleans()),
        episode=draw(st.integers(1, 200)),
        truncated=draw(st.booleans()),
    )
    return replace(with_counts(blank, alerts), title=draw(TEXT), summary=draw(TEXT))


@st.composite
def _others(draw: st.DrawFn) -> Fact:
    text, more, record = draw(TEXT), draw(HOSTILE), draw(_groups())
    chart: Chart = replace(CHART, title=text, series=(Series(name=more, points=()),), markers=(Marker(NOW, text),))
    silence = replace(HELD, matchers=(Matcher(more, Operator.MATCHES, text),) * draw(st.integers(1, 30)), by=more, comment=text)
    step = RuleStep(more, draw(st.booleans()), (MatcherResult(text, draw(st.booleans()), more),) * draw(st.integers(1, 30)))
    route = RouteExplanation(Location(more, text), replace(PAGED, rule=text, owner=more), (step,) * draw(st.integers(0, 40)))
    facts: list[Fact] = [
        AlertNote(
            group_id=more,
            key="k",
            at=NOW,
            text=sentence(f"1 pod does not come up: {text} ", Code(more), CommandMention(text), LEE),
            lines=draw(MANY),
            log=draw(MANY),
        ),
        AlertNote(group_id=more, key="k", at=NOW, text="The chart:", chart=chart),
        replace(
            RAGING,
            tallies=tuple(replace(each, title=text) for each in RAGING.tallies) * 6,
            worst=tuple(replace(each, title=text, environment=more, id=more) for each in RAGING.worst),
        ),
        AlertsAnswer(title=more, groups=(record,) * draw(st.integers(0, 30)), total=1000),
        RouteAnswer(labels=draw(LABELS), explanation=route),
        SilencesAnswer(
            (
                AlertmanagerSilences(
                    environments=(more, text),
                    silences=(ListedSilence(silence=silence, group_id=more),) * draw(st.integers(0, 40)),
                ),
                AlertmanagerSilences(environments=(more,), problem=text),
            )
        ),
    ]
    return draw(st.sampled_from(facts))


@settings(max_examples=150, deadline=None)
@given(st.one_of(_groups(), _others()))
def test_no_words_break_a_card_or_call_anybody(fact: Fact) -> None:
    message = render(fact)
    check_message({"text": message.text, "blocks": list(message.blocks)})
    assert 0 < len(message.text) <= 300
    found = markup_tokens(message.blocks, message.text)
    assert {each for each in found if not each.lower().startswith(("https://", "http://"))} <= KNOWN
    assert all("|" in each for each in found if each.startswith("http"))
    everything = f"{message.text} {message.blocks} {message.overflow}"
    assert "password=hunter2" not in everything
    assert "xoxb-123456" not in everything


@settings(max_examples=60, deadline=None)
@given(_groups())
def test_a_firing_card_keeps_its_buttons_and_the_catalogue_s_mentions(record: AlertGroup) -> None:
    fires = replace(record, environment="production", state=GroupState.FIRING, acknowledgement=None, silence=None, suspect=None)
    message = render(fires)
    assert list(buttons(message.blocks)) == ["Acknowledge", "Silence"]
    assert {"!subteam^S0SRETEAM1", f"@{MIA.user_id}"} <= set(markup_tokens(message.blocks))


@settings(max_examples=60, deadline=None)
@given(st.one_of(_groups(), _others()))
def test_the_terminal_is_sent_words_only(fact: Fact) -> None:
    text = render_text(fact)
    assert not OWN_TERMINAL.search(text)
    assert "password=hunter2" not in text
