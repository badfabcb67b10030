"""`views.*`: forms and the Home tab."""

from sandbox.slack.errors import Json, WebApiError
from sandbox.slack.hub import Hub
from sandbox.slack.limits import check_view
from sandbox.slack.methods import Method, require_arguments
from sandbox.slack.people import find_user


async def open_view(hub: Hub, args: Json) -> Json:
    user = hub.issued_tokens.exchange_trigger(args.get("trigger_id"))
    view = hub.views.open(user, check_view(args.get("view"), "modal"))
    await hub.pages.show_forms(user)
    return {"view": view}


async def push_view(hub: Hub, args: Json) -> Json:
    user = hub.issued_tokens.exchange_trigger(args.get("trigger_id"))
    view = hub.views.push(user, check_view(args.get("view"), "modal"))
    await hub.pages.show_forms(user)
    return {"view": view}


async def update_view(hub: Hub, args: Json) -> Json:
    if not args.get("view_id") and not args.get("external_id"):
        raise WebApiError("invalid_arguments", ["either view_id or external_id is required"])
    user, view = hub.views.update(
        check_view(args.get("view"), "modal"),
        view_id=args.get("view_id"),
        external_id=args.get("external_id"),
        expected_hash=args.get("hash"),
    )
    await hub.pages.show_forms(user)
    return {"view": view}


async def publish(hub: Hub, args: Json) -> Json:
    require_arguments(args, "user_id")
    user = str(args["user_id"])
    if find_user(user) is None:
        raise WebApiError("user_not_found")
    view = hub.views.publish(user, check_view(args.get("view"), "home"), args.get("hash"))
    await hub.pages.show_home(user)
    return {"view": view}


METHODS: dict[str, Method] = {
    "views.open": open_view,
    "views.push": push_view,
    "views.update": update_view,
    "views.publish": publish,
}
