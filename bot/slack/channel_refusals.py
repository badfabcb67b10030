"""What Slack's refusals of calls about channels mean, as clauses for an incident's card."""

from bot.slack.errors import REASONS, SlackRefused

DONE = {
    "conversations.invite": frozenset({"already_in_channel", "cant_invite_self"}),
    "pins.add": frozenset({"already_pinned"}),
    "conversations.archive": frozenset({"already_archived"}),
    "conversations.unarchive": frozenset({"not_archived"}),
}
"""By method, the codes that say that what was asked for is so already."""

GONE = frozenset({"channel_not_found", "not_in_channel"})
"""Codes of a channel that was deleted, or that the bot was removed from and cannot join: a private one."""

TOKEN_REFUSED = frozenset({"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"})
"""Codes that say nothing about the call. It is repeated until somebody has repaired the token."""

_SCOPES = {
    "conversations.create": ("channels:manage", "groups:write"),
    "conversations.setPurpose": ("channels:manage", "groups:write"),
    "conversations.setTopic": ("channels:manage", "groups:write"),
    "conversations.invite": ("channels:manage", "groups:write"),
    "conversations.archive": ("channels:manage", "groups:write"),
    "conversations.unarchive": ("channels:manage", "groups:write"),
    "conversations.join": ("channels:join", "channels:join"),
    "users.conversations": ("channels:read", "groups:read"),
    "pins.add": ("pins:write", "pins:write"),
    "bookmarks.list": ("bookmarks:read", "bookmarks:read"),
    "bookmarks.add": ("bookmarks:write", "bookmarks:write"),
    "bookmarks.edit": ("bookmarks:write", "bookmarks:write"),
}
"""By method, the scope that it needs for a public and for a private channel, as the manifest names it."""

_REASONS = {
    "cant_invite": "Slack does not let deepecho invite them",
    "invalid_link": "Slack does not accept the link",
    "is_archived": "the channel is archived",
    "message_not_found": "the card is no longer there",
    "name_taken": "its name is taken",
    "not_pinnable": "Slack does not let this message be pinned",
    "org_user_not_in_team": "they do not belong to this workspace",
    "permission_denied": "the workspace does not let deepecho do that",
    "restricted_action": "the workspace does not let deepecho do that",
    "restricted_action_thread_only_channel": "the workspace does not let deepecho do that",
    "too_many_bookmarks": "the channel has as many bookmarks as Slack allows",
    "too_many_convos_for_team": "the workspace has as many channels as Slack allows",
    "too_many_pins": "the channel has as many pins as Slack allows",
    "too_many_tabs": "the channel has as many tabs as Slack allows",
    "ura_max_channels": "they are a guest and may be in no more channels",
    "user_disabled": "their account is switched off",
    "user_is_bot": "they are a bot",
    "user_is_restricted": "they are a guest, whom Slack does not let in",
    "user_is_ultra_restricted": "they are a guest, whom Slack does not let in",
    "user_not_found": "Slack knows no such person",
    "user_team_not_in_channel": "they belong to another workspace",
}


def reason_of(method: str, refused: SlackRefused, *, is_private: bool) -> str:
    """Why Slack refused, as a clause. Slack's code is named where it says more than the clause does."""
    code = refused.code
    if code == "missing_scope":
        return f"deepecho lacks the scope {scope_of(method, is_private=is_private)}"
    return _REASONS.get(code) or (f"{REASONS[code]} ({code})" if code in REASONS else f"Slack refused it ({code})")


def scope_of(method: str, *, is_private: bool) -> str:
    """The scope that a method needs."""
    public, private = _SCOPES[method]
    return private if is_private else public
