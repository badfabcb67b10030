"""The containers of a pod template, and which of them run the service's image."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.workloads.images import DEFAULT_TAG, Image, parse_image

Template = Mapping[str, Any]

_CONTAINER_LISTS = ("initContainers", "containers")
"""In the order in which they start. A native sidecar is an init container that restarts always."""


@dataclass(frozen=True, slots=True)
class ContainerImage:
    """A container or init container of a template, and its image reference."""

    name: str
    image: str


@dataclass(frozen=True, slots=True)
class ServiceContainers:
    """Which containers run a version of a service: ``moved`` by name, and ``staying`` with another image than that version."""

    moved: tuple[str, ...]
    staying: tuple[ContainerImage, ...] = ()


def containers_of(template: Template) -> tuple[ContainerImage, ...]:
    """Every container with its image, init containers and sidecars first."""
    spec = template.get("spec") or {}
    return tuple(
        ContainerImage(str(each.get("name", "")), str(each.get("image", "")))
        for key in _CONTAINER_LISTS
        for each in spec.get(key) or []
    )


def image_of(template: Template, container: str) -> str:
    """The image of the named container, else of the only one beside init containers (it may have been renamed), else empty."""
    images = {each["name"]: str(each.get("image", "")) for each in template["spec"]["containers"]}
    return images.get(container) or (next(iter(images.values())) if len(images) == 1 else "")


def with_image(template: Template, containers: tuple[str, ...], image: str) -> dict[str, Any]:
    """Copy the template, with the image of these containers and init containers replaced."""
    changed: dict[str, Any] = json.loads(json.dumps(template))
    for key in _CONTAINER_LISTS:
        for container in changed.get("spec", {}).get(key) or []:
            if container.get("name") in containers:
                container["image"] = image
    return changed


def containers_with_image(template: Template, container: str, images: Iterable[str]) -> tuple[str, ...]:
    """The names of the containers that run the service: ``container``, and each with the repository of one of ``images``."""
    repositories = {parse_image(each).name for each in images if each}
    return tuple(
        each.name
        for each in containers_of(template)
        if each.name == container or (each.image and parse_image(each.image).name in repositories)
    )


def service_containers(template: Template, containers: tuple[str, ...], image: str, replaced: str = "") -> ServiceContainers:
    """Which of the service's ``containers`` run ``image`` in this template, and which look like it and stay as they are.

    Beside the service's own these are containers whose repository ends with the same name (a mirror), and those with the tag of
    the ``replaced`` image (built together). ``latest`` says nothing about that.
    """
    wanted, replaced_tag = parse_image(image), parse_image(replaced).effective_tag
    moved, staying = [], []
    for each in containers_of(template):
        found = parse_image(each.image)
        is_built_together = found.effective_tag == replaced_tag not in ("", DEFAULT_TAG)
        if each.name in containers and found.is_same_version(wanted):
            moved.append(each.name)
        elif each.name in containers or is_built_together or _is_mirrored(found, wanted):
            staying.append(each)
    return ServiceContainers(tuple(moved), tuple(staying))


def _is_mirrored(found: Image, wanted: Image) -> bool:
    return found.base_name == wanted.base_name and not found.is_same_version(wanted)
