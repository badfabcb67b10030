"""What housekeeping deletes of operations beside their records: images that no rollback may need, workflows that have ended."""

from datetime import datetime

from domain.workloads.image_history import forgettable_images
from runbooks.engine.engine import Engine
from storage.pruning import PRUNE_BATCH_ROWS
from storage.store import Store, Transaction


async def prune_images(tx: Transaction, before: datetime) -> int:
    """Forget a batch of images that were verified before this time; returns how many.

    The last ones of each repository stay, and those of operations that have not ended.
    """
    unfinished = await tx.operations.unfinished()
    needed = {state.image for record in unfinished for each in record.plan.changes for state in (each.before, each.after)}
    names = forgettable_images(await tx.images.last_seen(), before, needed)
    return await tx.images.forget(names[:PRUNE_BATCH_ROWS], before) if names else 0


async def delete_workflows(engine: Engine, store: Store, before: datetime) -> int:
    """Delete the workflows that were started before this time and whose operations have ended. Returns how many."""
    deleted, offset = 0, 0
    while ids := await engine.workflows_before(before, offset=offset):
        async with store.read() as tx:
            unfinished = {record.id for record in await tx.operations.unfinished()}
        ended = [each for each in ids if each not in unfinished and not engine.is_running(each)]
        await engine.delete_workflows(ended)
        deleted += len(ended)
        # What was deleted is no longer in the list.
        offset += len(ids) - len(ended)
    return deleted
