"""Mail by AWS SES (API v2) as a way of paging."""

from dataclasses import dataclass

from domain.clock import Clock
from domain.errors import DeepechoError, PermanentError, TemporaryError
from domain.paging.destinations import require_mail_address
from domain.paging.ways import Handover, PageMessage, Receipt, RetryRule
from integrations.aws.session import AwsClients
from integrations.http import HttpCall
from integrations.mail_message import page_mail

RETRIES = RetryRule(attempts=3, initial_seconds=2.0, maximum_seconds=20.0)
"""SES throttles by an exception without a time; an account in its sandbox may send one mail per second."""
_MISCONFIGURED = {"MailFromDomainNotVerifiedException", "AccountSuspendedException", "SendingPausedException", "MessageRejected"}


@dataclass(frozen=True, slots=True)
class SesAccount:
    """What SES lets the account send within 24 h; recipients count. ``in_sandbox``: only verified addresses get mail."""

    enabled: bool
    in_sandbox: bool
    sent: float
    limit: float


class SesMail:
    """Sends from one verified address."""

    name = "email"
    mirrors = False
    repeats_safely = False
    retries = RETRIES

    def __init__(self, clients: AwsClients, clock: Clock, sender: str, *, configuration_set: str = "") -> None:
        self._clients, self._clock = clients, clock
        self._sender, self._configuration_set = sender, configuration_set

    async def send(self, message: PageMessage, destination: str) -> Receipt:
        """``destination`` is a mail address."""
        recipient = require_mail_address(destination)
        mail = page_mail(message, self._sender, recipient, self._clock.now())
        chosen = {"ConfigurationSetName": self._configuration_set} if self._configuration_set else {}
        answer = await self._clients.call(
            "sesv2",
            "send_email",
            "send the mail",
            is_write=True,
            error_for_code=_error_for_code,
            FromEmailAddress=self._sender,
            Destination={"ToAddresses": [recipient]},
            Content={"Raw": {"Data": mail.as_bytes()}},
            **chosen,
        )
        return Receipt(Handover.ACCEPTED, str(answer.get("MessageId", "")))

    async def account(self) -> SesAccount:
        """Whether and how much the account may send. Raises as ``send`` does."""
        answer = await self._clients.call("sesv2", "get_account", "read the account of SES")
        quota = answer.get("SendQuota", {})
        return SesAccount(
            enabled=bool(answer.get("SendingEnabled", True)),
            in_sandbox=not answer.get("ProductionAccessEnabled", True),
            sent=float(quota.get("SentLast24Hours", 0)),
            limit=float(quota.get("Max24HourSend", -1)),
        )


def _error_for_code(call: HttpCall, code: str, message: str) -> DeepechoError | None:
    if code == "LimitExceededException":
        return TemporaryError(f"{call.server} takes no more mail for a while: {message or 'its quota is used up'}.")
    if code in _MISCONFIGURED:
        return PermanentError(f"{call.server} refused to send the mail: {message or code}.")
    return None
