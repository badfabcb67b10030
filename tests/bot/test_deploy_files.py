"""What stands in ``deploy/`` is what the program needs."""

import re
from pathlib import Path
from typing import Any

import yaml

from bot.check import INCIDENT_SCOPES, REQUIRED_SCOPES
from bot.core.catalogue_file import load_catalogue
from bot.slack.channel_events import CHANNEL_EVENTS
from bot.slack.http import COMMANDS_PATH, EVENTS_PATH, INTERACTIONS_PATH
from bot.slack.listeners import ACCOUNT_EVENTS, GROUP_EVENTS
from integrations.kubernetes.permissions import KIND_PERMISSIONS, REQUIRED_PERMISSIONS

DEPLOY = Path(__file__).parents[2] / "deploy"


def manifest() -> tuple[dict[str, Any], str]:
    text = (DEPLOY / "slack-manifest.yaml").read_text()
    return yaml.safe_load(text), text


def test_the_manifest_asks_for_the_scopes_that_check_looks_for_and_says_why() -> None:
    data, text = manifest()
    assert data["oauth_config"]["scopes"]["bot"] == [*REQUIRED_SCOPES, *INCIDENT_SCOPES]
    for scope, why in {**REQUIRED_SCOPES, **INCIDENT_SCOPES}.items():
        assert re.search(rf"- {scope} +# {re.escape(why)}\n", text), scope


def test_the_manifest_offers_what_the_bot_answers() -> None:
    data, text = manifest()
    (command,) = data["features"]["slash_commands"]
    assert (command["command"], command["should_escape"]) == ("/deepecho", True)
    subscribed = set(data["settings"]["event_subscriptions"]["bot_events"])
    directory_events = {"subteam_members_changed", "subteam_updated", "user_change"}
    messages = {"message.channels", "message.groups"}
    assert subscribed == {"app_home_opened", *directory_events, *messages, *CHANNEL_EVENTS}
    assert directory_events <= {*ACCOUNT_EVENTS, *GROUP_EVENTS}
    assert data["features"]["app_home"]["home_tab_enabled"]
    for path in (COMMANDS_PATH, INTERACTIONS_PATH, EVENTS_PATH):
        assert f"https://deepecho.example.com{path}\n" in text


def test_the_role_permits_what_the_commands_need_and_changes_only_workloads_and_makes_jobs() -> None:
    documents = list(yaml.safe_load_all((DEPLOY / "rbac.yaml").read_text()))
    roles = {each["metadata"]["name"]: each for each in documents if each["kind"] == "ClusterRole"}
    assert roles["deepecho-nodes"]["rules"] == [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list"]}]
    granted = {
        (verb, group, resource)
        for rule in roles["deepecho"]["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    every = [*REQUIRED_PERMISSIONS, *(each for kind in KIND_PERMISSIONS.values() for each in kind)]
    needed = {(verb, each.group, f"{each.plural}/{part}" if part else each.plural) for verb, each, part in every}
    assert needed <= granted
    assert {each for each in granted if each[0] not in ("get", "list", "watch")} == {
        ("patch", "apps", "deployments"),
        ("patch", "apps", "statefulsets"),
        ("patch", "apps", "daemonsets"),
        ("create", "batch", "jobs"),
    }
    assert not any(resource == "secrets" for _, _, resource in granted)


def test_the_example_is_a_catalogue() -> None:
    catalogue = load_catalogue(DEPLOY / "deepecho.example.yaml")
    assert catalogue.environments["production"].protected
    assert catalogue.default_application.services == ("deep-echo-main", "deep-echo-cognitive")
