"""``/api/annotations`` as Grafana documents it."""

from aiohttp import web

from sandbox.grafana.model import Annotation, Json, State

MAX_TAGS_LENGTH = 500
"""Grafana's setting ``[annotations] tags_length``: of all tags together, as JSON."""
DEFAULT_LIMIT = 100


def refused(status: int, message: str, **details: str) -> web.Response:
    """An error as Grafana answers it."""
    return web.json_response({"message": message, **details}, status=status)


class AnnotationsApi:
    """Reads and writes ``State.annotations``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/annotations", self.list_annotations),
            web.post("/api/annotations", self.create),
            web.put("/api/annotations/{id}", self.change),
            web.delete("/api/annotations/{id}", self.delete),
        ]

    async def list_annotations(self, request: web.Request) -> web.Response:
        query = request.query
        since, until = int(query.get("from", "0")), int(query.get("to", "0"))
        wanted, any_of = set(query.getall("tags", [])), query.get("matchAny") == "true"
        found = []
        for each in sorted(self._state.annotations.values(), key=lambda each: each.time_end, reverse=True):
            # Only where both are given: one alone is ignored.
            in_time = not (since and until) or (each.time <= until and each.time_end >= since)
            tagged = bool(wanted & set(each.tags)) if any_of and wanted else wanted <= set(each.tags)
            found += [each.representation()] if in_time and tagged else []
        return web.json_response(found[: int(query.get("limit", DEFAULT_LIMIT))])

    async def create(self, request: web.Request) -> web.Response:
        body = await request.json()
        if problem := _problem(body):
            return problem
        annotation = _annotation(self._state.next_id(), body)
        self._state.annotations[annotation.id] = annotation
        return web.json_response({"message": "Annotation added", "id": annotation.id})

    async def change(self, request: web.Request) -> web.Response:
        """All of it: what is left out is emptied."""
        body, number = await request.json(), int(request.match_info["id"])
        if number not in self._state.annotations:
            return refused(404, "Annotation not found")
        if problem := _problem(body):
            return problem
        self._state.annotations[number] = _annotation(number, body)
        return web.json_response({"message": "Annotation updated"})

    async def delete(self, request: web.Request) -> web.Response:
        if self._state.annotations.pop(int(request.match_info["id"]), None) is None:
            return refused(404, "Annotation not found")
        return web.json_response({"message": "Annotation deleted"})


def _annotation(number: int, body: Json) -> Annotation:
    time, end = body["time"], body.get("timeEnd") or body["time"]
    return Annotation(number, min(time, end), max(time, end), body["text"], list(dict.fromkeys(body.get("tags", []))))


def _problem(body: Json) -> web.Response | None:
    numbers, tags = (body.get("time"), body.get("timeEnd", 0)), body.get("tags", [])
    if not all(isinstance(each, int) for each in numbers) or not all(isinstance(each, str) for each in tags):
        return refused(400, "bad request data")
    if not body.get("text"):
        return refused(400, "Failed to save annotation", error="text field should not be empty")
    if len(str(tags)) > MAX_TAGS_LENGTH:
        return refused(400, "Failed to save annotation", error="tags length exceeds the maximum allowed")
    return None
