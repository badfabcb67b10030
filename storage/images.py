"""The image ids that each image reference ran as: a tag that was moved to another image is noticed."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.workloads.image_ids import ReportedImage
from storage.tables.operations import images
from storage.upsert import insert


class ImageRepository:
    """The images' rows on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def verified_as(self, image: str) -> tuple[ReportedImage, ...]:
        """The image ids that verified rollouts of an image reference ran last, one for each platform; empty without any."""
        columns = (images.c.image_id, images.c.platform)
        rows = await self._connection.execute(select(*columns).where(images.c.image == image).order_by(images.c.platform))
        return tuple(ReportedImage(image_id, platform) for image_id, platform in rows)

    async def record(self, image: str, reported: ReportedImage, at: datetime) -> None:
        """Record the image id that a verified rollout ran on one platform, instead of the one before."""
        seen = {"image_id": reported.image_id, "seen_at": at}
        statement = insert(self._connection, images).values(image=image, platform=reported.platform, **seen)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["image", "platform"], set_=seen))
