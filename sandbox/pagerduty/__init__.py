"""A strict stand-in for PagerDuty: its published APIs, webhooks, and a phone page on which a person acknowledges."""

from sandbox.pagerduty.seed import BOT_EMAIL, SCHEDULE_ID, SERVICE_NAME, routing_key, user_id
from sandbox.pagerduty.server import StandInPagerDuty
from sandbox.pagerduty.webhooks import Pace

__all__ = ["BOT_EMAIL", "SCHEDULE_ID", "SERVICE_NAME", "Pace", "StandInPagerDuty", "routing_key", "user_id"]
