import pytest

from domain.answers.answers import FieldKind, Form, FormField, Preview
from sandbox.cluster import ClusterFault
from tests.harness.commands import CommandHarness
from tests.harness.families import house_registry
from tests.harness.samples.team import ANA, LEE, team_catalogue


async def opened(harness: CommandHarness, text: str) -> dict[str, FormField]:
    answer = await harness.run_command(ANA, text)
    assert isinstance(answer, Form), answer
    return {each.id: each for each in answer.fields}


async def filled(harness: CommandHarness, text: str) -> tuple[Form, dict[str, FormField]]:
    answer = await harness.run_command(ANA, text)
    assert isinstance(answer, Form), answer
    form = await harness.registry.load_options(harness.request(ANA), answer)
    return form, {each.id: each for each in form.fields}


async def test_a_form_keeps_what_was_said(harness: CommandHarness) -> None:
    fields = await opened(harness, "rollback prod --reason “errors went up”")
    assert list(fields) == ["env", "version", "service", "reason"]
    assert fields["env"].value == "production"
    assert [each.value for each in fields["env"].options] == ["development", "staging", "production"]
    assert (fields["version"].kind, fields["version"].loading) == (FieldKind.SELECT, True)
    assert fields["reason"].value == "errors went up"
    assert [name for name, each in fields.items() if each.required] == ["env", "version", "reason"]


async def test_a_reason_is_asked_for_where_the_environment_is_protected(harness: CommandHarness) -> None:
    assert (await opened(harness, "rollback production abc1234"))["reason"].required
    assert not (await opened(harness, "rollback staging"))["reason"].required
    assert (await opened(harness, "restart production deep-echo-main"))["reason"].required


async def test_a_version_that_was_typed_stays_typed(harness: CommandHarness) -> None:
    version = (await opened(harness, "rollback production abc1234"))["version"]
    assert (version.kind, version.value, version.loading) == (FieldKind.TEXT, "abc1234", False)


async def test_without_an_environment_a_version_is_typed(harness: CommandHarness) -> None:
    assert (await opened(harness, "rollback"))["version"].kind is FieldKind.TEXT


async def test_the_versions_that_can_be_rolled_back_to_come_afterwards(harness: CommandHarness) -> None:
    _, fields = await filled(harness, "rollback production")
    assert [each.value for each in fields["version"].options][:3] == ["last", "main-abc1234", "main-77aa001"]
    assert not fields["version"].loading


async def test_a_silent_cluster_leaves_a_field_to_type_in(harness: CommandHarness) -> None:
    harness.stand_in.inject_fault(ClusterFault(kind="status", status=503, times=50))
    form, fields = await filled(harness, "rollback production")
    assert (fields["version"].kind, fields["version"].loading) == (FieldKind.TEXT, False)
    assert str(form.notice).startswith("There is nothing to choose from: ")


async def test_operations_are_chosen_from_those_that_wait_or_run(harness: CommandHarness) -> None:
    asked = await harness.start_operation(ANA, "rollback production abc1234 --reason x")
    _, fields = await filled(harness, "approve")
    assert [each.value for each in fields["id"].options] == [asked.id]


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
    made = house_registry().form_command_text(command, values)
    if text is not None:
        assert made == text
    spoken = house_registry().parse(team_catalogue(), made)
    assert spoken.command.name == command
    said = [*spoken.args.positional, *spoken.args.flags.values()]
    assert [value.replace("\n", " ") for value in values.values() if value != "yes"] == [each for each in said if each]


@pytest.mark.parametrize("value", ['" --dry-run', "x --for 2h", "\\", '\\"', "<@U0123|ana>", "&amp;", "— —reason y", "'x"])
def test_nothing_typed_into_a_form_becomes_anything_else(value: str) -> None:
    values = {"env": "staging", "version": "last", "reason": value}
    spoken = house_registry().parse(team_catalogue(), house_registry().form_command_text("rollback", values))
    assert dict(spoken.args.flags) == {"reason": value}
    assert spoken.args.positional == ("staging", "last")


async def test_a_form_goes_the_same_way_as_words(harness: CommandHarness) -> None:
    text = harness.registry.form_command_text(
        "rollback", {"env": "production", "version": "main-abc1234", "reason": "errors", "dry-run": "yes"}
    )
    assert isinstance(await harness.run_command(LEE, text), Preview)


def test_what_lacks_nothing_opens_no_form(harness: CommandHarness) -> None:
    for text in ("", "status", "rollback staging last", "restart production nothing"):
        assert harness.form(text) is None
