"""Which role an action needs, and whether a second person must approve it. The catalogue may override every line."""

from dataclasses import dataclass
from enum import StrEnum

from domain.people import Role


class Action(StrEnum):
    """What a rule speaks about. ``scale`` is two actions: taking capacity away is the dangerous one."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    RESTART = "restart"
    SCALE_UP = "scale_up"
    SCALE_DOWN = "scale_down"
    LOCK = "lock"
    UNLOCK_OTHERS = "unlock_others"
    OVERRIDE_LOCK = "override_lock"


REQUIRED_ROLES: dict[Action, Role] = {
    Action.DEPLOY: Role.DEPLOYER,
    Action.ROLLBACK: Role.DEPLOYER,
    Action.RESTART: Role.RESPONDER,
    Action.SCALE_UP: Role.RESPONDER,
    Action.SCALE_DOWN: Role.RESPONDER,
    Action.LOCK: Role.DEPLOYER,
    Action.UNLOCK_OTHERS: Role.SRE,
    Action.OVERRIDE_LOCK: Role.SRE,
}

PROTECTED_APPROVALS: dict[Action, Role] = {
    Action.DEPLOY: Role.APPROVER,
    Action.ROLLBACK: Role.APPROVER,
    Action.SCALE_DOWN: Role.APPROVER,
}
"""Approvals that an environment marked ``protected`` asks for unless its own entry says otherwise."""


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Who may ask, and who else must approve (nobody, where ``approval`` is None)."""

    needs: Role
    approver_role: Role | None
