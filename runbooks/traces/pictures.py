"""A trace for whoever asks: the answer at once, and its picture in a direct message."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from domain.answers.traces import TraceAnswer
from domain.clock import Clock
from domain.people import Person
from domain.traces.picture import TracePicture
from domain.traces.waterfall import waterfall_of
from runbooks.traces.reading import TraceReader
from storage.store import Store
from storage.trace_messages import picture_message


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceViewer:
    """Reads one trace, and leaves its picture to the outbox: it is drawn when it is sent, so the answer does not wait."""

    reader: TraceReader
    store: Store
    clock: Clock
    notify_outbox: Callable[[], None]

    async def show(self, environment: str, text: str, person: Person, source: str) -> TraceAnswer:
        """The answer in words. ``source`` is the key of the request: its picture is sent once."""
        answer, trace = await self.reader.show(environment, text)
        if trace is None:
            return answer
        picture = TracePicture(environment=environment, trace_id=trace.id, chart=waterfall_of(trace))
        async with self.store.write() as tx:
            await tx.put_message(picture_message(picture, person, source), self.clock.now())
        self.notify_outbox()
        return replace(answer, picture_follows=True)
