"""The sandbox's people, who of them is on call, how they are paged, and how incidents run."""

from datetime import datetime, timedelta
from typing import Any

from sandbox.pagerduty import SERVICE_NAME, user_id
from sandbox.slack import people

TEAM = "platform"
ROTATION = ("lee", "ana")
"""As in the schedule of the stand-in for PagerDuty: lee has this week."""
_WEEKS_BACK = 4


def people_config() -> dict[str, Any]:
    """Everybody of the workspace by the name they have there. Numbers are of the range that is kept free for films."""
    return {
        person.name: {
            "slack": person.id,
            "phone": f"+49171392{number:04d}",
            "email": person.email,
            "pagerduty": user_id(person.name),
        }
        for number, person in enumerate(people.PEOPLE)
        if not person.is_guest and not person.is_stranger
    }


def oncall_config(now: datetime) -> dict[str, Any]:
    """One team, one rotation by weeks."""
    monday = now - timedelta(days=now.weekday(), weeks=_WEEKS_BACK)
    layer = {
        "name": "primary",
        "people": list(ROTATION),
        "starts": monday.date(),
        "turn": "1w",
        "handoff": {"at": "00:00", "days": ["mon"]},
    }
    return {TEAM: {"zone": "UTC", "lead": "mia", "layers": [layer]}}


def paging_config() -> dict[str, Any]:
    """P0 and P1 ring the phone page, and a direct message follows. P2 is a direct message."""
    urgent = {"steps": [{"whom": ["oncall"], "ways": [f"pagerduty:{SERVICE_NAME}", "slack"], "at_once": 2, "wait_minutes": 5}]}
    urgent["steps"].append({"whom": ["lead"], "ways": ["slack"], "wait_minutes": 5})
    quiet = {"steps": [{"whom": ["oncall"], "ways": ["slack"]}]}
    return {"policies": {"P0": urgent, "P1": urgent, "P2": quiet}, "numbers": {"mia": people_config()["mia"]["phone"]}}


def incidents_config() -> dict[str, Any]:
    """Severe alerts open an incident. It is watched for a minute instead of thirty, so that its end can be seen."""
    return {
        "channel": people.channels_by_name()["incidents"],
        "invite": [people.people_by_name()["mia"]],
        "timings": {"watch": 1},
    }
