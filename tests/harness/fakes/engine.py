from runbooks.engine.engine import Engine


class IdleEngine(Engine):
    """Remembers which workflows it was asked to begin and to wake, and runs none."""

    def __init__(self) -> None:
        self.procedures = 1
        self.begun: list[str] = []
        self.woken: list[str] = []

    @property
    def replica(self) -> str:
        return "replica-1"

    async def begin(self, operation: str) -> None:
        self.begun.append(operation)

    async def wake(self, operation: str) -> None:
        self.woken.append(operation)
