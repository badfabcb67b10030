"""The phone page as HTML: pure functions of the account's state."""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from domain.text import format_duration
from sandbox.pagerduty.model import Incident, Status, User

_STATES = {Status.TRIGGERED: "Calling you", Status.ACKNOWLEDGED: "Acknowledged", Status.RESOLVED: "Resolved"}
MAX_RECENT = 5


def people_page(users: Sequence[User], open_counts: dict[str, int]) -> str:
    """Whose phone to hold."""
    rows = "".join(
        f'<a href="/phone/{escape(user.id)}"><span class="avatar" aria-hidden="true">{escape(user.name[:1])}</span>'
        f"{escape(user.name)}{_count(open_counts.get(user.id, 0))}</a>"
        for user in users
    )
    return _document("Phones", f'<header><h1>Whose phone?</h1></header><nav class="card list">{rows}</nav>', version="")


def _count(number: int) -> str:
    return f'<small class="open">{number} open</small>' if number else "<small>quiet</small>"


def phone_page(user: User, incidents: Sequence[Incident], now: datetime, *, version: str, notice: str = "") -> str:
    """One person's phone: what calls them, what they have, what is over."""
    calling = [each for each in incidents if each.is_open]
    over = [each for each in incidents if not each.is_open][:MAX_RECENT]
    avatar = f'<span class="avatar" aria-hidden="true">{escape(user.name[:1])}</span>'
    parts = [f'<header>{avatar}<h1>Phone of {escape(user.name)}</h1><a href="/">others</a></header>']
    if notice:
        parts.append(f'<p class="notice" role="status">{escape(notice)}</p>')
    parts += [_card(user, each, now) for each in calling]
    if not calling:
        parts.append('<p class="quiet"><strong>All quiet</strong>Pages appear here by themselves.</p>')
    if over:
        parts += ["<h3>Over</h3>", *(_card(user, each, now) for each in over)]
    return _document(f"Phone of {user.name}", "\n".join(parts), version=version)


def _card(user: User, incident: Incident, now: datetime) -> str:
    state = (
        "Calling others" if incident.status is Status.TRIGGERED and user not in incident.assignees else _STATES[incident.status]
    )
    since = f"{format_duration(now - incident.created_at)} ago"
    classes = f"card {incident.severity} {incident.status.value}"
    return (
        f'<article class="{classes}" id="{escape(incident.id)}"><div class="banner">'
        f'<p class="state"><span>{state}</span><span>{since}</span></p>'
        f'<h2>{escape(incident.title)}</h2><p class="source">{escape(incident.service.name)} · #{incident.number}</p></div>'
        f'<div class="body">{_facts(incident)}{_chain(incident)}{_buttons(user, incident)}</div></article>'
    )


def _facts(incident: Incident) -> str:
    facts = incident.details.get("facts") if incident.is_open else None
    rows = "".join(f"<li>{escape(str(each))}</li>" for each in facts or ())
    return f"<ul>{rows}</ul>" if rows else ""


def _chain(incident: Incident) -> str:
    """Who is called now, who has it, who comes next."""
    names = ", ".join(escape(user.name) for user in incident.assignees) or "nobody"
    match incident.status:
        case Status.RESOLVED:
            text = f"Resolved by <b>{escape(incident.changed_by['summary'])}</b>"
        case Status.ACKNOWLEDGED:
            has_it = ", ".join(escape(each.name) for each in incident.acknowledgers) or escape(incident.changed_by["summary"])
            text = f"Acknowledged by <b>{has_it}</b>"
        case _:
            text = f"Level {incident.level} of {len(incident.service.policy.levels)}: calling <b>{names}</b>"
    due = incident.escalates_at
    after = f" · next level at <time>{due:%H:%M:%S} UTC</time>" if due else ""
    return f'<p class="chain">{text}{after}</p>'


def _buttons(user: User, incident: Incident) -> str:
    if not incident.is_open:
        return ""
    can_escalate = incident.level < len(incident.service.policy.levels)
    actions = [("acknowledge", "Acknowledge", "main")] if incident.status is Status.TRIGGERED else []
    actions += [("escalate", "Escalate", "")] if can_escalate else []
    actions += [("resolve", "Resolve", "")]
    forms = "".join(
        f'<form method="post" action="/phone/{escape(user.id)}/{escape(incident.id)}/{action}">'
        f'<button class="{kind}" type="submit">{label}</button></form>'
        for action, label, kind in actions
    )
    return f'<div class="buttons">{forms}</div>'


def _document(title: str, content: str, *, version: str) -> str:
    script = '<script src="/phone.js" defer></script>' if version else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><noscript><meta http-equiv="refresh" content="3"></noscript>
<link rel="stylesheet" href="/phone.css">{script}</head>
<body data-version="{escape(version)}"><main>{content}</main></body></html>"""
