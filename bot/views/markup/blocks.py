"""Constructors of Block Kit elements. Texts are markup already; ``bot.views.markup.limits`` cuts what is too long."""

from typing import Any

SlackBlock = dict[str, Any]


def plain_text(text: str) -> SlackBlock:
    return {"type": "plain_text", "text": text, "emoji": False}


def mrkdwn(text: str) -> SlackBlock:
    """``verbatim``: Slack does not turn names, channels or URLs in the text into mentions and links."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def header(text: str) -> SlackBlock:
    return {"type": "header", "text": plain_text(text)}


def section(text: str) -> SlackBlock:
    return {"type": "section", "text": mrkdwn(text)}


def fields(*texts: str) -> SlackBlock:
    return {"type": "section", "fields": [mrkdwn(text) for text in texts]}


def context(*texts: str) -> SlackBlock:
    return {"type": "context", "elements": [mrkdwn(text) for text in texts]}


def divider() -> SlackBlock:
    return {"type": "divider"}


def actions(*elements: SlackBlock) -> SlackBlock:
    return {"type": "actions", "elements": list(elements)}


def button(text: str, *, action: str, value: str, style: str = "", confirm: SlackBlock | None = None) -> SlackBlock:
    """``style``: ``primary``, ``danger`` or nothing."""
    element: SlackBlock = {"type": "button", "text": plain_text(text), "action_id": action, "value": value}
    return element | ({"style": style} if style else {}) | ({"confirm": confirm} if confirm else {})


def option(text: str, value: str) -> SlackBlock:
    return {"text": plain_text(text), "value": value}


def select(text: str, *, action: str, options: list[SlackBlock]) -> SlackBlock:
    """A menu; ``text`` is its placeholder."""
    return {"type": "static_select", "placeholder": plain_text(text), "action_id": action, "options": options}


def confirm(title: str, text: str, *, yes: str, no: str, style: str = "primary") -> SlackBlock:
    """The confirmation dialog of a button."""
    return {
        "title": plain_text(title),
        "text": plain_text(text),
        "confirm": plain_text(yes),
        "deny": plain_text(no),
        "style": style,
    }
