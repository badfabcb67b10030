"""PagerDuty: pages go out by Events API v2, acknowledgements come back by webhooks v3 and the REST API.

The limits and statuses are those of PagerDuty's developer documentation (events-API-v2, REST-API, webhooks).
"""

from integrations.pagerduty.api import PagerDutyApi, Subscription, open_pagerduty_api
from integrations.pagerduty.events import PagerDutyEvents, open_pagerduty_events
from integrations.pagerduty.webhook import MissingSignature, WebhookSignatures, WrongSignature, parse_webhook

__all__ = [
    "MissingSignature",
    "PagerDutyApi",
    "PagerDutyEvents",
    "Subscription",
    "WebhookSignatures",
    "WrongSignature",
    "open_pagerduty_api",
    "open_pagerduty_events",
    "parse_webhook",
]
