from typing import Any

import pytest
from pydantic import ValidationError

from bot.components.oncall import ONCALL
from bot.core.catalogue_file import parse_catalogue
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.oncall import RESERVED_TEAM_NAMES
from domain.errors import CatalogueError
from tests.harness.samples.team import team_catalogue

ANA, BEN = {"slack": "U0ANA", "phone": "+49 (30) 123-4567", "email": "ana@example.com", "pagerduty": "PANA01"}, {"slack": "U0BEN"}
PEOPLE = {"ana": ANA, "ben": BEN}
LAYER = {"name": "primary", "people": ["ana", "ben"], "starts": "2026-01-05", "handoff": {"at": "09:00", "days": ["mon"]}}
TEAM = {"zone": "Europe/Berlin", "layers": [LAYER]}


def catalogue(team: dict[str, Any] | None = None, people: dict[str, Any] | None = None) -> Catalogue:
    return team_catalogue(people=people or PEOPLE, oncall={"platform": team or TEAM})


def test_people_and_rotations_are_read() -> None:
    read = catalogue()
    assert read.people["ana"].phone == "+49301234567"
    team = read.oncall["platform"]
    assert (team.layer_names, team.members) == (("primary",), ("ana", "ben"))
    assert team.layers[0].turn_days == 7


def test_a_catalogue_without_these_sections_has_neither() -> None:
    assert (team_catalogue().people, team_catalogue().oncall) == ({}, {})


@pytest.mark.parametrize(
    ("people", "says"),
    [
        ({"ana": ANA, "ann": ANA | {"pagerduty": ""}}, "people: 'ana' and 'ann' have one slack id"),
        ({"ana": ANA, "ben": BEN | {"pagerduty": "PANA01"}}, "people: 'ana' and 'ben' have one pagerduty id"),
        ({"ana": {"slack": "@ana"}}, "people.ana.slack: must be the id of a Slack user, such as U0123456789"),
        ({"ana": {"phone": "+49301234567"}}, "people.ana.slack: is missing"),
        ({"ana": ANA | {"phone": "030 1234567"}}, "people.ana.phone: must be a number with its country, such as +49 30 1234567"),
        ({"ana": ANA | {"email": "ana"}}, "people.ana.email: must be an e-mail address"),
        ({"ana": ANA | {"mobile": "1"}}, "people.ana.mobile: is not a key that is known here"),
    ],
)
def test_people_that_cannot_be_reached_or_told_apart_are_refused_in_words(people: dict[str, Any], says: str) -> None:
    assert says in refusal(people=people)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"zone": "Europe/Berlyn"}, "'Europe/Berlyn' is not the name of a time zone; did you mean Europe/Berlin"),
        ({"zone": "europe/berlin"}, "did you mean Europe/Berlin"),
        ({"zone": "+02:00"}, "'+02:00' is not the name of a time zone, such as Europe/Berlin; an offset is none"),
        ({"zone": "right/Europe/Berlin"}, "is not the name of a time zone"),
        ({"lead": "zoe"}, "oncall.platform.lead: 'zoe' is not defined; there are ana, ben"),
        ({"layers": []}, "say exactly one of layers and pagerduty"),
        ({"pagerduty": {"primary": "PABC123"}}, "say exactly one of layers and pagerduty"),
        ({"layers": [LAYER, LAYER]}, "layers: two have one name"),
        ({"groups": [{"id": "S0OPS", "layers": ["night"]}]}, "groups.S0OPS.layers: 'night' is not defined; there are primary"),
        ({"groups": [{"id": "platform-oncall"}]}, "oncall.platform.groups.0.id"),
        ({"channel": "#ops"}, "must be a channel's id"),
        ({"coverage": [{"days": ["monday"]}]}, "oncall.platform.coverage.0.days.0"),
    ],
)
def test_a_team_that_cannot_be_is_refused_in_words(change: dict[str, Any], says: str) -> None:
    assert says in refusal(team=TEAM | change)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"people": ["ana", "zoe"]}, "oncall.platform.layers.primary.people: 'zoe' is not defined; there are ana, ben"),
        ({"people": []}, "at least 1 item"),
        ({"zone": "Mars/Olympus"}, "'Mars/Olympus' is not the name of a time zone"),
        ({"handoff": {"at": 1080, "days": ["mon"]}}, 'must stand in quotation marks, such as "18:00"'),
        ({"handoff": {"at": "25:00", "days": ["mon"]}}, "'25:00' is not a time of the day, such as 09:00"),
        ({"handoff": {"at": "24:00", "days": ["mon"]}}, "'24:00' is not a time of the day"),
        ({"handoff": {"at": "09:00"}}, "turns of weeks need a weekday, such as [mon]"),
        ({"handoff": {"at": "09:00", "days": ["mon", "mon"]}}, "a weekday stands here twice"),
        ({"turn": "2d"}, "turns of days change every so many days"),
        ({"turn": "2w", "handoff": {"at": "09:00", "days": ["mon", "thu"]}}, "several weekdays go with a turn of 1w only"),
        ({"turn": "0w"}, "oncall.platform.layers.0.turn"),
        ({"turn": "99w"}, "at most 366 days are possible"),
        ({"restrictions": [{"start": "18:00", "end": "24:30"}]}, "'24:30' is not a time of the day"),
        ({"restrictions": [{"start": "24:00"}]}, "'24:00' is not a time of the day"),
    ],
)
def test_a_rotation_that_cannot_be_is_refused_in_words(change: dict[str, Any], says: str) -> None:
    assert says in refusal(team=TEAM | {"layers": [LAYER | change]})


def test_no_team_is_called_as_a_command_is() -> None:
    commands = {command.name.removeprefix("oncall ") for router in ONCALL.routers for command in router.commands}
    assert commands - {"oncall"} == set(RESERVED_TEAM_NAMES)
    with pytest.raises(ValidationError, match=r"oncall\.week: no team can be called so, because a command is"):
        team_catalogue(people=PEOPLE, oncall={"week": TEAM})


def test_an_unquoted_time_of_the_file_is_refused_at_its_line() -> None:
    text = """\
workspaces: [T0]
clusters: {main: {in_cluster: true}}
environments: {production: {cluster: main, namespace: prod}}
services: {web: {deployment: web, container: web, image: registry.example/web}}
applications: {web: {services: [web], default: true}}
roles: {}
people: {ana: {slack: U0ANA}}
oncall:
  platform:
    zone: Europe/Berlin
    layers:
      - name: primary
        people: [ana]
        starts: 2026-01-05
        handoff: {days: [mon], at: 18:00}
"""
    with pytest.raises(CatalogueError, match=r"line 15: oncall\.platform\.layers\.0\.handoff\.at: must stand in quotation marks"):
        parse_catalogue(text, "deepecho.yaml")
    assert parse_catalogue(text.replace("18:00", '"18:00"'), "deepecho.yaml").oncall["platform"].layers[0].handoff.at == "18:00"


def refusal(**changed: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        catalogue(**changed)
    texts = [f"{'.'.join(map(str, each['loc']))}: {each['msg'].removeprefix('Value error, ')}" for each in caught.value.errors()]
    return (
        "\n".join(texts)
        .replace("Field required", "is missing")
        .replace("Extra inputs are not permitted", "is not a key that is known here")
    )
