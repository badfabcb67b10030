"""Forms and the Home tab: views that Slack takes, and what comes back from them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.payloads import form_metadata
from bot.views import forms
from bot.views.home import home_view
from domain.answers.answers import FieldKind, Form, FormField, FormOption
from sandbox.slack.limits import check_view
from tests.bot.views.gallery import FORM, HOME, QUIET
from tests.harness.message_text import Json, buttons, text_objects
from tests.harness.samples.operations import record

FILLED = replace(FORM, fields=tuple(replace(each, loading=False) for each in FORM.fields))
ANY = st.text(max_size=400)
KINDS = st.sampled_from(list(FieldKind))
CHOICES = st.lists(st.builds(FormOption, value=ANY, label=ANY, hint=ANY), max_size=130).map(tuple)
FIELDS = st.builds(
    FormField,
    id=st.just("x"),
    label=st.just("Version"),
    kind=KINDS,
    value=ANY,
    options=CHOICES,
    hint=ANY,
    required=st.booleans(),
)


def _inputs(view: Json) -> dict[str, Json]:
    return {block["block_id"]: block for block in view["blocks"] if block["type"] == "input"}


def test_the_skeleton_opens_at_once_and_cannot_be_sent() -> None:
    view = forms.modal(FORM, "C0PRODUCT2")
    check_view(view, "modal")
    assert view == forms.loading(FORM, "C0PRODUCT2")
    assert "submit" not in view
    assert "Looking up what there is to choose." in view["blocks"][0]["text"]["text"]
    assert "Environment · Version" in view["blocks"][0]["text"]["text"]


def test_the_form_shows_choices_values_and_hints() -> None:
    view = forms.modal(FILLED, "C0PRODUCT2")
    check_view(view, "modal")
    inputs = _inputs(view)
    assert inputs["environment"]["element"]["initial_option"]["value"] == "production"
    assert inputs["environment"]["element"]["options"][1]["description"]["text"] == "needs an approver"
    assert inputs["version"]["element"]["type"] == "plain_text_input"
    assert inputs["replicas"]["element"]["type"] == "number_input"
    assert inputs["replicas"]["optional"]
    assert inputs["reason"]["hint"]["text"] == "Everybody in the channel reads it."
    assert view["submit"]["text"] == "Send"


def test_a_form_knows_what_it_belongs_to() -> None:
    view = forms.modal(FILLED, "C0PRODUCT2")
    assert view["callback_id"] == "form"
    assert form_metadata(view["private_metadata"]) == ("rollback", "C0PRODUCT2")


def test_nothing_to_choose_is_said() -> None:
    view = forms.modal(replace(FILLED, notice="The cluster did not answer."), "C1")
    assert view["blocks"][0]["text"]["text"] == "The cluster did not answer."


def test_more_choices_than_slack_shows_can_be_typed() -> None:
    many = tuple(FormOption(value=f"v{number}", label=f"v{number}") for number in range(130))
    form = Form(
        command="deploy", title="Deploy", fields=(FormField(id="v", label="Version", kind=FieldKind.SELECT, options=many),)
    )
    view = forms.modal(form, "C1")
    check_view(view, "modal")
    assert _inputs(view)["v"]["hint"]["text"] == "The newest 100; 30 more can be typed as a command."


def test_what_was_filled_in_comes_back_by_field() -> None:
    state = {
        "values": {
            "environment": {"value": {"type": "static_select", "selected_option": {"value": "production"}}},
            "version": {"value": {"type": "static_select", "selected_option": None}},
            "reason": {"value": {"type": "plain_text_input", "value": " cart errors "}},
            "replicas": {"value": {"type": "number_input"}},
            "strange": {"other": {"value": "x"}},
        }
    }
    assert forms.values_of(state) == {"environment": "production", "reason": "cart errors"}
    assert forms.values_of({}) == {}


@given(st.lists(FIELDS, max_size=5), ANY)
def test_every_form_is_one_that_slack_takes(fields: list[FormField], text: str) -> None:
    numbered = tuple(replace(field, id=f"f{number}") for number, field in enumerate(fields))
    form = Form(command="deploy", title=f"D{text}", fields=numbered, notice=text)
    check_view(forms.modal(form, "C1"), "modal")


def test_home_is_one_view_with_a_way_to_refresh() -> None:
    view = home_view(HOME)
    check_view(view, "home")
    assert list(buttons(view["blocks"]))[-1] == "Refresh"
    assert buttons(view["blocks"])["Refresh"]["action_id"] == "home.refresh"
    assert any("All quiet" in text["text"] for text in text_objects(home_view(QUIET)))


@pytest.mark.parametrize("count", [11, 40])
def test_a_busy_home_counts_what_it_does_not_show(count: int) -> None:
    waiting = tuple(record(id=f"op-{number}") for number in range(count))
    view = home_view(replace(HOME, waiting=waiting, approvable=frozenset(each.id for each in waiting)))
    check_view(view, "home")
    assert any(f"and {count - 10} more" in text["text"] for text in text_objects(view))
