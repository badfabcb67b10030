"""Lines of ``deepecho check`` about the ways of paging: set up, reachable, right. None of them sends a page."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial

from bot.connections.paging_ways import PagingWays
from bot.core.check_result import CheckResult
from bot.core.settings import Settings
from domain.catalogue.catalogue import Catalogue
from domain.catalogue.paging import PagingConfig
from domain.clock import SystemClock
from domain.errors import DeepechoError
from domain.paging.destinations import is_mail_address, is_phone_number
from integrations.aws import SesMail, SmsBySns, SmsUsage
from integrations.pagerduty import PagerDutyApi, PagerDutyEvents
from integrations.smtp import SmtpMail
from integrations.webhook import SignedWebhooks

NEARLY_SPENT = 0.8
"""Of the monthly limit of SMS. From there on one bad week ends it."""
_Look = Callable[[], Awaitable[tuple[bool, str]]]
"""Whether it is well, and the details."""


async def check_paging_ways(settings: Settings, catalogue: Catalogue) -> AsyncIterator[CheckResult]:
    """A line for each way of the settings, and for what policies want that is not there. Without either, nothing."""
    async with AsyncExitStack() as stack:
        ways = PagingWays(stack, settings, SystemClock())
        await ways.open_connections()
        for name, look in _looks(ways, has_webhook=ways.webhook_signatures is not None):
            yield await _line(name, look)
        if catalogue.paging is not None:
            for check in _policy_checks(catalogue, catalogue.paging, ways):
                yield check


def _looks(ways: PagingWays, *, has_webhook: bool) -> Iterator[tuple[str, _Look]]:
    if ways.pagerduty is not None:
        for service in ways.pagerduty.services:
            yield f"pages by pagerduty:{service}", partial(_pagerduty_service, ways.pagerduty, service)
    if ways.pagerduty_api is not None:
        yield "pagerduty api", partial(_pagerduty_user, ways.pagerduty_api)
        yield "pagerduty webhooks", partial(_pagerduty_webhooks, ways.pagerduty_api, has_webhook)
    if ways.sms is not None:
        yield "pages by sms", partial(_sms, ways.sms)
    if ways.ses is not None:
        yield "pages by email", partial(_ses, ways.ses)
    if ways.smtp is not None:
        yield "pages by email", partial(_smtp, ways.smtp)
    if ways.webhooks is not None:
        for receiver in ways.webhooks.receivers:
            yield f"pages by webhook:{receiver}", partial(_webhook, ways.webhooks, receiver)


async def _line(name: str, look: _Look) -> CheckResult:
    try:
        ok, detail = await look()
    except DeepechoError as error:
        return CheckResult(name, ok=False, detail=str(error))
    return CheckResult(name, ok=ok, detail=detail)


async def _pagerduty_service(events: PagerDutyEvents, service: str) -> tuple[bool, str]:
    await events.ping(service)
    return True, "takes events with this key"


async def _pagerduty_user(api: PagerDutyApi) -> tuple[bool, str]:
    user = await api.acting_user()
    return True, f"reads, and writes in the name of {user.name} ({user.id})"


async def _pagerduty_webhooks(api: PagerDutyApi, has_secret: bool) -> tuple[bool, str]:  # noqa: FBT001 -- bound by ``partial``
    """A subscription that PagerDuty has switched off is switched on again: until then no acknowledgement comes."""
    ours = [each for each in await api.subscriptions() if each.is_ours]
    if not ours:
        return False, "no subscription posts to the bot: acknowledgements are only seen when the bot asks for them"
    if not has_secret:
        return False, "DEEPECHO_PAGERDUTY__WEBHOOK_SECRETS__<NAME> is not set, so the bot takes none"
    if disabled := [each for each in ours if each.temporarily_disabled]:
        for each in disabled:
            await api.enable_subscription(each.id)
        addresses = ", ".join(each.url for each in disabled)
        return False, f"was switched off for 24 h, as the bot did not take three in a row at {addresses}; switched on again now"
    if inactive := [each.url for each in ours if not each.active]:
        return False, f"the subscription to {', '.join(inactive)} is not active"
    return True, f"come to {', '.join(each.url for each in ours)}"


async def _sms(sms: SmsBySns) -> tuple[bool, str]:
    await sms.ping()
    usage = await sms.usage()
    problems = list(_sms_problems(usage))
    spent = "unknown" if usage.spent_usd is None else f"{usage.spent_usd:g}"
    budget = "" if usage.limit_usd is None else f"; {spent} of {usage.limit_usd:g} USD spent this month"
    return not problems, "; ".join(problems) or f"AWS SNS can be asked{budget}"


def _sms_problems(usage: SmsUsage) -> Iterator[str]:
    if usage.in_sandbox:
        yield "the account is in the SMS sandbox: only verified numbers, at most ten, get an SMS"
    if usage.is_exhausted:
        yield f"the monthly limit of {usage.limit_usd:g} USD is spent: AWS drops every SMS without a word"
    elif usage.limit_usd and usage.spent_usd is not None and usage.spent_usd >= NEARLY_SPENT * usage.limit_usd:
        yield f"{usage.spent_usd:g} of {usage.limit_usd:g} USD are spent this month; beyond it AWS drops every SMS without a word"


async def _ses(ses: SesMail) -> tuple[bool, str]:
    account = await ses.account()
    if not account.enabled:
        return False, "AWS has paused sending for this account"
    if account.in_sandbox:
        return False, "the account is in the sandbox of SES: only verified addresses get mail"
    quota = f"{account.sent:g} of {account.limit:g} recipients in 24 h" if account.limit >= 0 else "no limit"
    return True, f"AWS SES sends; {quota}"


async def _smtp(smtp: SmtpMail) -> tuple[bool, str]:
    return True, f"{smtp.server.name} can be reached ({await smtp.ping()})"


async def _webhook(webhooks: SignedWebhooks, receiver: str) -> tuple[bool, str]:
    await webhooks.ping(receiver)
    return True, "can be reached; whether it takes pages only a page shows"


def _policy_checks(catalogue: Catalogue, paging: PagingConfig, ways: PagingWays) -> Iterator[CheckResult]:
    """What policies want that the settings do not have, and who cannot be reached the way they want."""
    policies = [*paging.policies.values(), *(each for team in paging.teams.values() for each in team.values())]
    wanted = dict.fromkeys(way for policy in policies for step in policy.steps for way in step.ways)
    missing = [way for way in wanted if not _is_set_up(way, ways)]
    detail = f"no settings for {', '.join(missing)}, so policies pass over it" if missing else f"use {', '.join(wanted)}"
    yield CheckResult("page policies", ok=not missing, detail=detail)
    for way, is_usable, key in (("sms", is_phone_number, "phone"), ("email", is_mail_address, "email")):
        names = [name for name, person in catalogue.people.items() if not is_usable(getattr(person, key))]
        if way in wanted and names:
            yield CheckResult(f"people by {way}", ok=False, detail=f"cannot be reached, for want of `{key}`: {', '.join(names)}")


def _is_set_up(word: str, ways: PagingWays) -> bool:
    """``pagerduty:platform``, ``sms`` and so on; ``slack`` always is."""
    way, _, name = word.partition(":")
    services = {
        "pagerduty": ways.pagerduty.services if ways.pagerduty else (),
        "webhook": ways.webhooks.receivers if ways.webhooks else (),
    }
    if way in services:
        return name in services[way] or (not name and len(services[way]) == 1)
    return way in ways or way == "slack"
