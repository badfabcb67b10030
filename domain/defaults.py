"""Default values of the catalogue: what holds where its file says nothing."""

APPROVAL_MINUTES = 15
"""How long an operation waits for its approval, from when its card is up."""
ROLLOUT_MINUTES = 15
"""How long a rollout is watched before it counts as failed."""

STORM_THRESHOLD_PER_MINUTE = 20
"""New alert groups in one channel; more than that are one storm. Slack allows a message a second."""
STORM_QUIET_MINUTES = 5
"""A storm is over once no new group has come for so long."""
REOPEN_MINUTES = 60
"""A group that fires again within this time goes on in its old thread."""
ACKNOWLEDGE_MINUTES = 60
"""How long an acknowledgement holds."""
DEDUPLICATE_SECONDS = 60
"""The same notification within this time is stored once."""
FLAP_CHANGES = 6
FLAP_MINUTES = 30
"""A group that changes its state ``FLAP_CHANGES`` times within ``FLAP_MINUTES`` is flapping."""
NIGHT_BEGINS, NIGHT_ENDS = "22:00", "07:00"
"""Of a silence that ends between them whoever is on call is told, on the clock of their team."""
WATCHDOG_MINUTES = 10
"""A watchdog that was not heard for so long is missing."""

INCIDENT_ACKNOWLEDGE_MINUTES = 5
INCIDENT_RESPOND_MINUTES = {"P0": 15, "P1": 60, "P2": 4 * 60, "P3": 24 * 60}
"""By severity, from the declaration: the platform's incident runbook."""
INCIDENT_UPDATE_MINUTES = {"P0": 15, "P1": 30, "P2": 2 * 60, "P3": 24 * 60}
"""By severity, between two updates."""
INCIDENT_ESCALATE_MINUTES = 10
"""From a reminder that nobody heeds to the escalation."""
INCIDENT_COMMANDER_MINUTES = 30
"""A commander who does nothing for so long during a P0 or P1 is asked whether they are still there."""
INCIDENT_WATCH_MINUTES = 30
"""How long a resolved incident is watched."""
POSTMORTEM_HOURS = 48
"""The post-mortem of a P0 or P1 is due so long after its resolution."""

PAGE_WAIT_MINUTES = 5
"""From one call to the next."""
PAGE_TEST_ANSWER_MINUTES = 10
"""How long the rehearsal of a page waits for an acknowledgement."""
INCIDENT_ARCHIVE_HOURS = 24
"""How long after an incident is closed its channel is archived, if no post-mortem is due."""
JOB_MINUTES = 30.0
"""The longest that a backup or a verification of a maintenance window may run."""
