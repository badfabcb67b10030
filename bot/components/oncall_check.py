"""What on-call adds to ``deepecho check``: the zone data that handoffs stand on, user groups, calendars."""

import zoneinfo
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

from bot.core.check_result import CheckResult
from bot.core.settings import Settings
from domain.catalogue.catalogue import Catalogue
from domain.oncall.groups import teams_by_group

KNOWN_TRANSITIONS = (
    ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC), timedelta(hours=1), timedelta(hours=2)),
    ("America/Chicago", datetime(2026, 11, 1, 7, tzinfo=UTC), timedelta(hours=-5), timedelta(hours=-6)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC), timedelta(hours=11), timedelta(hours=10, minutes=30)),
)
"""Zone, instant, offset before and after: the last one moves by half an hour. By the laws as they were in 2025."""


async def check_oncall(settings: Settings, catalogue: Catalogue) -> AsyncIterator[CheckResult]:
    """The zone data always, since times that people type stand on it too; the rest where there are teams."""
    yield check_zone_data()
    teams = catalogue.oncall
    if not teams:
        yield CheckResult("on-call", ok=True, detail="switched off: the catalogue has no teams")
        return
    people = {name for team in teams.values() for name in team.members}
    yield CheckResult("on-call", ok=True, detail=f"{len(people)} people in the rotations of {', '.join(teams)}")
    for line in _particulars(settings, catalogue):
        yield line


def check_zone_data() -> CheckResult:
    """Whether clocks change when they are known to, and the version of the data."""
    for zone, at, before, after in KNOWN_TRANSITIONS:
        try:
            known = zoneinfo.ZoneInfo(zone)
        except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
            return CheckResult("zone data", ok=False, detail=f"{zone} is missing; install tzdata")
        offsets = ((at - timedelta(seconds=1)).astimezone(known).utcoffset(), at.astimezone(known).utcoffset())
        if offsets != (before, after):
            what = f"{zone} does not change at {at:%Y-%m-%d %H:%M} UTC; the data is wrong or old"
            return CheckResult("zone data", ok=False, detail=what)
    zones = ", ".join(zone for zone, *_ in KNOWN_TRANSITIONS)
    return CheckResult("zone data", ok=True, detail=f"version {zone_data_version()}; {zones} change when they should")


def zone_data_version() -> str:
    """The release of the zone data that is read, such as ``2025b``: the system's where it has any, else the package's."""
    for folder in map(Path, zoneinfo.TZPATH):
        if not (folder / "Europe" / "Berlin").is_file():
            continue
        for name, prefix in (("tzdata.zi", "# version "), ("+VERSION", "")):
            if (folder / name).is_file():
                with (folder / name).open(encoding="utf-8") as file:
                    return file.readline().strip().removeprefix(prefix)
        return f"unknown, in {folder}"
    return f"{metadata.version('tzdata')} (package)"


def _particulars(settings: Settings, catalogue: Catalogue) -> Iterator[CheckResult]:
    for team, config in catalogue.oncall.items():
        if not config.channel and not config.lead:
            detail = "neither channel nor lead: gaps are told to everybody of the rotation"
            yield CheckResult(f"on-call {team}", ok=True, detail=detail)
        if config.pagerduty and (settings.pagerduty is None or settings.pagerduty.api_token is None):
            detail = "its schedules are in PagerDuty, and DEEPECHO_PAGERDUTY__API_TOKEN is not set"
            yield CheckResult(f"on-call {team}", ok=False, detail=detail)
    for group_id in teams_by_group(catalogue.oncall):
        roles = sorted({role.value for grants in catalogue.roles.values() for role, held in grants.items() if group_id in held})
        if roles:
            detail = f"whoever is on call holds the roles {', '.join(roles)} meanwhile, also who took the pager"
            yield CheckResult(f"group {group_id}", ok=True, detail=detail)
    is_on = settings.calendar.secret is not None
    yield CheckResult("calendars", ok=True, detail="served" if is_on else "switched off: no DEEPECHO_CALENDAR__SECRET")
