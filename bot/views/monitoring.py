"""What a Prometheus scrapes, and which alerts it evaluates: what is wrong first."""

from collections import Counter
from collections.abc import Iterator

from bot.views import phrases
from bot.views.markup.document import Block, Context, Document, Paragraph
from bot.views.markup.spans import Line, Strong, join, join_dots, line
from bot.views.query_notices import notice_lines
from domain.answers.monitoring import EnvironmentRules, EnvironmentTargets, RulesAnswer, TargetsAnswer
from domain.metrics.monitoring_rules import AlertRule, ScrapeTarget
from domain.metrics.rule_series import LOOK_BACK, NeverFiring
from domain.redaction import redact
from domain.rich_text import Code, Timestamp
from domain.text import clip, format_duration

_RED, _YELLOW, _UNKNOWN, _GREEN = "🔴", "🟡", "❔", "🟢"
_ALERTS = {"firing": _RED, "pending": _YELLOW}
_MAX_LINES = 20
_MAX_PROBLEM = 200
_MAX_NAME = 80
_MAX_SELECTORS = 2
_MAX_JOBS = 12


def targets(fact: TargetsAnswer) -> Document:
    """One paragraph for each environment."""
    blocks: list[Block] = [Paragraph(tuple(_targets(each)), max_lines=_MAX_LINES) for each in fact.environments]
    summary = join_dots(*(line(each.environment, " ", _target_count(each)) for each in fact.environments))
    return Document(summary=line("Targets: ", summary), blocks=(*blocks, _as_of(fact)))


def rules(fact: RulesAnswer) -> Document:
    """One paragraph for each environment."""
    blocks: list[Block] = [Paragraph(tuple(_rules(each)), max_lines=_MAX_LINES) for each in fact.environments]
    summary = join_dots(*(line(each.environment, " ", _rule_count(each)) for each in fact.environments))
    return Document(summary=line("Rules: ", summary), blocks=(*blocks, _as_of(fact)))


def _as_of(fact: TargetsAnswer | RulesAnswer) -> Context:
    labels = {f'{each.label}="{each.environment}"': None for each in fact.environments if each.label}
    shared = line("of a shared Prometheus, only what has ", join(" or ", map(Code, labels))) if labels else ""
    return Context(join_dots(line("as of ", Timestamp(fact.at)), shared))


def _targets(fact: EnvironmentTargets) -> Iterator[Line]:
    yield join_dots(Strong(fact.environment), _target_count(fact))
    if fact.problem:
        yield line(f"{_UNKNOWN} ", fact.problem)
    if fact.unlisted:
        yield line(f"{_UNKNOWN} there is no list with reasons, so this is what the series ", Code("up"), " say: ", fact.unlisted)
    yield from notice_lines(fact.notices)
    yield from (_unreached(each) for each in sorted(fact.targets, key=lambda each: each.health != "down") if each.health != "up")
    troubled = {each.job for each in fact.targets if each.health != "up"}
    jobs = Counter(each.job or "without a job" for each in fact.targets if each.job not in troubled)
    if jobs:
        yield line(f"{_GREEN} ", phrases.shortened([f"{_name(job)} ({count:,})" for job, count in jobs.items()], _MAX_JOBS))


def _target_count(fact: EnvironmentTargets) -> str:
    if fact.problem:
        return "not known"
    if not fact.targets:
        return "no targets"
    up = sum(each.health == "up" for each in fact.targets)
    return f"{up:,} of {phrases.pluralize(len(fact.targets), 'target')} up"


def _unreached(target: ScrapeTarget) -> Line:
    is_down = target.health == "down"
    name = line(f"{_RED if is_down else _UNKNOWN} ", Strong(_name(target.job)), f" {_name(target.instance)}")
    never = "" if is_down else "not scraped yet"
    scraped = line("tried ", Timestamp(target.scraped_at)) if target.scraped_at else line(never)
    return join_dots(name, _words_of_prometheus(target.problem), scraped)


