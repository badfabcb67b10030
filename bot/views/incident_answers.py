"""Answers about incidents: lists, choices, a new one, tasks."""

from bot.views import phrases
from bot.views.incident_buttons import SHOW, choice_button
from bot.views.incident_card import card, headline, incident_line
from bot.views.markup.document import Actions, Block, Button, Document, Header, Paragraph
from bot.views.markup.mrkdwn import clean
from bot.views.markup.spans import Line, Strong, join_dots, line, stack
from domain.answers.incidents import (
    IncidentAnswer,
    IncidentChoices,
    IncidentDeclared,
    IncidentsAnswer,
    SimilarIncidents,
    TasksAnswer,
)
from domain.incidents.incident import Task
from domain.rich_text import ChannelMention, Code, CommandMention, Timestamp

_MAX_LISTED = 15


def incident(fact: IncidentAnswer) -> Document:
    """The card as an answer."""
    return card(fact.card)


def incidents(fact: IncidentsAnswer) -> Document:
    """A list, open ones first."""
    if not fact.incidents:
        summary = line(f"{fact.title}: none.")
        return Document(summary=summary, blocks=(Paragraph((summary,)),))
    rows = tuple(incident_line(each) for each in fact.incidents)
    count = phrases.pluralize(len(fact.incidents), "incident")
    blocks = (Header(fact.title), Paragraph(rows, max_lines=_MAX_LISTED, spaced=True))
    return Document(summary=line(f"{fact.title}: {count}"), blocks=blocks)


def choices(fact: IncidentChoices) -> Document:
    """The last incidents, each with a button that runs the command for it."""
    summary = line("Which incident?")
    blocks: list[Block] = [Paragraph((line(Strong("Which incident?"), " In its channel the id can be left out."),))]
    for each in fact.choices:
        blocks.append(Paragraph((stack(incident_line(each.incident), line(CommandMention(each.command))),)))
        blocks.append(Actions((choice_button("This one", each.command),)))
    return Document(summary=summary, blocks=tuple(blocks))


def similar(fact: SimilarIncidents) -> Document:
    """Whether it is one of those that were declared just now. Nothing was declared yet."""
    first = fact.incidents[0]
    summary = line(f"Is it {first.id}, {clean(first.title)}? Nothing was declared yet.")
    question = "Somebody has declared something just now. Is it the same?" if len(fact.incidents) == 1 else "Is it one of these?"
    blocks: list[Block] = [Paragraph((line("🤔 ", Strong(question), " Nothing was declared yet."),))]
    for each in fact.incidents:
        blocks.append(Paragraph((incident_line(each),)))
        blocks.append(Actions((Button(text="Yes, show it", action=SHOW, value=each.id),)))
    blocks.append(Paragraph((line("No, it is another one: ", CommandMention(fact.command)),)))
    blocks.append(Actions((choice_button("Declare another", fact.command),)))
    return Document(summary=summary, blocks=tuple(blocks))


def declared(fact: IncidentDeclared) -> Document:
    """The new incident's id, and where it goes on."""
    record = fact.incident
    place = "Only its participants see it." if record.security else ""
    where = line(" Its card is in ", ChannelMention(record.announcement_channel), ".") if not place else line(f" {place}")
    summary = line(f"{headline(record)} is ", Code(record.id), ".", where, " Its channel is being made.")
    return Document(summary=summary, blocks=(Paragraph((summary,)),))


def tasks(fact: TasksAnswer) -> Document:
    """The tasks, open ones first."""
    if not fact.tasks:
        summary = line(f"{fact.incident_id} has no tasks. To add one: ", CommandMention("incident task add"), ".")
        return Document(summary=summary, blocks=(Paragraph((summary,)),))
    ordered = sorted(fact.tasks, key=lambda task: (task.done is not None, task.number))
    left = sum(task.done is None for task in fact.tasks)
    rows = tuple(_task(task) for task in ordered)
    blocks = (Header(f"Tasks of {fact.incident_id}"), Paragraph(rows, max_lines=_MAX_LISTED))
    return Document(summary=line(f"{fact.incident_id}: {left} of {len(fact.tasks)} tasks left"), blocks=blocks)


def _task(task: Task) -> Line:
    done = join_dots(line("done by ", task.done.by.text), Timestamp(task.done.at)) if task.done else ()
    return join_dots(line(f"{'☑' if task.done else '☐'} {task.number}. {clean(task.text)}"), done)
