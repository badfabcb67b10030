"""SMS by AWS SNS as a way of paging."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.clock import Clock, has_passed
from domain.errors import DeepechoError, PermanentError
from domain.paging.destinations import masked_number, require_phone_number
from domain.paging.sms import count_parts, sms_text
from domain.paging.ways import Handover, PageMessage, Receipt, RetryRule
from integrations.aws.session import AwsClients
from integrations.http import HttpCall

RETRIES = RetryRule(attempts=3, initial_seconds=2.0, maximum_seconds=20.0)
"""SNS sends some 20 SMS per second and names no time when it has too many."""
USAGE_TTL = timedelta(minutes=10)
PRECHECK_SECONDS = 1.0
_SPENT_METRIC = "SMSMonthToDateSpentUSD"
_OPTED_OUT = "answered STOP to an SMS of this account, so AWS sends it none any more."


@dataclass(frozen=True, slots=True)
class SmsUsage:
    """What AWS lets the account send. None: AWS did not let the bot ask, or has counted nothing yet."""

    limit_usd: float | None
    spent_usd: float | None
    in_sandbox: bool | None
    """Only verified numbers get an SMS, at most ten."""

    @property
    def is_exhausted(self) -> bool:
        """Whether AWS has stopped to send, which it says to nobody: it takes messages and drops them."""
        return self.limit_usd is not None and self.spent_usd is not None and self.spent_usd >= self.limit_usd


class SmsBySns:
    """Sends to phone numbers.

    AWS takes SMS to numbers that opted out, and beyond the budget, and drops them without a word. So both are asked for before,
    for ``precheck_seconds`` at most: no page waits for that.
    """

    name = "sms"
    mirrors = False
    repeats_safely = False
    retries = RETRIES

    def __init__(
        self,
        clients: AwsClients,
        clock: Clock,
        *,
        sender_id: str = "",
        max_parts: int = 3,
        precheck_seconds: float = PRECHECK_SECONDS,
    ) -> None:
        self._clients, self._clock = clients, clock
        self._sender_id, self._max_parts = sender_id, max_parts
        self._precheck_seconds = precheck_seconds
        self._usage: tuple[datetime, SmsUsage] | None = None

    async def send(self, message: PageMessage, destination: str) -> Receipt:
        """``destination`` is a number in E.164. The receipt says how many parts were paid."""
        number = require_phone_number(destination)
        opted_out, usage = await asyncio.gather(self._has_opted_out(number), self._recent_usage())
        if opted_out:
            raise PermanentError(
                f"{masked_number(number)} answered STOP to an SMS of this account, so AWS sends it none any more."
            )
        if usage.is_exhausted:
            raise PermanentError(f"The monthly limit for SMS ({usage.limit_usd:g} USD) is spent, so AWS drops every SMS.")
        text = sms_text(message, self._max_parts)
        answer = await self._clients.call(
            "sns",
            "publish",
            "send the SMS",
            is_write=True,
            error_for_code=_error_for_code,
            PhoneNumber=number,
            Message=text,
            MessageAttributes=self._attributes(),
        )
        return Receipt(Handover.ACCEPTED, str(answer.get("MessageId", "")), _note(count_parts(text), asked=opted_out is not None))

    def _attributes(self) -> dict[str, dict[str, str]]:
        attributes = {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}}
        if self._sender_id:
            attributes["AWS.SNS.SMS.SenderID"] = {"DataType": "String", "StringValue": self._sender_id}
        return attributes

    async def _has_opted_out(self, number: str) -> bool | None:
        """None where AWS does not tell: a page does not wait for that."""
        try:
            async with asyncio.timeout(self._precheck_seconds):
                answer = await self._clients.call(
                    "sns", "check_if_phone_number_is_opted_out", "ask whether a number opted out", phoneNumber=number
                )
        except (DeepechoError, TimeoutError):
            return None
        return bool(answer.get("isOptedOut"))

    async def _recent_usage(self) -> SmsUsage:
        now = self._clock.now()
        if self._usage is None or has_passed(USAGE_TTL, self._usage[0], now):
            try:
                async with asyncio.timeout(self._precheck_seconds):
                    self._usage = (now, await self.usage())
            except TimeoutError:
                self._usage = (now, SmsUsage(None, None, None))
        return self._usage[1]

    async def usage(self) -> SmsUsage:
        """Limit and spending of this month. What AWS does not let the bot ask is None; ``check`` says so."""
        limit, spent, sandbox = await asyncio.gather(self._limit(), self._spent(), self._in_sandbox())
        return SmsUsage(limit, spent, sandbox)

    async def _limit(self) -> float | None:
        try:
            answer = await self._clients.call(
                "sns", "get_sms_attributes", "read the limit of SMS", attributes=["MonthlySpendLimit"]
            )
        except DeepechoError:
            return None
        limit = answer.get("attributes", {}).get("MonthlySpendLimit")
        return float(limit) if limit is not None else None

    async def _spent(self) -> float | None:
        now = self._clock.now()
        try:
            answer = await self._clients.call(
                "cloudwatch",
                "get_metric_statistics",
                "read what was spent for SMS",
                Namespace="AWS/SNS",
                MetricName=_SPENT_METRIC,
                StartTime=now.replace(day=1, hour=0, minute=0, second=0, microsecond=0),
                EndTime=now + timedelta(minutes=1),
                Period=3600,
                Statistics=["Maximum"],
            )
        except DeepechoError:
            return None
        newest = max(answer.get("Datapoints", []), key=lambda point: point["Timestamp"], default=None)
        return float(newest["Maximum"]) if newest else None

    async def _in_sandbox(self) -> bool | None:
        try:
            answer = await self._clients.call("sns", "get_sms_sandbox_account_status", "ask about its sandbox")
        except DeepechoError:
            return None
        return bool(answer["IsInSandbox"])

    async def ping(self) -> None:
        """Ask something that sends nothing. Raises as ``send`` does."""
        await self._clients.call("sns", "get_sms_attributes", "read the settings of SMS")


def _error_for_code(call: HttpCall, code: str, message: str) -> DeepechoError | None:
    match code:
        case "OptedOut" | "OptedOutException":
            return PermanentError(f"The number {_OPTED_OUT}")
        case "UserError" | "UserErrorException":
            return PermanentError(
                f"{call.server} refused the number: {message}. In its sandbox only verified numbers get an SMS."
            )
        case _:
            return None


def _note(parts: int, *, asked: bool) -> str:
    number = "1 SMS" if parts == 1 else f"an SMS in {parts} parts"
    return number if asked else f"{number}; AWS did not say whether the number opted out"