def _rules(fact: EnvironmentRules) -> Iterator[Line]:
    yield join_dots(Strong(fact.environment), _rule_count(fact))
    if fact.problem:
        yield line(f"{_UNKNOWN} ", fact.problem)
    yield from notice_lines(fact.notices)
    rules_ = [each for each in fact.rules if not each.is_watchdog]
    yield from (_silent(each) for each in fact.rules if each.is_watchdog and not each.count("firing"))
    yield from (_active(each, "firing") for each in rules_ if each.count("firing"))
    yield from (_broken(each) for each in fact.rules if each.health == "err")
    yield from (_never_firing(each, fact) for each in fact.verdicts.never_firing)
    yield from (_active(each, "pending") for each in rules_ if each.count("pending"))
    yield from _unknown(fact)
    yield from (_watching(each) for each in fact.rules if each.is_watchdog and each.count("firing"))


def _rule_count(fact: EnvironmentRules) -> str:
    if fact.problem:
        return "not known"
    never, rules_ = len(fact.verdicts.never_firing), fact.rules
    normal = [each for each in rules_ if not each.is_watchdog]
    states = [f"{count} {state}" for state in _ALERTS if (count := sum(bool(each.count(state)) for each in normal))]
    broken = sum(each.health == "err" for each in rules_)
    words = [*states, f"{broken} cannot be evaluated" if broken else "", f"{never} can never fire" if never else ""]
    return " · ".join(filter(None, [phrases.pluralize(len(rules_), "rule") if rules_ else "no rules", *words]))


def _active(rule: AlertRule, state: str) -> Line:
    return line(f"{_ALERTS[state]} ", Strong(_name(rule.name)), f" {state}: {phrases.pluralize(rule.count(state), 'alert')}")


def _silent(rule: AlertRule) -> Line:
    return line(
        f"{_RED} ", Strong(_name(rule.name)), " does not fire: as a watchdog it always should, to prove that alerts arrive"
    )


def _watching(rule: AlertRule) -> Line:
    return line(f"{_GREEN} ", Strong(_name(rule.name)), " fires, as a watchdog always does")


def _broken(rule: AlertRule) -> Line:
    return line("⚠️ ", Strong(_name(rule.name)), " cannot be evaluated: ", _words_of_prometheus(rule.problem))


def _never_firing(never: NeverFiring, fact: EnvironmentRules) -> Line:
    where = f' with {fact.label}="{fact.environment}"' if fact.label else ""
    whose = f" for {fact.environment}" if fact.label else ""
    missing = join(" ", (Code(clip(redact(each), _MAX_NAME)) for each in never.missing[:_MAX_SELECTORS]))
    more = len(never.missing) - _MAX_SELECTORS
    end = f" and {more} more" if more > 0 else ""
    reason = f" can never fire{whose}: no series{where} in the last {format_duration(LOOK_BACK)} of "
    return line("🕳️ ", Strong(_name(never.rule.name)), reason, missing, end)


def _unknown(fact: EnvironmentRules) -> Iterator[Line]:
    """What was not checked, and why."""
    verdicts = fact.verdicts
    if verdicts.unsettled:
        count = phrases.pluralize(verdicts.unsettled, "rule")
        yield line(f"{_UNKNOWN} whether the series of {count} exist is not known: ", verdicts.problem)
    if verdicts.undecidable:
        count = phrases.pluralize(verdicts.undecidable, "rule")
        yield line(f"{count} not checked: about what is absent, about another time, or in a form that is not understood")
    if len(fact.rules) > verdicts.undecidable and not (verdicts.never_firing or verdicts.unsettled):
        whose = "all others" if verdicts.undecidable else "all of them"
        yield line(f"{_GREEN} the series of {whose} were there in the last {format_duration(LOOK_BACK)}")


def _words_of_prometheus(problem: str) -> Line:
    """As code: underscores of names would become italics, and addresses links."""
    words = " ".join(problem.split())
    return line(Code(clip(words, _MAX_PROBLEM))) if words else ()


def _name(name: str) -> str:
    return clip(" ".join(name.split()), _MAX_NAME)
