"""Deletes a Deployment and makes it anew to the letter, as another program might behind the bot's back."""

import aiohttp

from tests.harness.operations import OperationsHarness

KEPT_METADATA = ("name", "namespace", "labels", "annotations")


def path_of(harness: OperationsHarness, environment: str) -> str:
    target = harness.target(environment=environment)
    return f"/apis/apps/v1/namespaces/{target.namespace}/deployments/{target.deployment}"


async def recreate(harness: OperationsHarness, environment: str) -> None:
    url = f"{harness.stand_in.url}{path_of(harness, environment)}"
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        async with session.get(url) as response:
            manifest = await response.json()
        metadata = {name: value for name, value in manifest["metadata"].items() if name in KEPT_METADATA}
        await session.delete(url)
        await session.post(url.rpartition("/")[0], json={**manifest, "metadata": metadata, "status": {}})
