"""Where everything of a running sandbox is: one file for people, scripts and tests."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """``slack`` is the page that a person opens; ``slack_control`` is the local Slack's own control API."""

    slack: str
    slack_control: str
    bot: str
    kubernetes: dict[str, str]
    """``url`` and ``kubeconfig``."""
    people: dict[str, str]
    """Role to user id; the second of a role is ``deployer_2``."""
    channels: dict[str, str]
    """Name to id."""
    prometheus: str = ""
    alertmanager: str = ""
    """Both empty where they do not run."""
    grafana: str = ""
    webhook: dict[str, str] = field(default_factory=dict)
    """``url`` and ``token``: where the bot takes alerts from Alertmanager, and how one shows who one is."""
    pagerduty: dict[str, str] = field(default_factory=dict)
    """``url`` of the stand-in, ``token`` of its REST API, ``phone``: the page of who is on call."""

    def write(self, file: Path) -> None:
        """Replace the file as a whole: a reader never sees half of it."""
        temporary = file.with_suffix(".new")
        temporary.write_text(json.dumps(asdict(self), indent=2) + "\n")
        temporary.replace(file)
