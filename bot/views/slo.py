"""Service level objectives: the worst first, numbers in words and units."""

from bot.views.markup.document import Block, Context, Document, Paragraph
from bot.views.markup.spans import Line, Strong, join_dots, line
from bot.views.query_notices import notice_lines
from domain.answers.slo import EnvironmentSlo, SloAnswer
from domain.metrics.chart_text import format_number
from domain.metrics.slo import BUDGET_WINDOW, BurnRate, SloStatus, value_text
from domain.rich_text import Timestamp
from domain.text import format_duration

_UNKNOWN, _BROKEN, _SPENT, _KEPT = "❔", "🔴", "🟡", "🟢"
_ORDER = (_BROKEN, _UNKNOWN, _SPENT, _KEPT)


def slo(fact: SloAnswer) -> Document:
    """One paragraph for each environment."""
    blocks: list[Block] = [Paragraph(_environment(each), max_lines=40) for each in fact.environments]
    summary = join_dots(*(f"{_worst(each)} {each.environment}" for each in fact.environments))
    note = f"budget: of {format_duration(BUDGET_WINDOW.span)} · at a rate of 1 it is spent exactly"
    return Document(
        summary=line("Objectives: ", summary), blocks=(*blocks, Context(join_dots(line("as of ", Timestamp(fact.at)), note)))
    )


def _environment(environment: EnvironmentSlo) -> tuple[Line, ...]:
    head = line(Strong(environment.environment))
    if environment.problem:
        return (join_dots(line(f"{_UNKNOWN} ", head), environment.problem),)
    objectives = sorted(environment.objectives, key=lambda each: _ORDER.index(_emoji(each)))
    notices = tuple(dict.fromkeys(notice for each in environment.objectives for notice in each.notices))
    notices = tuple(sorted(notices, key=lambda each: not each.is_warning))
    return (head, *(_objective(each) for each in objectives), *notice_lines(notices))


def _objective(status: SloStatus) -> Line:
    left = "" if status.budget_left is None else _budget(status.budget_left)
    burning = ", ".join(_burn(each) for each in status.burn_rates if each.rate)
    rates = f"burn rate {burning}" if burning else ""
    measured = line(f"{_emoji(status)} ", Strong(status.name), f" {value_text(status)}")
    return join_dots(measured, left, rates, status.problem)


def _budget(left: float) -> str:
    return f"{_percent(left)} of the budget left" if left >= 0 else f"the budget is overspent by {_percent(-left)}"


def _percent(share: float) -> str:
    return f"{format_number(100 * share, 3)} %"


def _burn(burn: BurnRate) -> str:
    return f"{format_number(burn.rate or 0.0, 2)} in {format_duration(burn.span)}"


def _emoji(status: SloStatus) -> str:
    if status.is_kept is None:
        return _UNKNOWN
    if not status.is_kept:
        return _BROKEN
    return _SPENT if status.budget_left is not None and status.budget_left < 0 else _KEPT


def _worst(environment: EnvironmentSlo) -> str:
    found = [_emoji(each) for each in environment.objectives]
    return min(found, key=_ORDER.index, default=_UNKNOWN)
