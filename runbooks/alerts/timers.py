"""The clocks of alerts: rows with a time, so that each rings once on any number of replicas, late rather than never."""

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
"""The kinds of these timers; ``subject`` is the group, the storm or the watchdog's name."""

TIMER_SLACK = timedelta(seconds=1)


def flapping_check_timer(group_id: str, at: datetime, entry: AlertsConfig) -> Timer:
    """When to look whether a flapping group has been steady."""
    return Timer(f"{FLAPPING_CHECK}/{group_id}", FLAPPING_CHECK, group_id, at + entry.flap_within / STEADY_DIVISOR)


def unacknowledge_timer(group_id: str, until: datetime) -> Timer:
    """When an acknowledgement runs out."""
    return Timer(f"{UNACKNOWLEDGE}/{group_id}", UNACKNOWLEDGE, group_id, until)


def unsilence_timer(group_id: str, until: datetime) -> Timer:
    """When a silence ends by itself."""
    return Timer(f"{UNSILENCE}/{group_id}", UNSILENCE, group_id, until)


def enrich_timer(group_id: str, at: datetime) -> Timer:
    """The card is up: find out what can be known."""
    return Timer(f"{ENRICH}/{group_id}", ENRICH, group_id, at)


def storm_timer(storm: Storm, entry: AlertsConfig) -> Timer:
    """When a storm is over, unless another group comes."""
    return Timer(f"{STORM_OVER}/{storm.id}", STORM_OVER, storm.id, storm.last_at + entry.storm_quiet + TIMER_SLACK)


def watchdog_timer(watchdog: WatchdogConfig, received_at: datetime) -> Timer:
    """When a watchdog has stayed away too long."""
    return Timer(f"{WATCHDOG}/{watchdog.name}", WATCHDOG, watchdog.name, received_at + watchdog.within)
