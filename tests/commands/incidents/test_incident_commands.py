"""What people type about incidents, and what they are told: also the wrong state, the wrong person, the typo."""

from datetime import timedelta

import pytest

from domain.answers.answers import ErrorAnswer, Form, TextAnswer
from domain.answers.incidents import (
    IncidentAnswer,
    IncidentChoices,
    IncidentDeclared,
    IncidentsAnswer,
    SimilarIncidents,
    TasksAnswer,
)
from domain.incidents.incident import Incident, IncidentState
from domain.people import Member
from domain.rich_text import plain_text
from domain.severities import Severity
from runbooks.incidents.service import IncidentService
from tests.harness.commands import CommandHarness
from tests.harness.samples.team import ANA, GUS, LEE, RAY, ROB, RUE, SAM, STAN, VIV


async def declare(harness: CommandHarness, text: str = "P1 checkout is failing --environment production") -> Incident:
    answer = await harness.run_command(RAY, f"incident declare {text}")
    assert isinstance(answer, IncidentDeclared), answer
    harness.clock.advance(timedelta(hours=2))
    return answer.incident


async def refusal(harness: CommandHarness, who: Member, text: str) -> str:
    answer = await harness.run_command(who, text)
    assert isinstance(answer, ErrorAnswer), answer
    return plain_text(answer.sentence)


async def said(harness: CommandHarness, who: Member, text: str) -> str:
    answer = await harness.run_command(who, text)
    assert isinstance(answer, TextAnswer), answer
    return plain_text(answer.text)


async def stored(harness: CommandHarness, incident: Incident) -> Incident:
    return await harness.services.of(IncidentService).find(incident.id)


@pytest.mark.parametrize(
    ("text", "severity", "title"),
    [
        ("P1 checkout is failing", "P1", "checkout is failing"),
        ("p0 all is down", "P0", "all is down"),
        ("sev2 slow", "P2", "slow"),
        ("checkout is failing", "P2", "checkout is failing"),
        ("checkout is failing --severity P3", "P3", "checkout is failing"),
        ('"P1 is not the severity here" --severity P3', "P3", "P1 is not the severity here"),
    ],
)
async def test_the_severity_is_the_first_word_a_flag_or_the_default(
    harness: CommandHarness, text: str, severity: str, title: str
) -> None:
    incident = await declare(harness, text)
    assert (incident.severity, incident.title) == (Severity(severity), title)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("P9 checkout", "“P9” is no severity. There are P0, P1, P2 and P3."),
        ("P1", "An incident needs a title."),
        (f"P1 {'x' * 151}", "The title is 151 characters long; at most 150 fit."),
        ("P1 checkout --environment prodution", "There is no environment called “prodution”."),
        ("P1 checkout --service deep-echo-mian", "There is no service called “deep-echo-mian”."),
        ("P1 checkout --alert al-zzzz", "There is no alert group al-zzzz. `alerts` lists them."),
    ],
)
async def test_what_cannot_be_declared_is_answered_in_words(harness: CommandHarness, text: str, says: str) -> None:
    assert await refusal(harness, RAY, f"incident declare {text}") == says
    assert await harness.services.of(IncidentService).latest(5) == ()


@pytest.mark.parametrize("who", [VIV, GUS, STAN])
async def test_who_may_not_respond_declares_nothing(harness: CommandHarness, who: Member) -> None:
    assert await refusal(harness, who, "incident declare P1 checkout is failing --environment production")
    assert await harness.services.of(IncidentService).latest(5) == ()


async def test_declaring_the_same_within_a_minute_asks_first(harness: CommandHarness) -> None:
    first = await harness.run_command(RAY, "incident declare P1 checkout is failing --environment production")
    second = await harness.run_command(ANA, "incident declare P0 nobody can pay --environment production")
    assert isinstance(first, IncidentDeclared)
    assert isinstance(second, SimilarIncidents)
    assert [each.id for each in second.incidents] == [first.incident.id]
    assert isinstance(await harness.run_command(ANA, second.command), IncidentDeclared)


async def test_another_environment_is_another_matter(harness: CommandHarness) -> None:
    await harness.run_command(RAY, "incident declare P1 checkout is failing --environment production")
    other = await harness.run_command(RAY, "incident declare P1 checkout is failing --environment staging")
    assert isinstance(other, IncidentDeclared)


