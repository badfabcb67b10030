"""Every kind of answer: what a person reads."""

from dataclasses import replace

import pytest

from bot.components.families import FAMILIES
from domain.alerts.alerts import AlertGroup
from domain.answers.alerts import AlertsAnswer
from domain.answers.answers import ErrorAnswer, OperationsAnswer, Preview, TextAnswer
from domain.notes import OperationNote, Tone
from domain.operations.operation import OperationRecord, State
from domain.people import Role
from domain.policies import AccessRule
from sandbox.slack.limits import check_message
from tests.bot.views.gallery import AUDIT, GALLERY, HOME, ME, PREVIEW, STATUS, TROUBLE
from tests.harness.families import render, render_text
from tests.harness.message_text import buttons, markup_tokens, visible_text
from tests.harness.samples.alerts import ACKNOWLEDGED, FIRING, RESOLVED, SILENCED
from tests.harness.samples.operations import NEW, NOW, OLD, record

READ: dict[str, list[str]] = {
    "asked": ["<@U0ANA00001> asked for this: cart errors", "(14:02 UTC)", "audit record 40"],
    "trouble": [
        "🔴 deep-echo-cognitive-7c9d-x2x4q cannot start: CrashLoopBackOff",
        "• back-off 40s restarting failed container &lt;main-app&gt;",
        '```\nTraceback (most recent call last):\n  File "app.py", line 3, in &lt;module&gt;',
        "password=•••",
    ],
    "said": ["production is unlocked."],
    "complaint": ["⚠️ There is no environment called “prodction”. Nothing was changed.", "Did you mean `production`?"],
    "started": [f"⏪ Roll back production to {NEW} is `op-k7m2`.", "It waits for an approval.", "Its card is in <#C0PRODUCT2>."],
    "preview": [
        "🔎 *Dry run*. Nothing was changed.",
        "> cart errors since the last deploy",
        f"`{OLD}` → `{NEW}`",
        "*deep-echo-cognitive* · 6 pods (autoscaled 3 to 20)",
        "⚠️ *Careful*",
        "🔑 A deployer may ask for it, and another approver has to approve within 15 min.",
        '`/deepecho rollback production abc1234 --reason "cart errors since the last deploy"`',
    ],
    "choices": [
        "⚠️ No service of production ran “abc999”.",
        "`/deepecho versions production`",
        "What can be chosen in production, newest first:",
        "`/deepecho rollback production main-77aa001`",
        "deep-echo-main and deep-echo-cognitive",
    ],
    "ambiguous": ["“abc123” could be several versions.", "*Which one is it?*"],
    "similar": [
        "⚠️ No version “5d02c1” is known.",
        "*Did you mean main-5d02c1e?*",
        "`/deepecho rollback production main-5d02c1e`",
    ],
    "similar, many": [
        "*Did you mean one of these, newest first?*",
        "`/deepecho rollback production main-77aa001`",
        "and 7 more that are older: `/deepecho versions production`",
    ],
    "status": [
        "🟢 development · all well",
        f"🟢 *deep-echo-main*  `{OLD}` · 3/3 ready".replace("  ", " "),
        "🔴 staging · 2 of 2 not well",
        "⏸️ paused",
        "❔ production · 1 of 3 not well, 1 changing · protected",
        "🔒 *production* is locked by <@U0MIA00003>",
        "database upgrade until two",
        f"🔵 `op-k7m2` Roll back production to {NEW}",
        f"🟡 `op-w8q4` Roll back production to {NEW} · waits for approval",
        "There is no Deployment deep-echo-cache.",
        "❔ lab · not known",
        "The cluster lab did not answer within 5 s.",
    ],
    "one status": ["autoscaled 3 to 20 · Helm deep-echo-prod", "by `op-h3c9`", "since <!date^"],
    "versions": [
        "Versions in production",
        f"▶️ `{OLD}` · #12 · runs now",
        "deploy main-abc1234 &lt;!channel&gt;",
        "nothing ran here yet",
        "There is no Deployment deep-echo-cache.",
        "`/deepecho rollback production &lt;version|#number&gt; &lt;service&gt;`",
    ],
    "operations": [
        "The last operations",
        "Running · 1 of 2 services done",
        f"✅ *Roll back production to {NEW}*\nVerified: all 9 pods run {NEW}.",
        "⛔",
        "Rejected by <@U0MIA00003>: wait for the fix.",
        "`op-k7m2` asked by <@U0ANA00001>",
    ],
    "no operations": ["Running operations: none."],
    "locks": [
        "🔒 *production* is locked by <@U0MIA00003>",
        "until <!date^",
        "*deep-echo-main in production* is held by `op-k7m2`",
    ],
    "no locks": ["🔓 Nothing is locked."],
    "audit": [
        "production since 24 h · 2 records · newest first",
        "*42* <@U0MIA00003> *rollback* production/deep-echo-main, deep-echo-cognitive",
        f"succeeded: Verified: all 9 pods run {NEW}.",
        "“cart errors since the last deploy”",
        "approved by <@U0MIA00003> · `op-k7m2`",
        "“freeze &lt;!channel&gt;”",
    ],
    "who am I": [
        "You are <@U0ANA00001>, `U0ANA00001` of `T0DEEPECHO`",
        "time zone Europe/Berlin",
        "*production* · deployer\nyourself: restart, scale up, lock\nwith an approval: deploy, rollback, scale down",
        "*lab* · no role\nyou may look",
    ],
    "home": [
        "🟡 2 operations waiting for approval",
        "🔵 1 operation running",
        "🔒 Locked",
        "What you may do",
    ],
    "quiet": ["🟢 All quiet", "Nothing runs, nothing waits, nothing is locked."],
    "help": [
        "Change something",
        "`/deepecho rollback &lt;environment&gt; &lt;sha|tag|last&gt; [service] [--reason …] [--dry-run]`",
        "Put back a version that ran before. (deployer)",
        'e.g. `/deepecho rollback production abc1234 --reason "cart errors"`',
        "`/deepecho status [environment] [service]`",
    ],
    "alerts": [
        "990 groups, the worst first; 5 of them here",
        "🚨 *DeepEchoServiceDown · production · deep-echo-main*\n`al-k7m2` · P0 · since <!date^",
        "👀 *HighErrorRate",
        "acknowledged by <@U0MIA00003> until",
        "🔕 *HighErrorRate",
        "3 alerts · flapping",
        "`/deepecho ack al-k7m2` · `/deepecho silence al-k7m2 1h`",
    ],
    "no alerts": ["Alerts in staging, firing: none."],
    "alert route": [
        "🔴 *P1* in <#C0ALERTS01>, by the rule *critical in production*",
        "environment *production* · service *deep-echo-main*",
        "owner platform · calls `S0SRETEAM1`, `U0MIA00003` · <https://runbooks.example/errors|runbook>",
        '✅ *critical in production* matches\n• `severity="critical"`: the label is `critical`',
        '✖️ *outage* does not match\n• `alertname="DeepEchoServiceDown"`: the label is `HighErrorRate`\n• ',
        '• `region=~"eu-.*"`: there is no such label',
        "labels alertname=HighErrorRate, environment=production",
    ],
    "alert route default": ["by the default, because no rule matches", "no environment that is known · no service that is known"],
    "silences": [
        '🔕 `alertname="HighErrorRate"` `service=~"deep-echo-.*"`\nuntil <!date^',
        "by *mia (U0MIA00003)*\nknown, fix is on its way\nto end it: `/deepecho unsilence al-k7m2`",
        '⏳ `environment="production"`\nfrom <!date^',
        "*development and staging*: nothing is silenced",
        "❔ *lab*\nAlertmanager at alerts.lab.example did not answer in time.",
    ],
    "form": ["Roll back needs environment, version and reason.", "`/deepecho help rollback`"],
}


