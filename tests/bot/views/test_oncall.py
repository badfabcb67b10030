"""What people read about who is on call, and what they can tap."""

import pytest

from bot.components.oncall import ONCALL
from bot.interactions.buttons import command_text
from bot.slack.payloads import Interaction
from bot.views import oncall as views
from domain.inbound import InboundKind
from domain.people import Person
from tests.harness.families import render, render_text
from tests.harness.message_text import buttons, visible_text
from tests.harness.samples.oncall_gallery import ONCALL_GALLERY
from tests.harness.samples.operations import MIA, NOW

READ: dict[str, list[str]] = {
    "on call": [
        "📟 On call now",
        f"primary: <@{MIA.user_id}>",
        ", then <@U0ANA00001>",
        f"took the pager, <@{MIA.user_id}> (oc-k7m2): ana is in hospital &lt;3",
        "secondary: 🔴 *nobody*",
        "handoffs in Europe/Berlin",
        "`/deepecho oncall take platform`",
    ],
    "on call then": ["*Zoe &lt;Z&gt;*, <@U0ANA00001>", "PagerDuty does not answer", "❔ Who is on call then is not known."],
    "on call week": ["🔴 *Nobody is on call*", "(1 day)", "(override)", "nobody in this time"],
    "override": ["15:02 Europe/Berlin (yours, rota)", "`/deepecho oncall undo oc-k7m2`"],
    "on-call calendar": ["person=ana&amp;signed=" + "ab2c" * 8, "Whoever has this address can read the calendar."],
    "on-call gap": ["🔴 Nobody is on call for platform from now"],
    "cover": ["<@U0ANA00001> asks to be relieved", "🙋 Open", "> school play", "`/deepecho oncall accept oc-r3st`"],
    "swap": [f"offers <@{MIA.user_id}> a swap", "✅ Accepted", "for mia's"],
}


@pytest.mark.parametrize("name", READ)
def test_what_a_person_reads(name: str) -> None:
    text = visible_text(render(ONCALL_GALLERY[name], NOW))
    assert [words for words in READ[name] if words not in text] == []


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("on call", ["Take the pager"]),
        ("on call then", []),
        ("override", ["Undo"]),
        ("on-call gap", ["I fill it"]),
        ("cover", ["I take it", "Withdraw"]),
        ("swap", []),
    ],
)
def test_what_a_person_can_tap(name: str, texts: list[str]) -> None:
    assert list(buttons(render(ONCALL_GALLERY[name], NOW).blocks)) == texts


@pytest.mark.parametrize("name", ["on call", "override", "on-call gap", "cover"])
def test_each_button_is_a_command_that_could_have_been_typed(name: str) -> None:
    for button in buttons(render(ONCALL_GALLERY[name], NOW).blocks).values():
        text = command(button["action_id"], button["value"])
        assert text is not None
        assert text.startswith("oncall ")


def test_a_gap_is_filled_by_whoever_taps_for_a_week_at_most() -> None:
    assert command(views.FILL, "platform/29727360/29731680") == (
        "oncall override me --team platform --from 2026-07-10T00:00Z --to 2026-07-13T00:00Z --fill"
    )
    endless = command(views.FILL, "platform/29727360/4222846080")
    assert endless is not None
    assert endless.endswith("--to 2026-07-17T00:00Z --fill")


@pytest.mark.parametrize(
    "value", ["", "platform", "platform/1", "platform/1/2/3", "platform --x/1/2", "a/99999999999/1", "../1/2"]
)
def test_a_value_that_is_none_of_ours_is_no_command(value: str) -> None:
    assert command(views.FILL, value) is None


def test_the_terminal_has_commands_in_place_of_buttons() -> None:
    assert "/deepecho oncall take platform" in render_text(ONCALL_GALLERY["on call"], NOW)


def command(action: str, value: str) -> str | None:
    click = Interaction(
        key="k", kind=InboundKind.ACTION, person=Person("U0ANA00001", "T0"), channel="C0", action=action, value=value, at=NOW
    )
    return command_text(ONCALL.buttons, click)
