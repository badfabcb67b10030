"""Blocks and forms that several tests post."""

from typing import Any

Block = dict[str, Any]


def plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text}


def section(text: str, **more: Any) -> Block:
    return {"type": "section", "text": mrkdwn(text), **more}


def button(label: str, action_id: str, value: str = "op-k7m2", **more: Any) -> Block:
    return {"type": "button", "text": plain(label), "action_id": action_id, "value": value, **more}


def actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def text_field(action_id: str, **more: Any) -> Block:
    element = {"type": "plain_text_input", "action_id": action_id}
    return {"type": "input", "block_id": action_id, "label": plain(action_id.title()), "element": element, **more}


def form(*blocks: Block, title: str = "Roll back", **more: Any) -> Block:
    content = list(blocks) or [text_field("reason")]
    return {"type": "modal", "title": plain(title), "submit": plain("Preview"), "blocks": content, **more}


CARD = [
    {"type": "header", "text": plain("⏪  Roll back deep-echo in production")},
    section("*to* `main-abc1234`"),
    actions(button("Approve", "approve", style="primary"), button("Reject", "reject", style="danger")),
]
METADATA = {"event_type": "deepecho_message", "event_payload": {"row": "op-k7m2/card"}}
