"""Forms and Home tabs, a stack of forms for each person, as the real Slack keeps them."""

import time
import uuid
from dataclasses import dataclass, field

from sandbox.slack import people
from sandbox.slack.errors import Json, WebApiError

MAX_VIEW_STACK = 3


@dataclass(slots=True)
class ViewStore:
    """``stacks`` and ``homes`` by user id; ``errors`` is what the last submission was answered with."""

    stacks: dict[str, list[Json]] = field(default_factory=dict)
    homes: dict[str, Json] = field(default_factory=dict)
    errors: dict[str, Json] = field(default_factory=dict)

    def clear(self) -> None:
        self.stacks.clear()
        self.homes.clear()
        self.errors.clear()

    def top(self, user: str) -> Json | None:
        """The form in front of a person."""
        stack = self.stacks.get(user)
        return stack[-1] if stack else None

    def open(self, user: str, view: Json) -> Json:
        """A new form alone in front of a person."""
        opened = self._new(view)
        self.stacks[user] = [opened]
        self.errors.pop(user, None)
        return opened

    def push(self, user: str, view: Json) -> Json:
        """A new form on top of the ones a person has open; three at most."""
        stack = self.stacks.get(user) or []
        if len(stack) >= MAX_VIEW_STACK:
            raise WebApiError("push_limit_reached")
        if not stack:
            raise WebApiError("not_found")
        pushed = self._new(view)
        pushed["root_view_id"] = stack[0]["id"]
        pushed["previous_view_id"] = stack[-1]["id"]
        stack.append(pushed)
        self.errors.pop(user, None)
        return pushed

    def update(self, view: Json, *, view_id: str | None, external_id: str | None, expected_hash: str | None) -> tuple[str, Json]:
        """Replace an open modal, keeping its id; return its user and the modal. ``expected_hash`` must match, where given."""
        for user, stack in self.stacks.items():
            for number, current in enumerate(stack):
                if view_id != current["id"] if view_id else external_id != current.get("external_id"):
                    continue
                if expected_hash and expected_hash != current["hash"]:
                    raise WebApiError("hash_conflict")
                stack[number] = self._updated(current, view)
                self.errors.pop(user, None)
                return user, stack[number]
        raise WebApiError("not_found")

    def publish(self, user: str, view: Json, expected_hash: str | None) -> Json:
        """Replace a person's Home tab."""
        current = self.homes.get(user)
        if expected_hash and (current is None or current["hash"] != expected_hash):
            raise WebApiError("hash_conflict")
        self.homes[user] = self._updated(current, view) if current else self._new(view)
        return self.homes[user]

    def close(self, user: str, *, everything: bool = False) -> Json | None:
        """Take the top form away, or all of them; the one that was on top."""
        stack = self.stacks.get(user)
        if not stack:
            return None
        closed = stack.pop()
        if everything:
            stack.clear()
        self.errors.pop(user, None)
        return closed

    def find(self, view_id: str) -> tuple[str, Json]:
        """A person and the form or Home tab with this id. Raises `not_found`."""
        for user, stack in self.stacks.items():
            for view in stack:
                if view["id"] == view_id:
                    return user, view
        for user, view in self.homes.items():
            if view["id"] == view_id:
                return user, view
        raise WebApiError("not_found")

    def _new(self, view: Json) -> Json:
        external_id = view.get("external_id") or ""
        if external_id and any(
            open_view.get("external_id") == external_id for stack in self.stacks.values() for open_view in stack
        ):
            raise WebApiError("duplicate_external_id")
        view_id = f"V{uuid.uuid4().hex[:10].upper()}"
        return {
            "id": view_id,
            "team_id": people.TEAM_ID,
            "app_id": people.APP_ID,
            "app_installed_team_id": people.TEAM_ID,
            "bot_id": people.BOT_ID,
            "root_view_id": view_id,
            "previous_view_id": None,
            "state": {"values": {}},
            **_content(view),
        }

    def _updated(self, current: Json, view: Json) -> Json:
        preserved = {key: current[key] for key in ("id", "root_view_id", "previous_view_id")}
        return {**current, **_content(view), **preserved}


def _content(view: Json) -> Json:
    return {
        "type": view["type"],
        "title": view.get("title"),
        "submit": view.get("submit"),
        "close": view.get("close"),
        "blocks": with_block_ids(view["blocks"]),
        "private_metadata": view.get("private_metadata") or "",
        "callback_id": view.get("callback_id") or "",
        "external_id": view.get("external_id") or "",
        "clear_on_close": bool(view.get("clear_on_close")),
        "notify_on_close": bool(view.get("notify_on_close")),
        "hash": f"{int(time.time())}.{uuid.uuid4().hex[:8]}",
    }


def with_block_ids(blocks: list[Json]) -> list[Json]:
    """Slack names every block that came without a ``block_id``, and every element without an ``action_id``."""
    return [_with_ids(block) for block in blocks]


def _with_ids(block: Json) -> Json:
    named = {**block, "block_id": block.get("block_id") or uuid.uuid4().hex[:5]}
    if named["type"] == "actions":
        named["elements"] = [_with_action_id(element) for element in named["elements"]]
    for key in ("accessory", "element"):
        if isinstance(named.get(key), dict) and named[key].get("type") != "image":
            named[key] = _with_action_id(named[key])
    return named


def _with_action_id(element: Json) -> Json:
    return {**element, "action_id": element.get("action_id") or uuid.uuid4().hex[:5]}
