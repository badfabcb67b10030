"""A person sees and names revisions that have one moving tag, from the command to the plan."""

import asyncio

import pytest

from domain.answers.answers import Preview, VersionsAnswer
from domain.operations.version_choices import VersionChoices
from domain.targets import Target
from tests.harness.commands import CommandHarness
from tests.harness.families import render
from tests.harness.message_text import visible_text
from tests.harness.samples.team import ANA, VIV

CACHE = "deep-echo-main"


async def change_configuration(harness: CommandHarness, *sizes: str, tag: str = "latest") -> Target:
    """Set one moving tag and one size after the other in staging, as a pipeline would."""
    target, cluster = harness.services.catalogue.target("staging", CACHE), harness.services.clusters["main"]
    for size in sizes:
        now = await cluster.workload(target)
        template = {**now.template, "spec": {**now.template["spec"]}}
        container = {**template["spec"]["containers"][0], "image": f"ghcr.io/x/cache:{tag}"}
        container["env"] = [{"name": "MAX", "value": size}]
        template["spec"]["containers"] = [container]
        await cluster.set_template(
            target,
            template,
            expected_hash=now.template_hash,
            operation_id=f"op-x{now.revision}",
            cause="",
            annotations_from_revision=False,
        )
        while (after := await cluster.workload(target)).revision == now.revision or after.revisions[0].number == now.revision:
            await asyncio.sleep(0.01)
    return target


async def test_rows_with_one_tag_are_told_apart_by_their_numbers(harness: CommandHarness) -> None:
    await change_configuration(harness, "512", "1024", "4")
    answer = await harness.run_command(VIV, f"versions staging {CACHE}")
    assert isinstance(answer, VersionsAnswer)
    assert [(each.version, each.revision) for each in answer.services[0].lines[:3]] == [
        ("latest", 8),
        ("latest", 7),
        ("latest", 6),
    ]
    text = visible_text(render(answer))
    assert "▶️ `latest` · #8 · runs now" in text
    assert "`latest` · #7" in text


async def test_the_last_revision_has_another_configuration(harness: CommandHarness) -> None:
    target = await change_configuration(harness, "512", "1024", "4")
    preview = await harness.run_command(ANA, f"rollback staging last {CACHE} --dry-run")
    assert isinstance(preview, Preview)
    (change,) = preview.plan.changes
    revisions = {each.number: each for each in (await harness.services.clusters["main"].workload(target)).revisions}
    assert change.after.template_hash == revisions[7].template_hash
    assert "`latest #8` → `latest #7`, the same version with another template" in visible_text(render(preview))


async def test_a_number_begins_a_rollback_of_exactly_that_revision(harness: CommandHarness) -> None:
    target = await change_configuration(harness, "512", "1024", "4")
    record = await harness.start_operation(ANA, f"rollback staging #6 {CACHE}")
    revisions = {each.number: each for each in (await harness.services.clusters["main"].workload(target)).revisions}
    assert record.plan.changes[0].after.template_hash == revisions[6].template_hash


async def test_each_choice_has_the_command_that_selects_it(harness: CommandHarness) -> None:
    await change_configuration(harness, "512", "1024", "4")
    choices = await harness.run_command(ANA, "rollback staging latest --reason x")
    assert isinstance(choices, VersionChoices)
    assert [(each.label, each.command) for each in choices.choices] == [
        ("latest #7", f'rollback staging #7 {CACHE} --reason "x"'),
        ("latest #6", f'rollback staging #6 {CACHE} --reason "x"'),
    ]
    for choice in choices.choices:
        assert choice.label in visible_text(render(choices))
        assert isinstance(await harness.run_command(ANA, f"{choice.command} --dry-run"), Preview)


@pytest.mark.parametrize("command", ["deploy", "rollback"])
@pytest.mark.parametrize(("word", "tag"), [("deadbee", "main-deadbeef"), ("1234567", "main-1234567a")])
async def test_what_resembles_a_sha_is_offered_with_its_command(
    harness: CommandHarness, command: str, word: str, tag: str
) -> None:
    await change_configuration(harness, "512", tag=tag)
    await change_configuration(harness, "512", tag="main-0a1b2c3")
    choices = await harness.run_command(ANA, f"{command} staging {word} {CACHE} --dry-run")
    assert isinstance(choices, VersionChoices)
    assert [each.command for each in choices.choices] == [f"{command} staging {tag} {CACHE} --dry-run"]
    assert f"Did you mean {tag}?" in visible_text(render(choices))
    preview = await harness.run_command(ANA, choices.choices[0].command)
    assert isinstance(preview, Preview)
    assert preview.plan.changes[0].after.version == tag
