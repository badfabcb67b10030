"""The commands that begin with ``maintenance``."""

from datetime import datetime, timedelta

from commands.core.arguments import Arguments
from commands.core.ids import parse_id
from commands.core.request import Request
from commands.core.router import LookUp, Router
from domain.answers.maintenance import WindowAnswer, WindowsAnswer
from domain.errors import Denied, Refused
from domain.facts import Answer
from domain.maintenance import job_transitions, transitions
from domain.maintenance.policies import describe_policy, is_within
from domain.maintenance.schedule import with_told_ahead
from domain.maintenance.scope import parse_scopes
from domain.maintenance.window import MAX_LENGTH, MaintenanceWindow, WindowChange, WindowState
from domain.people import Role
from domain.policies import Action
from domain.refusals import NOTHING_CHANGED, role_refusal
from domain.text import format_duration, parse_duration
from domain.typed_times import parse_time, zone_named
from runbooks.maintenance.service import Change, MaintenanceService
from storage.maintenance import MaintenanceRepository

router = Router()

DEFAULT_LENGTH = "1h"
MAX_HIDDEN = timedelta(hours=4)
"""The longest window that hides alerts without the role sre, as for ``silence``."""


@router.command(
    "maintenance plan",
    needs=Action.LOCK,
    usage="<env> <work…> [--at …] [--for 90m] [--silence …]",
    example='maintenance plan production "RDS minor upgrade" --at "Sun 04:00 UTC" --for 90m',
    group="Maintenance",
    form_title="Plan maintenance",
    audit_action="maintenance-plan",
    look_up=LookUp.FRESH,
)
async def plan_command(request: Request, args: Arguments) -> Answer:
    """Announce maintenance, freeze deploys and hide the alerts it names. Outside the policy a second person approves it."""
    zone = zone_named(request.member.time_zone)
    starts_at = max(parse_time(args.flags.get("at", "now"), zone, request.at), request.at)
    ends_at = starts_at + parse_duration(args.flags.get("for", DEFAULT_LENGTH), MAX_LENGTH)
    environment = request.catalogue.environments[args.environment]
    scopes = parse_scopes(args.flags.get("silence", ""))
    if scopes and not environment.alertmanager:
        raise Refused(f"The catalogue names no Alertmanager of {args.environment}, so nothing could be hidden. {NOTHING_CHANGED}")
    _require_long_silence(request, args.environment, is_hiding=bool(scopes), length=ends_at - starts_at)
    allowed = is_within(environment.maintenance, starts_at, ends_at)

    def make(window_id: str) -> MaintenanceWindow:
        window = MaintenanceWindow(
            id=window_id,
            source=request.key,
            environment=args.environment,
            work=args.rest(1),
            owner=request.person,
            channel=environment.channel or request.channel,
            planned_at=request.at,
            starts_at=starts_at,
            ends_at=ends_at,
            scopes=scopes,
            state=WindowState.PLANNED if allowed else WindowState.WAITING,
        )
        return with_told_ahead(window, request.at)

    service = request.services.of(MaintenanceService)
    return WindowAnswer(await service.plan(make, source=request.key, by=request.person))


@router.command(
    "maintenance approve",
    needs=None,
    usage="<window>",
    example="maintenance approve mw-k7m2",
    group="Maintenance",
    audit_action="maintenance-approve",
    look_up=LookUp.FRESH,
)
async def approve_command(request: Request, args: Arguments) -> Answer:
    """Say yes, as a second person, to maintenance outside the policy."""
    window = await _window(request, args)
    if not await _is_second(request, window):
        raise _second_refusal(window)
    return await _change(request, window, "approve", lambda now, at: transitions.approve(now, request.person, at))


@router.command(
    "maintenance start",
    needs=None,
    usage="<window>",
    example="maintenance start mw-k7m2",
    group="Maintenance",
    audit_action="maintenance-start",
    look_up=LookUp.FRESH,
)
async def start_command(request: Request, args: Arguments) -> Answer:
    """Begin a window before its time. Outside the policy somebody else than its owner has to."""
    window = await _window(request, args)
    change = _within_policy(
        request, await _is_second(request, window), lambda now, at: transitions.start(now, request.person, at)
    )
    return await _change(request, window, "start", change)


@router.command(
    "maintenance extend",
    needs=None,
    usage="<window> <more>",
    example="maintenance extend mw-k7m2 30m",
    group="Maintenance",
    audit_action="maintenance-extend",
    look_up=LookUp.FRESH,
)
async def extend_command(request: Request, args: Arguments) -> Answer:
    """Move the end of a window. Beyond the policy somebody else than its owner has to."""
    window, more = await _window(request, args), parse_duration(args[1], MAX_LENGTH)
    length = window.ends_at + more - window.starts_at
    _require_long_silence(request, window.environment, is_hiding=bool(window.scopes), length=length)
    is_second = await _is_second(request, window)
    change = _within_policy(request, is_second, lambda now, _: transitions.extend(now, request.person, more))
    return await _change(request, window, "extend", change)


@router.command(
    "maintenance end",
    needs=None,
    usage="<window>",
    example="maintenance end mw-k7m2",
    group="Maintenance",
    audit_action="maintenance-end",
    look_up=LookUp.BRIEF,
)
async def end_command(request: Request, args: Arguments) -> Answer:
    """End a window that runs, and free the environment."""
    window = await _window(request, args)
    return await _change(request, window, "end", lambda now, at: transitions.end(now, request.person, at))