@pytest.mark.parametrize("name", READ)
def test_a_person_reads_the_answer(name: str) -> None:
    message = render(GALLERY[name])
    text = visible_text(message)
    assert [words for words in READ[name] if words not in text] == []


@pytest.mark.parametrize("name", GALLERY)
def test_every_answer_is_one_that_slack_takes(name: str) -> None:
    message = render(GALLERY[name], NOW)
    check_message({"text": message.text, "blocks": list(message.blocks)})
    assert 0 < len(message.text) <= 300
    assert all(
        mark.startswith(("@", "#", "!subteam^S0SRETEAM1", "https://")) for mark in markup_tokens(message.blocks, message.text)
    )
    assert (message.overflow is not None) == (name == "logs"), "what is short has no file beside it"


@pytest.mark.parametrize("name", GALLERY)
def test_the_terminal_says_the_same_without_markup(name: str) -> None:
    text = render_text(GALLERY[name], NOW)
    assert text
    assert not [mark for mark in ("<@", "<!date", "&lt;", "&amp;", "```") if mark in text]


def test_every_kind_of_fact_has_a_page() -> None:
    kinds = {type(fact) for fact in GALLERY.values()}
    assert kinds == {fact_type for family in FAMILIES for fact_type in family.views}
    assert {OperationRecord, OperationNote} <= kinds


@pytest.mark.parametrize(
    ("groups", "hint"),
    [
        ((FIRING, ACKNOWLEDGED), "`/deepecho ack al-k7m2` · `/deepecho silence al-k7m2 1h`"),
        ((ACKNOWLEDGED,), "`/deepecho silence al-k7m2 1h`"),
        ((SILENCED,), "to end it: `/deepecho unsilence al-k7m2`"),
        ((RESOLVED,), ""),
    ],
    ids=["open", "acknowledged", "silenced", "resolved"],
)
def test_a_list_of_alerts_offers_what_can_be_done(groups: tuple[AlertGroup, ...], hint: str) -> None:
    text = visible_text(render(AlertsAnswer(title="Alerts", groups=groups, total=len(groups))))
    assert text.rstrip().endswith(hint)
    assert ("/deepecho" in text) is bool(hint)


