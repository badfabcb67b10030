"""The commands ``silence extend`` and ``silence let-end``."""

import re
from datetime import datetime, timedelta

from commands.alerts.alerts import find_group
from commands.alerts.silences import MAX_SILENCE_DURATION, RESPONDER_LIMIT, alert_request, check_scope, unknown_outcome
from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from domain.alerts.alerts import AlertGroup
from domain.alerts.silence_endings import standing
from domain.answers.answers import TextAnswer
from domain.errors import Refused, UnknownOutcome
from domain.facts import Answer
from domain.people import Role
from domain.refusals import role_refusal
from domain.rich_text import CommandMention, Timestamp, sentence
from domain.text import format_duration, parse_duration
from domain.typed_times import parse_time, zone_named
from runbooks.alerts.silence_endings import SilenceEndings

router = Router()

_SPAN = re.compile(r"(\d+ ?[a-z]+ ?)+", re.IGNORECASE)


@router.command(
    "silence extend",
    needs=Role.RESPONDER,
    usage="<alert> <later…>",
    example="silence extend al-k7m2 1h",
    group="Alerts",
    audit_action="extend-silence",
    form_title="Extend a silence",
)
async def extend_command(request: Request, args: Arguments) -> Answer:
    """Let a silence end later: by `1h`, or at `18:00` or `tomorrow 9:00`. Beyond 4 hours from now the role sre is needed.

    The silence stays the same one in Alertmanager, and whoever extends it owns it.
    """
    group = await find_group(request, args[0], Role.RESPONDER)
    until = _until(request, group, args.rest(1))
    _check_length(request, group, until)
    check_scope(request, group, Role.RESPONDER if until <= request.services.clock.now() + RESPONDER_LIMIT else Role.SRE)
    try:
        after = await request.services.of(SilenceEndings).extend(alert_request(request, group), until)
    except UnknownOutcome as error:
        return unknown_outcome(error)
    end = CommandMention(f"unsilence {after.id}")
    return TextAnswer(
        sentence(f"{after.id} is silenced until ", Timestamp(until), ", and the silence is yours. To end it: ", end, ".")
    )


@router.command(
    "silence let-end",
    needs=Role.RESPONDER,
    usage="<alert>",
    example="silence let-end al-k7m2",
    group="Alerts",
    audit_action="let-silence-end",
    form_title="Let a silence end",
)
async def let_end_command(request: Request, args: Arguments) -> Answer:
    """Say that you have seen that a silence ends, and let it: its owner is not reminded any more."""
    group = await find_group(request, args[0], Role.RESPONDER)
    after = await request.services.of(SilenceEndings).let_end(alert_request(request, group))
    until = after.silence.until if after.silence else request.services.clock.now()
    extend = CommandMention(f"silence extend {after.id} 1h")
    return TextAnswer(
        sentence(f"The silence of {after.id} ends at ", Timestamp(until), ". To extend it after all: ", extend, ".")
    )


def _until(request: Request, group: AlertGroup, words: str) -> datetime:
    """The end that a person means. Raises ``UsageError``, and ``Refused`` where nothing is silenced."""
    if _SPAN.fullmatch(words):
        return standing(group, request.services.clock.now()).until + parse_duration(words.replace(" ", ""), MAX_SILENCE_DURATION)
    return parse_time(words, zone_named(request.member.time_zone), request.services.clock.now())


def _check_length(request: Request, group: AlertGroup, until: datetime) -> None:
    """Raise ``Denied``, with what is possible, if it is longer from now than the person's role allows."""
    left = until - request.services.clock.now()
    if left > MAX_SILENCE_DURATION:
        limit = format_duration(MAX_SILENCE_DURATION)
        raise Refused(f"A silence ends at most {limit} from now. For longer, change the alerting rule. Nothing was changed.")
    if left <= RESPONDER_LIMIT or request.catalogue.has_role(request.member, Role.SRE, group.environment or None):
        return
    applied = standing(group, request.services.clock.now())
    possible = request.services.clock.now() + RESPONDER_LIMIT - applied.until - timedelta(minutes=1)
    minutes = int(possible.total_seconds()) // 60
    hint = sentence("You may: ", CommandMention(f"silence extend {group.id} {minutes}m"), ".") if minutes > 0 else ""
    raise role_refusal(
        f"Silencing for longer than {format_duration(RESPONDER_LIMIT)} from now", Role.SRE, group.environment, hint
    )
