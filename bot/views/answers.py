"""Short answers: something was done, was not done, would be done, or is listed."""

import re

from bot.views import phrases
from bot.views.markup.document import Block, Lines, Page, Quote, Small, Title
from bot.views.markup.spans import Code, Line, Room, Strong, When, Who, dotted, line, rows, sentence
from bot.views.operation_card import people
from bot.views.plan import careful, plan_lines
from domain.answers.answers import AuditAnswer, Complaint, Form, OperationsAnswer, Preview, Said, Started
from domain.audit import AuditRecord
from domain.operations.operation import OperationRecord, State
from domain.operations.version_choices import VersionChoice, VersionChoices
from domain.people import Person
from domain.text import format_span

_NAMED = re.compile(r"(?<=\b(?:by|of) )(?P<team>[A-Z0-9]+)/(?P<user>[UW][A-Z0-9]{2,20})$")
_LISTED = 15


def said(fact: Said) -> Page:
    """One plain sentence."""
    told = sentence(fact.text)
    return Page(summary=told, blocks=(Lines((told,)),))


def complaint(fact: Complaint) -> Page:
    """What happened and what stands, then what to do instead."""
    told, hint = sentence(fact.sentence), sentence(fact.hint)
    return Page(summary=told, blocks=(Lines((line("⚠️ ", told), *([hint] if hint else []))),))


def started(fact: Started) -> Page:
    """Where the card of the new operation is."""
    record = fact.record
    waits = " It waits for an approval." if record.state is State.WAITING and record.approval else ""
    told = line(
        f"{phrases.headline(record.plan)} is ", Code(record.id), ".", waits, " Its card is in ", Room(record.channel), "."
    )
    return Page(summary=told, blocks=(Lines((told,)),))


def preview(fact: Preview) -> Page:
    """The same as the card would show, and who would have to agree."""
    blocks: list[Block] = [
        Title(phrases.headline(fact.plan)),
        Lines((line("🔎 ", Strong("Dry run"), ". Nothing was changed."),)),
        Quote(fact.reason),
        plan_lines(fact.plan, fact.lasts),
        *careful(fact.plan),
        Lines((_rule(fact),)),
    ]
    blocks += [Lines((line("To do it:"), line(Code(fact.command))))] if fact.command else []
    return Page(summary=line(f"Dry run, nothing was changed: {phrases.title(fact.plan)}"), blocks=tuple(blocks))


def _rule(fact: Preview) -> Line:
    asks = f"{phrases.an(fact.rule.needs.value).capitalize()} may ask for it"
    if fact.rule.approval is None:
        return line(f"🔑 {asks}, and nobody else has to approve.")
    approver = phrases.an(fact.rule.approval.value).replace("an ", "another ", 1).replace("a ", "another ", 1)
    return line(f"🔑 {asks}, and {approver} has to approve within {format_span(fact.approval_within)}.")


def version_choices(fact: VersionChoices) -> Page:
    """The versions that could be meant, each with the command that asks for exactly it."""
    told, hint = sentence(fact.sentence), sentence(fact.hint)
    blocks: list[Block] = [Lines((line("⚠️ ", told), *([hint] if hint else [])))]
    if fact.choices:
        question = "Which one is it?" if fact.ambiguous else f"What can be chosen in {fact.environment}, newest first:"
        blocks += [Lines((line(Strong(question)), *(_choice(each) for each in fact.choices)), most=11, is_airy=True)]
    return Page(summary=told, blocks=tuple(blocks))


def _choice(fact: VersionChoice) -> Line:
    first = dotted(line("• ", Code(fact.version)), When(fact.created_at), phrases.listed(fact.services))
    return rows(first, line(Code(fact.command)) if fact.command else ())


def operations(fact: OperationsAnswer) -> Page:
    """Operations, newest first."""
    if not fact.operations:
        told = line(f"{fact.title}: none.")
        return Page(summary=told, blocks=(Lines((told,)),))
    count = phrases.counted(len(fact.operations), "operation")
    blocks = (Title(fact.title), Lines(tuple(operation_line(each) for each in fact.operations), most=_LISTED, is_airy=True))
    return Page(summary=line(f"{fact.title}: {count}"), blocks=blocks)


def operation_line(record: OperationRecord) -> Line:
    """One operation of a list: what, how it stands, who asked."""
    ended = record.state.final and record.outcome
    stands = sentence(record.outcome, people(record)) if ended else dotted(phrases.state(record), phrases.done(record))
    asked = line(Code(record.id), " asked by ", Who(record.requested_by), " ", When(record.requested_at))
    what = Strong(phrases.title(record.plan))
    return rows(line(f"{phrases.STATE_SIGNS[record.state]} ", what), stands, asked)


def audit(fact: AuditAnswer) -> Page:
    """Entries of the audit log, newest first."""
    if not fact.records:
        told = line(f"The audit log has nothing for {fact.asked}." if fact.asked else "The audit log is empty.")
        return Page(summary=told, blocks=(Lines((told,)),))
    entries = Lines(tuple(_entry(each) for each in fact.records), most=_LISTED, is_airy=True)
    count = phrases.counted(len(fact.records), "record")
    blocks: list[Block] = [Title("📒 Audit log"), Small(dotted(fact.asked, count, "newest first")), entries]
    return Page(summary=line(f"Audit log: {count}"), blocks=tuple(blocks))


def _entry(record: AuditRecord) -> Line:
    entry = record.entry
    first = line(Strong(f"{record.number}"), " ", Who(entry.who), " ", Strong(entry.what), f" {entry.where.replace(',', ', ')}")
    why = line(f"“{entry.why}”") if entry.why else ()
    last = dotted(When(entry.at), _with_person(entry.approval), Code(entry.operation) if entry.operation else None)
    return rows(first, _with_person(entry.outcome), why, last)


def _with_person(text: str) -> Line:
    """The log names people by workspace and account; where such a name ends an entry, it is shown as a name."""
    named = _NAMED.search(text)
    return line(text[: named.start()], Who(Person(named["user"], named["team"]))) if named else line(text)


def form_wanted(fact: Form) -> Page:
    """What is missing, for where no form can open."""
    missing = [field.label for field in fact.fields if field.required]
    told = line(f"{fact.title} needs {phrases.listed(missing, most=6).lower()}." if missing else f"{fact.title}.")
    say = line("Say it in one line; ", Code(f"/deepecho help {fact.command}"), " shows how.")
    notice = [sentence(fact.notice)] if fact.notice else []
    return Page(summary=told, blocks=(Lines((told, *notice, say)),))
