"""The catalogue's section about logs: no configuration lets one environment read another's lines."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.catalogue.logs import LogsConfig
from domain.targets import Target

ADDRESS = "https://logs.example.com:9200"
WEB = Target(environment="production", service="web", cluster="main", namespace="shop", deployment="web-app", container="web")
AT = datetime(2026, 11, 20, 23, 50, tzinfo=UTC)


def test_filters_get_the_names_of_the_service() -> None:
    filters = {"env": "$environment", "ns": "$namespace", "svc": "$service", "app": "$workload", "stream": "stderr"}
    config = LogsConfig.model_validate({"address": ADDRESS, "filters": filters})
    assert config.filters_of(WEB) == {
        "env": "production",
        "ns": "shop",
        "svc": "web",
        "app": "web-app",
        "stream": "stderr",
    }
    assert LogsConfig.model_validate({"address": ADDRESS}).filters_of(WEB) == {
        "kubernetes.namespace": "shop",
        "kubernetes.deployment.name": "web-app",
    }


def test_a_day_in_the_name_of_an_index_bounds_what_is_searched() -> None:
    config = LogsConfig.model_validate({"address": ADDRESS, "index": "logs-{date},other-*"})
    assert config.indices(AT, AT + timedelta(minutes=15)) == "logs-2026.11.20,logs-2026.11.21,other-*"
    assert config.indices(AT, AT) == "logs-2026.11.20,other-*"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"filters": {"ns": "$namespace"}}, "one for $workload or $service"),
        ({"filters": {"app": "$workload"}}, "a field for $namespace or $environment"),
        ({"filters": {}}, "a field for $namespace or $environment"),
        ({"filters": {"ns": "$namespace", "app": "$workload", "x": "$pod"}}, "'$pod' is none of"),
        ({"filters": {"ns": "$namespace", "app": "$workload", "x": ""}}, "'' is none of"),
        ({"filters": {"ns": "$namespace", "app*": "$workload"}}, "match pattern"),
        ({"index": "-secret"}, "names of indices"),
        ({"index": "Logs"}, "names of indices"),
        ({"index": "a/_search?q=x"}, "names of indices"),
        ({"index": "<logs-{now/d}>"}, "names of indices"),
        ({"index": "a,,b"}, "names of indices"),
        ({"address": ""}, "at least 1 character"),
        ({"address": "https://me:secret@logs.example.com"}, "no user and no password"),
    ],
)
def test_what_would_not_tell_services_apart_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        LogsConfig.model_validate({"address": ADDRESS} | change)
    assert said in str(refused.value)
    assert "secret@" not in str(refused.value)
