"""What a click means: words that a person could have typed, or nothing."""

import pytest

from bot.interactions.buttons import command_text
from bot.slack import payloads
from bot.slack.payloads import Interaction, Json
from domain.answers.answers import Form
from domain.inbound import InboundKind
from tests.harness.fakes.clock import NOW
from tests.harness.families import BUTTONS, house_registry, render
from tests.harness.message_text import buttons as shown
from tests.harness.samples.alerts import FIRING, SILENCED
from tests.harness.samples.team import RAY, alerting_catalogue


def clicked(action: str, value: str) -> Interaction:
    return Interaction(key="k", kind=InboundKind.ACTION, person=RAY.person, channel="C0OPS", action=action, value=value, at=NOW)


@pytest.mark.parametrize(
    ("action", "value", "words"),
    [
        ("operation.approve", "op-k7m2", "approve op-k7m2"),
        ("lock.unlock", "production", "unlock production"),
        ("alert.acknowledge", "al-k7m2", "ack al-k7m2"),
        ("alert.silence", "al-k7m2/1h", "silence al-k7m2 1h"),
        ("alert.silence", "al-k7m2/90m", "silence al-k7m2 90m"),
        ("alert.silence", "al-k7m2/other", "silence al-k7m2"),
        ("alert.unsilence", "al-k7m2", "unsilence al-k7m2"),
        ("alert.rollback", "al-k7m2", "rollback-suspect al-k7m2"),
        ("silence.extend", "al-k7m2/2026-11-23T15:02:00Z", "silence extend al-k7m2 2026-11-23T15:02:00Z"),
        ("silence.extend", "al-k7m2/2026-11-23T15:02:00Z --x", None),
        ("silence.extend", "al-k7m2", None),
        ("silence.extend", "al-k7m2/1h", None),
        ("silence.let-end", "al-k7m2", "silence let-end al-k7m2"),
        ("silence.let-end", "al-k7m2 --x", None),
        ("alert.acknowledge", "al-k7m2 --reason x", None),
        ("alert.acknowledge", "al-k7m2/1h", None),
        ("alert.silence", "al-k7m2", None),
        ("alert.silence", "al-k7m2/", None),
        ("alert.silence", "al-k7m2/1h extra", None),
        ("alert.silence", "al-k7m2/1h/2h", None),
        ("alert.silence", "../al/1h", None),
        ("alert.silence", "/1h", None),
        ("alert.rollback", "", None),
        ("unknown", "al-k7m2", None),
    ],
)
def test_a_click_is_words_or_nothing(action: str, value: str, words: str | None) -> None:
    assert command_text(BUTTONS, clicked(action, value)) == words


@pytest.mark.parametrize("fact", [FIRING, SILENCED], ids=["firing", "silenced"])
def test_everything_on_a_card_can_be_typed(fact: object) -> None:
    elements = shown(render(fact).blocks)
    assert elements
    for element in elements.values():
        values = [element["value"]] if element["type"] == "button" else [each["value"] for each in element["options"]]
        for value in values:
            words = command_text(BUTTONS, clicked(element["action_id"], value))
            assert words is not None
            assert house_registry().parse(alerting_catalogue(), words).args[0] == "al-k7m2"


def test_other_opens_a_form_that_knows_the_group() -> None:
    words = command_text(BUTTONS, clicked("alert.silence", "al-k7m2/other"))
    registry, catalogue = house_registry(), alerting_catalogue()
    form = registry.form(catalogue, registry.parse(catalogue, words or ""))
    assert isinstance(form, Form)
    blank = [(name, "") for name in ("for", "reason", "on-new", "more-than")]
    assert [(each.id, each.value) for each in form.fields] == [("alert", "al-k7m2"), *blank]


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ({"action_id": "alert.acknowledge", "value": "al-k7m2"}, "al-k7m2"),
        ({"action_id": "alert.silence", "selected_option": {"value": "al-k7m2/4h", "text": {}}}, "al-k7m2/4h"),
        ({"action_id": "alert.silence", "selected_option": None}, ""),
        ({"action_id": "alert.silence"}, ""),
    ],
)
def test_what_was_picked_from_a_menu_is_kept(action: Json, value: str) -> None:
    payload = {"user": {"id": "U0MIA", "team_id": "T0HOME"}, "channel": {"id": "C0OPS"}, "actions": [action]}
    said = payloads.parse_inbound(payloads.inbound_action(payload, "k", NOW))
    assert (said.action, said.value) == (action["action_id"], value)
