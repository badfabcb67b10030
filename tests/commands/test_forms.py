import pytest

from commands.forms import choices
from commands.registry import Menu
from domain.answers.answers import FieldKind, Form, FormField, Preview
from sandbox.cluster import Fault
from tests.harness.commands import House
from tests.harness.samples.team import ANA, LEE, team_catalogue


async def opened(house: House, text: str) -> dict[str, FormField]:
    answer = await house.says(ANA, text)
    assert isinstance(answer, Form), answer
    return {each.id: each for each in answer.fields}


async def filled(house: House, text: str) -> tuple[Form, dict[str, FormField]]:
    answer = await house.says(ANA, text)
    assert isinstance(answer, Form), answer
    form = await choices(house.request(ANA), answer)
    return form, {each.id: each for each in form.fields}


async def test_a_form_keeps_what_was_said(house: House) -> None:
    fields = await opened(house, "rollback prod --reason “errors went up”")
    assert list(fields) == ["env", "version", "service", "reason"]
    assert fields["env"].value == "production"
    assert [each.value for each in fields["env"].choices] == ["development", "staging", "production"]
    assert (fields["version"].kind, fields["version"].loading) == (FieldKind.SELECT, True)
    assert fields["reason"].value == "errors went up"
    assert [name for name, each in fields.items() if each.required] == ["env", "version", "reason"]


async def test_a_reason_is_asked_for_where_the_environment_is_protected(house: House) -> None:
    assert (await opened(house, "rollback production abc1234"))["reason"].required
    assert not (await opened(house, "rollback staging"))["reason"].required
    assert (await opened(house, "restart production deep-echo-main"))["reason"].required


async def test_a_version_that_was_typed_stays_typed(house: House) -> None:
    version = (await opened(house, "rollback production abc1234"))["version"]
    assert (version.kind, version.value, version.loading) == (FieldKind.TEXT, "abc1234", False)


async def test_without_an_environment_a_version_is_typed(house: House) -> None:
    assert (await opened(house, "rollback"))["version"].kind is FieldKind.TEXT


async def test_the_versions_that_can_be_rolled_back_to_come_afterwards(house: House) -> None:
    _, fields = await filled(house, "rollback production")
    assert [each.value for each in fields["version"].choices][:3] == ["last", "main-abc1234", "main-77aa001"]
    assert not fields["version"].loading


async def test_a_silent_cluster_leaves_a_field_to_type_in(house: House) -> None:
    house.stand_in.fail(Fault(kind="status", status=503, times=50))
    form, fields = await filled(house, "rollback production")
    assert (fields["version"].kind, fields["version"].loading) == (FieldKind.TEXT, False)
    assert form.notice.startswith("There is nothing to choose from: ")


async def test_operations_are_chosen_from_those_that_wait_or_run(house: House) -> None:
    asked = await house.starts(ANA, "rollback production abc1234 --reason x")
    _, fields = await filled(house, "approve")
    assert [each.value for each in fields["id"].choices] == [asked.id]


@pytest.mark.parametrize(
    ("command", "values", "text"),
    [
        ("rollback", {"env": "production", "version": "last"}, "rollback production last"),
        (
            "rollback",
            {"env": "production", "version": "last", "service": "deep-echo-main", "reason": "errors went up"},
            'rollback production last deep-echo-main --reason "errors went up"',
        ),
        (
            "rollback",
            {"env": "staging", "version": "last", "dry-run": "yes"},
            "rollback staging last --dry-run",
        ),
        (
            "scale",
            {"env": "staging", "service": "deep-echo-main", "n": "5", "for": "2h"},
            "scale staging deep-echo-main 5 --for 2h",
        ),
        ("lock", {"env": "staging", "reason": 'it\'s --for <us> & "you"'}, None),
        ("reject", {"id": "op-k7m2", "why": "no\nway --reason"}, None),
    ],
)
def test_a_submitted_form_is_a_command(command: str, values: dict[str, str], text: str | None) -> None:
    made = Menu().form_text(command, values)
    if text is not None:
        assert made == text
    spoken = Menu().spoken(team_catalogue(), made)
    assert spoken.command.name == command
    said = [*spoken.words.arguments, *spoken.words.flags.values()]
    assert [value.replace("\n", " ") for value in values.values() if value != "yes"] == [each for each in said if each]


@pytest.mark.parametrize("value", ['" --dry-run', "x --for 2h", "\\", '\\"', "<@U0123|ana>", "&amp;", "— —reason y", "'x"])
def test_nothing_typed_into_a_form_becomes_anything_else(value: str) -> None:
    values = {"env": "staging", "version": "last", "reason": value}
    spoken = Menu().spoken(team_catalogue(), Menu().form_text("rollback", values))
    assert dict(spoken.words.flags) == {"reason": value}
    assert spoken.words.arguments == ("staging", "last")


async def test_a_form_goes_the_same_way_as_words(house: House) -> None:
    text = house.menu.form_text(
        "rollback", {"env": "production", "version": "main-abc1234", "reason": "errors", "dry-run": "yes"}
    )
    assert isinstance(await house.says(LEE, text), Preview)


def test_what_cannot_be_understood_opens_no_form() -> None:
    for text in ("", "xyzzy", "rollback nowhere", "rollback --force", "status", "rollback staging last"):
        assert Menu().form(team_catalogue(), text) is None