@router.command(
    "maintenance cancel",
    needs=None,
    usage="<window> [why…]",
    example="maintenance cancel mw-k7m2",
    group="Maintenance",
    audit_action="maintenance-cancel",
    look_up=LookUp.BRIEF,
)
async def cancel_command(request: Request, args: Arguments) -> Answer:
    """Cancel a window that has not begun."""
    window, why = await _window(request, args), args.rest(1)
    return await _change(request, window, "cancel", lambda now, at: transitions.cancel(now, request.person, at, why))


@router.command(
    "maintenance backup",
    needs=None,
    usage="<window>",
    example="maintenance backup mw-k7m2",
    group="Maintenance",
    audit_action="maintenance-backup",
    look_up=LookUp.BRIEF,
)
async def backup_command(request: Request, args: Arguments) -> Answer:
    """Make the backup of a window once more, after it has failed."""
    window = await _window(request, args)
    return await _change(
        request, window, "backup", lambda now, _: job_transitions.again(_with_jobs(request, now), request.person)
    )


@router.command(
    "maintenance skip-backup",
    needs=None,
    usage="<window>",
    example="maintenance skip-backup mw-k7m2",
    group="Maintenance",
    audit_action="maintenance-skip-backup",
    look_up=LookUp.BRIEF,
)
async def skip_backup_command(request: Request, args: Arguments) -> Answer:
    """Go on with a window without its backup."""
    window = await _window(request, args)

    def skip(now: MaintenanceWindow, at: datetime) -> WindowChange:
        return job_transitions.skip(_with_jobs(request, now), request.person, at)

    return await _change(request, window, "skip-backup", skip)


def _with_jobs(request: Request, window: MaintenanceWindow) -> MaintenanceWindow:
    """The window with its backup also in its first seconds, before the runner of Jobs has come to it."""
    environment = request.catalogue.environments.get(window.environment)
    return job_transitions.with_named_jobs(window, environment.maintenance if environment else None)


@router.command("maintenance list", needs=Role.VIEWER, usage="[env]", example="maintenance list", group="Maintenance")
async def list_command(request: Request, args: Arguments) -> Answer:
    """Windows that are planned or run, and when each environment needs no second person."""
    visible = [args.environment] if args.environment else list(request.visible_environments)
    async with request.services.store.read() as tx:
        windows = await tx.of(MaintenanceRepository).open()
    environments = request.catalogue.environments
    policies = tuple((name, describe_policy(environments[name].maintenance)) for name in visible)
    return WindowsAnswer(tuple(window for window in windows if window.environment in visible), policies)


def _require_long_silence(request: Request, environment: str, *, is_hiding: bool, length: timedelta) -> None:
    """Alerts are hidden for longer than ``MAX_HIDDEN`` with the role only that a silence of that length needs, too."""
    if is_hiding and length > MAX_HIDDEN and not request.catalogue.has_role(request.member, Role.SRE, environment):
        hint = f"A window without --silence may be longer. {NOTHING_CHANGED}"
        raise role_refusal(f"Hiding alerts for longer than {format_duration(MAX_HIDDEN)}", Role.SRE, environment, hint)


async def home_section(request: Request) -> Answer | None:
    """A section of the Home tab: windows that are planned or run; None without any."""
    async with request.services.store.read() as tx:
        windows = await tx.of(MaintenanceRepository).open()
    visible = tuple(window for window in windows if window.environment in request.visible_environments)
    return WindowsAnswer(visible) if visible else None


@router.command("maintenance show", needs=Role.VIEWER, usage="<window>", example="maintenance show mw-k7m2", group="Maintenance")
async def show_command(request: Request, args: Arguments) -> Answer:
    """One window: when, who, and how it went."""
    window = await request.services.of(MaintenanceService).find(_window_id(args[0]))
    request.require(Role.VIEWER, window.environment)
    return WindowAnswer(window)


async def _window(request: Request, args: Arguments) -> MaintenanceWindow:
    """The window, for who may lock its environment. Raises ``NotFound`` and ``Denied``."""
    window = await request.services.of(MaintenanceService).find(_window_id(args[0]))
    environment = request.catalogue.environments.get(window.environment)
    role = environment.rule(Action.LOCK).needs if environment else Role.SRE
    request.require(role, window.environment if environment else None)
    return window


def _within_policy(request: Request, is_second: bool, change: Change) -> Change:  # noqa: FBT001 -- who asks, looked up before
    """The change, refused where its times lie outside the policy and nobody but the owner wants them.

    It is checked on the times that result: two extensions at one moment do not pass together what neither may alone.
    """

    def checked(now: MaintenanceWindow, at: datetime) -> WindowChange:
        changed = change(now, at)
        environment = request.catalogue.environments.get(now.environment)
        window = changed.window
        if not is_second and not (environment and is_within(environment.maintenance, window.starts_at, window.ends_at)):
            raise _second_refusal(now)
        return changed

    return checked


async def _is_second(request: Request, window: MaintenanceWindow) -> bool:
    """Whether this is another account than the owner's, and an approver."""
    owner = await request.services.directory.fresh_member(window.owner)
    is_owner = window.owner == request.person or request.member.is_same_account(owner)
    return not is_owner and request.catalogue.has_role(request.member, Role.APPROVER, window.environment)


def _second_refusal(window: MaintenanceWindow) -> Denied:
    outside = f"It lies outside the maintenance policy of {window.environment}."
    return Denied(f"{outside} A second person has to do this: an approver who did not plan it. {NOTHING_CHANGED}")


async def _change(request: Request, window: MaintenanceWindow, what: str, change: Change) -> Answer:
    service = request.services.of(MaintenanceService)
    return WindowAnswer(await service.change(window.id, what, change, source=request.key, by=request.person))


def _window_id(word: str) -> str:
    return parse_id(word, "mw-k7m2", "a window's", "maintenance list")