async def test_the_life_of_an_incident(harness: CommandHarness) -> None:
    incident = await declare(harness)
    assert (await said(harness, RAY, f"incident ack {incident.id}")).startswith(
        f"You acknowledged {incident.id}. You command it."
    )
    assert await said(harness, RAY, f"incident update {incident.id} errors fall") == f"The update is in {incident.id}."
    assert "is mitigated" in await said(harness, RAY, f"incident mitigate {incident.id} other zone")
    assert "is resolved" in await said(harness, RAY, f"incident resolve {incident.id}")
    assert await said(harness, RAY, f"incident close {incident.id}") == f"{incident.id} is closed."
    assert "goes on" in await said(harness, RAY, f"incident reopen {incident.id} errors are back")
    actions = [record.entry.what for record in await harness.audit()]
    assert actions == [
        "incident reopen",
        "incident close",
        "incident resolve",
        "incident mitigate",
        "incident update",
        "incident acknowledge",
        "incident declare",
    ]


@pytest.mark.parametrize(
    ("before", "text", "says"),
    [
        (
            [],
            "close {id}",
            "{id} is declared and not resolved, so it cannot be closed. Resolve it first: `incident resolve {id}`.",
        ),
        (["resolve"], "resolve {id}", "{id} was resolved already, at "),
        (["resolve"], "ack {id}", "{id} was resolved already, at "),
        (["ack"], "ack {id}", "ray has acknowledged {id} already."),
        (["resolve", "close"], "close {id}", "{id} is closed already."),
        (
            ["resolve", "close"],
            "update {id} late",
            "{id} is closed. To go on with it: `incident reopen {id}`. Nothing was changed.",
        ),
        ([], "reopen {id}", "{id} is declared, so there is nothing to reopen."),
        ([], "severity {id} P1", "{id} is P1 already."),
        ([], "severity {id} P9", "“P9” is no severity. There are P0, P1, P2 and P3."),
        ([], "pause {id} 2h the vendor calls", "Nobody has acknowledged {id} yet. Its clocks count until somebody does."),
        (["ack"], "pause {id} soon because", "“soon” is not a span of time."),
        ([], "role {id} boss me", "“boss” is no role of an incident."),
        ([], "role {id} commander @nobody", "“@nobody” is nobody whom I know."),
        ([], "role {id} commander <@U0GUEST>", "gus is a guest, so they can have no role in an incident. Nothing was changed."),
        ([], "task {id} done 7", "{id} has no task 7."),
        ([], "link {id} something", "“something” is no alert group and no operation."),
        ([], "link {id} op-none", "There is no operation op-none. `operations` lists them."),
        ([], "unlink {id} al-prod", "al-prod is not part of {id}. Nothing was changed."),
        ([], "merge {id} --incident {id}", "An incident cannot be merged into itself."),
        ([], "merge inc-none --incident {id}", "There is no incident inc-none. `incident list` lists them."),
        ([], "here {id}", "{id} is commanded by nobody, so the question is theirs to answer."),
    ],
)
async def test_what_the_state_does_not_allow_changes_nothing(
    harness: CommandHarness, before: list[str], text: str, says: str
) -> None:
    incident = await declare(harness)
    for act in before:
        assert isinstance(await harness.run_command(RAY if act != "close" else SAM, f"incident {act} {incident.id}"), TextAnswer)
    unchanged = await stored(harness, incident)
    assert (await refusal(harness, RAY, f"incident {text.format(id=incident.id)}")).startswith(says.format(id=incident.id))
    assert await stored(harness, incident) == unchanged


async def test_only_the_commander_and_sre_close(harness: CommandHarness) -> None:
    incident = await declare(harness)
    await said(harness, RAY, f"incident ack {incident.id}")
    await said(harness, RAY, f"incident resolve {incident.id}")
    assert (await refusal(harness, ANA, f"incident close {incident.id}")).startswith(
        f"Closing {incident.id} is up to its commander (ray) or the role sre."
    )
    assert await said(harness, SAM, f"incident close {incident.id}")


async def test_without_an_id_and_outside_its_channel_the_last_five_are_offered(harness: CommandHarness) -> None:
    made = [await declare(harness, f"P3 matter {number} --new") for number in range(7)]
    answer = await harness.run_command(RAY, 'incident update "it\'s the \\"cache\\""')
    assert isinstance(answer, IncidentChoices)
    assert [each.incident.id for each in answer.choices] == [each.id for each in reversed(made[2:])]
    assert await said(harness, RAY, answer.choices[0].command) == f"The update is in {made[-1].id}."
    update = (await stored(harness, made[-1])).update
    assert update is not None
    assert update.text == 'it\'s the "cache"'


