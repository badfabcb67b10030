"""What people read before a silence ends, with what they can do, and afterwards what became of it."""

from datetime import datetime, timedelta

from bot.views.markup.document import Actions, Block, Button, Context, Document, Paragraph
from bot.views.markup.spans import Line, Strong, join_dots, line
from domain.alerts.silence_endings import SilenceEnding
from domain.rich_text import Code, CommandMention, Timestamp, UserMention

EXTEND, EXTEND_LONGER, LET_END = "silence.extend", "silence.extend-longer", "silence.let-end"

_EXTENSIONS = (("1 hour more", EXTEND, timedelta(hours=1)), ("3 hours more", EXTEND_LONGER, timedelta(hours=3)))


def silence_ending(fact: SilenceEnding) -> Document:
    """To its owner or to whoever is on call. Once it is decided, there is nothing to press any more."""
    if fact.decision:
        text = line("🔕 ", Strong(fact.subject), " · the silence of ", UserMention(fact.owner), ": ", fact.decision)
        return Document(summary=text, blocks=(Paragraph((text,)), Context(line(Code(fact.group_id)))))
    headline = line(_whose(fact), " ends at ", Timestamp(fact.until, time_only=True), ": ", _then(fact.hidden))
    lines = [headline]
    lines += [line(UserMention(fact.let_end_by), " has seen it and lets it end.")] if fact.let_end_by else []
    lines += [line(f"You are told because you are on call for {fact.team}, and it is night.")] if fact.team else []
    blocks: list[Block] = [Paragraph(tuple(lines)), Actions(_buttons(fact)), Context(_commands(fact))]
    return Document(summary=join_dots(headline, fact.group_id), blocks=tuple(blocks))


def _whose(fact: SilenceEnding) -> Line:
    if not fact.team:
        return line("⏰ ", UserMention(fact.told), ", your silence of ", Strong(fact.subject))
    return line("⏰ The silence of ", UserMention(fact.owner), " on ", Strong(fact.subject))


def _then(hidden: int | None) -> str:
    if hidden is None:
        return "what fires under it will notify again. What that is, Alertmanager did not say."
    if hidden == 0:
        return "nothing fires under it now."
    fires = "1 alert fires" if hidden == 1 else f"{hidden:,} alerts fire"
    return f"{fires} under it and will notify again."


def _buttons(fact: SilenceEnding) -> tuple[Button, ...]:
    buttons = [
        Button(text=text, action=action, value=f"{fact.group_id}/{_typed(fact.until + more)}")
        for text, action, more in _EXTENSIONS
    ]
    if fact.let_end_by is None:
        buttons.append(Button(text="Let it end", action=LET_END, value=fact.group_id))
    return tuple(buttons)


def _commands(fact: SilenceEnding) -> Line:
    extend, end = CommandMention(f"silence extend {fact.group_id} 1h"), CommandMention(f"unsilence {fact.group_id}")
    return join_dots(Code(fact.group_id), line("or type ", extend), line("to end it now: ", end))


def _typed(at: datetime) -> str:
    """An instant, not a span: a second tap on a button changes nothing."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
