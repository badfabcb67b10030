"""The REST API of webhook subscriptions."""

from aiohttp import web

from sandbox.pagerduty.model import Json
from sandbox.pagerduty.rest_api import ApiError, page_of
from sandbox.pagerduty.webhooks import Subscription, WebhookSender


class SubscriptionsApi:
    """List, create, enable, ping, delete."""

    def __init__(self, sender: WebhookSender) -> None:
        self._sender = sender

    def routes(self) -> list[web.RouteDef]:
        path = "/webhook_subscriptions"
        return [
            web.get(path, self.list_all),
            web.post(path, self.create),
            web.post(path + "/{id}/enable", self.enable),
            web.post(path + "/{id}/ping", self.ping),
            web.delete(path + "/{id}", self.delete),
        ]

    async def list_all(self, request: web.Request) -> web.Response:
        return page_of(request, "webhook_subscriptions", [self._json(each) for each in self._sender.subscriptions.values()])

    async def create(self, request: web.Request) -> web.Response:
        body = (await request.json()).get("webhook_subscription", {})
        method, events = body.get("delivery_method", {}), body.get("events")
        if method.get("type") != "http_delivery_method" or not method.get("url") or not events:
            raise ApiError(400, 2001, "Invalid Input Provided", "delivery_method and events are needed")
        subscription = self._sender.subscribe(method["url"], events)
        created = self._json(subscription)
        created["delivery_method"]["secret"] = subscription.secrets[0]
        return web.json_response({"webhook_subscription": created}, status=201)

    async def enable(self, request: web.Request) -> web.Response:
        subscription = self._subscription(request)
        self._sender.enable(subscription)
        return web.json_response({"webhook_subscription": self._json(subscription)})

    async def ping(self, request: web.Request) -> web.Response:
        self._sender.ping(self._subscription(request))
        return web.Response(status=202)

    async def delete(self, request: web.Request) -> web.Response:
        del self._sender.subscriptions[self._subscription(request).id]
        return web.Response(status=204)

    def _subscription(self, request: web.Request) -> Subscription:
        subscription = self._sender.subscriptions.get(request.match_info["id"])
        if subscription is None:
            raise ApiError(404, 2100, "Not Found")
        return subscription

    def _json(self, subscription: Subscription) -> Json:
        method: Json = {
            "type": "http_delivery_method",
            "url": subscription.url,
            "secret": None,
            "custom_headers": [],
            "temporarily_disabled": self._sender.is_disabled(subscription),
        }
        return {
            "id": subscription.id,
            "type": "webhook_subscription",
            "active": subscription.active,
            "delivery_method": method,
            "description": "",
            "events": list(subscription.events),
            "filter": {"type": "account_reference"},
        }
