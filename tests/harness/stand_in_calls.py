"""Calls to the stand-in's API that tests of it share."""

from tests.harness.stand_in_cluster import (
    DEPLOYMENTS_PATH,
    ClusterHarness,
    Json,
)

WEB = f"{DEPLOYMENTS_PATH}/web"


async def refused(harness: ClusterHarness, method: str, path: str, body: object = None, kind: str = "application/json") -> Json:
    """The Status of a refusal, with the HTTP status equal to its code."""
    status, answer = await harness.call(method, path, body, kind)
    assert status >= 400, answer
    assert (answer["kind"], answer["status"], answer["code"]) == ("Status", "Failure", status)
    return answer


async def patched(harness: ClusterHarness, body: object, kind: str, path: str = WEB) -> Json:
    status, answer = await harness.call("PATCH", path, body, kind)
    assert status in (200, 201), answer
    return answer


def image(deployment: Json) -> str:
    found: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    return found
