"""The image id that each image reference ran as: a tag that was moved to another image is noticed."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables.operations import images
from storage.upsert import insert


class ImageRepository:
    """The images' rows on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get_image_id(self, image: str) -> str:
        """The image id that was recorded for an image reference; empty without one."""
        result = await self._connection.execute(select(images.c.image_id).where(images.c.image == image))
        return result.scalar_one_or_none() or ""

    async def record(self, image: str, image_id: str, at: datetime) -> None:
        """Record the image id that a verified rollout ran. The first one of a reference stays."""
        statement = insert(self._connection, images).values(image=image, image_id=image_id, seen_at=at)
        await self._connection.execute(statement.on_conflict_do_nothing())
