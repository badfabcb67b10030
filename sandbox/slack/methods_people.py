"""`auth.*`, `team.*`, `users.*`, `usergroups.*` and the socket's address."""

from sandbox.slack import people
from sandbox.slack.errors import Json, WebApiError
from sandbox.slack.hub import Hub
from sandbox.slack.methods import Method, is_true, paginate, require_arguments
from sandbox.slack.people import SeedUser, SeedUserGroup

_BOT = SeedUser(id=people.BOT_USER_ID, name=people.BOT_NAME, role="bot", tz="Etc/UTC")


def user_object(person: SeedUser) -> Json:
    """The user object of the Web API. Guests and people from elsewhere are told by their flags and ``team_id``."""
    is_bot = person.id == people.BOT_USER_ID
    real_name = person.name if is_bot else person.real_name
    shape: Json = {
        "id": person.id,
        "team_id": person.team_id,
        "name": person.name,
        "deleted": False,
        "real_name": real_name,
        "tz": person.tz,
        "tz_label": person.tz,
        "tz_offset": person.tz_offset,
        "is_admin": person.is_workspace_admin,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": person.is_guest,
        "is_ultra_restricted": person.is_guest,
        "is_bot": is_bot,
        "is_app_user": False,
        "updated": 1_700_000_000,
        "profile": {
            "real_name": real_name,
            "real_name_normalized": real_name,
            "title": person.role.capitalize(),
            "display_name": person.name,
            "display_name_normalized": person.name,
            "team": person.team_id,
            **({"bot_id": people.BOT_ID, "api_app_id": people.APP_ID} if is_bot else {"email": person.email}),
        },
    }
    return shape | ({"is_stranger": True} if person.is_stranger else {})


def group_object(group: SeedUserGroup, *, with_users: bool) -> Json:
    return {
        "id": group.id,
        "team_id": people.TEAM_ID,
        "is_usergroup": True,
        "name": group.name,
        "description": "",
        "handle": group.handle,
        "is_external": False,
        "date_create": 1_700_000_000,
        "date_update": 1_700_000_000,
        "date_delete": 0,
        "user_count": len(group.users),
        **({"users": list(group.users)} if with_users else {}),
    }


async def auth_test(hub: Hub, _: Json) -> Json:
    return {
        "url": f"{hub.public_url}/",
        "team": people.TEAM_NAME,
        "user": people.BOT_NAME,
        "team_id": people.TEAM_ID,
        "user_id": people.BOT_USER_ID,
        "bot_id": people.BOT_ID,
        "is_enterprise_install": False,
    }


async def api_test(_: Hub, args: Json) -> Json:
    return {"args": args}


async def open_connection(hub: Hub, _: Json) -> Json:
    address = hub.public_url.replace("http", "ws", 1)
    return {"url": f"{address}/link/?ticket={hub.issued_tokens.new_socket_ticket()}&app_id={people.APP_ID}"}


async def team_info(_hub: Hub, _args: Json) -> Json:
    team = {"id": people.TEAM_ID, "name": people.TEAM_NAME, "domain": people.TEAM_DOMAIN, "email_domain": "example.com"}
    return {"team": {**team, "icon": {"image_default": True}}}


async def bots_info(_: Hub, args: Json) -> Json:
    if args.get("bot") not in {None, people.BOT_ID}:
        raise WebApiError("bot_not_found")
    return {
        "bot": {
            "id": people.BOT_ID,
            "deleted": False,
            "name": people.BOT_NAME,
            "app_id": people.APP_ID,
            "user_id": people.BOT_USER_ID,
        }
    }


async def users_info(hub: Hub, args: Json) -> Json:
    require_arguments(args, "user")
    person = _BOT if args["user"] == _BOT.id else people.find_user(str(args["user"]))
    if person is None:
        raise WebApiError("user_not_found")
    return {"user": hub.roster.account(user_object(person))}


async def users_list(hub: Hub, args: Json) -> Json:
    shown, cursor = paginate([*people.PEOPLE, _BOT], args, 1000)
    return {
        "members": [hub.roster.account(user_object(person)) for person in shown],
        "response_metadata": {"next_cursor": cursor},
    }


async def lookup_by_email(hub: Hub, args: Json) -> Json:
    found = next((person for person in people.PEOPLE if person.email == args.get("email")), None)
    if found is None:
        raise WebApiError("users_not_found")
    return {"user": hub.roster.account(user_object(found))}


async def users_conversations(hub: Hub, args: Json) -> Json:
    user = args.get("user") or people.BOT_USER_ID
    rooms = [room.to_api() for room in hub.channels.all() if user in room.members and not room.is_im]
    shown, cursor = paginate(rooms, args, 100)
    return {"channels": list(shown), "response_metadata": {"next_cursor": cursor}}


async def usergroups_list(hub: Hub, args: Json) -> Json:
    with_users = is_true(args.get("include_users"))
    return {"usergroups": [group_object(group, with_users=with_users) for group in hub.roster.groups]}


async def usergroups_users(hub: Hub, args: Json) -> Json:
    require_arguments(args, "usergroup")
    group = next((group for group in hub.roster.groups if group.id == args["usergroup"]), None)
    if group is None:
        raise WebApiError("no_such_subteam")
    return {"users": list(group.users)}


METHODS: dict[str, Method] = {
    "api.test": api_test,
    "auth.test": auth_test,
    "apps.connections.open": open_connection,
    "team.info": team_info,
    "bots.info": bots_info,
    "users.info": users_info,
    "users.list": users_list,
    "users.lookupByEmail": lookup_by_email,
    "users.conversations": users_conversations,
    "usergroups.list": usergroups_list,
    "usergroups.users.list": usergroups_users,
}
