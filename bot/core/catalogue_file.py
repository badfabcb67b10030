"""The catalogue's file: read, validated, reloaded. Every error names file, line and key."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from domain.catalogue.catalogue import Catalogue
from domain.errors import CatalogueError

Step = str | int


class _Loader(yaml.SafeLoader):
    """YAML as usual, but a key that stands twice is an error: the second would win without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 -- YAML's own
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} stands here twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


class CatalogueFile:
    """The catalogue that holds now. A reload replaces the whole of it or nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.current = load(path)

    def reload(self) -> tuple[str, ...]:
        """Read the file again and answer with what changed, a line each. Raises ``CatalogueError``; then the old one holds."""
        new = load(self.path)
        changed = changes(self.current, new)
        self.current = new
        return changed


def load(path: Path) -> Catalogue:
    """The catalogue in a file. Raises ``CatalogueError``."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CatalogueError(f"The catalogue {path} cannot be read: {reason}.") from error
    return parse(text, str(path))


def parse(text: str, name: str) -> Catalogue:
    """The catalogue in a text; ``name`` is what errors call it. Raises ``CatalogueError``."""
    try:
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            found = loader.construct_document(root) if root is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise CatalogueError(f"{name}, line {_line(error)}: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise CatalogueError(f"{name}: {error}.") from error
    if not isinstance(found, dict) or root is None:
        raise CatalogueError(f"{name}: it must begin with keys such as environments, services and roles.")
    try:
        return Catalogue.model_validate(found)
    except ValidationError as error:
        raise CatalogueError("\n".join(_sentence(each, root, name) for each in error.errors(include_url=False))) from error


def changes(old: Catalogue, new: Catalogue) -> tuple[str, ...]:
    """What differs between two catalogues, in words, a line for each entry."""
    return tuple(_differences("", old, new))


def _differences(where: str, old: object, new: object) -> Iterator[str]:
    if old == new:
        return
    before, after = _fields(old), _fields(new)
    if before is None or after is None:
        yield f"{where}: {_shown(old)} → {_shown(new)}"
        return
    for key in dict.fromkeys([*before, *after]):
        inside = f"{where}.{key}" if where else str(key)
        if key not in after:
            yield f"{inside} removed"
        elif key not in before:
            yield f"{inside} added"
        else:
            yield from _differences(inside, before[key], after[key])


def _fields(value: object) -> Mapping[Any, object] | None:
    """The parts of an entry or of a mapping; None for a plain value."""
    if isinstance(value, BaseModel):
        return {name: getattr(value, name) for name in type(value).model_fields}
    return value if isinstance(value, Mapping) else None


def _shown(value: object) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(str(each) for each in value) or "none"
    return "none" if value in (None, "") else str(value)


def _line(error: yaml.MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return 1 if mark is None else mark.line + 1


def _sentence(error: Any, root: yaml.Node, name: str) -> str:
    path = tuple(part for part in error["loc"] if part != "[key]")
    said = str(error["ctx"]["error"]) if error["type"] == "value_error" else error["msg"][:1].lower() + error["msg"][1:]
    if error["type"] == "missing":
        said = "is missing"
    elif error["type"] == "extra_forbidden":
        said = "is not a key that is known here"
    key = ".".join(str(part) for part in path)
    return f"{name}, line {_line_of(path or _named(said), root)}: {f'{key}: ' if key else ''}{said}."


def _named(said: str) -> tuple[Step, ...]:
    """The place that a rule about the whole file names at the beginning of its sentence, as ``environments.x.cluster: …``."""
    return tuple(said.split(":", maxsplit=1)[0].split("."))


def _line_of(path: tuple[Step, ...], node: yaml.Node) -> int:
    """The line of the key at that path, or of the nearest one above it that exists."""
    line = node.start_mark.line
    for step in path:
        found = _child(node, step)
        if found is None:
            break
        line, node = found
    return line + 1


def _child(node: yaml.Node, step: Step) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key.start_mark.line, value) for key, value in node.value if key.value == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line, node.value[step]
    return None