def test_asking_for_a_route_calls_nobody() -> None:
    message = render(GALLERY["alert route"])
    assert set(markup_tokens(message.blocks, message.text)) == {"#C0ALERTS01", "https://runbooks.example/errors|runbook"}


def test_guests_and_strangers_are_told_why_they_may_only_look() -> None:
    assert "You are a guest here, so you may look and change nothing." in visible_text(render(replace(ME, guest=True)))
    assert "You belong to another workspace" in visible_text(render(replace(ME, stranger=True)))


def test_a_rule_without_approval_says_that_nobody_else_is_needed() -> None:
    fact: Preview = replace(PREVIEW, rule=AccessRule(Role.RESPONDER, None), command="")
    text = visible_text(render(fact))
    assert "A responder may ask for it, and nobody else has to approve." in text
    assert "To do it" not in text


def test_what_does_not_fit_is_counted_and_given_as_a_file() -> None:
    every = OperationsAnswer(title="The last operations", operations=tuple(record(id=f"op-{n:04}") for n in range(40)))
    message = render(every)
    assert "and 25 more" in visible_text(message)
    assert message.overflow is not None
    assert "op-0039" in message.overflow
    assert "op-0039" not in visible_text(message)


def test_a_long_log_shows_its_end_and_gives_the_rest_as_a_file() -> None:
    log = tuple(f"line {number} <of> a long story" for number in range(2_000))
    message = render(replace(TROUBLE, log=log))
    text = visible_text(message)
    assert "line 1999 &lt;of&gt; a long story\n```" in text
    assert "line 17 " not in text
    assert "all of them are in the file" in text
    assert message.overflow is not None
    assert "line 17 <of> a long story" in message.overflow
    check_message({"text": message.text, "blocks": list(message.blocks)})


def test_a_key_in_a_log_is_hidden_across_its_lines() -> None:
    log = ("start", "-----BEGIN RSA PRIVATE KEY-----", "MIIEpAIBAAKCAQEA", "-----END RSA PRIVATE KEY-----", "end")
    message = render(replace(TROUBLE, log=log))
    assert "start\n•••\nend" in visible_text(message)
    assert "MIIE" not in render_text(replace(TROUBLE, log=log))


def test_a_secret_that_spans_two_pieces_of_a_line_is_hidden() -> None:
    message = render(TextAnswer("the password=`hunter2` was seen"))
    assert "hunter2" not in visible_text(message) + message.text


def test_notes_have_a_sign_beside_their_words() -> None:
    signs = {
        tone: visible_text(render(OperationNote(operation_id="op-1", key="k", at=NOW, text="x", tone=tone)))[:2].strip()
        for tone in Tone
    }
    assert signs[Tone.PLAIN] == "x"
    assert len({*signs.values()}) == len(Tone)


def test_a_complaint_without_a_hint_is_one_line() -> None:
    assert visible_text(render(ErrorAnswer("Nothing was changed."))) == "⚠️ Nothing was changed."


def test_status_of_one_environment_says_more_than_of_several() -> None:
    alone = visible_text(render(replace(STATUS, environments=STATUS.environments[:1])))
    assert "since <!date^" in alone
    assert "since <!date^" not in visible_text(render(replace(STATUS, environments=STATUS.environments[:2])))


def test_the_log_names_people_only_where_it_named_them_itself() -> None:
    entry = replace(AUDIT.records[0].entry, outcome="removed the lock of T0DEEPECHO/U0KIM00005", why="by T0DEEPECHO/U0TOM00007")
    text = visible_text(render(replace(AUDIT, records=(replace(AUDIT.records[0], entry=entry),))))
    assert "removed the lock of <@U0KIM00005>" in text
    assert "“by T0DEEPECHO/U0TOM00007”" in text


def test_home_offers_what_this_person_can_do() -> None:
    rows = [block for block in render(HOME).blocks if block["type"] == "actions"]
    assert [list(buttons([row])) for row in rows] == [["Approve", "Reject"], ["Cancel"], ["Stop"], ["Unlock"]]
    assert buttons(rows[:1])["Approve"]["value"] == "op-k7m2"
    assert buttons(rows)["Unlock"]["value"] == "production"


def test_home_does_not_offer_others_locks_and_operations() -> None:
    nothing = frozenset[str]()
    someone = replace(HOME, approvable=nothing, requested=nothing, own_locks=nothing)
    assert buttons(render(someone).blocks) == {}
    sre = replace(someone, permissions=tuple(replace(each, role=Role.SRE) for each in someone.permissions))
    assert list(buttons(render(sre).blocks)) == ["Unlock"]


def test_an_ended_operation_of_a_list_says_how_it_ended() -> None:
    ended = OperationsAnswer(title="x", operations=(record(State.EXPIRED, outcome=""),))
    assert "Expired" in visible_text(render(ended))
