"""Renders a document as a Slack message. Redaction and Slack's limits are applied here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.views.markup import blocks, limits
from bot.views.markup.document import (
    Actions,
    Block,
    Button,
    CodeBlock,
    Context,
    Divider,
    Document,
    Header,
    Image,
    Paragraph,
    Quote,
    SelectMenu,
    TextFile,
)
from bot.views.markup.mrkdwn import clean_lines, code_block, escape, is_truncated, plain, to_mrkdwn
from bot.views.markup.spans import Line, line
from bot.views.markup.terminal import text_of
from domain.metrics.charts import AnyChart
from domain.redaction import redact
from domain.text import and_more

MAX_LOG_CHARACTERS = 2_400
"""Characters of a log: about two screens of a phone, from its end."""

_MAX_SPACED_SECTIONS = 8
"""Up to this many entries get a section each; more would use up the 50 blocks of a message."""


@dataclass(frozen=True, slots=True)
class Message:
    """``text`` is what notifications and lock screens show; ``overflow`` is the full text where ``blocks`` show less.

    ``chart`` is drawn and uploaded into its thread; ``file`` and ``image`` are uploaded as they are.
    """

    text: str
    blocks: tuple[dict[str, Any], ...]
    overflow: str | None = None
    chart: AnyChart | None = None
    file: TextFile | None = None
    image: Image | None = None

    @property
    def has_attachment(self) -> bool:
        """Whether a file belongs into its thread."""
        return bool(self.overflow) or any((self.chart, self.file, self.image))


def message_of(page: Document) -> Message:
    """The document as a message within Slack's limits."""
    fitted, is_shortened = limits.fit(redacted(blocks_of(page.blocks)))
    is_shortened = is_shortened or any(_is_shortened(block) for block in page.blocks)
    summary = limits.cut(redact(to_mrkdwn(page.summary)), limits.SUMMARY)
    overflow = text_of(page) if is_shortened and page.overflows_to_file else None
    file = TextFile(page.file.name, clean_lines(page.file.text)) if page.file else None
    return Message(summary or "deepecho", fitted, overflow, page.chart, file, page.image)


def blocks_of(page_blocks: Iterable[Block]) -> list[dict[str, Any]]:
    """The document's blocks as Slack's, not yet within its limits."""
    return [made for block in page_blocks for made in _to_slack_blocks(block)]


def redacted(slack_blocks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks with every text redacted again, as a whole: a secret may span two spans of a line."""
    return [_redacted(block) for block in slack_blocks]


def _redacted(value: Any) -> Any:
    if isinstance(value, list):
        return [_redacted(each) for each in value]
    if isinstance(value, dict):
        return {key: redact(each) if key == "text" and isinstance(each, str) else _redacted(each) for key, each in value.items()}
    return value


def _to_slack_blocks(block: Block) -> list[dict[str, Any]]:  # noqa: PLR0911 -- one for each kind
    match block:
        case Header(text):
            return [blocks.header(plain(text))]
        case Paragraph():
            return [blocks.section(text) for text in _paragraphs(block)]
        case Quote(text):
            return [blocks.section(f"> {to_mrkdwn(line(text))}")] if text.strip() else []
        case CodeBlock():
            return _code_block(block)
        case Context(content):
            return [blocks.context(to_mrkdwn(content))]
        case Actions(buttons):
            return [blocks.actions(*(_action_element(each) for each in buttons))]
        case Divider():
            return [blocks.divider()]


def _visible_lines(paragraph: Paragraph) -> tuple[Line, ...]:
    more = and_more(len(paragraph.lines) - paragraph.max_lines)
    return (*paragraph.lines[: paragraph.max_lines], line(more)) if more else paragraph.lines


def _paragraphs(paragraph: Paragraph) -> list[str]:
    texts = [to_mrkdwn(each) for each in _visible_lines(paragraph)]
    if paragraph.spaced and len(texts) <= _MAX_SPACED_SECTIONS:
        return texts
    return _chunks(texts, "\n\n" if paragraph.spaced else "\n")


def _chunks(texts: Iterable[str], between: str) -> list[str]:
    chunks = [""]
    for text in texts:
        joined = f"{chunks[-1]}{between}{text}" if chunks[-1] else text
        if limits.text_length(joined) <= limits.SECTION:
            chunks[-1] = joined
        else:
            chunks.append(text)
    return chunks


def _code_block(block: CodeBlock) -> list[dict[str, Any]]:
    tail = _tail(block.lines[-block.max_lines :])
    if not tail.strip():
        return []
    sections = [blocks.section(code_block(tail))]
    return [blocks.context("The last lines; all of them are in the file."), *sections] if _is_cut(block) else sections


def _tail(lines: tuple[str, ...]) -> str:
    """The last whole lines that fit, measured after escaping; the end of the last line where not even that fits."""
    text = clean_lines("\n".join(lines))
    if limits.text_length(escape(text)) <= MAX_LOG_CHARACTERS:
        return text
    tail: list[str] = []
    available = MAX_LOG_CHARACTERS
    for text_line in reversed(text.splitlines()):
        available -= limits.text_length(escape(text_line)) + 1
        if available < 0:
            break
        tail.insert(0, text_line)
    return "\n".join(tail) or text[-MAX_LOG_CHARACTERS // 6 :]


def _is_cut(block: CodeBlock) -> bool:
    text = escape(clean_lines("\n".join(block.lines)))
    return len(block.lines) > block.max_lines or limits.text_length(text) > MAX_LOG_CHARACTERS


def _is_shortened(block: Block) -> bool:
    match block:
        case Paragraph(lines, max_lines):
            return len(lines) > max_lines or any(is_truncated(each) for each in lines)
        case Quote(text):
            return is_truncated(line(text))
        case CodeBlock():
            return _is_cut(block)
        case _:
            return False


def _action_element(element: Button | SelectMenu) -> dict[str, Any]:
    return _select_menu(element) if isinstance(element, SelectMenu) else _button(element)


def _select_menu(menu: SelectMenu) -> dict[str, Any]:
    options = [blocks.option(plain(each.text), each.value) for each in menu.options]
    return blocks.select(plain(menu.text), action=menu.action, options=options)


def _button(button: Button) -> dict[str, Any]:
    confirm = button.confirm
    confirm_block = (
        blocks.confirm(plain(confirm.title), plain(confirm.text), yes=confirm.yes, no=confirm.no, style=button.style or "primary")
        if confirm
        else None
    )
    return blocks.button(plain(button.text), action=button.action, value=button.value, style=button.style, confirm=confirm_block)
