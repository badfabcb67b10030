"""PagerDuty's webhook: check the signature, apply the event once, answer within the five seconds that PagerDuty waits.

PagerDuty drops what is answered with 4xx, and after three dropped ones switches the subscription off for a day: 4xx is for a bad
signature only. What cannot be stored now is answered with 503 and comes again, for two days.
"""

import asyncio
from http import HTTPStatus

import structlog
from aiohttp import web

from bot.core.metrics import MetricSpec
from bot.web.bodies import BodyReader, BodyRefused
from domain.errors import Refused, TemporaryError
from domain.paging.remote import RemoteEvent
from integrations.pagerduty import MissingSignature, WebhookSignatures, WrongSignature, parse_webhook
from integrations.pagerduty.webhook import ID_HEADER, MAX_WEBHOOK_BYTES, SIGNATURE_HEADER, WEBHOOK_PATH
from runbooks.paging.service import PagingService

ANSWER_TIMEOUT_SECONDS = 4.0
"""PagerDuty waits for five."""
MAX_ID_LENGTH = 200
PAGERDUTY_PATH = WEBHOOK_PATH

log = structlog.get_logger()


class PagerDutyWebhook:
    """Serves the webhook."""

    def __init__(self, signatures: WebhookSignatures, service: PagingService) -> None:
        self._signatures, self._service = signatures, service
        self._bodies = BodyReader(max_bytes=MAX_WEBHOOK_BYTES, max_total=16 * MAX_WEBHOOK_BYTES)
        self.applied = 0
        self.repeated = 0
        self.refused = 0
        self.unreadable = 0
        self.overloaded = 0

    async def serve(self, request: web.Request) -> web.Response:
        """202 has applied it, also what is of no interest; 400 and 403 are signatures; 503 comes again."""
        header = request.headers.get(SIGNATURE_HEADER, "")
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
                # A header that no body can make valid is refused before its body is read.
                WebhookSignatures.check_header(header)
                async with self._bodies.reading(request) as body:
                    self._signatures.check(header, body)
                    return await self._apply(body, request.headers.get(ID_HEADER, ""))
        except MissingSignature as error:
            return self._refuse(HTTPStatus.BAD_REQUEST, error)
        except WrongSignature as error:
            return self._refuse(HTTPStatus.FORBIDDEN, error)
        except BodyRefused as error:
            return self._body_refused(error)
        except (TemporaryError, TimeoutError) as error:
            return self._busy(str(error) or "That took too long.")

    async def _apply(self, body: bytes, webhook_id: str) -> web.Response:
        try:
            event = parse_webhook(body)
        except Refused as error:
            # Signed by PagerDuty and not understood: to drop it would only bring the subscription closer to its end.
            self.unreadable += 1
            log.warning("webhook of pagerduty not understood", error=str(error))
            return web.Response(status=202)
        if event.incident is not None:
            await self._apply_event(event, webhook_id)
        return web.Response(status=202)

    async def _apply_event(self, event: RemoteEvent, webhook_id: str) -> None:
        assert event.incident is not None  # noqa: S101 -- the caller has looked
        # The header is not signed, so that a replay could bring another one: the event's own id is remembered as well.
        name = event.id or webhook_id[:MAX_ID_LENGTH]
        is_new = await self._service.apply_event(name, event.kind, event.incident, event.by)
        self.applied += is_new
        self.repeated += not is_new

    def _refuse(self, status: HTTPStatus, error: Refused) -> web.Response:
        self.refused += 1
        return web.Response(status=status, text=str(error))

    def _body_refused(self, error: BodyRefused) -> web.Response:
        # Nothing was checked yet, so nothing says that PagerDuty has sent it; what is too large PagerDuty drops itself.
        is_too_large = error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return self._refuse(error.status, Refused(str(error))) if is_too_large else self._busy(str(error))

    def _busy(self, reason: str) -> web.Response:
        self.overloaded += 1
        return web.Response(status=503, text=reason, headers={"Retry-After": "5"})


def pagerduty_metrics(webhook: PagerDutyWebhook) -> tuple[MetricSpec, ...]:
    """What the webhook counts."""
    return (
        MetricSpec("deepecho_pagerduty_events_applied", "counter", "Events of PagerDuty applied", lambda: webhook.applied),
        MetricSpec("deepecho_pagerduty_events_repeated", "counter", "Events that had come before", lambda: webhook.repeated),
        MetricSpec("deepecho_pagerduty_requests_refused", "counter", "Requests without good signature", lambda: webhook.refused),
        MetricSpec("deepecho_pagerduty_events_unreadable", "counter", "Signed, but not understood", lambda: webhook.unreadable),
        MetricSpec("deepecho_pagerduty_overloaded", "counter", "Answered 503, to come again", lambda: webhook.overloaded),
    )
