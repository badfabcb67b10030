"""Open ways of paging, and PagerDuty's REST API, as the settings name them. Opening one sends no request."""

from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, suppress

from bot.core.paging_settings import PagerDutySettings, SesSettings, SmsSettings, SmtpSettings
from bot.core.settings import Settings
from domain.clock import Clock
from domain.errors import PermanentError
from domain.paging.ways import PageWay
from integrations.aws import AwsClients, SesMail, SmsBySns, open_aws_clients
from integrations.pagerduty import PagerDutyApi, PagerDutyEvents, WebhookSignatures, open_pagerduty_api, open_pagerduty_events
from integrations.smtp import MailServer, Security, SmtpMail
from integrations.webhook import Receiver, SignedWebhooks, open_signed_webhooks


class PagingWays(Mapping[str, PageWay]):
    """Ways by the word in policies. Closing ``stack`` closes them.

    A way of which the settings say nothing is absent, and so is its library. The way by Slack is not here: it is the outbox.
    """

    def __init__(self, stack: AsyncExitStack, settings: Settings, clock: Clock) -> None:
        self._stack, self._settings, self._clock = stack, settings, clock
        self._ways: dict[str, PageWay] = {}
        self.pagerduty: PagerDutyEvents | None = None
        self.pagerduty_api: PagerDutyApi | None = None
        self.sms: SmsBySns | None = None
        self.ses: SesMail | None = None
        self.smtp: SmtpMail | None = None
        self.webhooks: SignedWebhooks | None = None
        self._aws: list[tuple[AwsClients, str]] = []

    async def open_connections(self) -> None:
        """Make a client for each section of the settings."""
        if self._settings.pagerduty is not None:
            await self._open_pagerduty(self._settings.pagerduty)
        if self._settings.sms is not None:
            self.sms = await self._open_sms(self._settings.sms)
        if self._settings.ses is not None:
            self.ses = await self._open_ses(self._settings.ses)
        if self._settings.smtp is not None:
            self.smtp = _smtp(self._settings.smtp, self._clock)
        await self._open_webhooks()
        opened: tuple[PageWay | None, ...] = (self.pagerduty, self.sms, self.ses, self.smtp, self.webhooks)
        self._ways = {way.name: way for way in opened if way is not None}

    async def prepare(self) -> None:
        """Load AWS's libraries where a section wants them: a first page would wait for them a second.

        What cannot be loaded does not keep the bot from starting: each page that goes this way says so, and ``check`` does.
        """
        for clients, service in self._aws:
            with suppress(PermanentError):
                await clients.prepare(service)

    @property
    def webhook_signatures(self) -> WebhookSignatures | None:
        """Checks who posts to PagerDuty's webhook; None where no secret is set, and then it is not served."""
        secrets = self._settings.pagerduty.webhook_secrets if self._settings.pagerduty else {}
        return WebhookSignatures({name: secret.get_secret_value() for name, secret in secrets.items()}) if secrets else None

    def __getitem__(self, name: str) -> PageWay:
        return self._ways[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ways)

    def __len__(self) -> int:
        return len(self._ways)

    async def _open_pagerduty(self, settings: PagerDutySettings) -> None:
        if settings.routing_keys:
            keys = {name: key.get_secret_value() for name, key in settings.routing_keys.items()}
            self.pagerduty = await self._stack.enter_async_context(open_pagerduty_events(settings.events_url, keys))
        if settings.api_token is not None and settings.user_email is not None:
            token = settings.api_token.get_secret_value()
            opening = open_pagerduty_api(settings.api_url, token, settings.user_email, self._clock)
            self.pagerduty_api = await self._stack.enter_async_context(opening)

    async def _open_sms(self, settings: SmsSettings) -> SmsBySns:
        clients = await self._stack.enter_async_context(open_aws_clients(settings.region, settings.endpoint_url))
        self._aws += [(clients, "sns"), (clients, "cloudwatch")]
        return SmsBySns(clients, self._clock, sender_id=settings.sender_id, max_parts=settings.max_parts)

    async def _open_ses(self, settings: SesSettings) -> SesMail:
        clients = await self._stack.enter_async_context(open_aws_clients(settings.region, settings.endpoint_url))
        self._aws.append((clients, "sesv2"))
        return SesMail(clients, self._clock, settings.sender, configuration_set=settings.configuration_set)

    async def _open_webhooks(self) -> None:
        receivers = {
            name: Receiver(each.url, each.secret.get_secret_value()) for name, each in self._settings.page_webhooks.items()
        }
        if receivers:
            self.webhooks = await self._stack.enter_async_context(open_signed_webhooks(receivers, self._clock))


def _smtp(settings: SmtpSettings, clock: Clock) -> SmtpMail:
    server = MailServer(
        host=settings.host,
        port=settings.port,
        username=settings.username,
        password=settings.password.get_secret_value() if settings.password else "",
        security=Security(settings.security),
    )
    return SmtpMail(server, clock, settings.sender)
