from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness.commands import CommandHarness, open_command_harness
from tests.harness.samples.alert_groups import ALL_GROUPS
from tests.harness.samples.team import RAY, RUE, alerting_catalogue


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[CommandHarness]:
    """Incidents are switched on; Ray and Rue respond, Rue to security incidents, too."""
    data = alerting_catalogue().model_dump(mode="json", exclude_unset=True)
    data["roles"]["*"] |= {"security": [RUE.person.user_id], "responder": [RAY.person.user_id, RUE.person.user_id]}
    catalogue = alerting_catalogue(roles=data["roles"], incidents={"channel": "C0INCIDENTS"})
    async with open_command_harness(tmp_path, catalogue) as opened:
        await opened.save_groups(*ALL_GROUPS)
        yield opened
