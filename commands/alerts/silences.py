"""Keep an alert group quiet for a while, end that, and see everything that Alertmanager keeps quiet."""

import asyncio
import re
from collections.abc import Sequence
from datetime import timedelta

from commands.alerts.alerts import group_for
from commands.core.arguments import Words
from commands.core.quoting import SLASH
from commands.core.request import Request
from commands.core.router import Router
from domain.alerts.alerts import AlertGroup, GroupState, SilenceMark
from domain.alerts.remediation import is_own, reach_of_silence
from domain.alerts.silences import Silence, SilenceState
from domain.answers.alerts import HeldSilence, SilencesAnswer, SilencesOf
from domain.answers.answers import Answer, Complaint, Said
from domain.errors import Denied, PermanentError, Refused, TemporaryError, UnknownOutcome
from domain.people import Role
from domain.text import format_span, parse_span
from runbooks.alerts.service import Wish

router = Router()

SHORT = timedelta(hours=4)
"""What a responder may silence alone: about a night's sleep. Beyond that somebody with more at stake decides."""
LONGEST = timedelta(days=30)
"""What is to stay quiet for longer is a change of the alert's rule."""

_OURS = re.compile(r" \[(al-[a-z0-9]{1,40})\]$")
"""How ``runbooks.alerts.service`` ends the comment of a silence that it makes."""


@router.command(
    "silence",
    needs=Role.RESPONDER,
    usage="<alert> <for> [reason…]",
    example="silence al-k7m2 1h known, fix is on its way",
    group="Alerts",
)
async def silence_command(request: Request, words: Words) -> Answer:
    """Silence exactly this alert group in Alertmanager. Up to 4 hours as a responder, up to 30 days with the role sre."""
    span, reason = parse_span(words[1], LONGEST), words.rest(2)
    group = await group_for(request, words[0], Role.RESPONDER)
    _may_last(request, group, span)
    _may_reach(request, group, Role.RESPONDER if span <= SHORT else Role.SRE)
    if is_own(group):
        raise Refused(
            f"deepecho itself raised {group.id}, so no Alertmanager can silence it. Acknowledge it: `{SLASH} ack {group.id}`."
        )
    try:
        after = await request.services.alerts.silence(_wish(request, group), span, reason)
    except UnknownOutcome as lost:
        return _unknown(lost)
    now = " It is resolved at the moment; this holds if it fires again." if after.state is GroupState.RESOLVED else ""
    return Said(f"{after.id} {_silenced(after.silence, span)}{now} To end it: `{SLASH} unsilence {after.id}`.")


@router.command("unsilence", needs=Role.RESPONDER, usage="<alert>", example="unsilence al-k7m2", group="Alerts")
async def unsilence_command(request: Request, words: Words) -> Answer:
    """End the silence of an alert group that was made from here."""
    group = await group_for(request, words[0], Role.RESPONDER)
    try:
        after = await request.services.alerts.unsilence(_wish(request, group))
    except UnknownOutcome as lost:
        return _unknown(lost)
    fires = " It fires." if after.state is GroupState.FIRING else ""
    return Said(f"The silence of {after.id} is over.{fires}")


@router.command("silences", needs=Role.VIEWER, usage="[env]", example="silences production", group="Alerts")
async def silences_command(request: Request, words: Words) -> Answer:
    """What Alertmanager keeps quiet now or soon, who made it so and until when."""
    names = [words.environment] if words.environment else request.visible_environments
    places = _by_alertmanager(request, names)
    if not places:
        raise Refused(f"The catalogue names no Alertmanager of {' or '.join(names)}.")
    return SilencesAnswer(tuple(await asyncio.gather(*(_held(request, each) for each in places))))


def _may_last(request: Request, group: AlertGroup, span: timedelta) -> None:
    """Raises ``Denied``, with what is possible instead."""
    if span <= SHORT or request.catalogue.may(request.member, Role.SRE, group.environment or None):
        return
    short = format_span(SHORT)
    where = f" in {group.environment}" if group.environment else ""
    raise Denied(
        f"Silencing for longer than {short} needs an sre{where}, and you are not one. Up to {short} you may: "
        f"`{SLASH} silence {group.id} {short.replace(' ', '')}`."
    )


def _may_reach(request: Request, group: AlertGroup, needed: Role) -> None:
    """Raise ``Denied`` where the silence would hold in another environment too, for whoever may not silence there."""
    reached = [each for each in reach_of_silence(group, request.catalogue) if each != group.environment]
    barred = [each for each in reached if not request.catalogue.may(request.member, needed, each)]
    if barred:
        raise Denied(
            f"{group.id} groups its alerts by nothing that names {group.environment}, so its silence would hold in "
            f"{' and '.join(barred)} too, which needs the role {needed} there. Nothing was silenced."
        )


def _silenced(mark: SilenceMark | None, span: timedelta) -> str:
    """How long it is: what an earlier attempt made, whose end was lost, keeps its own."""
    if mark is None:
        return "is silenced."
    until = f"until {mark.until:%d %b %H:%M} UTC"
    if mark.until - mark.at == span:
        return f"is silenced for {format_span(span)} {until}."
    return f"is silenced {until}: so an earlier attempt had made it, and it holds."


def _unknown(lost: UnknownOutcome) -> Complaint:
    return Complaint(str(lost), f"`{SLASH} silences` shows what Alertmanager holds. Saying it again is safe: it looks first.")


def _wish(request: Request, group: AlertGroup) -> Wish:
    return Wish(group=group.id, by=request.member, source=request.key)


def _by_alertmanager(request: Request, names: Sequence[str]) -> list[tuple[str, ...]]:
    """The environments that have one; those that share one together, so that nothing is told twice."""
    sharing: dict[str, list[str]] = {}
    for name in names:
        if address := request.catalogue.environments[name].alertmanager:
            sharing.setdefault(address, []).append(name)
    return [tuple(each) for each in sharing.values()]


async def _held(request: Request, environments: tuple[str, ...]) -> SilencesOf:
    """An Alertmanager that does not answer says so, and does not sink the others."""
    try:
        found = await request.services.alerts.alertmanager(environments[0]).silences()
    except (TemporaryError, PermanentError, Refused) as error:
        return SilencesOf(environments=environments, problem=str(error))
    in_force = sorted((each for each in found if each.in_force), key=_order)
    return SilencesOf(environments=environments, silences=tuple(_made_for(each) for each in in_force))


def _order(silence: Silence) -> tuple[bool, float, str]:
    return silence.state is SilenceState.PENDING, silence.ends_at.timestamp(), silence.id


def _made_for(silence: Silence) -> HeldSilence:
    ours = _OURS.search(silence.comment)
    return HeldSilence(silence=silence, group=ours[1] if ours else "")
