"""The command ``digest``."""

from dataclasses import replace
from datetime import date, timedelta

from commands.core.arguments import Arguments
from commands.core.request import Request
from commands.core.router import Router
from domain.answers.digest import DigestAnswer, DigestsAnswer, PlannedAudience
from domain.digest.digest import greeting
from domain.errors import Denied, NotFound, UsageError
from domain.facts import Answer
from domain.people import Role
from domain.rich_text import CommandMention, sentence
from domain.typed_times import zone_named
from runbooks.digest.composing import DigestComposer
from storage.digest import DigestRepository, DigestState

router = Router()


@router.command("digest", needs=Role.VIEWER, usage="[env] [--for 2026-11-20]", example="digest production", group="Look")
async def digest_command(request: Request, args: Arguments) -> Answer:
    """The morning digest as it would be now, or with --for the one that was made for that date."""
    environment = args.environment or _first(request)
    local = request.at.astimezone(zone_named(request.member.time_zone))
    if "for" in args.flags:
        return await _of_date(request, environment, _date(args.flags["for"], local.date()), local.date())
    composed = await request.services.of(DigestComposer).compose(environment, local.date(), request.at)
    return DigestAnswer(replace(composed, greeting=greeting(local.hour)))


async def _of_date(request: Request, environment: str, period: date, today: date) -> Answer:
    async with request.services.store.read() as tx:
        digests = tx.of(DigestRepository)
        found, before = await digests.of(environment, period), await digests.previous(environment, period)
    if found is not None:
        return DigestAnswer(found, is_past=True)
    why = " yet." if period > today else ": none was made, or it is no longer kept."
    last = CommandMention(f"digest {environment} --for {before.period:%Y-%m-%d}") if before else None
    hint = sentence(" The last one before: ", last) if last else None
    raise NotFound(sentence(f"There is no digest of {environment} for {period:%a %d %b %Y}{why}", hint))


def _first(request: Request) -> str:
    """The environment whose digests the person may see, else the first that they may see. Raises ``Denied``."""
    visible = request.visible_environments
    if not visible:
        raise Denied("You may see no environment, and so no digest.")
    with_digest = [each.environment for each in request.catalogue.digests.values() if each.environment in visible]
    return next(iter(with_digest), visible[-1])


def _date(word: str, today: date) -> date:
    """The date that is meant by a person whose day is ``today``. Raises ``UsageError``."""
    days = {"today": 0, "yesterday": 1}
    if word.lower() in days:
        return today - timedelta(days=days[word.lower()])
    try:
        return date.fromisoformat(word)
    except ValueError as error:
        raise UsageError(f"“{word}” is not a date.", "Write it as 2026-11-20, or yesterday.") from error


async def home_section(request: Request) -> Answer | None:
    """A section of the Home tab: each audience with its next and its last digest; None without any."""
    configs = {name: each for name, each in request.catalogue.digests.items() if each.environment in request.visible_environments}
    if not configs:
        return None
    async with request.services.store.read() as tx:
        digests = tx.of(DigestRepository)
        rows = {name: (await digests.latest(name), await digests.last_made(name)) for name in configs}
    return DigestsAnswer(
        tuple(
            PlannedAudience(
                audience=name,
                environment=configs[name].environment,
                next_at=latest.due_at if latest and latest.state is DigestState.PLANNED else None,
                last=made.period if made else None,
                is_delivered=made is not None and made.state is DigestState.DELIVERED,
            )
            for name, (latest, made) in rows.items()
        )
    )
