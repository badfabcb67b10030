from runbooks.engine.engine import PROCEDURES_VERSION, Engine


class IdleEngine(Engine):
    """Remembers which workflows it was asked to begin and to wake, and runs none."""

    def __init__(self) -> None:
        self.procedures_version = PROCEDURES_VERSION
        self.started: list[str] = []
        self.woken: list[str] = []

    @property
    def replica(self) -> str:
        return "replica-1"

    async def start(self, operation: str) -> None:
        self.started.append(operation)

    async def wake(self, operation: str) -> None:
        self.woken.append(operation)