async def test_without_any_incident_it_says_how_to_declare_one(harness: CommandHarness) -> None:
    assert await refusal(harness, RAY, "incident resolve") == "There is no incident. To declare one: `incident declare`."


async def test_tasks_are_added_done_and_listed(harness: CommandHarness) -> None:
    incident = await declare(harness)
    assert (
        await said(harness, RAY, f"incident task {incident.id} add ask the vendor") == f"Task 1 of {incident.id}: ask the vendor"
    )
    assert await said(harness, ANA, f"incident task {incident.id} done #1") == "Task 1 is done. 0 left."
    listed = await harness.run_command(RAY, f"incident task {incident.id} list")
    assert isinstance(listed, TasksAnswer)
    assert [(task.text, task.done is not None) for task in listed.tasks] == [("ask the vendor", True)]


async def test_an_incident_for_an_alert_takes_its_facts_and_the_alert_names_it(harness: CommandHarness) -> None:
    answer = await harness.run_command(RAY, "incident open al-prod")
    assert isinstance(answer, IncidentDeclared)
    incident = await stored(harness, answer.incident)
    assert (incident.environment, incident.services) == ("production", ("deep-echo-main",))
    assert [each.group_id for each in incident.alerts] == ["al-prod"]
    assert (await harness.group("al-prod")).incident == incident.id
    assert (await refusal(harness, RAY, "incident open al-prod")).startswith(f"al-prod is part of {incident.id} already")


async def test_who_has_no_role_where_an_alert_is_takes_it_into_no_incident(harness: CommandHarness) -> None:
    incident = await declare(harness, "P3 staging is slow --environment staging")
    assert "al-prod" not in repr((await stored(harness, incident)).alerts)
    await refusal(harness, ROB, f"incident link {incident.id} al-prod")
    await refusal(harness, ROB, "incident declare P3 mine --environment staging --alert al-prod --new")
    assert (await harness.group("al-prod")).incident == ""


async def test_links_move_with_a_merge(harness: CommandHarness) -> None:
    first = await declare(harness)
    second = await declare(harness, "P2 payments time out --environment production")
    await said(harness, RAY, f"incident link {second.id} al-prod")
    assert await said(harness, RAY, f"incident merge {first.id} --incident {second.id}") == f"{second.id} goes on as {first.id}."
    assert (await harness.group("al-prod")).incident == first.id
    merged = await stored(harness, second)
    assert (merged.state, merged.merged_into) == (IncidentState.CLOSED, first.id)
    assert [each.group_id for each in (await stored(harness, first)).alerts] == ["al-prod"]


async def test_a_security_incident_is_unknown_to_others(harness: CommandHarness) -> None:
    incident = await declare(harness, "P1 keys leaked --security")
    assert (await refusal(harness, ANA, f"incident show {incident.id}")).startswith(f"There is no incident {incident.id}.")
    listed = await harness.run_command(ANA, "incident list")
    assert isinstance(listed, IncidentsAnswer)
    assert listed.incidents == ()
    for who in (RAY, RUE):
        assert isinstance(await harness.run_command(who, f"incident show {incident.id}"), IncidentAnswer)


async def test_a_refused_declaration_of_a_security_incident_keeps_its_title_out_of_the_audit_log(harness: CommandHarness) -> None:
    await harness.run_command(VIV, "incident declare P1 keys leaked --security")
    await harness.run_command(VIV, "incident declare P1 checkout fails")
    refused = [(entry.entry.what, entry.entry.where) for entry in await harness.audit()]
    assert refused == [("incident declare", "P1/checkout/fails"), ("incident declare", "security")]


async def test_a_form_is_filled_with_what_a_button_knows(harness: CommandHarness) -> None:
    incident = await declare(harness)
    form = harness.form(f"incident update --incident {incident.id}")
    assert isinstance(form, Form)
    assert {field.id: field.value for field in form.fields} == {"text": "", "incident": incident.id}


async def test_a_role_by_the_name_of_the_catalogue_or_a_mention(harness: CommandHarness) -> None:
    incident = await declare(harness)
    assert "is comms of" in await said(harness, RAY, f"incident role {incident.id} comms <@{LEE.person.user_id}>")
    assert "is commander of" in await said(harness, ANA, f"incident role {incident.id} commander me")
    after = await stored(harness, incident)
    assert after.commander is not None
    assert after.commander.name == "ana"
