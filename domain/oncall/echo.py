"""A typed time, said back on every clock that matters, so that a wrong zone is seen at once."""

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def echo(at: datetime, zones: Mapping[str, ZoneInfo]) -> str:
    """``Sat 28 Nov 17:00 UTC · 18:00 Europe/Berlin (rota, ana's) · Sun 01:00 Asia/Tokyo (yours)``.

    ``zones`` by whose they are. The day is repeated where it is another one.
    """
    owners: dict[str, list[str]] = {}
    for owner, zone in zones.items():
        owners.setdefault(zone.key, []).append(owner)
    parts = [f"{at.astimezone(UTC):%a %d %b %H:%M} UTC"]
    for key, names in owners.items():
        local = at.astimezone(ZoneInfo(key))
        if key == "UTC":
            continue
        day = f"{local:%a} " if local.date() != at.astimezone(UTC).date() else ""
        parts.append(f"{day}{local:%H:%M} {key} ({', '.join(names)})")
    return " · ".join(parts)
