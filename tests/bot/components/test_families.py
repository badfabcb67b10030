"""What the families may not do to each other."""

from collections import Counter
from pathlib import Path

import pytest

from bot.components.families import FAMILIES
from domain.answers.answers import Form
from tests.harness.commands import open_command_harness


def test_no_family_changes_the_forms_of_another() -> None:
    names = Counter(name for family in FAMILIES for name in family.form_fields)
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize(("command", "label"), [("silence", "For how long"), ("digest", "Date"), ("lock", "For how long")])
async def test_what_for_means_is_asked_for_in_the_commands_own_words(tmp_path: Path, command: str, label: str) -> None:
    async with open_command_harness(tmp_path) as harness:
        catalogue = harness.services.catalogue
        form = harness.registry.form(catalogue, harness.registry.parse(catalogue, command), always=True)
    assert isinstance(form, Form)
    assert label in [field.label for field in form.fields]
