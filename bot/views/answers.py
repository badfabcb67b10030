"""Short answers: texts, errors, previews, version choices, operations and the audit log."""

import re

from bot.views import phrases
from bot.views.markup.document import Block, Context, Document, Header, Paragraph, Quote, TextFile
from bot.views.markup.spans import Line, Strong, join_dots, line, stack
from bot.views.plan import plan_paragraph, present_blocks, warning_blocks
from domain.answers.answers import (
    AuditAnswer,
    ErrorAnswer,
    Form,
    OperationsAnswer,
    OperationStarted,
    Preview,
    TextAnswer,
    WholeAnswer,
)
from domain.audit import AuditRecord
from domain.operations.operation import OperationRecord, State
from domain.operations.version_choices import VersionChoice, VersionChoices
from domain.people import Person
from domain.rich_text import ChannelMention, Code, CommandMention, Timestamp, UserMention
from domain.text import and_more, format_duration

_PERSON_AT_END = re.compile(r"(?<=\b(?:by|of) )(?P<team>[A-Z0-9]+)/(?P<user>[UW][A-Z0-9]{2,20})$")
_MAX_LISTED = 15


def text(fact: TextAnswer) -> Document:
    """A plain text."""
    summary = line(fact.text)
    return Document(summary=summary, blocks=(Paragraph((summary,)),))


def error(fact: ErrorAnswer) -> Document:
    """What went wrong, then what to do instead."""
    problem, hint = line(fact.sentence), line(fact.hint)
    return Document(summary=problem, blocks=(Paragraph((line("⚠️ ", problem), *([hint] if hint else []))),))


def started(fact: OperationStarted) -> Document:
    """The new operation's id, and the channel of its card."""
    record = fact.record
    waits = " It waits for an approval." if record.state is State.WAITING and record.approval else ""
    summary = line(
        f"{phrases.headline(record.plan)} is ",
        Code(record.id),
        ".",
        waits,
        " Its card is in ",
        ChannelMention(record.channel),
        ".",
    )
    return Document(summary=summary, blocks=(Paragraph((summary,)),))


def preview(fact: Preview) -> Document:
    """What the card would show, and who would have to approve."""
    blocks: list[Block] = [
        Header(phrases.headline(fact.plan)),
        Paragraph((line("🔎 ", Strong("Dry run"), ". Nothing was changed."),)),
        Quote(fact.reason),
        plan_paragraph(fact.plan, fact.duration),
        *present_blocks(fact.plan),
        *warning_blocks(fact.plan),
        Paragraph((_rule(fact),)),
    ]
    blocks += [Paragraph((line("To do it:"), line(CommandMention(fact.command))))] if fact.command else []
    return Document(summary=line(f"Dry run, nothing was changed: {phrases.title(fact.plan)}"), blocks=tuple(blocks))


def _rule(fact: Preview) -> Line:
    requester = f"{phrases.with_article(fact.rule.needs.value).capitalize()} may ask for it"
    if fact.rule.approver_role is None:
        return line(f"🔑 {requester}, and nobody else has to approve.")
    approver = phrases.with_article(fact.rule.approver_role.value).replace("an ", "another ", 1).replace("a ", "another ", 1)
    return line(f"🔑 {requester}, and {approver} has to approve within {format_duration(fact.approval_within)}.")


def version_choices(fact: VersionChoices) -> Document:
    """The candidate versions, each with the command that selects it."""
    problem, hint = line(fact.sentence), line(fact.hint)
    blocks: list[Block] = [Paragraph((line("⚠️ ", problem), *([hint] if hint else [])))]
    if fact.choices:
        lines = (line(Strong(_question(fact))), *(_choice(each) for each in fact.choices))
        blocks += [Paragraph(lines, max_lines=11, spaced=True)]
    if fact.more:
        more = line(f"{and_more(fact.more)} that are older: ", CommandMention(f"versions {fact.environment}"))
        blocks += [Paragraph((more,))]
    return Document(summary=problem, blocks=tuple(blocks))


