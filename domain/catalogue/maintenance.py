"""The catalogue's policies of maintenance: when an environment may be worked on without a second person."""

from zoneinfo import ZoneInfo

from pydantic import Field

from domain.catalogue.base import ConfigModel
from domain.catalogue.oncall import WindowConfig
from domain.catalogue.zones import ZoneName


class MaintenancePolicy(ConfigModel):
    """The times at which maintenance needs no second person, on the wall clock of ``zone``. Without ``windows``: anytime."""

    zone: ZoneName = "UTC"
    windows: tuple[WindowConfig, ...] = Field(default=(), max_length=20)

    @property
    def time_zone(self) -> ZoneInfo:
        """The zone of the windows."""
        return ZoneInfo(self.zone)
