"""Block Kit, as few words as it takes. Texts are markup already; ``limits`` cuts what is too long."""

from typing import Any

Block = dict[str, Any]


def plain_text(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def mrkdwn(text: str) -> Block:
    """``verbatim``: what looks like a mention, a channel or a link in somebody's words stays what they wrote."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def header(text: str) -> Block:
    return {"type": "header", "text": plain_text(text)}


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}


def fields(*texts: str) -> Block:
    return {"type": "section", "fields": [mrkdwn(text) for text in texts]}


def context(*texts: str) -> Block:
    return {"type": "context", "elements": [mrkdwn(text) for text in texts]}


def divider() -> Block:
    return {"type": "divider"}


def actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def button(text: str, *, action: str, value: str, style: str = "", confirm: Block | None = None) -> Block:
    """``style``: ``primary``, ``danger`` or nothing."""
    made: Block = {"type": "button", "text": plain_text(text), "action_id": action, "value": value}
    return made | ({"style": style} if style else {}) | ({"confirm": confirm} if confirm else {})


def option(text: str, value: str) -> Block:
    return {"text": plain_text(text), "value": value}


def select(text: str, *, action: str, options: list[Block]) -> Block:
    """A menu; ``text`` stands on it until something is picked."""
    return {"type": "static_select", "placeholder": plain_text(text), "action_id": action, "options": options}


def confirm(title: str, text: str, *, yes: str, no: str, style: str = "primary") -> Block:
    """The question that a button asks before it acts."""
    return {
        "title": plain_text(title),
        "text": plain_text(text),
        "confirm": plain_text(yes),
        "deny": plain_text(no),
        "style": style,
    }
