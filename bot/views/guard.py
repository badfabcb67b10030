"""The deploy guard: its card in the thread of the deploy, the evidence, and the list."""

from bot.views.markup.document import Actions, Block, Button, Confirm, Context, Document, Paragraph
from bot.views.markup.spans import Line, Strong, join_dots, line
from domain.answers.guard import GuardsAnswer, GuardStopped
from domain.guard.guard import Guard, GuardState
from domain.guard.notes import GuardChart
from domain.guard.verdict import Verdict, explain, needed_for_worse
from domain.metrics.chart_text import describe_chart
from domain.rich_text import Code, CommandMention, Timestamp

PUT_BACK = "guard.put-back"
STOP = "guard.stop"
_EMOJI = {Verdict.WELL: "🟢", Verdict.WORSE: "🔴", Verdict.CANNOT_TELL: "⚪"}
_MAX_FINDINGS = 20


def card(guard: Guard) -> Document:
    """Edited in place, from the beginning of the bake time to what followed."""
    blocks: list[Block] = [Paragraph((_headline(guard), *_so_far(guard)))]
    blocks += [Paragraph(tuple(_finding_lines(guard)), max_lines=_MAX_FINDINGS)] if guard.comparisons else []
    blocks += [Paragraph((line(guard.outcome),))] if guard.outcome else []
    if guard.traces:
        blocks.append(Paragraph((line(Strong("Traces since the deploy")), *(line("• ", each) for each in guard.traces))))
    blocks += [Actions(_buttons(guard))] if _buttons(guard) else []
    needed = needed_for_worse(guard.comparisons) if guard.verdict is not Verdict.WORSE and guard.comparisons else ""
    measured = line("measured ", Timestamp(guard.checked_at)) if guard.checked_at else "not measured yet"
    blocks.append(Context(join_dots(Code(guard.operation), measured, needed)))
    return Document(summary=join_dots(_headline(guard), guard.outcome), blocks=tuple(blocks))


def chart(fact: GuardChart) -> Document:
    """One objective as a picture; its numbers also in words."""
    text = join_dots(Strong(fact.chart.title), describe_chart(fact.chart))
    return Document(summary=text, blocks=(Paragraph((text,)),), chart=fact.chart)


def guards(fact: GuardsAnswer) -> Document:
    """One paragraph for each deploy, the open ones first."""
    blocks: list[Block] = [Paragraph(_listed(each)) for each in fact.guards]
    if not fact.guards:
        blocks.append(Paragraph((line("No deploy was guarded here yet."),)))
    if fact.unguarded:
        blocks.append(Context(line(f"Not guarded: {', '.join(fact.unguarded)}. The catalogue's guard: section switches it on.")))
    watched = sum(not each.state.final for each in fact.guards)
    return Document(summary=line(f"Deploy guard: {watched} watched now"), blocks=tuple(blocks))


def stopped(fact: GuardStopped) -> Document:
    """What a person reads who stopped it."""
    text = line("Nothing is put back by itself any more. What runs in ", fact.guard.environment, f": {fact.guard.deployed}.")
    return Document(summary=text, blocks=(Paragraph((text,)),))


def _headline(guard: Guard) -> Line:
    what = f"deploy {guard.deployed} in {guard.environment}"
    if guard.state is GuardState.BAKING:
        return join_dots(line("🛡️ ", Strong("Watching"), f" {what}"), line("until ", Timestamp(guard.until, time_only=True)))
    if guard.state is GuardState.TAKEN_OVER:
        return line("🛡️ ", Strong("No longer watched"), f": {what}")
    return line(f"{_EMOJI[guard.verdict]} ", Strong(_capitalized(guard.verdict.value)), f": {what}")


def _so_far(guard: Guard) -> tuple[Line, ...]:
    """The verdict in its own sentence; before the end of the bake time as what it would be now."""
    if not guard.comparisons:
        return (line("nothing is measured here"),) if guard.state is GuardState.ENDED else ()
    return (line("so far ", explain(guard.findings)),) if guard.state is GuardState.BAKING else ()


def _finding_lines(guard: Guard) -> list[Line]:
    if guard.state is GuardState.BAKING:
        return []
    return [line(f"{_EMOJI[each.verdict]} ", each.text) for each in guard.findings]


def _buttons(guard: Guard) -> tuple[Button, ...]:
    if guard.state is GuardState.OFFERED:
        ask = Confirm(
            "Put it back?", f"{guard.previous} comes back to {guard.environment}, exactly as it was.", "Put back", "Not yet"
        )
        return (
            Button(text=f"Put back {guard.previous}"[:70], action=PUT_BACK, value=guard.operation, style="danger", confirm=ask),
        )
    if guard.state is GuardState.BAKING:
        return (Button(text="Stop watching", action=STOP, value=guard.operation),)
    return ()


def _listed(guard: Guard) -> tuple[Line, ...]:
    verdict = explain(guard.findings) if guard.comparisons else "not measured yet"
    command: Line = ()
    if guard.state is GuardState.OFFERED:
        command = line(CommandMention(f"guard put-back {guard.operation}"))
    return (_headline(guard), join_dots(verdict, guard.outcome), join_dots(Code(guard.operation), command))


def _capitalized(word: str) -> str:
    return f"{word[0].upper()}{word[1:]}"
