"""The seeded workspace: who works here, in which roles, and which channels there are. Everybody is invented."""

from dataclasses import dataclass
from typing import Final

TEAM_ID: Final = "T0DEEPECHO"
TEAM_NAME: Final = "Deep Echo"
TEAM_DOMAIN: Final = "deep-echo"
PARTNER_TEAM_ID: Final = "T0PARTNERS"
APP_ID: Final = "A0DEEPECHO"
BOT_USER_ID: Final = "U0DEEPECHO"
BOT_ID: Final = "B0DEEPECHO"
BOT_NAME: Final = "deepecho"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedUser:
    """Somebody with an account. ``role`` is what the sandbox's catalogue grants; Slack itself does not know it."""

    id: str
    name: str
    role: str
    tz: str
    tz_offset: int = 0
    team_id: str = TEAM_ID
    is_workspace_admin: bool = False
    is_guest: bool = False

    @property
    def is_stranger(self) -> bool:
        """From another workspace, met in a shared channel."""
        return self.team_id != TEAM_ID

    @property
    def real_name(self) -> str:
        """What the page shows beside messages; where one chooses whom to be, it adds the role."""
        return self.name.capitalize()

    @property
    def email(self) -> str:
        return f"{self.name}@example.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedUserGroup:
    """A user group (`@sre-team`); a role may be granted to it instead of to people one by one."""

    id: str
    handle: str
    name: str
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedChannel:
    id: str
    name: str
    members: tuple[str, ...]
    topic: str = ""
    purpose: str = ""
    is_shared: bool = False


PEOPLE: Final = (
    SeedUser(id="U0ANA00001", name="ana", role="deployer", tz="Europe/Berlin", tz_offset=3600),
    SeedUser(id="U0LEE00002", name="lee", role="deployer", tz="America/New_York", tz_offset=-18000),
    SeedUser(id="U0MIA00003", name="mia", role="approver", tz="Europe/London", tz_offset=0),
    SeedUser(id="U0SAM00004", name="sam", role="approver", tz="Asia/Singapore", tz_offset=28800),
    SeedUser(id="U0KIM00005", name="kim", role="sre", tz="America/Los_Angeles", tz_offset=-28800),
    SeedUser(id="U0NOOR0006", name="noor", role="admin", tz="Asia/Kolkata", tz_offset=19800, is_workspace_admin=True),
    SeedUser(id="U0TOM00007", name="tom", role="responder", tz="Europe/Lisbon", tz_offset=0),
    SeedUser(id="U0IVO00008", name="ivo", role="viewer", tz="Etc/UTC", tz_offset=0),
    SeedUser(id="U0RUTH0009", name="ruth", role="security", tz="Australia/Sydney", tz_offset=39600),
    SeedUser(id="U0ZOE00010", name="zoe", role="guest", tz="Europe/Paris", tz_offset=3600, is_guest=True),
    SeedUser(id="U0MAX00011", name="max", role="outsider", tz="America/Sao_Paulo", tz_offset=-10800, team_id=PARTNER_TEAM_ID),
)

GROUPS: Final = (SeedUserGroup(id="S0SRETEAM1", handle="sre-team", name="SRE team", users=("U0KIM00005",)),)

_STAFF: Final = tuple(person.id for person in PEOPLE if not person.is_guest and not person.is_stranger)
_TEAM: Final = (*_STAFF, BOT_USER_ID)

CHANNELS: Final = (
    SeedChannel(id="C0DEPLOYS1", name="deploys", members=_TEAM, topic="What ships, when and by whom"),
    SeedChannel(id="C0PRODUCT2", name="production", members=_TEAM, topic="Changes to production"),
    SeedChannel(id="C0STAGING3", name="staging", members=_TEAM, topic="Changes to staging"),
    SeedChannel(id="C0CRITICA4", name="alerts-critical", members=_TEAM, purpose="P0 alerts"),
    SeedChannel(id="C0WARNING5", name="alerts-warning", members=_TEAM, purpose="P1 and P2 alerts"),
    SeedChannel(id="C0INFO0006", name="alerts-info", members=_TEAM, purpose="P3 alerts"),
    SeedChannel(
        id="C0GENERAL7",
        name="general",
        members=(*(person.id for person in PEOPLE), BOT_USER_ID),
        topic="Everybody, guests and partners too",
        is_shared=True,
    ),
    SeedChannel(id="C0OPS00008", name="ops", members=_TEAM, topic="Operations"),
    SeedChannel(id="C0INCIDEN9", name="incidents", members=_TEAM, purpose="Every incident, with a link to its channel"),
)


def people_by_role() -> dict[str, str]:
    """Role to user id. A second person of a role is `deployer_2`, `approver_2`."""
    roles: dict[str, str] = {}
    for person in PEOPLE:
        roles[person.role if person.role not in roles else f"{person.role}_2"] = person.id
    return roles


def people_by_name() -> dict[str, str]:
    """First name to user id."""
    return {person.name: person.id for person in PEOPLE}


def role_grants() -> dict[str, list[str]]:
    """Role to the user ids and group ids that a catalogue grants it to; `sre` goes by group. Guests and people from
    elsewhere are granted nothing.
    """
    grants: dict[str, list[str]] = {}
    for person in PEOPLE:
        if not person.is_guest and not person.is_stranger:
            grants.setdefault(person.role, []).append(person.id)
    return grants | {"sre": [GROUPS[0].id]}


def channels_by_name() -> dict[str, str]:
    return {channel.name: channel.id for channel in CHANNELS}


def groups_by_handle() -> dict[str, str]:
    return {group.handle: group.id for group in GROUPS}


def find_user(user_id: str) -> SeedUser | None:
    return next((person for person in PEOPLE if person.id == user_id), None)
