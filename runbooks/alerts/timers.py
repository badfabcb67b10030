"""Constructors of the alerts' timers."""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.alerts.alerts import AlertGroup
from domain.alerts.groups import STEADY_DIVISOR
from domain.alerts.storms import Storm
from domain.catalogue.alerts import AlertsConfig, WatchdogConfig
from domain.catalogue.catalogue import Catalogue
from storage.store import Transaction
from storage.timers import Timer

FLAPPING_CHECK = "alert-flapping-check"
UNACKNOWLEDGE = "alert-unacknowledge"
UNSILENCE = "alert-unsilence"
SILENCE_ENDING = "alert-silence-ending"
SILENCE_ENDING_AT_NIGHT = "alert-silence-ending-at-night"
SILENCE_EXTENSION = "alert-silence-extension"
TRIPWIRES = "alert-tripwires"
ENRICH = "alert-enrich"
STORM_OVER = "storm-over"
WATCHDOG = "watchdog"
RECONCILE = "alert-reconcile"
DOUBT = "alert-doubt"
"""Kinds of timers. Their ``subject`` is the id of a group or storm, the name of a watchdog, the key of Alertmanagers
(``alertmanagers_key``), the environment and the source of tripwires, or the inbox key of a notification in doubt."""

CHECK_INTERVAL = timedelta(seconds=15)
"""Between two looks at what is new under silences."""
EXTENSION_TIME = timedelta(minutes=1)
"""Longer than the requests of an extension may take."""
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


def silence_ending_timer(group_id: str, at: datetime) -> Timer:
    """Fires when to name the end of a silence to whoever made it."""
    return Timer(f"{SILENCE_ENDING}/{group_id}", SILENCE_ENDING, group_id, at)


def silence_ending_at_night_timer(group_id: str, at: datetime) -> Timer:
    """Fires when to name the end of a silence to whoever is on call, if it is night for them."""
    return Timer(f"{SILENCE_ENDING_AT_NIGHT}/{group_id}", SILENCE_ENDING_AT_NIGHT, group_id, at)


def silence_extension_timer(group_id: str, began_at: datetime) -> Timer:
    """Fires when to look in Alertmanager what became of an extension that nobody has recorded."""
    return Timer(f"{SILENCE_EXTENSION}/{group_id}", SILENCE_EXTENSION, group_id, began_at + EXTENSION_TIME)


def tripwires_timer(environment: str, source: str, at: datetime) -> Timer:
    """Fires when to look what is new under the silences of one place."""
    subject = f"{environment}/{source}"
    return Timer(f"{TRIPWIRES}/{subject}", TRIPWIRES, subject, at)


def enrich_timer(group_id: str, at: datetime) -> Timer:
    """Fires when to enrich a group: after the delivery of its card, and when it fires again."""
    return Timer(f"{ENRICH}/{group_id}", ENRICH, group_id, at)


def alertmanagers_key(addresses: Iterable[str]) -> str:
    """The key of one Alertmanager, or of a pair that is asked together."""
    return hashlib.sha256("\n".join(addresses).encode()).hexdigest()[:32]


def reconcile_timer(addresses: Iterable[str], at: datetime) -> Timer:
    """Fires when to compare the alerts with the list of these Alertmanagers."""
    key = alertmanagers_key(addresses)
    return Timer(f"{RECONCILE}/{key}", RECONCILE, key, at)


async def reconcile_soon(tx: Transaction, group: AlertGroup, catalogue: Catalogue, at: datetime) -> None:
    """Compare the group's alerts with the list of its Alertmanagers now, where it has any."""
    if addresses := catalogue.alertmanagers_of(group.environment, group.source):
        await tx.timers.bring_forward(reconcile_timer(addresses, at))


def doubt_timer(group_id: str, notification_key: str, at: datetime) -> Timer:
    """Fires when to decide on a notification that says that alerts fire since before their end."""
    return Timer(doubt_key(group_id), DOUBT, notification_key, at)


def doubt_key(group_id: str) -> str:
    """The key of a group's ``doubt_timer``."""
    return f"{DOUBT}/{group_id}"


def storm_timer(storm: Storm, entry: AlertsConfig) -> Timer:
    """Fires when a storm is over, unless another group joins it."""
    return Timer(f"{STORM_OVER}/{storm.id}", STORM_OVER, storm.id, storm.last_at + entry.storm_quiet + TIMER_SLACK)


def watchdog_timer(watchdog: WatchdogConfig, received_at: datetime) -> Timer:
    """Fires when a watchdog is missing for too long."""
    return Timer(f"{WATCHDOG}/{watchdog.name}", WATCHDOG, watchdog.name, received_at + watchdog.within)
