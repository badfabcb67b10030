"""The catalogue's section ``incidents``: where they are announced, who is invited, what opens one, and their clocks."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain import defaults
from domain.catalogue.alerts import MINUTES_PER_WEEK, ChannelId, MentionId
from domain.catalogue.base import ConfigModel
from domain.severities import Severity

Minutes = Annotated[float, Field(gt=0, le=MINUTES_PER_WEEK)]


class IncidentTimings(ConfigModel):
    """The clocks of incidents, in minutes. ``respond`` and ``update`` are by severity."""

    acknowledge: Minutes = defaults.INCIDENT_ACKNOWLEDGE_MINUTES
    respond: dict[Severity, Minutes] = Field(default_factory=dict)
    update: dict[Severity, Minutes] = Field(default_factory=dict)
    escalate: Minutes = defaults.INCIDENT_ESCALATE_MINUTES
    commander: Minutes = defaults.INCIDENT_COMMANDER_MINUTES
    watch: Minutes = defaults.INCIDENT_WATCH_MINUTES
    postmortem_hours: float = Field(default=defaults.POSTMORTEM_HOURS, gt=0, le=24 * 30)
    archive_hours: float = Field(default=defaults.INCIDENT_ARCHIVE_HOURS, gt=0, le=24 * 365)

    def respond_within(self, severity: Severity) -> timedelta:
        """The time from the declaration to the first response."""
        return timedelta(minutes=self.respond.get(severity, defaults.INCIDENT_RESPOND_MINUTES[severity]))

    def update_within(self, severity: Severity) -> timedelta:
        """The time between two updates."""
        return timedelta(minutes=self.update.get(severity, defaults.INCIDENT_UPDATE_MINUTES[severity]))

    @property
    def archive_after(self) -> timedelta:
        """The time from the closing to the archiving of the channel."""
        return timedelta(hours=self.archive_hours)

    @property
    def acknowledge_within(self) -> timedelta:
        """The time from the declaration to the acknowledgement."""
        return timedelta(minutes=self.acknowledge)

    @property
    def escalate_after(self) -> timedelta:
        """The time from a reminder to the escalation."""
        return timedelta(minutes=self.escalate)

    @property
    def commander_within(self) -> timedelta:
        """A commander who does nothing for so long during a P0 or P1 is asked."""
        return timedelta(minutes=self.commander)

    @property
    def watch_for(self) -> timedelta:
        """How long a resolved incident is watched."""
        return timedelta(minutes=self.watch)

    @property
    def postmortem_within(self) -> timedelta:
        """The time from the resolution to the post-mortem of a P0 or P1."""
        return timedelta(hours=self.postmortem_hours)


class IncidentsConfig(ConfigModel):
    """How incidents run.

    ``channel`` announces them; without one only their own channels know. ``open_for`` are the severities of alerts that open an
    incident by themselves. ``invite`` and, for security incidents, ``invite_security`` are invited to each channel.
    """

    channel: ChannelId | None = None
    open_for: tuple[Severity, ...] = (Severity.P0, Severity.P1)
    default_severity: Severity = Severity.P2
    invite: tuple[MentionId, ...] = Field(default=(), max_length=30)
    invite_security: tuple[MentionId, ...] = Field(default=(), max_length=30)
    close_after_watch: bool = True
    timings: IncidentTimings = Field(default_factory=IncidentTimings)

    @model_validator(mode="after")
    def _severities_are_unique(self) -> Self:
        if len(set(self.open_for)) != len(self.open_for):
            raise ValueError("open_for: a severity is named twice")
        return self
