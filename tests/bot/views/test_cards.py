"""An operation's card in every state: what a person reads, and what they can tap."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.operations.operation import Cancellation, OperationRecord, Phase, State
from domain.operations.plans import Verb
from domain.operations.transitions import end_operation
from domain.people import Person
from tests.harness.families import render
from tests.harness.message_text import buttons, markup_tokens, visible_text
from tests.harness.samples.operations import (
    ANA,
    MIA,
    NEW,
    NOW,
    OLD,
    approved,
    cancelled,
    change,
    ended,
    expired,
    failed,
    plan,
    progress,
    record,
    rejected,
    rolling,
    scaled_for_a_while,
    succeeded,
)

UNKNOWN = end_operation(
    approved(progress=(progress("deep-echo-main", Phase.CHANGING), progress("deep-echo-cognitive", Phase.CHANGING))),
    State.FAILED,
    NOW + timedelta(minutes=4),
    ANA,
    "Cluster main does not answer.",
    unknown=["deep-echo-main"],
).record
STOPPING = replace(rolling(), cancellation=Cancellation(by=MIA, at=NOW))

CARDS: dict[str, tuple[OperationRecord, list[str], list[str], list[str]]] = {
    "waiting": (
        record(),
        [
            f"Roll back production to {NEW}",
            "🟡 *Needs an approver* other than <@U0ANA00001>",
            f"expires <!date^{int(NOW.timestamp()) + 900}^",
            "14:17 UTC",
            "> cart errors",
            f"`{OLD}` → `{NEW}`",
            "*deep-echo-main* · 3 pods",
            "*deep-echo-cognitive* · 6 pods (autoscaled 3 to 20)",
            "template differs: image, env CACHE_TTL",
            "⚠️ *Careful*",
            "a rollback does not restore it",
            "asked by <@U0ANA00001>",
            "or type `/deepecho approve op-k7m2`",
        ],
        ["▓", "░", "approved by", "took"],
        ["Approve", "Reject", "Cancel"],
    ),
    "waiting without an approval": (record(approval=None), ["About to start"], ["/deepecho approve"], ["Cancel"]),
    "just approved": (
        approved(),
        ["🔵 *Starting*", "approved by <@U0MIA00003>"],
        ["Needs", "expires", "or type"],
        ["Stop"],
    ),
    "running": (
        rolling(),
        ["🔵 *Rolling back* · 1 of 2 services done · 41 s", "3/3 verified · 52 s", "▓▓▓▓▓▓░░░ 4/6 ready · 41 s"],
        ["Needs", "or type"],
        ["Stop"],
    ),
    "stopping": (STOPPING, ["*Stopping at the next safe point*", "as <@U0MIA00003> asked"], [], []),
    "succeeded": (
        succeeded(),
        [f"✅ *Verified: all 9 pods run {NEW}* · took 2 min", "6/6 verified", "approved by <@U0MIA00003>"],
        ["Careful", "Needs"],
        [],
    ),
    "failed": (
        failed(),
        ["🔴 *Failed*", "did not become ready", "still serves with 6 pods", "❌ *deep-echo-cognitive*", "ImagePullBackOff"],
        ["Verified:"],
        [],
    ),
    "failed, and what happened is not known": (
        UNKNOWN,
        ["❔ *deep-echo-main* · whether it was changed is not known", "*deep-echo-cognitive* · not touched"],
        ["being changed", "next in line"],
        [],
    ),
    "rejected": (
        rejected(),
        ["⛔ Rejected by <@U0MIA00003>: wait for the fix.", "Nothing was changed.", "deep-echo-main and deep-echo-cognitive"],
        ["Careful", "template differs", "approved by"],
        [],
    ),
    "expired": (
        expired(),
        ["⌛ Expired: nobody approved it in time.", "Ask again if it is still wanted."],
        ["*Expired*"],
        [],
    ),
    "cancelled": (
        cancelled(),
        ["⏹️ Cancelled by <@U0ANA00001>.", "Nothing was changed."],
        [],
        [],
    ),
    "drifted": (
        ended(State.DRIFTED, "deep-echo-main now runs main-77aa001 (was main-9f00d12).", "Nothing was changed."),
        ["🟠 *Stopped, something changed meanwhile*", "now runs main-77aa001", "Nothing was changed."],
        [],
        [],
    ),
    "needs a person": (
        approved(
            State.NEEDS_PERSON, outcome="The procedure was of an older version of the bot.", end_state=("The lock is free.",)
        ),
        ["🆘 *A person must decide*", "older version of the bot", "The lock is free."],
        [],
        [],
    ),
}


@pytest.mark.parametrize("name", CARDS)
def test_a_person_reads_where_it_stands(name: str) -> None:
    fact, there, absent, tappable = CARDS[name]
    message = render(fact, NOW + timedelta(minutes=3, seconds=41))
    text = visible_text(message)
    assert [words for words in there if words not in text] == []
    assert [words for words in absent if words in text] == []
    assert list(buttons(message.blocks)) == tappable
    assert message.overflow is None


def test_buttons_carry_the_operation_and_nothing_else() -> None:
    found = buttons(render(record()).blocks)
    assert {each["action_id"]: each["value"] for each in found.values()} == {
        "operation.approve": "op-k7m2",
        "operation.reject": "op-k7m2",
        "operation.cancel": "op-k7m2",
    }


def test_approving_asks_once_more_and_says_what_it_will_do() -> None:
    found = buttons(render(record()).blocks)
    question = found["Approve"]["confirm"]
    assert question["title"]["text"] == "Approve for production?"
    assert question["text"]["text"] == f"Roll back production to {NEW}: 2 services, 9 pods. It starts at once."
    assert "confirm" not in found["Reject"]


def test_before_delivery_the_card_says_how_long_it_waits() -> None:
    waiting = record()
    assert waiting.approval is not None
    message = render(replace(waiting, approval=replace(waiting.approval, expires_at=None)))
    assert "within 15 min" in visible_text(message)


def test_a_lock_screen_says_state_what_and_why() -> None:
    assert render(record()).text == (
        f"🟡 Waiting for approval: Roll back production to {NEW} · cart errors since the last deploy · op-k7m2"
    )
    assert render(succeeded()).text.startswith(f"✅ Verified: all 9 pods run {NEW}")
    assert render(STOPPING).text.startswith("🔵 Stopping: ")


@pytest.mark.parametrize(
    ("verb", "changes", "title", "there"),
    [
        (Verb.DEPLOY, (change(never_seen=True),), f"🚀 Deploy deep-echo-main {NEW} to production", "⚠️ never seen here"),
        (Verb.DEPLOY, (), f"🚀 Deploy {NEW} to production", "template differs"),
        (Verb.ROLLBACK, (change(),), f"⏪ Roll back deep-echo-main in production to {NEW}", OLD),
        (Verb.RESTART, (change(),), "🔄 Restart deep-echo-main in production", f"new pods of the same version, `{OLD}`"),
        (Verb.SCALE, (change(to=8),), "📐 Scale deep-echo-main in production to 8", "3 → 8 pods"),
    ],
)
def test_every_verb_has_its_own_words(verb: Verb, changes: tuple[object, ...], title: str, there: str) -> None:
    fact = record(verb=verb, plan=plan(verb, *changes))  # type: ignore[arg-type]
    message = render(fact)
    assert message.blocks[0]["text"]["text"] == title
    assert there in visible_text(message)


def test_a_scale_that_ends_says_so() -> None:
    fact = record(verb=Verb.SCALE, plan=plan(Verb.SCALE, change(to=8)), duration=timedelta(hours=2))
    assert "for 2 h, then back to 3" in visible_text(render(fact))


def test_a_scale_for_a_while_can_be_put_back_from_its_card_and_one_for_good_cannot() -> None:
    scaled = scaled_for_a_while()
    (button,) = buttons(render(scaled).blocks).values()
    assert (button["text"]["text"], button["value"]) == ("Scale back now", scaled.id)
    assert "deep-echo-main in production goes back to 3 pods" in button["confirm"]["text"]["text"]
    assert not buttons(render(replace(scaled, duration=None)).blocks)


def test_versions_that_differ_stand_beside_their_service() -> None:
    other = change("deep-echo-cognitive", replicas=6)
    other = replace(other, before=replace(other.before, version="main-1111111"))
    text = visible_text(render(record(plan=plan(Verb.ROLLBACK, change(), other))))
    assert f"*deep-echo-main* · 3 pods\n`{OLD}` → `{NEW}`" in text
    assert f"`main-1111111` → `{NEW}`" in text


def test_old_pods_that_are_ready_do_not_fill_the_bar() -> None:
    begun = replace(progress("deep-echo-main", Phase.ROLLING, desired=3), updated=1, ready=3)
    assert "▓▓▓░░░░░░ 1/3 ready" in visible_text(render(approved(progress=(begun,)), NOW))


def test_the_clock_of_an_ended_operation_stands_still() -> None:
    running = rolling()
    stopped = replace(running, state=State.CANCELLED, ended_at=NOW + timedelta(seconds=30))
    later = NOW + timedelta(hours=1)
    assert render(stopped, later) == render(stopped, NOW + timedelta(hours=2))
    assert render(running, later) != render(running, NOW + timedelta(hours=2))


def test_a_reason_calls_nobody() -> None:
    message = render(replace(rejected("ask <@U0KIM00005> <!channel>"), reason="<!here> <@U0KIM00005> *now*"))
    assert set(markup_tokens(message.blocks, message.text)) == {"@U0MIA00003", "@U0ANA00001"}
    assert "&lt;!here&gt;" in visible_text(message)


def test_many_services_are_counted_not_listed() -> None:
    changes = tuple(change(f"service-{number}") for number in range(40))
    message = render(record(plan=plan(Verb.DEPLOY, *changes), progress=()))
    assert "and 29 more" in visible_text(message)
    assert message.overflow is None
    assert list(buttons(message.blocks)) == ["Approve", "Reject", "Cancel"]


def test_whoever_is_not_a_slack_account_is_not_mentioned() -> None:
    by_the_clock = record(requested_by=Person("deepecho", "deepecho"))
    strange = record(requested_by=Person("U1><!channel", "T"))
    assert "asked by deepecho" in visible_text(render(by_the_clock))
    assert markup_tokens(render(strange).blocks) == []
    assert ANA not in (by_the_clock.requested_by, strange.requested_by)
