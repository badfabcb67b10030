"""What a maintenance window has set for its time, as leases."""

from datetime import datetime

from domain.leases.lease import Lease, LeaseKind
from domain.maintenance.window import MaintenanceWindow, SilenceState


def leases_of_window(window: MaintenanceWindow, at: datetime) -> tuple[Lease, ...]:
    """Its freeze, while it holds, and the silences that stand."""
    freeze = (_lease(window, LeaseKind.FREEZE, window.id, window.frozen_until),) if window.freezes(at) else ()
    standing = (each for each in window.silences if each.state is SilenceState.SET and each.ends_at > at)
    return (*freeze, *(_lease(window, LeaseKind.WINDOW_SILENCE, each.id, each.ends_at) for each in standing))


def _lease(window: MaintenanceWindow, kind: LeaseKind, key: str, until: datetime) -> Lease:
    return Lease(
        kind=kind,
        environment=window.environment,
        key=key,
        owner=window.owner,
        purpose=window.work,
        set_at=window.starts_at,
        until=until,
        undo=f"maintenance end {window.id}",
    )
