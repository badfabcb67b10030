"""Deployments with a history, as the integration tells of them."""

from datetime import datetime, timedelta
from typing import Any

from domain.targets import Target
from domain.workloads.deployments import (
    RESTARTED_AT_ANNOTATION,
    Autoscaler,
    Owner,
    Revision,
    Workload,
    content_hash,
    template_hash,
)
from tests.harness.fakes.clock import NOW

REPOSITORY = "registry.example/web"


def target(service: str = "web", environment: str = "production") -> Target:
    return Target(environment, service, "main", f"ns-{environment}", service, "main")


def template(image: str, *, restarted_at: str = "", **env: str) -> dict[str, Any]:
    variables = [{"name": name, "value": value} for name, value in env.items()]
    container = {"name": "main", "image": image, "env": variables}
    annotations = {"annotations": {RESTARTED_AT_ANNOTATION: restarted_at}} if restarted_at else {}
    return {"metadata": {"labels": {"app": "web"}, **annotations}, "spec": {"containers": [container]}}


def revision(
    number: int,
    tag: str,
    *,
    created_at: datetime | None = None,
    repository: str = REPOSITORY,
    restarted_at: str = "",
    **env: str,
) -> Revision:
    image = f"{repository}{tag}" if tag[:1] in ("", "@", ":") else f"{repository}:{tag}"
    return Revision(
        number=number,
        name=f"web-{number}",
        image=image,
        template_hash=template_hash(template(image, restarted_at=restarted_at, **env)),
        content_hash=content_hash(template(image, restarted_at=restarted_at, **env)),
        created_at=created_at or NOW - timedelta(days=100 - number),
    )


def workload(
    *revisions: Revision,
    service: str = "web",
    environment: str = "production",
    replicas: int = 3,
    paused: bool = False,
    owner: Owner | None = None,
    autoscaler: Autoscaler | None = None,
) -> Workload:
    """A Deployment that runs the newest of these revisions."""
    newest = max(revisions, key=lambda each: each.number)
    return Workload(
        target=target(service, environment),
        uid=f"uid-of-{service}",
        resource_version="100",
        generation=7,
        replicas=replicas,
        ready=replicas,
        paused=paused,
        image=newest.image,
        template=template(newest.image),
        template_hash=newest.template_hash,
        content_hash=newest.content_hash,
        owner=owner or Owner(),
        autoscaler=autoscaler,
        created_at=min(each.created_at for each in revisions),
        revision=newest.number,
        operation_id="",
        revisions=tuple(sorted(revisions, key=lambda each: each.number, reverse=True)),
    )
