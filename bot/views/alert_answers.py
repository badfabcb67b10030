"""Answers about alerts: lists of alert groups and silences, and the explanation of a route."""

from collections.abc import Sequence

from bot.views import phrases
from bot.views.alert_card import SEVERITY_EMOJI, acknowledgement_line, alert_count, emoji, labels_of, silence_line
from bot.views.markup.document import Block, Context, Document, Header, Paragraph
from bot.views.markup.spans import Hyperlink, Line, Strong, join, join_dots, line, stack
from domain.alerts.alerts import AlertGroup, GroupState, Route
from domain.alerts.routing import MatcherResult, RouteExplanation, RuleStep
from domain.alerts.silences import Silence, SilenceState
from domain.answers.alerts import AlertmanagerSilences, AlertsAnswer, ListedSilence, RouteAnswer, SilencesAnswer
from domain.catalogue.alerts import DEFAULT_RULE
from domain.matchers import format_matcher
from domain.rich_text import ChannelMention, Code, CommandMention, Timestamp
from domain.text import clip

_MAX_GROUPS = 15
_MAX_SILENCES = 20
_MAX_RULES = 10
_MAX_TITLE_LENGTH = 120
"""Characters of a group's title in a list."""


def alerts(fact: AlertsAnswer) -> Document:
    """List of alert groups, the most severe first, each with its id to copy."""
    if not fact.groups:
        summary = line(f"{fact.title}: none.")
        return Document(summary=summary, blocks=(Paragraph((summary,)),))
    shown_count = min(len(fact.groups), _MAX_GROUPS)
    shown_note = f"; {shown_count} of them here" if fact.total > shown_count else ""
    count_text = f"{phrases.pluralize(fact.total, 'group')}, the worst first{shown_note}"
    paragraph = Paragraph(tuple(alert_line(each) for each in fact.groups), max_lines=_MAX_GROUPS, spaced=True)
    blocks: tuple[Block, ...] = (Header(fact.title), Context(line(count_text)), paragraph, *_hint(fact.groups[:_MAX_GROUPS]))
    return Document(summary=line(f"{fact.title}: {count_text}"), blocks=blocks)


def _hint(groups: Sequence[AlertGroup]) -> tuple[Context, ...]:
    """Commands for the first groups that can be acknowledged or silenced; else the one that ends a silence."""
    actionable = [each for each in groups if each.state is GroupState.FIRING and not each.silence]
    if actionable:
        unacknowledged = next((each for each in actionable if not each.acknowledgement), None)
        ack = CommandMention(f"ack {unacknowledged.id}") if unacknowledged else None
        return (Context(join_dots(ack, CommandMention(f"silence {actionable[0].id} 1h"))),)
    silenced = next((each.id for each in groups if each.silence), "")
    return (Context(line("to end it: ", CommandMention(f"unsilence {silenced}"))),) if silenced else ()


def alert_line(record: AlertGroup) -> Line:
    """One group of a list: title, id, severity, times, number of alerts, labels, acknowledgement and silence."""
    is_over = record.state is GroupState.RESOLVED
    since = (
        line("resolved ", Timestamp(record.resolved_at))
        if record.resolved_at and is_over
        else line("since ", Timestamp(record.began_at))
    )
    flaps = "flapping" if record.flapping else None
    details = join_dots(Code(record.id), record.severity.value, since, alert_count(record), flaps, labels_of(record))
    return stack(
        line(f"{emoji(record)} ", Strong(clip(record.full_title, _MAX_TITLE_LENGTH))),
        details,
        join_dots(acknowledgement_line(record), silence_line(record)),
    )


def route(fact: RouteAnswer) -> Document:
    """The rule that matches, what it compared, and where the alert goes. The answer mentions nobody."""
    explanation = fact.explanation
    summary = line(
        f"{SEVERITY_EMOJI[explanation.route.severity]} ",
        Strong(f"{explanation.route.severity}"),
        " in ",
        ChannelMention(explanation.route.channel),
        ", by ",
        _rule(explanation),
    )
    blocks: list[Block] = [
        Header("🧭 Where this alert goes"),
        Paragraph((summary, *_location(explanation), *_owner_and_mentions(explanation.route))),
        Paragraph(tuple(_step(each) for each in reversed(explanation.steps)), max_lines=_MAX_RULES, spaced=True),
        Context(line("labels ", phrases.shortened([f"{name}={value}" for name, value in fact.labels.items()], max_names=12))),
    ]
    return Document(summary=summary, blocks=tuple(blocks))


