"""Logs in the catalogue: where an environment's log lines are kept, and which of them are a service's."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.catalogue.base import ConfigModel
from domain.catalogue.urls import ApiBaseUrl
from domain.targets import Target

DATE = "{date}"
"""In the name of an index, a day in UTC: ``2026.11.27``."""
_PLACES = {"$environment", "$namespace"}
_WORKLOADS = {"$service", "$workload"}
_INDEX = re.compile(r"[a-z0-9.*](?:[a-z0-9._*-]|\{date\})*")

FieldName = Annotated[str, Field(pattern=r"^[A-Za-z_@][A-Za-z0-9_.@/-]{0,199}$")]


class LogsConfig(ConfigModel):
    """An Elasticsearch or OpenSearch, and what its documents look like.

    ``filters`` tell the lines of one service in one environment from all others: fields of exact values, and
    ``$environment``, ``$namespace``, ``$service``, ``$workload`` or plain text for each.
    """

    address: ApiBaseUrl = Field(min_length=1)
    index: str = Field(default="filebeat-*", min_length=1, max_length=200)
    filters: dict[FieldName, str] = Field(
        default={"kubernetes.namespace": "$namespace", "kubernetes.deployment.name": "$workload"}, max_length=10
    )
    time: FieldName = "@timestamp"
    message: FieldName = "message"
    pod: FieldName = "kubernetes.pod.name"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if any(not _INDEX.fullmatch(each) for each in self.index.split(",")):
            raise ValueError(f"index: names of indices, such as filebeat-* or logs-{DATE}, with commas between them")
        values = set(self.filters.values())
        if not (values & _PLACES and values & _WORKLOADS):
            raise ValueError("filters need a field for $namespace or $environment, and one for $workload or $service")
        if unknown := sorted(each for each in values - _PLACES - _WORKLOADS if not each or "$" in each):
            raise ValueError(
                f"filters: {unknown[0]!r} is none of $environment, $namespace, $service, $workload, and no plain text"
            )
        return self

    def indices(self, since: datetime, until: datetime) -> str:
        """The indices that can hold lines of this time, as Elasticsearch takes them."""
        names = self.index.split(",")
        days = list(_days(since, until))
        dated = (name.replace(DATE, f"{day:%Y.%m.%d}") for name in names for day in (days if DATE in name else days[:1]))
        return ",".join(dict.fromkeys(dated))

    def filters_of(self, target: Target) -> dict[str, str]:
        """The value of each field in lines of this service."""
        values = {
            "$environment": target.environment,
            "$namespace": target.namespace,
            "$service": target.service,
            "$workload": target.deployment,
        }
        return {name: values.get(value, value) for name, value in self.filters.items()}


def _days(since: datetime, until: datetime) -> Iterator[date]:
    day, last = since.astimezone(UTC).date(), until.astimezone(UTC).date()
    while day <= last:
        yield day
        day += timedelta(days=1)
