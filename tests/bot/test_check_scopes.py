"""What ``check`` says about the scopes of the bot's token."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from bot.check import INCIDENT_SCOPES, REQUIRED_SCOPES, checks
from bot.core.settings import Settings, SlackSettings
from tests.harness.fakes.scripted_web import ScriptedResponse, ScriptedWeb, scripted_web

IDENTITY = {"ok": True, "user": "deepecho", "team": "home", "team_id": "T0HOME"}
EXAMPLE = Path(__file__).parents[2] / "deploy" / "deepecho.example.yaml"


async def scope_lines(
    server: ScriptedWeb, folder: Path, scopes: Mapping[str, str], *, incidents: bool
) -> dict[str, tuple[bool, str]]:
    server.by_name["auth.test"] = ScriptedResponse(IDENTITY, headers={"x-oauth-scopes": ",".join(scopes)})
    catalogue = {key: value for key, value in yaml.safe_load(EXAMPLE.read_text()).items() if key != "incidents"}
    (folder / "deepecho.yaml").write_text(yaml.safe_dump(catalogue | ({"incidents": {}} if incidents else {})))
    slack = SlackSettings.model_validate(
        {"bot_token": "xoxb-of-the-test", "signing_secret": "s" * 20, "mode": "http", "api_url": f"{server.url}/api/"}
    )
    settings = Settings(slack=slack, database_url=f"sqlite:///{folder}/none.db", catalogue=folder / "deepecho.yaml")
    found = {}
    async for check in checks(settings, families=()):
        if "scopes" in check.name:
            found[check.name] = (check.ok, check.detail)
        if check.name == "slack scopes of incidents" or check.name.startswith("cluster"):
            break
    return found


@pytest.mark.parametrize("missing", INCIDENT_SCOPES)
async def test_a_missing_scope_is_named_with_what_does_not_work(tmp_path: Path, missing: str) -> None:
    scopes = {name: why for name, why in {**REQUIRED_SCOPES, **INCIDENT_SCOPES}.items() if name != missing}
    async with scripted_web() as server:
        lines = await scope_lines(server, tmp_path, scopes, incidents=True)
    why = f"missing: {missing} (to {INCIDENT_SCOPES[missing]}); add them to the app and install it again"
    assert lines == {"slack scopes": (True, "all there"), "slack scopes of incidents": (False, why)}


async def test_without_incidents_nobody_asks_for_their_scopes(tmp_path: Path) -> None:
    async with scripted_web() as server:
        lines = await scope_lines(server, tmp_path, REQUIRED_SCOPES, incidents=False)
    assert lines == {"slack scopes": (True, "all there")}
