"""Post-mortems: what is recorded is told, what is not is asked for, and nobody's text breaks the document."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from domain.alerts.alerts import AlertLink
from domain.errors import Refused, UsageError
from domain.incidents.evidence import IncidentEvidence, without_mentions
from domain.incidents.incident import ClockKind, Incident, LinkedAlert, Mark
from domain.incidents.markdown import code, escape, link, one_line
from domain.incidents.postmortem import postmortem
from domain.incidents.postmortem_end import finish_postmortem, parse_address
from domain.incidents.timeline import EntryKind
from domain.incidents.transitions import declare, resolve, set_severity
from domain.people import Person
from domain.rich_text import plain_text, sentence
from domain.severities import Severity
from tests.harness.samples.incident_story import (
    ANA,
    BAD_DEPLOY,
    EARLIER,
    ERRORS,
    LEE,
    MIA,
    ROLLBACK,
    SILENCE,
    TIMINGS,
    IncidentStory,
    closed,
    declared,
    error_chart,
    minute,
    resolved,
    rolling_back,
)

STRANGER = Person("U0STRANGE9", "T0DEEPECHO")
PARSER = MarkdownIt("commonmark").enable("table").enable("strikethrough")
NASTY = st.one_of(
    st.text(max_size=80),
    st.lists(
        st.sampled_from(
            [
                "# ",
                "## ",
                "- ",
                "* ",
                "1. ",
                "> ",
                "|",
                "`",
                "```",
                "~~~",
                "**",
                "__",
                "[x](http://e.x)",
                "![i](u)",
                "<b>",
                "</td>",
                "<!--",
                "&amp;",
                "&#35;",
                "\n",
                "\r\n",
                "\n\n",
                "    ",
                "\t",
                "\\",
                "\\|",
                "---",
                "===",
                "[ ]",
                "$x$",
                "~",
                "^",
                "\u202e",
                "\x00",
                "\ud800",
                "<script>",
                "](",
                ")",
                ": ",
                "https://e.x/|a",
                "word",
            ]
        ),
        max_size=14,
    ).map("".join),
)


def full(story: IncidentStory, minutes: float = 53, **more: object) -> IncidentEvidence:
    """Everything that the platform records of the story."""
    shown = {"acts": (SILENCE,), "charts": (error_chart(minute(1)),)} | more
    evidence = story.evidence(minute(minutes), BAD_DEPLOY, EARLIER, ROLLBACK, **shown)
    return replace(evidence, names={**evidence.names, MIA.person: "mia"})


def section(draft: str, title: str) -> str:
    """The text under a heading."""
    return draft.split(f"\n## {title}\n\n", 1)[1].split("\n\n## ", 1)[0].strip()


def structure(draft: str) -> list[tuple[str, str]]:
    """The blocks and inline elements of a document, without its texts."""
    tokens = [token for block in PARSER.parse(draft) for token in (block, *(block.children or ()))]
    return [(token.type, token.tag) for token in tokens if token.type not in {"text", "inline", "softbreak"}]


def test_the_story_has_every_section_with_what_is_recorded() -> None:
    draft = postmortem(full(closed()))
    assert draft.startswith("# Post-mortem: HighErrorRate · deep-echo-main in production\n\nDraft of 23 Nov 2026 14:55 UTC")
    assert section(draft, "Summary").splitlines()[0] == (
        "HighErrorRate (deep-echo-main in production) fired for 22 min, 23 Nov 2026 13:59 to 14:21. The incident was declared by"
        " deepecho at 14:02, acknowledged by ana at 14:04, mitigated by ana at 14:17 and resolved by ana at 14:24, after 22 min."
    )
    assert "The last change before it was mitigated: roll deep-echo-main back to main-abc1234" in section(draft, "Summary")
    assert "Error rate 14.2 per cent over 5 min" in section(draft, "Impact")
    assert [line.split(" | ")[-1].strip(" |") for line in section(draft, "Times").splitlines()[2:]] == [
        "3 min",
        "2 min",
        "15 min",
        "22 min",
    ]
    assert "- 14:13 lee: checkout works again for me [message](https://deepecho.slack.com/" in section(draft, "Timeline")
    assert "- ana: commander, acknowledged it, called it mitigated, resolved it" in section(draft, "Who did what")
    alerts = section(draft, "Alerts")
    assert "- suspect: 23 Nov 2026 13:44 deploy main-9f00d12 by lee (`op-h3c9`): 12 min before, same Deployment" in alerts
    assert "- chart: now 14.2, limit 10, highest 14.2" in alerts
    assert "[runbook](https://runbooks.example/errors)" in alerts
    assert "**This is the suspect.**" in section(draft, "Changes before it")
    tried = section(draft, "What was tried").splitlines()
    assert [line[2:19] for line in tried] == ["23 Nov 2026 14:08", "23 Nov 2026 14:10", "23 Nov 2026 14:12"]
    assert "Rejected by mia: wrong version. After 1 min." in tried[0]
    assert "Verified: all 3 pods run main-abc1234. After 6 min." in tried[1]
    assert "silence production/deep-echo-main/HighLatency by mia: noise of the same cause" in tried[2]
    assert section(draft, "How the end was proved").count("- ") == 3
    assert section(draft, "Action items").splitlines() == [
        "- [ ] alert on a missing CACHE\\_TTL before the deploy (added by ana). **To answer:** owner, due date?",
        "- [x] tell the shop why orders failed (done by lee at 23 Nov 2026 14:23, added by lee)",
    ]
    assert section(draft, "Lessons").count("**To answer:**") == 6


def test_it_mentions_nobody_and_shows_no_id_of_a_person() -> None:
    draft = postmortem(full(closed()))
    assert "@" not in draft
    assert "U0ANA" not in draft


def test_what_is_dropped_is_left_out_and_said_to_be() -> None:
    story = closed()
    story.note(EntryKind.MESSAGE, minute(30), "nonsense", LEE)
    story.entries[-1] = replace(story.entries[-1], dropped=True)
    draft = postmortem(full(story))
    assert "nonsense" not in draft
    assert "One entry that was dropped." in section(draft, "What is not known")


def test_edited_and_deleted_messages_are_marked() -> None:
    story = closed()
    story.note(EntryKind.MESSAGE, minute(30), "now different", LEE)
    story.entries[-1] = replace(story.entries[-1], edited_at=minute(31), deleted_at=minute(33))
    draft = postmortem(full(story))
    assert "lee: now different (deleted at 14:35 UTC)" in section(draft, "Timeline")
    assert "Why messages were deleted" in section(draft, "What is not known")


def test_of_an_incident_of_which_little_is_known_nothing_is_invented() -> None:
    record = Incident(id="inc-x", title="checkout is failing", severity=Severity.P2, declared=Mark(ANA, minute(0)))
    story = IncidentStory(record)
    story.apply(declare(record, TIMINGS))
    draft = postmortem(story.evidence(minute(5), groups=()))
    assert "The incident is not over yet." in draft
    assert section(draft, "Summary").startswith("The incident was declared by ana at 14:02.")
    assert "No linked alert says what it did to anybody." in section(draft, "Impact")
    assert [line.split(" | ")[-1].strip(" |") for line in section(draft, "Times").splitlines()[2:]] == [
        "not known: no alert is known that led to it",
        "not known: nobody has acknowledged it",
        "not known: nobody has called it mitigated",
        "not known: it is not resolved",
    ]
    assert section(draft, "Alerts") == "None is linked."
    assert section(draft, "What was tried") == "Nothing that is recorded."
    assert "What has to be done, by whom, until when?" in section(draft, "Action items")
    unknown = section(draft, "What is not known")
    for missing in ("no alert is linked", "nobody posted an update", "commander, comms and scribe", "names no environment"):
        assert missing in unknown


def test_alerts_that_are_no_longer_stored_are_said_to_be() -> None:
    draft = postmortem(full(closed(), groups=(), charts=()))
    assert "HighErrorRate (`al-k7m2`), P1: its times and links are no longer stored." in section(draft, "Alerts")
    assert "When HighErrorRate fired: alerts are kept for a time only" in section(draft, "What is not known")


def test_a_resolution_that_nobody_called_mitigated_before_says_so() -> None:
    story = declared()
    story.apply(resolve(story.record, ANA, minute(9), TIMINGS))
    draft = postmortem(story.evidence(minute(10)))
    assert "9 min, with the resolution: nobody called it mitigated before" in section(draft, "Times")
    assert "mitigated by" not in section(draft, "Summary")


def test_how_the_severity_changed_is_told_from_every_door() -> None:
    story = rolling_back()
    story.apply(set_severity(story.record, Severity.P0, ANA, minute(14), TIMINGS, why="all regions"))
    story.apply(set_severity(story.record, Severity.P2, ANA, minute(20), TIMINGS))
    assert section(postmortem(story.evidence(minute(21))), "Severity").splitlines() == [
        "- P1 from the declaration at 14:02",
        "- P0 from 14:16, was P1",
        "- P2 from 14:22, was P0",
    ]
    worse = replace(ERRORS, id="al-worse", title="Outage", route=replace(ERRORS.route, severity=Severity.P0))
    story = declared()
    story.group = worse
    story.alert(minute(3))
    assert "P0 from 14:05, was P1" in section(postmortem(story.evidence(minute(4))), "Severity")


def test_an_alert_that_fired_long_before_is_not_when_it_began() -> None:
    old = replace(ERRORS, began_at=minute(-60 * 24 * 9))
    draft = postmortem(full(closed(), groups=(old,)))
    assert "not known" in section(draft, "Times").splitlines()[2]


def test_days_are_named_where_it_took_several() -> None:
    story = closed()
    story.note(EntryKind.MESSAGE, minute(60 * 30), "a day later", LEE)
    timeline = section(postmortem(full(story)), "Timeline")
    assert [line for line in timeline.splitlines() if line.startswith("**")] == ["**23 Nov 2026**", "**24 Nov 2026**"]


def test_somebody_stands_where_no_name_is_recorded() -> None:
    assert plain_text(without_mentions(sentence(STRANGER, " unlocked it."), {})) == "somebody unlocked it."
    story = declared()
    story.note(EntryKind.STATE, minute(2), sentence(STRANGER, " asked for it."))
    draft = postmortem(story.evidence(minute(3)))
    assert "somebody asked for it." in draft
    assert "Some people's names" in section(draft, "What is not known")


@given(NASTY)
@settings(max_examples=150, deadline=None)
def test_no_text_of_people_changes_the_structure(text: str) -> None:
    """The same document with plain words has the same headings, lists, links and emphasis."""
    assert structure(hostile_draft(text)) == structure(hostile_draft("word"))


def hostile_draft(text: str) -> str:
    story = rolling_back()
    story.note(EntryKind.MESSAGE, minute(12), text or "-", LEE)
    story.apply(set_severity(story.record, Severity.P0, ANA, minute(14), TIMINGS, why=text or "-"))
    update = story.record.update
    assert update is not None
    tasks = tuple(replace(task, text=text or "-") for task in story.record.tasks)
    title = text if escape(text) else "word"
    story.record = replace(story.record, title=title, update=replace(update, text=text), tasks=tasks)
    alert = LinkedAlert(group_id="al-gone", title=title, severity=Severity.P1, firing=True, suspect=title)
    story.record = replace(story.record, alerts=(*story.record.alerts, alert))
    group = replace(story.group, title=title, summary=title, links=(AlertLink(title, "https://grafana.example/d"),))
    act = replace(SILENCE, why=title)
    operation = replace(ROLLBACK, reason=title, outcome=title)
    evidence = story.evidence(minute(21), operation, acts=(act,), groups=(group,))
    return postmortem(replace(evidence, names={**evidence.names, LEE.person: title}))


@given(st.text(max_size=60))
def test_a_text_is_read_back_as_it_was(text: str) -> None:
    escaped = escape(text)
    if not escaped:
        return
    (inline,) = [token for token in PARSER.parse(escaped) if token.type == "inline"]
    assert {token.type for token in inline.children or ()} <= {"text", "text_special"}
    assert "".join(token.content for token in inline.children or ()) == one_line(text)


@pytest.mark.parametrize(
    ("url", "links"),
    [
        ("https://grafana.example/d/1?a=1&b=(2)", 1),
        ("javascript:alert(1)", 0),
        ("https://user:secret@grafana.example/", 0),
        ("https://", 0),
        ("https://[", 0),
        ("ftp://host/x", 0),
        (f"https://host/{'x' * 3000}", 0),
        ("https://host/a) [evil](https://e.x", 1),
    ],
)
def test_a_link_goes_nowhere_else(url: str, links: int) -> None:
    inline = [token for block in PARSER.parse(link("text", url)) for token in block.children or ()]
    targets = [str(token.attrs["href"]) for token in inline if token.type == "link_open"]
    assert len(targets) == links
    assert all(target.startswith(("https://grafana.example", "https://host")) for target in targets)


@pytest.mark.parametrize("text", ["a`b", "``", "`", "a``b`c", " x ", "|"])
def test_code_keeps_its_backticks(text: str) -> None:
    (inline,) = [token for token in PARSER.parse(code(text)) if token.type == "inline"]
    assert [(token.type, token.content) for token in inline.children or ()] == [("code_inline", text.strip())]


def test_done_ends_the_clock_and_the_reminders() -> None:
    story = closed()
    assert story.record.clock(ClockKind.POSTMORTEM) is not None
    done = finish_postmortem(story.record, "https://wiki.example.com/42", ANA, minute(300))
    assert done.record.clock(ClockKind.POSTMORTEM) is None
    assert done.record.postmortem is not None
    assert plain_text(done.entries[0].text) == "The post-mortem is done: https://wiki.example.com/42"
    assert [entry.what for entry in done.audit_entries] == ["incident postmortem done"]


def test_done_twice_is_refused_and_another_address_replaces_the_first() -> None:
    record = finish_postmortem(resolved().record, "https://wiki.example.com/42", ANA, minute(300)).record
    with pytest.raises(Refused, match="ana has said so already"):
        finish_postmortem(record, "https://wiki.example.com/42", LEE, minute(301))
    moved = finish_postmortem(record, "https://wiki.example.com/43", LEE, minute(301))
    assert plain_text(moved.entries[0].text) == "The post-mortem is now at another address: https://wiki.example.com/43"


def test_the_post_mortem_of_what_goes_on_cannot_be_done() -> None:
    with pytest.raises(Refused, match="is acknowledged, so its post-mortem cannot be done"):
        finish_postmortem(rolling_back().record, "https://wiki.example.com/42", ANA, minute(20))


@pytest.mark.parametrize(
    "word", ["wiki", "ftp://wiki/x", "https://", "https://a b", "https://u:p@wiki/x", f"https://w/{'x' * 1000}"]
)
def test_what_is_no_address_is_refused(word: str) -> None:
    with pytest.raises(UsageError):
        parse_address(word)