def _question(fact: VersionChoices) -> str:
    if fact.ambiguous:
        return "Which one is it?"
    if not fact.similar:
        return f"What can be chosen in {fact.environment}, newest first:"
    return f"Did you mean {fact.choices[0].label}?" if len(fact.choices) == 1 else "Did you mean one of these, newest first?"


def _choice(fact: VersionChoice) -> Line:
    first = join_dots(line("• ", Code(fact.label)), Timestamp(fact.created_at), phrases.join_names(fact.services))
    return stack(first, line(CommandMention(fact.command)) if fact.command else ())


def operations(fact: OperationsAnswer) -> Document:
    """List of operations, newest first."""
    if not fact.operations:
        summary = line(f"{fact.title}: none.")
        return Document(summary=summary, blocks=(Paragraph((summary,)),))
    count = phrases.pluralize(len(fact.operations), "operation")
    blocks = (
        Header(fact.title),
        Paragraph(tuple(operation_line(each) for each in fact.operations), max_lines=_MAX_LISTED, spaced=True),
    )
    return Document(summary=line(f"{fact.title}: {count}"), blocks=blocks)


def operation_line(record: OperationRecord) -> Line:
    """One operation of a list: title, state, id, requester."""
    ended = record.state.final and record.outcome
    status = line(record.outcome) if ended else join_dots(phrases.state(record), phrases.services_done(record))
    requested = line(Code(record.id), " asked by ", UserMention(record.requested_by), " ", Timestamp(record.requested_at))
    what = Strong(phrases.title(record.plan))
    return stack(line(f"{phrases.STATE_EMOJI[record.state]} ", what), status, requested)


def audit(fact: AuditAnswer) -> Document:
    """Entries of the audit log, newest first."""
    if not fact.records:
        summary = line("The audit log has nothing for ", fact.query, ".") if fact.query else line("The audit log is empty.")
        return Document(summary=summary, blocks=(Paragraph((summary,)),))
    entries = Paragraph(tuple(_entry(each) for each in fact.records), max_lines=_MAX_LISTED, spaced=True)
    count = phrases.pluralize(len(fact.records), "record")
    blocks: list[Block] = [Header("📒 Audit log"), Context(join_dots(fact.query, count, "newest first")), entries]
    return Document(summary=line(f"Audit log: {count}"), blocks=tuple(blocks))


def _entry(record: AuditRecord) -> Line:
    entry = record.entry
    first = line(
        Strong(f"{record.number}"), " ", UserMention(entry.who), " ", Strong(entry.what), f" {entry.where.replace(',', ', ')}"
    )
    reason = line(f"“{entry.why}”") if entry.why else ()
    last = join_dots(Timestamp(entry.at), _with_person(entry.approval), Code(entry.operation) if entry.operation else None)
    return stack(first, _with_person(entry.outcome), reason, last)


def _with_person(text: str) -> Line:
    """The text, with a final `team/user` as a mention: the log stores people by workspace and account id."""
    named = _PERSON_AT_END.search(text)
    return line(text[: named.start()], UserMention(Person(named["user"], named["team"]))) if named else line(text)


def form_as_text(fact: Form) -> Document:
    """The required fields of a form as text, for where no form can be opened."""
    missing = [field.label for field in fact.fields if field.required]
    summary = line(f"{fact.title} needs {phrases.join_names(missing, max_names=6).lower()}." if missing else f"{fact.title}.")
    instruction = line("Say it in one line; ", CommandMention(f"help {fact.command}"), " shows how.")
    notice = [line(fact.notice)] if fact.notice else []
    return Document(summary=summary, blocks=(Paragraph((summary, *notice, instruction)),))


def whole(fact: WholeAnswer) -> Document:
    """The file in a direct message."""
    title = line(Strong("The whole of"), f" {fact.title}")
    return Document(summary=title, blocks=(Paragraph((title,)),), file=TextFile("answer.txt", fact.text))
