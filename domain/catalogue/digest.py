"""The catalogue's section ``digests``: who gets a digest of which environment, where and when."""

from pydantic import Field

from domain.catalogue.alerts import ChannelId
from domain.catalogue.base import ConfigModel
from domain.catalogue.zones import TimeOfDay, Weekday, ZoneName

WORKDAYS = tuple(Weekday)[:5]


class DigestConfig(ConfigModel):
    """A digest of one environment for one channel, at a time of the wall clock on some weekdays."""

    environment: str
    channel: ChannelId
    zone: ZoneName
    at: TimeOfDay = "08:00"
    days: tuple[Weekday, ...] = Field(default=WORKDAYS, min_length=1, max_length=7)
