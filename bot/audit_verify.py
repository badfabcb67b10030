"""``deepecho audit verify``: check the hash chain of the audit log."""

from bot.core.settings import Settings
from domain.audit import AuditRecord, find_broken_link
from storage.engines import open_engines
from storage.schema_revision import require_schema
from storage.store import Store


async def verify(settings: Settings) -> tuple[str, bool]:
    """Return a sentence with the result, and whether the chain is intact. Raises what ``require_schema`` raises."""
    store = Store(open_engines(settings.database))
    try:
        await require_schema(store.engines)
        async with store.read() as tx:
            head = await tx.audit.head()
            # Other processes may append while this one reads. Their records are after this head and are not checked here.
            records: list[AuditRecord] = [record async for record in tx.audit.walk() if record.number <= head[0]]
    finally:
        await store.close()
    broken = find_broken_link(records, head)
    if broken is not None:
        return f"The audit log is broken at record {broken.number}: {broken.problem}.", False
    return f"The audit log holds: {head[0]} records, each following from the one before.", True
