"""The phone page: a person sees what calls them, and acknowledges, escalates or resolves it."""

from pathlib import Path

from aiohttp import web

from sandbox.pagerduty.account import Account, NotPossible
from sandbox.pagerduty.model import Incident, Status, User
from sandbox.pagerduty.phone_view import people_page, phone_page
from sandbox.pagerduty.seed import BOT_EMAIL

_FILES = {"phone.js": ("page.js", "text/javascript"), "phone.css": ("page.css", "text/css")}
"""By the last part of the address: the file beside this module, and its type."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
}


class Phones:
    """One page for each person."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.people),
            web.get("/{file:phone\\.(?:js|css)}", self.file),
            web.get("/phone/{user}", self.show),
            web.get("/phone/{user}/version", self.version),
            web.post("/phone/{user}/{incident}/{action}", self.act),
        ]

    async def people(self, _request: web.Request) -> web.Response:
        people = (user for user in self._account.users.values() if user.email != BOT_EMAIL)
        users = sorted(people, key=lambda user: user.name)
        counts = {user.id: sum(each.is_open for each in self._concerning(user)) for user in users}
        return _html(people_page(users, counts))

    async def file(self, request: web.Request) -> web.Response:
        name, kind = _FILES[request.match_info["file"]]
        return web.Response(text=Path(__file__).with_name(name).read_text("utf-8"), content_type=kind, headers=_HEADERS)

    async def show(self, request: web.Request) -> web.Response:
        user = self._user(request)
        return self._page(user)

    async def version(self, request: web.Request) -> web.Response:
        return web.Response(text=self._version(self._user(request)), headers=_HEADERS)

    async def act(self, request: web.Request) -> web.Response:
        """What a tap does. What is over already is said, and changes nothing: unlike the API, the app never reopens."""
        if request.headers.get("Origin", f"http://{request.host}") != f"http://{request.host}":
            raise web.HTTPForbidden(text="Only the phone page itself may do this.")
        user, incident = self._user(request), self._account.incidents.get(request.match_info["incident"])
        if incident is None:
            raise web.HTTPNotFound(text="There is no such incident.")
        try:
            self._do(request.match_info["action"], user, incident)
        except NotPossible as refused:
            return self._page(user, notice=f"{refused}: {incident.title}")
        raise web.HTTPSeeOther(f"/phone/{user.id}")

    def _do(self, action: str, user: User, incident: Incident) -> None:
        if not incident.is_open:
            raise NotPossible(1001, "Incident Already Resolved")
        match action:
            case "acknowledge" if incident.status is Status.TRIGGERED:
                self._account.acknowledge(incident, user)
            case "acknowledge":
                raise NotPossible(1002, "Incident Already Acknowledged")
            case "escalate":
                self._account.escalate(incident, user.reference)
            case "resolve":
                self._account.resolve(incident, user)
            case _:
                raise web.HTTPNotFound(text="There is no such button.")

    def _page(self, user: User, notice: str = "") -> web.Response:
        incidents = self._concerning(user)
        return _html(phone_page(user, incidents, self._account.clock.now(), version=self._version(user), notice=notice))

    def _concerning(self, user: User) -> list[Incident]:
        """What called this person or is theirs, the newest first."""
        return [
            incident
            for incident in reversed(self._account.incidents.values())
            if user in incident.assignees or any(each.user == user for each in incident.notifications)
        ]

    def _version(self, user: User) -> str:
        """Differs whenever the page would."""
        return ".".join(f"{each.number}-{len(each.log)}" for each in self._concerning(user)) or "none"

    def _user(self, request: web.Request) -> User:
        user = self._account.users.get(request.match_info["user"])
        if user is None:
            raise web.HTTPNotFound(text="Nobody has this phone.")
        return user


def _html(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html", headers=_HEADERS)
