"""A whole Slack on one machine: the local Slack, a gateway that makes it as strict as the real one, and its people."""

from sandbox.slack.client import NothingCame, SlackPeople, SlackSaidNo, slack_people, until
from sandbox.slack.config import SlackTokens
from sandbox.slack.local import LocalSlack, RunningSlack
from sandbox.slack.message_views import SeenMessage, SeenView
from sandbox.slack.signing import sign, signed_headers

__all__ = [
    "LocalSlack",
    "NothingCame",
    "RunningSlack",
    "SeenMessage",
    "SeenView",
    "SlackPeople",
    "SlackSaidNo",
    "SlackTokens",
    "sign",
    "signed_headers",
    "slack_people",
    "until",
]
