"""The commands ``silence``, ``unsilence`` and ``silences``."""

import asyncio
import re
from collections.abc import Sequence
from datetime import timedelta

from commands.alerts.alerts import find_group
from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from domain.alerts.alerts import AlertGroup, AppliedSilence, GroupState
from domain.alerts.remediation import raised_by_bot, raised_by_grafana, silence_scope
from domain.alerts.silences import OnNew, Silence, SilenceState
from domain.alerts.tripwires import TripwireChoice
from domain.answers.alerts import AlertmanagerSilences, ListedSilence, SilencesAnswer
from domain.answers.answers import ErrorAnswer, TextAnswer
from domain.errors import Denied, PermanentError, Refused, TemporaryError, UnknownOutcome, UsageError
from domain.facts import Answer
from domain.people import Role
from domain.refusals import role_refusal
from domain.rich_text import Code, CommandMention, sentence
from domain.text import format_duration, parse_duration
from runbooks.alerts.service import AlertRequest, AlertService

router = Router()

RESPONDER_LIMIT = timedelta(hours=4)
"""The longest silence that the role responder allows; a longer one needs the role sre."""
MAX_SILENCE_DURATION = timedelta(days=30)
"""The longest silence. For longer, change the alerting rule."""

_GROUP_ID_SUFFIX = re.compile(r" \[(al-[a-z0-9]{1,40})\]$")
"""The end of the comment in silences that ``runbooks.alerts.service`` creates."""


@router.command(
    "silence",
    needs=Role.RESPONDER,
    usage="<alert> <for> [reason…] [--on-new tell|lift] [--more-than 5]",
    example="silence al-k7m2 1h known, fix is on its way",
    group="Alerts",
    form_title="Silence an alert",
)
async def silence_command(request: Request, args: Arguments) -> Answer:
    """Silence exactly this alert group in Alertmanager. Up to 4 hours as a responder, up to 30 days with the role sre.

    Something new under it is said in the thread, or lifts it with `--on-new lift`; with `--more-than` only if more alerts fire.
    """
    span, reason, choice = parse_duration(args[1], MAX_SILENCE_DURATION), args.rest(2), _choice(args)
    group = await find_group(request, args[0], Role.RESPONDER)
    _check_duration(request, group, span)
    check_scope(request, group, Role.RESPONDER if span <= RESPONDER_LIMIT else Role.SRE)
    if raised_by_bot(group):
        refusal = f"deepecho itself raised {group.id}, so no Alertmanager can silence it. Acknowledge it: "
        raise Refused(sentence(refusal, CommandMention(f"ack {group.id}"), "."))
    if raised_by_grafana(group):
        raise Refused(f"Grafana itself raised {group.id}, so no Alertmanager can silence it. Its card has a link to do it there.")
    try:
        after = await request.services.of(AlertService).silence(alert_request(request, group), span, reason, choice)
    except UnknownOutcome as error:
        return unknown_outcome(error)
    now = " It is resolved at the moment; this holds if it fires again." if after.state is GroupState.RESOLVED else ""
    lifted = " Something new under it lifts it." if choice.on_new is OnNew.LIFT else ""
    done = f"{after.id} {_describe_silence(after.silence, span)}{now}{lifted}"
    return TextAnswer(sentence(f"{done} To end it: ", CommandMention(f"unsilence {after.id}"), "."))


@router.command(
    "unsilence",
    needs=Role.RESPONDER,
    usage="<alert>",
    example="unsilence al-k7m2",
    group="Alerts",
    form_title="End a silence",
)
async def unsilence_command(request: Request, args: Arguments) -> Answer:
    """End the silence of an alert group that was made from here."""
    group = await find_group(request, args[0], Role.RESPONDER)
    try:
        after = await request.services.of(AlertService).unsilence(alert_request(request, group))
    except UnknownOutcome as error:
        return unknown_outcome(error)
    fires = " It fires." if after.state is GroupState.FIRING else ""
    return TextAnswer(f"The silence of {after.id} is over.{fires}")


@router.command("silences", needs=Role.VIEWER, usage="[env]", example="silences production", group="Alerts")
async def silences_command(request: Request, args: Arguments) -> Answer:
    """What Alertmanager keeps quiet now or soon, who made it so and until when."""
    names = [args.environment] if args.environment else request.visible_environments
    environment_groups = _group_by_alertmanager(request, names)
    if not environment_groups:
        raise Refused(f"The catalogue names no Alertmanager of {' or '.join(names)}.")
    return SilencesAnswer(tuple(await asyncio.gather(*(_silences_of(request, *listed) for listed in environment_groups))))


