"""A whole Slack on one machine: the local Slack, a gateway that makes it as strict as the real one, and its people."""

from sandbox.slack.client import SlackCallRefused, SlackUsers, WaitTimeout, open_slack_users, wait_for
from sandbox.slack.config import SlackTokens
from sandbox.slack.local import LocalSlack, RunningSlack
from sandbox.slack.message_views import MessageView, ViewSnapshot
from sandbox.slack.signing import sign, signed_headers

__all__ = [
    "LocalSlack",
    "MessageView",
    "RunningSlack",
    "SlackCallRefused",
    "SlackTokens",
    "SlackUsers",
    "ViewSnapshot",
    "WaitTimeout",
    "open_slack_users",
    "sign",
    "signed_headers",
    "wait_for",
]
