"""Answers about alerts: which there are, which are silenced, and why one goes where it goes."""

from collections.abc import Sequence

from bot.views import phrases
from bot.views.alert_card import SIGNS, acknowledged, count, labels_of, sign, silenced, title
from bot.views.markup.document import Block, Lines, Page, Small, Title
from bot.views.markup.mrkdwn import clip
from bot.views.markup.spans import Code, Line, Link, Room, Strong, When, dotted, joined, line, rows, sentence
from domain.alerts.alerts import AlertGroup, GroupState, Route
from domain.alerts.routing import Compared, Explanation, RuleStep
from domain.alerts.silences import Silence, SilenceState
from domain.answers.alerts import AlertsAnswer, HeldSilence, RouteAnswer, SilencesAnswer, SilencesOf
from domain.catalogue.alerts import DEFAULT_RULE
from domain.matchers import written

_LISTED = 15
_SILENCES = 20
_RULES = 10
_TITLE = 120
"""Characters of what a group is called, in a list."""


def alerts(fact: AlertsAnswer) -> Page:
    """Groups, the worst first, each with its id ready to copy."""
    if not fact.groups:
        told = line(f"{fact.title}: none.")
        return Page(summary=told, blocks=(Lines((told,)),))
    shown = min(len(fact.groups), _LISTED)
    left = f"; {shown} of them here" if fact.total > shown else ""
    said = f"{phrases.counted(fact.total, 'group')}, the worst first{left}"
    listed = Lines(tuple(alert_line(each) for each in fact.groups), most=_LISTED, is_airy=True)
    blocks: tuple[Block, ...] = (Title(fact.title), Small(line(said)), listed, *_hint(fact.groups[:_LISTED]))
    return Page(summary=line(f"{fact.title}: {said}"), blocks=blocks)


def _hint(groups: Sequence[AlertGroup]) -> tuple[Small, ...]:
    """What can be typed about one of them as it stands."""
    open_ones = [each for each in groups if each.state is GroupState.FIRING and not each.silence]
    if open_ones:
        free = next((each for each in open_ones if not each.acknowledgement), None)
        ack = Code(f"/deepecho ack {free.id}") if free else None
        return (Small(dotted(ack, Code(f"/deepecho silence {open_ones[0].id} 1h"))),)
    silenced = next((each.id for each in groups if each.silence), "")
    return (Small(line("to end it: ", Code(f"/deepecho unsilence {silenced}"))),) if silenced else ()


def alert_line(record: AlertGroup) -> Line:
    """One group of a list: what and where, how bad since when, which of its name, who does something about it."""
    is_over = record.state is GroupState.RESOLVED
    since = (
        line("resolved ", When(record.resolved_at)) if record.resolved_at and is_over else line("since ", When(record.began_at))
    )
    flaps = "flapping" if record.flapping else None
    stands = dotted(Code(record.id), record.severity.value, since, count(record), flaps, labels_of(record))
    return rows(
        line(f"{sign(record)} ", Strong(clip(title(record), _TITLE))), stands, dotted(acknowledged(record), silenced(record))
    )


def route(fact: RouteAnswer) -> Page:
    """The rule that matches, what it compared, and where the alert goes. Nobody is called by this."""
    found = fact.explanation
    told = line(
        f"{SIGNS[found.route.severity]} ",
        Strong(f"{found.route.severity}"),
        " in ",
        Room(found.route.channel),
        ", by ",
        _rule(found),
    )
    blocks: list[Block] = [
        Title("🧭 Where this alert goes"),
        Lines((told, *_place(found), *_people(found.route))),
        Lines(tuple(_step(each) for each in reversed(found.steps)), most=_RULES, is_airy=True),
        Small(line("labels ", phrases.few([f"{name}={value}" for name, value in fact.labels.items()], most=12))),
    ]
    return Page(summary=told, blocks=tuple(blocks))


def silences(fact: SilencesAnswer) -> Page:
    """What is silenced, by whom and until when; an Alertmanager that does not answer says so beside the others."""
    held = sum(len(each.silences) for each in fact.places)
    blocks: list[Block] = [Title("🔕 Silences")]
    for place in fact.places:
        blocks += _of_place(place)
    unknown = sum(1 for each in fact.places if each.problem)
    told = dotted(phrases.counted(held, "silence"), f"{unknown} Alertmanager not answering" if unknown else None)
    return Page(summary=line("🔕 ", told), blocks=tuple(blocks))


def _rule(found: Explanation) -> Line:
    if found.route.rule == DEFAULT_RULE:
        return line("the default, because no rule matches")
    return line("the rule ", Strong(found.route.rule))


def _place(found: Explanation) -> tuple[Line, ...]:
    place = found.place
    environment = line("environment ", Strong(place.environment)) if place.environment else line("no environment that is known")
    service = line("service ", Strong(place.service)) if place.service else line("no service that is known")
    return (dotted(environment, service),)


def _people(found: Route) -> tuple[Line, ...]:
    owner = f"owner {found.owner}" if found.owner else None
    called = line("calls ", joined(", ", [Code(each) for each in found.mentions])) if found.mentions else None
    runbook = Link("runbook", found.runbook) if found.runbook else None
    told = dotted(owner, called, runbook)
    return (told,) if told else ()


def _step(step: RuleStep) -> Line:
    """Of a rule that does not match, the matchers that say no are enough."""
    shown = [each for each in step.matchers if step.matched or not each.matched]
    first = line("✅ " if step.matched else "✖️ ", Strong(step.rule), " matches" if step.matched else " does not match")
    return rows(first, *(_compared(each) for each in shown))


def _compared(fact: Compared) -> Line:
    actual = line("the label is ", Code(fact.actual)) if fact.actual.strip() else line("there is no such label")
    return line("• ", Code(fact.text), ": ", actual)


def _of_place(place: SilencesOf) -> list[Block]:
    name = line(Strong(phrases.listed(place.environments, most=6)))
    if place.problem:
        return [Lines((line("❔ ", name), sentence(place.problem, ())))]
    if not place.silences:
        return [Lines((line(name, ": nothing is silenced"),))]
    return [Lines((name, *(_silence(each) for each in place.silences)), most=_SILENCES + 1, is_airy=True)]


def _silence(held: HeldSilence) -> Line:
    silence = held.silence
    pending = silence.state is SilenceState.PENDING
    times = (
        line("from ", When(silence.starts_at), " until ", When(silence.ends_at))
        if pending
        else line("until ", When(silence.ends_at))
    )
    what = line("⏳ " if pending else "🔕 ", joined(" ", [Code(written(each)) for each in silence.matchers]))
    by = line("by ", Strong(silence.by or "nobody named"))
    if not held.group:
        return rows(what, dotted(times, by), line(silence.comment))
    end = line("to end it: ", Code(f"/deepecho unsilence {held.group}"))
    return rows(what, dotted(times, by), line(_reason(silence)), end)


def _reason(silence: Silence) -> str:
    """The comment of a silence that was made from here, without who and for what: both stand beside it."""
    name = silence.by.partition(" (")[0]
    return silence.comment.rpartition(" [")[0].removesuffix(f", by {name}")
