"""The role that each action needs, and whether a second person must approve it. The catalogue may override every entry."""

from dataclasses import dataclass
from enum import StrEnum

from domain.people import Role


class Action(StrEnum):
    """An action that a rule governs. ``scale`` is two of them, because taking capacity away is the dangerous one."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    RESTART = "restart"
    SCALE_UP = "scale_up"
    SCALE_DOWN = "scale_down"
    LOCK = "lock"
    UNLOCK_OTHERS = "unlock_others"
    OVERRIDE_LOCK = "override_lock"

    @property
    def label(self) -> str:
        """What people read: ``scale up``."""
        return self.value.replace("_", " ")


REQUESTED_ACTIONS = tuple(action for action in Action if action not in (Action.UNLOCK_OTHERS, Action.OVERRIDE_LOCK))
"""What people ask for. The other two only widen what an unlock or a deploy may do."""

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
"""The approvals that a ``protected`` environment requires, unless its entry in the catalogue says otherwise."""


@dataclass(frozen=True, slots=True)
class AccessRule:
    """The role that may ask, and the role that must approve; None if nobody has to."""

    needs: Role
    approver_role: Role | None
