"""The wording of refusals that are about the person: a role that is missing, and people from outside."""

from domain.errors import Denied
from domain.people import Member, Role
from domain.rich_text import Text, sentence

NOTHING_CHANGED = "Nothing was changed."


def role_refusal(what: str, role: Role, where: str | None, hint: Text = NOTHING_CHANGED) -> Denied:
    """``Silencing for longer than 4 h needs the role sre in production, which you do not hold.``, and the hint."""
    return Denied(sentence(f"{what} needs the role {role.value}{f' in {where}' if where else ''}, which you do not hold. ", hint))


def outsider_refusal(member: Member) -> Denied:
    """For guests, and for people of workspaces that the catalogue does not name."""
    who = "Guests" if member.guest else "People of other workspaces"
    return Denied(f"{who} can change and look up nothing here. {NOTHING_CHANGED} Ask somebody of the team.")
