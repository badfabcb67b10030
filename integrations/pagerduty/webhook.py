"""PagerDuty's webhooks v3: whether one comes from PagerDuty, and what it says."""

import hmac
from collections.abc import Mapping
from hashlib import sha256

from pydantic import ValidationError

from domain.errors import Refused
from domain.paging.remote import RemoteEvent
from integrations.pagerduty.api_models import WebhookModel

SIGNATURE_HEADER = "X-PagerDuty-Signature"
ID_HEADER = "X-Webhook-Id"
"""Equal for each attempt to deliver one webhook."""
WEBHOOK_PATH = "/webhooks/pagerduty"
"""Where the bot takes them: a subscription whose address has this path is the bot's."""
MAX_WEBHOOK_BYTES = 256 * 1024
"""PagerDuty drops larger ones itself."""
_MAX_SIGNATURES = 10
_PREFIX = "v1="
_DIGITS = frozenset("0123456789abcdef")


class MissingSignature(Refused):
    """The header holds no signature of version 1: answer 400, with which PagerDuty drops it."""


class WrongSignature(Refused):
    """No signature belongs to the body: answer 403, with which PagerDuty drops it."""


class WebhookSignatures:
    """Checks signatures with the secrets of all subscriptions; while one is changed, PagerDuty signs with both.

    No time is signed. Against a replay, remember the event's ``id``.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = tuple(secret.encode() for secret in secrets.values())

    @staticmethod
    def check_header(header: str) -> None:
        """Raise ``MissingSignature`` for what no body can make valid, so that such a body is not read."""
        if not _signatures(header):
            raise MissingSignature(f"{SIGNATURE_HEADER} holds no signature of the form v1=….")

    def check(self, header: str, body: bytes) -> None:
        """Raise ``MissingSignature`` or ``WrongSignature`` unless one signature belongs to the raw body."""
        self.check_header(header)
        signatures = _signatures(header)
        # Every pair is compared, so that the time does not tell which secret or which signature was nearly right.
        matches = [
            hmac.compare_digest(hmac.new(secret, body, sha256).hexdigest(), signature)
            for secret in self._secrets
            for signature in signatures
        ]
        if not any(matches):
            raise WrongSignature("No signature belongs to the body: the secret is that of another subscription, or of none.")


def _signatures(header: str) -> list[str]:
    """Those of version 1, well-formed. Others may come: a later version stands beside this one for a while."""
    values = [part.strip().removeprefix(_PREFIX) for part in header.split(",") if part.strip().startswith(_PREFIX)]
    return [value for value in values[:_MAX_SIGNATURES] if len(value) == 64 and _DIGITS.issuperset(value)]


def parse_webhook(body: bytes) -> RemoteEvent:
    """Parse a webhook. Types that are not known, also those of the future, are ``OTHER``. Raises ``Refused`` for no webhook."""
    try:
        return WebhookModel.model_validate_json(body).event.to_event()
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in problem["loc"])[:100]
        raise Refused(f"This is no webhook of PagerDuty: {place or 'the body'}: {problem['msg']}.") from None
