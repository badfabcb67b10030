"""The id of an incident is the first word of every command about one, in whichever channel it is typed."""

import pytest

from bot.components.incidents import INCIDENTS
from domain.answers.answers import ErrorAnswer, Form, TextAnswer
from domain.answers.incidents import IncidentChoices, IncidentDeclared
from domain.incidents.incident import Incident
from domain.rich_text import plain_text
from tests.harness.commands import CommandHarness
from tests.harness.samples.team import RAY

NOT_ABOUT_ONE = {"incident declare", "incident open", "incident list", "incident stats"}
"""Two that make an incident, and two that tell of all."""

RESOLVED = ("ack {id}", "resolve {id}")

COMMANDS: dict[str, tuple[tuple[str, ...], str]] = {
    "ack": ((), ""),
    "catchup": ((), ""),
    "close": (RESOLVED, ""),
    "here": (("ack {id}",), ""),
    "link": ((), "al-prod"),
    "merge": ((), "into {other}"),
    "mitigate": ((), "traffic goes to the other zone"),
    "pause": (("ack {id}",), "2h the vendor calls back at noon"),
    "postmortem": ((), ""),
    "postmortem done": ((*RESOLVED, "close {id}"), "https://wiki.example.com/42"),
    "rename": ((), "payments time out"),
    "reopen": (RESOLVED, "errors are back"),
    "resolve": ((), "rolled back to main-abc1234"),
    "role": ((), "scribe me"),
    "severity": ((), "P2 it is less than we thought"),
    "show": ((), ""),
    "task": ((), "add ask the vendor"),
    "timeline": ((), ""),
    "timeline add": ((), "the cache was emptied by hand"),
    "timeline drop": (("timeline add {id} the wrong words",), "2"),
    "unlink": (("link {id} al-prod",), "al-prod"),
    "update": ((), "errors fall"),
}
"""By command: what was done before, and the words after the id."""

NEEDS_MORE = {
    "link": "subject",
    "pause": "for",
    "postmortem done": "address",
    "rename": "title",
    "role": "role",
    "severity": "severity",
    "task": "action",
    "timeline add": "text",
    "timeline drop": "number",
    "unlink": "alert",
    "update": "text",
}
"""By command: what its form asks for first."""


@pytest.fixture
async def incidents(harness: CommandHarness) -> tuple[Incident, Incident]:
    """Two open ones, so that none is the only one that can be meant."""
    return await declare(harness, "checkout is failing"), await declare(harness, "payments time out")


async def declare(harness: CommandHarness, title: str) -> Incident:
    answer = await harness.run_command(RAY, f"incident declare P1 {title} --environment production --new")
    assert isinstance(answer, IncidentDeclared), answer
    return answer.incident


async def text_of(harness: CommandHarness, text: str) -> str:
    answer = await harness.run_command(RAY, text)
    assert isinstance(answer, TextAnswer | ErrorAnswer), answer
    return plain_text(answer.text if isinstance(answer, TextAnswer) else answer.sentence)


def test_every_command_is_tried_here() -> None:
    names = {command.name for router in INCIDENTS.routers for command in router.commands}
    assert names - NOT_ABOUT_ONE == {f"incident {name}" for name in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS)
async def test_the_id_comes_first(harness: CommandHarness, incidents: tuple[Incident, Incident], command: str) -> None:
    incident, other = incidents
    names = {"id": incident.id, "other": other.id}
    before, words = COMMANDS[command]
    for text in before:
        assert not isinstance(await harness.run_command(RAY, f"incident {text.format(**names)}"), ErrorAnswer)
    answer = await harness.run_command(RAY, f"incident {command} {{id}} {words}".format(**names).strip())
    assert not isinstance(answer, ErrorAnswer | IncidentChoices), answer
    assert isinstance(answer, TextAnswer) is (command not in {"catchup", "show", "timeline"})
    told = plain_text(answer.text) if isinstance(answer, TextAnswer) else str(answer)
    assert incident.id in told or command in {"here", "timeline drop"}


@pytest.mark.parametrize(("command", "first"), NEEDS_MORE.items())
async def test_an_id_alone_opens_the_form_for_the_rest(
    harness: CommandHarness, incidents: tuple[Incident, Incident], command: str, first: str
) -> None:
    form = await harness.run_command(RAY, f"incident {command} {incidents[0].id}")
    assert isinstance(form, Form)
    assert form.fields[0].id == first
    assert {field.id: field.value for field in form.fields if field.value} == {"incident": incidents[0].id}


@pytest.mark.parametrize(
    ("words", "values"),
    [("role {id} scribe", {"role": "scribe"}), ("pause {id} 2h", {"for": "2h"}), ("pause 2h", {"for": "2h", "incident": ""})],
)
async def test_what_was_typed_after_the_id_is_in_its_own_field(
    harness: CommandHarness, incidents: tuple[Incident, Incident], words: str, values: dict[str, str]
) -> None:
    form = await harness.run_command(RAY, f"incident {words.format(id=incidents[0].id)}")
    assert isinstance(form, Form)
    expected = {"incident": incidents[0].id} | values
    assert {field.id: field.value for field in form.fields if field.id in expected} == expected


async def test_an_id_that_is_the_first_word_and_the_flag_is_no_part_of_the_text(
    harness: CommandHarness, incidents: tuple[Incident, Incident]
) -> None:
    first, second = (each.id for each in incidents)
    assert await text_of(harness, f"incident rename {first.upper()} slow --incident {first}") == f"{first} is called “slow” now."
    assert (
        await text_of(harness, f"incident rename {second} again --incident {first}") == f"{first} is called “{second} again” now."
    )


@pytest.mark.parametrize(
    "words", ["{id} {other}", "{id} into {other}", "into {other} --incident {id}", "{id} {other} --incident {id}"]
)
async def test_the_first_goes_on_as_the_second(harness: CommandHarness, incidents: tuple[Incident, Incident], words: str) -> None:
    first, second = (each.id for each in incidents)
    assert await text_of(harness, "incident merge " + words.format(id=first, other=second)) == f"{first} goes on as {second}."


@pytest.mark.parametrize("words", ["{id} into", "{id} {other} {id}", "{id} {other} --incident {other}"])
async def test_who_goes_on_as_whom_is_never_guessed(
    harness: CommandHarness, incidents: tuple[Incident, Incident], words: str
) -> None:
    first, second = (each.id for each in incidents)
    told = await text_of(harness, "incident merge " + words.format(id=first, other=second))
    assert told == "One incident goes on as one other."


async def test_a_merge_that_names_only_the_other_offers_which_one_ends(
    harness: CommandHarness, incidents: tuple[Incident, Incident]
) -> None:
    first, second = (each.id for each in incidents)
    answer = await harness.run_command(RAY, f"incident merge {second}")
    assert isinstance(answer, IncidentChoices)
    offered = next(choice for choice in answer.choices if choice.incident.id == first)
    assert offered.command == f"incident merge {first} {second}"
    assert await text_of(harness, offered.command) == f"{first} goes on as {second}."
