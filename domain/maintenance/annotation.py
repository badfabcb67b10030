"""What a window looks like on the graphs of Grafana."""

from domain.dashboards.annotations import Annotation
from domain.maintenance.window import MaintenanceWindow, WindowState
from domain.rich_text import plain_text


def annotation_of_window(window: MaintenanceWindow) -> Annotation | None:
    """From its begin to its end. None before it begins, and where it was cancelled."""
    if window.state not in (WindowState.RUNNING, WindowState.ENDED):
        return None
    state = plain_text(window.outcome) if window.over_at else "under way"
    return Annotation(
        subject=window.id,
        environment=window.environment,
        kind="maintenance",
        text=f"{window.id}: maintenance of {window.environment}: {window.work}. {state}",
        since=window.starts_at,
        until=max(window.over_at, window.starts_at) if window.over_at else None,
    )
