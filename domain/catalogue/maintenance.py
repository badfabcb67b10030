"""The catalogue's policies of maintenance: when an environment may be worked on without a second person."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from pydantic import Field

from domain import defaults
from domain.catalogue.base import ConfigModel, DnsLabel
from domain.catalogue.oncall import WindowConfig
from domain.catalogue.zones import ZoneName


class JobConfig(ConfigModel):
    """A CronJob in the environment's namespace, from which a Job is made that may run for ``minutes``. It may be suspended."""

    cronjob: DnsLabel
    minutes: float = Field(default=defaults.JOB_MINUTES, gt=0, le=12 * 60)

    @property
    def limit(self) -> timedelta:
        """The longest that its Job may run."""
        return timedelta(minutes=self.minutes)


class MaintenancePolicy(ConfigModel):
    """The times at which maintenance needs no second person, on the wall clock of ``zone``. Without ``windows``: anytime.

    ``backup`` runs when a window begins, ``verification`` after it has ended.
    """

    zone: ZoneName = "UTC"
    windows: tuple[WindowConfig, ...] = Field(default=(), max_length=20)
    backup: JobConfig | None = None
    verification: JobConfig | None = None

    @property
    def time_zone(self) -> ZoneInfo:
        """The zone of the windows."""
        return ZoneInfo(self.zone)
