"""Whatever people, programs and clusters write: the message is valid, calls nobody, and its buttons stay."""

import re
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.views.home import home_view
from bot.views.markup.mrkdwn import MAX_SPAN_LENGTH, clean
from domain.answers.answers import AuditAnswer, ErrorAnswer, TextAnswer, VersionsAnswer
from domain.notes import OperationNote
from domain.operations.operation import OperationRecord, State
from domain.operations.plans import Verb
from sandbox.slack.limits import check_message, check_view
from tests.bot.views.gallery import AUDIT, FREEZE, HOME, PREVIEW, STATUS, TROUBLE, VERSIONS
from tests.harness.families import Fact, render, render_text
from tests.harness.message_text import buttons, markup_tokens
from tests.harness.samples.operations import ANA, MIA, NOW, approved, change, plan, progress, record

PIECES = st.sampled_from(
    [
        "<!channel>", "<!here|x>", "<@U0EVIL0001>", "<#C0EVIL0001>", "<https://evil.example|click>", "&lt;!channel&gt;", "&",
        "```", "`", "*bold*", "_", "~", "> ", "\n", "\r\n", "\x00", "\x1b[2J", "\u202e", "\u200b", "\ud800", "\uffff",
        "שלום", "مرحبا", "🙂", "👩‍👩‍👧", "a" * 40, " ", "“", ": ", "password=hunter2", "xoxb-123456-abcdef",
    ]
)  # fmt: skip
HOSTILE = st.one_of(
    st.text(max_size=200),
    st.builds(lambda pieces, times: "".join(pieces) * times, st.lists(PIECES, max_size=8), st.sampled_from([1, 1, 2, 40])),
)
LONG = st.builds(lambda piece: (piece * 10_000)[:10_000], PIECES)
MANY = st.lists(HOSTILE, max_size=6).map(tuple)
KNOWN = {f"@{ANA.user_id}", f"@{MIA.user_id}", "#C0PRODUCT2"}
OWN_TERMINAL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@st.composite
def _records(draw: st.DrawFn) -> OperationRecord:
    state = draw(st.sampled_from(list(State)))
    version, name = draw(HOSTILE), draw(HOSTILE)
    base = change()
    one = replace(
        base,
        target=replace(base.target, service=name),
        after=replace(base.after, version=version),
        differences=draw(MANY),
        never_seen=draw(st.booleans()),
    )
    changes = tuple(
        replace(one, target=replace(one.target, service=f"{name}{number}")) for number in range(draw(st.integers(1, 20)))
    )
    wanted = plan(draw(st.sampled_from(list(Verb))), *changes, warnings=draw(MANY))
    wanted = replace(wanted, environment=draw(HOSTILE))
    made = draw(st.sampled_from([record, approved]))(
        state, verb=wanted.verb, plan=wanted, reason=draw(HOSTILE), outcome=draw(HOSTILE), end_state=draw(MANY)
    )
    phases = draw(st.lists(st.sampled_from(list(progress("x").phase.__class__)), max_size=5))
    every = tuple(replace(progress(draw(HOSTILE), phase, ready=1), detail=draw(HOSTILE)) for phase in phases)
    return replace(made, progress=every)


@st.composite
def _answers(draw: st.DrawFn) -> Fact:
    text, more = draw(HOSTILE), draw(HOSTILE)
    service = replace(VERSIONS.services[0], service=text, problem="")
    lines = tuple(replace(each, change_cause=more, version=text) for each in service.lines) * draw(st.integers(0, 20))
    entry = replace(AUDIT.records[0].entry, why=text, where=more, outcome=text)
    facts: list[Fact] = [
        TextAnswer(f"It said: {text}"),
        ErrorAnswer(f"There is no “{text}”", f"Did you mean “{more}”?"),
        OperationNote(operation_id=text, key="k", at=NOW, text=f"Its pod cannot start: {more}", lines=draw(MANY), log=draw(MANY)),
        replace(TROUBLE, log=(text, more) * 40),
        VersionsAnswer(environment=more, services=(replace(service, lines=lines),) * 3),
        AuditAnswer(query=text, records=(replace(AUDIT.records[0], entry=entry),) * draw(st.integers(0, 60))),
        replace(PREVIEW, reason=text, command=more),
        replace(STATUS, environments=tuple(replace(each, environment=text, problem=more) for each in STATUS.environments)),
    ]
    return draw(st.sampled_from(facts))


@settings(max_examples=100, deadline=None)
@given(st.one_of(_records(), _answers()))
def test_no_words_break_a_message_or_call_anybody(fact: Fact) -> None:
    message = render(fact, NOW + timedelta(minutes=9))
    check_message({"text": message.text, "blocks": list(message.blocks)})
    assert 0 < len(message.text) <= 300
    assert set(markup_tokens(message.blocks, message.text)) <= KNOWN
    everything = f"{message.text} {message.blocks} {message.overflow}"
    assert "password=hunter2" not in everything
    assert "xoxb-123456" not in everything


@settings(max_examples=20, deadline=None)
@given(LONG)
def test_ten_thousand_characters_are_cut_on_the_card_and_whole_in_the_file(text: str) -> None:
    card = render(record(reason=text, plan=plan(Verb.ROLLBACK, warnings=(text,))))
    check_message({"text": card.text, "blocks": list(card.blocks)})
    assert list(buttons(card.blocks)) == ["Approve", "Reject", "Cancel"]
    note = render(replace(TROUBLE, text=f"Its pod said: {text}", log=(text,)))
    check_message({"text": note.text, "blocks": list(note.blocks)})
    shown_in_full = len(clean(text)) <= MAX_SPAN_LENGTH
    assert shown_in_full or (note.overflow is not None and clean(text) in note.overflow)


@settings(max_examples=40, deadline=None)
@given(_records())
def test_a_waiting_card_keeps_its_buttons(fact: OperationRecord) -> None:
    waiting = replace(fact, state=State.WAITING, approval=record().approval)
    assert list(buttons(render(waiting).blocks)) == ["Approve", "Reject", "Cancel"]


@settings(max_examples=40, deadline=None)
@given(st.one_of(_records(), _answers()))
def test_the_terminal_is_sent_words_only(fact: Fact) -> None:
    text = render_text(fact)
    assert not OWN_TERMINAL.search(text)
    assert "password=hunter2" not in text


@settings(max_examples=25, deadline=None)
@given(st.lists(_records(), max_size=4), HOSTILE)
def test_home_takes_it_all(records: list[OperationRecord], text: str) -> None:
    numbered = tuple(replace(each, id=f"op-{number}") for number, each in enumerate(records))
    fact = replace(
        HOME,
        waiting=numbered,
        running=numbered,
        approvable=frozenset(each.id for each in numbered),
        locks=(replace(FREEZE, reason=text, environment=text),),
    )
    view = home_view(fact)
    check_view(view, "home")
    assert set(markup_tokens(view["blocks"])) <= KNOWN
