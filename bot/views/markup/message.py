"""A page as a Slack message. Everything that leaves is redacted and fitted here, in one place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.views.markup import blocks, limits
from bot.views.markup.document import Block, Button, Buttons, Lines, Log, Menu, Page, Quote, Rule, Small, Title
from bot.views.markup.mrkdwn import clean_lines, code_block, escape, is_longer, plain, write
from bot.views.markup.spans import Line, line
from bot.views.markup.terminal import text_of
from domain.metrics.charts import Chart
from domain.redaction import redact

LOG_CHARACTERS = 2_400
"""A log is read from its end, and a phone shows about this much of it in two screens."""

_AIRY = 8
"""Sections of their own for up to this many entries: more would eat the 50 blocks of a message."""


@dataclass(frozen=True, slots=True)
class Message:
    """``text`` is what notifications and lock screens show; ``overflow`` is the full text where ``blocks`` show less.

    ``chart`` is to be drawn and shown beside it.
    """

    text: str
    blocks: tuple[dict[str, Any], ...]
    overflow: str | None = None
    chart: Chart | None = None


def message_of(page: Page) -> Message:
    """The page as Slack accepts it."""
    fitted, is_short = limits.fit(redacted(blocks_of(page.blocks)))
    is_short = is_short or any(_leaves_out(block) for block in page.blocks)
    summary = limits.cut(redact(write(page.summary)), limits.SUMMARY)
    return Message(summary or "deepecho", fitted, text_of(page) if is_short and page.spills else None, page.chart)


def blocks_of(page_blocks: Iterable[Block]) -> list[dict[str, Any]]:
    """The page's blocks as Slack's, not yet fitted."""
    return [made for block in page_blocks for made in _made(block)]


def redacted(made: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks with every text that a person reads redacted once more, whole: a secret may span two pieces of a line."""
    return [_redacted(block) for block in made]


def _redacted(value: Any) -> Any:
    if isinstance(value, list):
        return [_redacted(each) for each in value]
    if isinstance(value, dict):
        return {key: redact(each) if key == "text" and isinstance(each, str) else _redacted(each) for key, each in value.items()}
    return value


def _made(block: Block) -> list[dict[str, Any]]:  # noqa: PLR0911 -- one for each kind
    match block:
        case Title(text):
            return [blocks.header(plain(text))]
        case Lines():
            return [blocks.section(text) for text in _paragraphs(block)]
        case Quote(text):
            return [blocks.section(f"> {write(line(text))}")] if text.strip() else []
        case Log(lines):
            return _log(lines)
        case Small(written):
            return [blocks.context(write(written))]
        case Buttons(buttons):
            return [blocks.actions(*(_tappable(each) for each in buttons))]
        case Rule():
            return [blocks.divider()]


def _shown(listed: Lines) -> tuple[Line, ...]:
    more = len(listed.lines) - listed.most
    return (*listed.lines[: listed.most], line(f"and {more} more")) if more > 0 else listed.lines


def _paragraphs(listed: Lines) -> list[str]:
    texts = [write(each) for each in _shown(listed)]
    if listed.is_airy and len(texts) <= _AIRY:
        return texts
    return _chunks(texts, "\n\n" if listed.is_airy else "\n")


def _chunks(texts: Iterable[str], between: str) -> list[str]:
    chunks = [""]
    for text in texts:
        joined = f"{chunks[-1]}{between}{text}" if chunks[-1] else text
        if limits.size(joined) <= limits.SECTION:
            chunks[-1] = joined
        else:
            chunks.append(text)
    return chunks


def _log(lines: tuple[str, ...]) -> list[dict[str, Any]]:
    tail = _tail(lines)
    if not tail.strip():
        return []
    made = [blocks.section(code_block(tail))]
    return [blocks.context("The last lines; all of them are in the file in this thread."), *made] if _is_cut(lines) else made


def _tail(lines: tuple[str, ...]) -> str:
    """The last lines that fit, whole ones where one fits at all. Measured as they will be sent, entities and all."""
    text = clean_lines("\n".join(lines))
    if limits.size(escape(text)) <= LOG_CHARACTERS:
        return text
    kept: list[str] = []
    room = LOG_CHARACTERS
    for each in reversed(text.splitlines()):
        room -= limits.size(escape(each)) + 1
        if room < 0:
            break
        kept.insert(0, each)
    return "\n".join(kept) or text[-LOG_CHARACTERS // 6 :]


def _is_cut(lines: tuple[str, ...]) -> bool:
    return limits.size(escape(clean_lines("\n".join(lines)))) > LOG_CHARACTERS


def _leaves_out(block: Block) -> bool:
    match block:
        case Lines(lines, most):
            return len(lines) > most or any(is_longer(each) for each in lines)
        case Quote(text):
            return is_longer(line(text))
        case Log(lines):
            return _is_cut(lines)
        case _:
            return False


def _tappable(element: Button | Menu) -> dict[str, Any]:
    return _menu(element) if isinstance(element, Menu) else _button(element)


def _menu(menu: Menu) -> dict[str, Any]:
    options = [blocks.option(plain(each.text), each.value) for each in menu.options]
    return blocks.select(plain(menu.text), action=menu.action, options=options)


def _button(button: Button) -> dict[str, Any]:
    asked = button.confirm
    question = (
        blocks.confirm(plain(asked.title), plain(asked.text), yes=asked.yes, no=asked.no, style=button.style or "primary")
        if asked
        else None
    )
    return blocks.button(plain(button.text), action=button.action, value=button.value, style=button.style, confirm=question)
