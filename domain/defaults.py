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
WATCHDOG_MINUTES = 10
"""A watchdog that was not heard for so long is missing."""
