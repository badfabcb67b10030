"""Constructors of the alerts' timers."""

from datetime import datetime, timedelta

from domain.alerts.groups import STEADY_DIVISOR
from domain.alerts.storms import Storm
from domain.catalogue.alerts import AlertsConfig, WatchdogConfig
from storage.timers import Timer

FLAPPING_CHECK = "alert-flapping-check"
UNACKNOWLEDGE = "alert-unacknowledge"
UNSILENCE = "alert-unsilence"
ENRICH = "alert-enrich"
STORM_OVER = "storm-over"
WATCHDOG = "watchdog"
"""Kinds of timers. Their ``subject`` is the id of a group or storm, or the name of a watchdog."""

TIMER_SLACK = timedelta(seconds=1)
"""Added to the end of a storm, so that the timer does not fire just before it."""


def flapping_check_timer(group_id: str, at: datetime, entry: AlertsConfig) -> Timer:
    """Fires when to check whether a flapping group has become steady."""
    return Timer(f"{FLAPPING_CHECK}/{group_id}", FLAPPING_CHECK, group_id, at + entry.flap_within / STEADY_DIVISOR)


def unacknowledge_timer(group_id: str, until: datetime) -> Timer:
    """Fires when an acknowledgement expires."""
    return Timer(f"{UNACKNOWLEDGE}/{group_id}", UNACKNOWLEDGE, group_id, until)


def unsilence_timer(group_id: str, until: datetime) -> Timer:
    """Fires when a silence ends by itself."""
    return Timer(f"{UNSILENCE}/{group_id}", UNSILENCE, group_id, until)


def enrich_timer(group_id: str, at: datetime) -> Timer:
    """Fires when to enrich a group: after the delivery of its card, and when it fires again."""
    return Timer(f"{ENRICH}/{group_id}", ENRICH, group_id, at)


def storm_timer(storm: Storm, entry: AlertsConfig) -> Timer:
    """Fires when a storm is over, unless another group joins it."""
    return Timer(f"{STORM_OVER}/{storm.id}", STORM_OVER, storm.id, storm.last_at + entry.storm_quiet + TIMER_SLACK)


def watchdog_timer(watchdog: WatchdogConfig, received_at: datetime) -> Timer:
    """Fires when a watchdog is missing for too long."""
    return Timer(f"{WATCHDOG}/{watchdog.name}", WATCHDOG, watchdog.name, received_at + watchdog.within)
