"""What Slack refuses in messages, views and names, as pure functions. Numbers: slack_sdk's models and Slack's pages."""

import json
import re
from typing import Literal

from sandbox.slack.errors import Json, WebApiError
from sandbox.slack.limits_blocks import Surface, check_block

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
POST_TEXT = 40_000
UPDATE_TEXT = 4_000
ALL_BLOCKS_TEXT = 13_200
ATTACHMENTS = 100
METADATA_BYTES = 8_000
VIEW_BYTES = 250_000
PRIVATE_METADATA = 3_000
MAX_VIEW_LABEL = 24
IDENTIFIER = 255
CHANNEL_NAME = 80
TOPIC = 250


def blocks_errors(blocks: object, surface: Surface, pointer: str = "/blocks") -> list[str]:
    """What is wrong with a list of blocks, in Slack's words, each with its place."""
    if not isinstance(blocks, list):
        return [f"must be an array [json-pointer:{pointer}]"]
    limit = MESSAGE_BLOCKS if surface == "message" else VIEW_BLOCKS
    errors = [] if len(blocks) <= limit else [f"no more than {limit} items allowed [json-pointer:{pointer}]"]
    seen: set[str] = set()
    for number, block in enumerate(blocks):
        block_pointer = f"{pointer}/{number}"
        errors += check_block(block, surface, block_pointer)
        block_id = block.get("block_id") if isinstance(block, dict) else None
        if block_id and block_id in seen:
            errors.append(f"`block_id` already exists [json-pointer:{block_pointer}/block_id]")
        seen.add(str(block_id))
    return errors


def check_message(args: Json, *, is_update: bool = False) -> None:
    """Refuse a message as chat.postMessage and chat.update would. Raises `Refused`."""
    text, blocks, attachments = args.get("text"), args.get("blocks"), args.get("attachments")
    if not text and not blocks and not attachments and not (is_update and (blocks == [] or attachments == [])):
        raise WebApiError("no_text")
    if text is not None and len(str(text)) > (UPDATE_TEXT if is_update else POST_TEXT):
        raise WebApiError("msg_too_long")
    check_message_blocks(blocks or [])
    if isinstance(attachments, list):
        if len(attachments) > ATTACHMENTS:
            raise WebApiError("too_many_attachments")
        for attachment in attachments:
            check_message_blocks(attachment.get("blocks", []))
    if (metadata := args.get("metadata")) is not None:
        check_metadata(metadata)


def check_message_blocks(blocks: object) -> None:
    """Raises `invalid_blocks`, or `msg_blocks_too_long` for the sum over all blocks that no page documents."""
    if errors := blocks_errors(blocks, "message"):
        raise WebApiError("invalid_blocks", errors, errors=errors)
    if count_characters(blocks) > ALL_BLOCKS_TEXT:
        raise WebApiError("msg_blocks_too_long")


def count_characters(value: object) -> int:
    """All characters that a person could read in ``value``."""
    if isinstance(value, list):
        return sum(count_characters(item) for item in value)
    if isinstance(value, dict):
        own = len(value["text"]) if isinstance(value.get("text"), str) else 0
        return own + sum(count_characters(item) for item in value.values() if isinstance(item, dict | list))
    return 0


def check_metadata(metadata: object) -> None:
    """Raises `invalid_metadata_format` and `metadata_too_large`. An empty object is allowed: it removes."""
    if metadata == {}:
        return
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_payload"), dict):
        raise WebApiError("invalid_metadata_format")
    if not isinstance(metadata.get("event_type"), str) or not metadata["event_type"]:
        raise WebApiError("invalid_metadata_format")
    if len(json.dumps(metadata).encode()) > METADATA_BYTES:
        raise WebApiError("metadata_too_large")


def check_view(view: object, kind: Literal["modal", "home"]) -> Json:
    """Refuse a view as views.open, .push, .update and .publish would; the view itself. Raises `Refused`."""
    if not isinstance(view, dict):
        raise WebApiError("invalid_arguments", ["missing required field: view [json-pointer:/view]"])
    errors = [] if view.get("type") == kind else [f"must be of type {kind} [json-pointer:/view/type]"]
    errors += blocks_errors(view.get("blocks"), kind, "/view/blocks")
    for word, is_needed in (("title", kind == "modal"), ("submit", _needs_submit(view, kind)), ("close", False)):
        errors += _word_errors(view, word, is_needed=is_needed)
    for key, limit in (("private_metadata", PRIVATE_METADATA), ("callback_id", IDENTIFIER), ("external_id", IDENTIFIER)):
        if len(str(view.get(key) or "")) > limit:
            errors.append(f"must be less than {limit + 1} characters [json-pointer:/view/{key}]")
    if errors:
        raise WebApiError("invalid_arguments", errors)
    if len(json.dumps(view).encode()) > VIEW_BYTES:
        raise WebApiError("view_too_large")
    return view


def _needs_submit(view: Json, kind: str) -> bool:
    blocks = view.get("blocks")
    return kind == "modal" and isinstance(blocks, list) and any(block.get("type") == "input" for block in blocks)


def _word_errors(view: Json, word: str, *, is_needed: bool) -> list[str]:
    value = view.get(word)
    if value is None:
        return [f"missing required field: {word} [json-pointer:/view]"] if is_needed else []
    if not isinstance(value, dict) or value.get("type") != "plain_text" or not value.get("text"):
        return [f"must be a plain_text object with text [json-pointer:/view/{word}]"]
    if len(value["text"]) > MAX_VIEW_LABEL:
        return [f"must be less than {MAX_VIEW_LABEL + 1} characters [json-pointer:/view/{word}/text]"]
    return []


def check_channel_name(name: object) -> str:
    """A new channel's name. Raises the `invalid_name…` that conversations.create would."""
    if not isinstance(name, str) or not name:
        raise WebApiError("invalid_name_required")
    if len(name) > CHANNEL_NAME:
        raise WebApiError("invalid_name_maxlength")
    if re.fullmatch(r"[-_]+", name):
        raise WebApiError("invalid_name_punctuation")
    if not re.fullmatch(r"[a-z0-9_-]+", name):
        raise WebApiError("invalid_name_specials")
    return name
