"""Messages and forms as a test looks at them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.slack.elements import elements
from sandbox.slack.errors import Json
from sandbox.slack.user_actions import message_blocks


def texts_in(value: object) -> Iterator[str]:
    """Every text that a person reads in blocks, in order: headers, sections, fields, context, labels of buttons."""
    if isinstance(value, list):
        for item in value:
            yield from texts_in(item)
    elif isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        for key, item in value.items():
            if key not in {"confirm", "options", "option_groups"} and isinstance(item, dict | list):
                yield from texts_in(item)


def button_labels(blocks: list[Json]) -> list[str]:
    return [element["text"]["text"] for _, element in elements(blocks) if element["type"] == "button"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message. ``visible_text`` is everything readable in it; ``raw`` is what the Web API returns."""

    channel: str
    ts: str
    user: str
    text: str
    visible_text: str
    blocks: tuple[Json, ...]
    all_blocks: tuple[Json, ...]
    buttons: tuple[str, ...]
    thread_ts: str | None
    ephemeral_to: str | None
    metadata: Json | None
    edits: int
    files: tuple[Json, ...]
    raw: Json

    @property
    def is_ephemeral(self) -> bool:
        return self.ephemeral_to is not None

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    @property
    def reactions(self) -> tuple[str, ...]:
        return tuple(reaction["name"] for reaction in self.raw.get("reactions", []))


def parse_message(raw: Json) -> MessageView:
    blocks = message_blocks(raw)
    text = str(raw.get("text") or "")
    return MessageView(
        channel=raw["channel"],
        ts=raw["ts"],
        user=str(raw.get("user", "")),
        text=text,
        visible_text="\n".join(texts_in(blocks)) or text,
        blocks=tuple(raw.get("blocks") or ()),
        all_blocks=tuple(blocks),
        buttons=tuple(button_labels(blocks)),
        thread_ts=raw.get("thread_ts"),
        ephemeral_to=raw.get("ephemeral_to"),
        metadata=raw.get("metadata"),
        edits=int(raw.get("edits", 0)),
        files=tuple(raw.get("files", ())),
        raw=raw,
    )


@dataclass(frozen=True, slots=True)
class ViewSnapshot:
    """A form or Home tab; ``errors`` is what the last submission was answered with, by block id."""

    raw: Json
    errors: Json

    @property
    def id(self) -> str:
        return str(self.raw["id"])

    @property
    def title(self) -> str:
        return str((self.raw.get("title") or {}).get("text", ""))

    @property
    def visible_text(self) -> str:
        return "\n".join(texts_in(self.raw["blocks"]))

    @property
    def buttons(self) -> list[str]:
        return button_labels(self.raw["blocks"])

    @property
    def fields(self) -> dict[str, Json]:
        """The form's input elements by action id."""
        found = elements(self.raw["blocks"])
        return {element["action_id"]: element for block, element in found if block["type"] == "input"}

    def value_of(self, action_id: str) -> Any:
        """What a field begins with: its initial text, option value, or id."""
        element = self.fields[action_id]
        initial = next((value for key, value in element.items() if key.startswith("initial_")), None)
        return initial["value"] if isinstance(initial, dict) else initial