def silences(fact: SilencesAnswer) -> Document:
    """List of silences by Alertmanager, with the problem of each one that did not answer."""
    silence_count = sum(len(each.silences) for each in fact.alertmanagers)
    blocks: list[Block] = [Header("🔕 Silences")]
    for server in fact.alertmanagers:
        blocks += _server_silences(server)
    unknown = sum(1 for each in fact.alertmanagers if each.problem)
    summary = join_dots(phrases.pluralize(silence_count, "silence"), f"{unknown} Alertmanager not answering" if unknown else None)
    return Document(summary=line("🔕 ", summary), blocks=tuple(blocks))


def _rule(explanation: RouteExplanation) -> Line:
    if explanation.route.rule == DEFAULT_RULE:
        return line("the default, because no rule matches")
    return line("the rule ", Strong(explanation.route.rule))


def _location(explanation: RouteExplanation) -> tuple[Line, ...]:
    location = explanation.location
    environment = (
        line("environment ", Strong(location.environment)) if location.environment else line("no environment that is known")
    )
    service = line("service ", Strong(location.service)) if location.service else line("no service that is known")
    return (join_dots(environment, service),)


def _owner_and_mentions(matched: Route) -> tuple[Line, ...]:
    owner = f"owner {matched.owner}" if matched.owner else None
    called = line("calls ", join(", ", [Code(each) for each in matched.mentions])) if matched.mentions else None
    runbook = Hyperlink("runbook", matched.runbook) if matched.runbook else None
    details = join_dots(owner, called, runbook)
    return (details,) if details else ()


def _step(step: RuleStep) -> Line:
    """One rule and its matchers; of a rule that does not match, only those that failed."""
    matchers = [each for each in step.matchers if step.matched or not each.matched]
    first = line("✅ " if step.matched else "✖️ ", Strong(step.rule), " matches" if step.matched else " does not match")
    return stack(first, *(_matcher_result(each) for each in matchers))


def _matcher_result(fact: MatcherResult) -> Line:
    actual = line("the label is ", Code(fact.actual)) if fact.actual.strip() else line("there is no such label")
    return line("• ", Code(fact.text), ": ", actual)


def _server_silences(server: AlertmanagerSilences) -> list[Block]:
    name = line(Strong(phrases.join_names(server.environments, max_names=6)))
    if server.problem:
        return [Paragraph((line("❔ ", name), line(server.problem)))]
    if not server.silences:
        return [Paragraph((line(name, ": nothing is silenced"),))]
    return [Paragraph((name, *(_silence(each) for each in server.silences)), max_lines=_MAX_SILENCES + 1, spaced=True)]


def _silence(held: ListedSilence) -> Line:
    silence = held.silence
    pending = silence.state is SilenceState.PENDING
    times = (
        line("from ", Timestamp(silence.starts_at), " until ", Timestamp(silence.ends_at))
        if pending
        else line("until ", Timestamp(silence.ends_at))
    )
    what = line("⏳ " if pending else "🔕 ", join(" ", [Code(format_matcher(each)) for each in silence.matchers]))
    by = line("by ", Strong(silence.by or "nobody named"))
    if not held.group_id:
        return stack(what, join_dots(times, by), line(silence.comment))
    end = line("to end it: ", CommandMention(f"unsilence {held.group_id}"))
    return stack(what, join_dots(times, by), line(_reason(silence)), end)


def _reason(silence: Silence) -> str:
    """The comment of a silence made by the bot, without its author and group id, which are shown beside it."""
    name = silence.by.partition(" (")[0]
    return silence.comment.rpartition(" [")[0].removesuffix(f", by {name}")
