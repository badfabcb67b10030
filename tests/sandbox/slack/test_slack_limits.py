"""What the real Slack refuses, is refused here, in the same words."""

from typing import Any

import pytest

from sandbox.slack.errors import WebApiError
from sandbox.slack.limits import blocks_errors, check_channel_name, check_message, check_metadata, check_view
from tests.harness.samples.slack_blocks import CARD, Block, actions, button, form, mrkdwn, plain, section, text_field


def options(count: int, text: str = "one") -> list[Block]:
    return [{"text": plain(text), "value": str(number)} for number in range(count)]


def select(count: int = 2, **more: Any) -> Block:
    return {"type": "static_select", "action_id": "choose", "options": options(count), **more}


CONFIRM = {"title": plain("Sure?"), "text": mrkdwn("It restarts."), "confirm": plain("Yes"), "deny": plain("No")}
FINE: list[Block] = [
    *CARD,
    section("x" * 3000),
    {"type": "section", "fields": [mrkdwn("y" * 2000)] * 5},
    section("with menu", accessory={"type": "overflow", "action_id": "more", "options": options(5)}),
    actions(button("a" * 75, "long", "v" * 2000), select(100, placeholder=plain("p" * 150))),
    actions(button("Drop", "drop", confirm=CONFIRM)),
    {"type": "context", "elements": [mrkdwn("c"), {"type": "image", "image_url": "https://x/y.png", "alt_text": "y"}]},
    {"type": "divider"},
    {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": []}]},
    {"type": "markdown", "text": "# hello"},
    {"type": "image", "slack_file": {"id": "F1"}, "alt_text": "a chart"},
]


@pytest.mark.parametrize("block", FINE, ids=lambda block: block["type"])
def test_what_slack_takes_is_taken(block: Block) -> None:
    assert blocks_errors([block], "message") == []


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ({"type": "banner"}, "unsupported type: banner [json-pointer:/blocks/0/type]"),
        (section("x" * 3001), "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
        (section(""), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        ({"type": "section"}, "missing required field: text or fields [json-pointer:/blocks/0]"),
        ({"type": "section", "fields": [mrkdwn("a")] * 11}, "no more than 10 items allowed [json-pointer:/blocks/0/fields]"),
        ({"type": "section", "fields": [mrkdwn("y" * 2001)]}, "must be less than 2001 characters"),
        ({"type": "header", "text": plain("h" * 151)}, "must be less than 151 characters [json-pointer:/blocks/0/text/text]"),
        ({"type": "header", "text": mrkdwn("h")}, "must be one of plain_text"),
        ({"type": "context", "elements": [mrkdwn("a")] * 11}, "no more than 10 items allowed"),
        ({"type": "context", "elements": []}, "no less than 1 items allowed"),
        ({"type": "actions", "elements": []}, "no less than 1 items allowed"),
        (actions(*[button("b", f"b{n}") for n in range(26)]), "no more than 25 items allowed"),
        (actions(button("a" * 76, "long")), "must be less than 76 characters"),
        (actions(button("a", "long", "v" * 2001)), "must be less than 2001 characters"),
        (actions(button("a", "link", url="https://" + "u" * 3000)), "must be less than 3001 characters"),
        (actions(button("a", "styled", style="warning")), "must be one of primary, danger"),
        (actions(button("a", "same"), button("b", "same")), "`action_id` must be unique"),
        (actions(button("a", "i" * 256)), "must be less than 256 characters"),
        (actions(select(101)), "no more than 100 items allowed"),
        (actions(select(0)), "no less than 1 items allowed"),
        (actions(select(2, placeholder=plain("p" * 151))), "must be less than 151 characters"),
        (actions(select(2, initial_option={"text": plain("other"), "value": "9"})), "initial option must be one of the options"),
        (actions({**select(), "options": options(1, "o" * 76)}), "must be less than 76 characters"),
        (actions({**select(), "options": [{"text": plain("a"), "value": "v" * 151}]}), "must be less than 151 characters"),
        (actions({"type": "overflow", "action_id": "o", "options": options(6)}), "no more than 5 items allowed"),
        (actions({"type": "radio_buttons", "action_id": "r", "options": options(11)}), "no more than 10 items allowed"),
        (actions({"type": "plain_text_input", "action_id": "t"}), "unsupported type: plain_text_input"),
        (actions(button("a", "c", confirm={**CONFIRM, "title": plain("t" * 101)})), "must be less than 101 characters"),
        (actions(button("a", "c", confirm={**CONFIRM, "text": mrkdwn("t" * 301)})), "must be less than 301 characters"),
        ({"type": "image", "image_url": "https://x/y.png"}, "missing required field: alt_text"),
        ({"type": "markdown", "text": "m" * 12_001}, "must be less than 12001 characters"),
        ({"type": "section", "text": mrkdwn("a"), "block_id": "b" * 256}, "must be less than 256 characters"),
    ],
)
def test_a_bad_block_is_refused_with_its_place(block: Block, problem: str) -> None:
    with pytest.raises(WebApiError) as refusal:
        check_message({"blocks": [block]})
    assert refusal.value.error == "invalid_blocks"
    assert any(told.startswith(problem) for told in refusal.value.messages), refusal.value.messages


def test_a_message_has_at_most_fifty_blocks_with_names_of_their_own() -> None:
    assert blocks_errors([{"type": "divider"}] * 50, "message") == []
    assert blocks_errors([{"type": "divider"}] * 51, "message") == ["no more than 50 items allowed [json-pointer:/blocks]"]
    assert blocks_errors([{"type": "divider", "block_id": "a"}] * 2, "message") == [
        "`block_id` already exists [json-pointer:/blocks/1/block_id]"
    ]
    assert blocks_errors([{"type": "divider"}] * 100, "home") == []


def test_legal_blocks_can_be_too_long_together() -> None:
    check_message({"blocks": [section("x" * 2600)] * 5})
    with pytest.raises(WebApiError, match="msg_blocks_too_long"):
        check_message({"blocks": [section("x" * 2700)] * 5})


@pytest.mark.parametrize(
    ("args", "is_update", "error"),
    [
        ({}, False, "no_text"),
        ({"text": ""}, False, "no_text"),
        ({"text": "x" * 40_001}, False, "msg_too_long"),
        ({"text": "x" * 4_001}, True, "msg_too_long"),
        ({"text": "a", "attachments": [{}] * 101}, False, "too_many_attachments"),
        ({"text": "a", "attachments": [{"blocks": [{"type": "nonsense"}]}]}, False, "invalid_blocks"),
        ({"text": "a", "blocks": "not blocks"}, False, "invalid_blocks"),
        ({"text": "a", "metadata": {"event_type": "a"}}, False, "invalid_metadata_format"),
        ({"text": "a", "metadata": "words"}, False, "invalid_metadata_format"),
        ({"text": "a", "metadata": {"event_type": "a", "event_payload": {"k": "v" * 8000}}}, False, "metadata_too_large"),
    ],
)
def test_a_bad_message_is_refused(args: Block, is_update: bool, error: str) -> None:  # noqa: FBT001
    with pytest.raises(WebApiError) as refusal:
        check_message(args, is_update=is_update)
    assert refusal.value.error == error


def test_metadata_may_be_removed() -> None:
    check_metadata({})


@pytest.mark.parametrize(
    ("view", "problem"),
    [
        (form(title="t" * 25), "must be less than 25 characters [json-pointer:/view/title/text]"),
        (form(submit=plain("s" * 25)), "must be less than 25 characters [json-pointer:/view/submit/text]"),
        (form(submit=None), "missing required field: submit [json-pointer:/view]"),
        (form(close=plain("c" * 25)), "must be less than 25 characters [json-pointer:/view/close/text]"),
        (form(private_metadata="p" * 3001), "must be less than 3001 characters [json-pointer:/view/private_metadata]"),
        (form(callback_id="c" * 256), "must be less than 256 characters [json-pointer:/view/callback_id]"),
        (form(*[{"type": "divider"}] * 101), "no more than 100 items allowed [json-pointer:/view/blocks]"),
        (form({"type": "markdown", "text": "a"}), "unsupported type: markdown [json-pointer:/view/blocks/0/type]"),
        (form(text_field("reason", label=plain("l" * 2001))), "must be less than 2001 characters"),
        ({"type": "modal", "blocks": []}, "missing required field: title [json-pointer:/view]"),
        ({"type": "home", "blocks": []}, "must be of type modal [json-pointer:/view/type]"),
    ],
)
def test_a_bad_form_is_refused_with_its_place(view: Block, problem: str) -> None:
    with pytest.raises(WebApiError) as refusal:
        check_view(view, "modal")
    assert refusal.value.error == "invalid_arguments"
    assert any(told.startswith(problem) for told in refusal.value.messages), refusal.value.messages


def test_a_form_that_is_too_large_is_refused() -> None:
    with pytest.raises(WebApiError, match="view_too_large"):
        check_view(form(*[section("x" * 3000)] * 90), "modal")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", "invalid_name_required"),
        (None, "invalid_name_required"),
        ("a" * 81, "invalid_name_maxlength"),
        ("---", "invalid_name_punctuation"),
        ("Incident", "invalid_name_specials"),
        ("in cident", "invalid_name_specials"),
        ("incident.1", "invalid_name_specials"),
    ],
)
def test_a_bad_channel_name_is_refused(name: str | None, error: str) -> None:
    with pytest.raises(WebApiError) as refusal:
        check_channel_name(name)
    assert refusal.value.error == error


def test_an_incident_channel_has_a_good_name() -> None:
    assert check_channel_name("incident-2026-11-23-14-02") == "incident-2026-11-23-14-02"
