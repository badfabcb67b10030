"""The control API for tests and scripts: order faults, look at what was received, act as a person."""

from aiohttp import web

from sandbox.pagerduty.account import Account, NotPossible
from sandbox.pagerduty.events_api import EventsApi
from sandbox.pagerduty.faults import Faults, UnknownFault, parse_fault
from sandbox.pagerduty.model import Incident, Json
from sandbox.pagerduty.webhooks import WebhookSender


class Control:
    """``/_control/…``; JSON in, JSON out."""

    def __init__(self, account: Account, events: EventsApi, faults: Faults, sender: WebhookSender) -> None:
        self._account, self._events, self._faults, self._sender = account, events, faults, sender

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/_control/faults", self.order_fault),
            web.delete("/_control/faults", self.clear_faults),
            web.get("/_control/state", self.state),
            web.post("/_control/act", self.act),
            web.post("/_control/subscribe", self.subscribe),
        ]

    async def order_fault(self, request: web.Request) -> web.Response:
        """``{"call": "events", "kind": "timeout_after", "times": 1}``, or ``"for_seconds": 600`` in place of times."""
        try:
            self._faults.add(parse_fault(await request.json(), self._account.clock.now()))
        except UnknownFault as unknown:
            return web.json_response({"error": str(unknown)}, status=400)
        return web.json_response({"faults": len(self._faults.pending())})

    async def clear_faults(self, _request: web.Request) -> web.Response:
        self._faults.clear()
        return web.json_response({"faults": 0})

    async def state(self, _request: web.Request) -> web.Response:
        """Incidents with their calls, events as they were received, webhooks as they went."""
        return web.json_response(
            {
                "incidents": [_incident_state(each) for each in self._account.incidents.values()],
                "events": [{key: each[key] for key in ("event_action", "dedup_key")} for each in self._events.received],
                "dropped_events": len(self._account.dropped_events),
                "webhooks": [
                    {"id": each.webhook_id, "type": each.event_type, "status": each.status} for each in self._sender.attempts
                ],
                "dropped_webhooks": len(self._sender.dropped),
                "disabled": [each.id for each in self._sender.subscriptions.values() if self._sender.is_disabled(each)],
            }
        )

    async def act(self, request: web.Request) -> web.Response:
        """``{"as": user id, "incident": id or dedup key, "action": "acknowledge" | "resolve" | "reopen" | "escalate"}``."""
        body = await request.json()
        user, incident = self._account.users.get(body.get("as", "")), self._incident(body.get("incident", ""))
        if user is None or incident is None:
            return web.json_response({"error": "no such person or incident"}, status=404)
        actions = {
            "acknowledge": lambda: self._account.acknowledge(incident, user),
            "resolve": lambda: self._account.resolve(incident, user),
            "reopen": lambda: self._account.reopen(incident, user),
            "escalate": lambda: self._account.escalate(incident, user.reference),
        }
        if body.get("action") not in actions:
            return web.json_response({"error": f"an action is one of {', '.join(actions)}"}, status=400)
        try:
            actions[body["action"]]()
        except NotPossible as refused:
            return web.json_response({"error": str(refused)}, status=409)
        return web.json_response(_incident_state(incident))

    async def subscribe(self, request: web.Request) -> web.Response:
        """``{"url": …}``: a webhook subscription with every event; answers with its secret."""
        body = await request.json()
        subscription = self._sender.subscribe(body["url"], body.get("events") or ALL_EVENTS)
        return web.json_response({"id": subscription.id, "secret": subscription.secrets[0]})

    def _incident(self, name: str) -> Incident | None:
        by_key = [each for each in self._account.incidents.values() if each.key == name]
        return self._account.incidents.get(name) or (by_key[-1] if by_key else None)


ALL_EVENTS = tuple(
    f"incident.{kind}"
    for kind in ("triggered", "acknowledged", "unacknowledged", "escalated", "reassigned", "resolved", "reopened", "delegated")
)


def _incident_state(incident: Incident) -> Json:
    return {
        "id": incident.id,
        "key": incident.key,
        "title": incident.title,
        "status": incident.status.value,
        "level": incident.level,
        "triggers": incident.triggers,
        "assignees": [user.id for user in incident.assignees],
        "acknowledgers": [user.id for user in incident.acknowledgers],
        "calls": [each.user.id for each in incident.notifications],
    }
