"""The image ids that each image reference ran as: a tag that was moved to another image is noticed."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import delete, func, select
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

    async def last_seen(self) -> Mapping[str, datetime]:
        """When each image reference was verified last, on any platform."""
        rows = await self._connection.execute(select(images.c.image, func.max(images.c.seen_at)).group_by(images.c.image))
        return {image: seen_at for image, seen_at in rows}  # noqa: C416 -- rows are not pairs to mypy

    async def forget(self, names: Collection[str], before: datetime) -> int:
        """Delete the rows of image references that were not verified since this time; returns how many."""
        where = images.c.image.in_(names) & (images.c.seen_at < before)
        return (await self._connection.execute(delete(images).where(where))).rowcount

    async def record(self, image: str, reported: ReportedImage, at: datetime) -> None:
        """Record the image id that a verified rollout ran on one platform, instead of the one before."""
        seen = {"image_id": reported.image_id, "seen_at": at}
        statement = insert(self._connection, images).values(image=image, platform=reported.platform, **seen)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["image", "platform"], set_=seen))
