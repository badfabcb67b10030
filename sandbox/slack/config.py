"""What the local Slack and the bot both have to know: tokens, and the file that describes the workspace."""

import json
from dataclasses import dataclass
from pathlib import Path

from sandbox.slack import people

BOT_TOKEN = "xoxb-sandbox-deepecho"
APP_TOKEN = "xapp-1-A0DEEPECHO-sandbox"
SIGNING_SECRET = "sandbox-signing-secret"
COMMAND = "/deepecho"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackTokens:
    """What a person would copy from an app's pages into the bot's settings."""

    bot: str = BOT_TOKEN
    app: str = APP_TOKEN
    signing_secret: str = SIGNING_SECRET


def write_config(folder: Path, tokens: SlackTokens) -> Path:
    """Write the workspace of `sandbox.slack.people` as the local Slack's configuration file."""
    path = folder / "workspace.json"
    path.write_text(json.dumps(_workspace(tokens), indent=2), encoding="utf-8")
    return path


def _workspace(tokens: SlackTokens) -> dict[str, object]:
    return {
        "workspace": {"name": people.TEAM_NAME, "domain": people.TEAM_DOMAIN, "teamId": people.TEAM_ID},
        "apps": [
            {
                "appId": people.APP_ID,
                "botUserId": people.BOT_USER_ID,
                "botName": people.BOT_NAME,
                "botToken": tokens.bot,
                "appToken": tokens.app,
                "signingSecret": tokens.signing_secret,
                "mode": "socket",
            }
        ],
        "users": [
            {
                "id": person.id,
                "name": person.name,
                "real_name": person.real_name,
                "email": person.email,
                "tz": person.tz,
            }
            for person in people.PEOPLE
        ],
        "channels": [
            {
                "id": channel.id,
                "name": channel.name,
                "topic": channel.topic,
                "purpose": channel.purpose,
                "members": list(channel.members),
            }
            for channel in people.CHANNELS
        ],
    }