def _choice(args: Arguments) -> TripwireChoice:
    """What is done about something new. Raises ``UsageError``."""
    on_new, more_than = args.flags.get("on-new", OnNew.TELL.value).lower(), args.flags.get("more-than", "0")
    if on_new not in set(OnNew):
        raise UsageError(
            f"“{on_new[:60]}” is not known.", sentence("Write ", Code("--on-new tell"), " or ", Code("--on-new lift"))
        )
    if not re.fullmatch(r"[0-9]{1,5}", more_than):
        raise UsageError(f"“{more_than[:60]}” is no number of alerts.", sentence("Write it like ", Code("--more-than 5"), "."))
    return TripwireChoice(on_new=OnNew(on_new), max_alerts=int(more_than))


def _check_duration(request: Request, group: AlertGroup, span: timedelta) -> None:
    """Raise ``Denied``, with the possible duration, if the silence is too long for the person's role."""
    if span <= RESPONDER_LIMIT or request.catalogue.has_role(request.member, Role.SRE, group.environment or None):
        return
    limit = format_duration(RESPONDER_LIMIT)
    hint = sentence(f"Up to {limit} you may: ", CommandMention(f"silence {group.id} {limit.replace(' ', '')}"), ".")
    raise role_refusal(f"Silencing for longer than {limit}", Role.SRE, group.environment, hint)


def check_scope(request: Request, group: AlertGroup, required_role: Role) -> None:
    """Raise ``Denied`` if the silence would also match in an environment where the person does not have the role."""
    others = [name for name in silence_scope(group, request.catalogue) if name != group.environment]
    forbidden = [name for name in others if not request.catalogue.has_role(request.member, required_role, name)]
    if forbidden:
        where = " and ".join(forbidden)
        reach = (
            f"{group.id} groups its alerts by nothing that names {group.environment}, so its silence would hold in {where} too."
        )
        needed = role_refusal("That", required_role, where, "Nothing was silenced.")
        raise Denied(sentence(reach, " ", needed.sentence))


def _describe_silence(silence: AppliedSilence | None, span: timedelta) -> str:
    """Describe the silence. One that an earlier attempt created before its response was lost keeps its own end."""
    if silence is None:
        return "is silenced."
    until = f"until {silence.until:%d %b %H:%M} UTC"
    if silence.until - silence.at == span:
        return f"is silenced for {format_duration(span)} {until}."
    return f"is silenced {until}: so an earlier attempt had made it, and it holds."


def unknown_outcome(error: UnknownOutcome) -> ErrorAnswer:
    """The answer where Alertmanager's was lost."""
    safe = " shows what Alertmanager holds. Saying it again is safe: it looks first."
    return ErrorAnswer(error.sentence, sentence(CommandMention("silences"), safe))


def alert_request(request: Request, group: AlertGroup) -> AlertRequest:
    """What a person wants of a group."""
    return AlertRequest(group=group.id, by=request.member, source=request.key)


def _group_by_alertmanager(request: Request, names: Sequence[str]) -> list[tuple[tuple[str, ...], str]]:
    """Environments grouped by their Alertmanager, so that a shared one is listed once. Without one they are left out.

    Each with the source whose own Alertmanager it is; empty for that of the environments.
    """
    by_address: dict[str, list[str]] = {}
    for name in names:
        if address := request.catalogue.environments[name].alertmanager:
            by_address.setdefault(address, []).append(name)
    sources = request.catalogue.alerts.sources if request.catalogue.alerts else {}
    own = [((each.environment,), source) for source, each in sources.items() if each.alertmanagers and each.environment in names]
    return [*((tuple(environments), "") for environments in by_address.values()), *own]


async def _silences_of(request: Request, environments: tuple[str, ...], source: str) -> AlertmanagerSilences:
    """The silences of one Alertmanager; if it does not answer, a ``problem`` that leaves the others alone."""
    names = (*environments, source) if source else environments
    try:
        listed = await request.services.of(AlertService).alertmanager(environments[0], source).silences()
    except (TemporaryError, PermanentError, Refused) as error:
        return AlertmanagerSilences(environments=names, problem=error.sentence)
    in_force = sorted((silence for silence in listed if silence.in_force), key=_sort_key)
    return AlertmanagerSilences(environments=names, silences=tuple(_with_group(silence) for silence in in_force))


def _sort_key(silence: Silence) -> tuple[bool, float, str]:
    return silence.state is SilenceState.PENDING, silence.ends_at.timestamp(), silence.id


def _with_group(silence: Silence) -> ListedSilence:
    match = _GROUP_ID_SUFFIX.search(silence.comment)
    return ListedSilence(silence=silence, group_id=match[1] if match else "")
