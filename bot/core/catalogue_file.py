"""Reads, validates and reloads the catalogue file. Every error names file, line and key."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from domain.catalogue.catalogue import Catalogue
from domain.errors import CatalogueError

PathPart = str | int


class _Loader(yaml.SafeLoader):
    """Safe YAML, with an error for duplicate keys: PyYAML would silently keep the last value."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 -- YAML's own
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} stands here twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


class CatalogueFile:
    """The current catalogue. A reload replaces all of it or nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.current = load_catalogue(path)

    def reload(self) -> tuple[str, ...]:
        """Read the file again and return the differences, one a line. On ``CatalogueError`` the old catalogue stays."""
        new = load_catalogue(self.path)
        changed = describe_differences(self.current, new)
        self.current = new
        return changed


def load_catalogue(path: Path) -> Catalogue:
    """Read a catalogue from a file. Raises ``CatalogueError``."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CatalogueError(f"The catalogue {path} cannot be read: {reason}.") from error
    return parse_catalogue(text, str(path))


def parse_catalogue(text: str, name: str) -> Catalogue:
    """Parse a catalogue from YAML; error messages begin with ``name``. Raises ``CatalogueError``."""
    try:
        loader = _Loader(text)
        try:
            # The nodes know their lines; the parsed data does not. Validation errors need both.
            root = loader.get_single_node()
            data = loader.construct_document(root) if root is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise CatalogueError(f"{name}, line {_line(error)}: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise CatalogueError(f"{name}: {error}.") from error
    if not isinstance(data, dict) or root is None:
        raise CatalogueError(f"{name}: it must begin with keys such as environments, services and roles.")
    try:
        return Catalogue.model_validate(data)
    except ValidationError as error:
        raise CatalogueError("\n".join(_sentence(each, root, name) for each in error.errors(include_url=False))) from error


def describe_differences(old: Catalogue, new: Catalogue) -> tuple[str, ...]:
    """The differences between two catalogues, one sentence for each key."""
    return tuple(_differences("", old, new))


def _differences(path: str, old: object, new: object) -> Iterator[str]:
    if old == new:
        return
    before, after = _fields(old), _fields(new)
    if before is None or after is None:
        yield f"{path}: {_display(old)} → {_display(new)}"
        return
    for key in dict.fromkeys([*before, *after]):
        child_path = f"{path}.{key}" if path else str(key)
        if key not in after:
            yield f"{child_path} removed"
        elif key not in before:
            yield f"{child_path} added"
        else:
            yield from _differences(child_path, before[key], after[key])


def _fields(value: object) -> Mapping[Any, object] | None:
    """The fields of a model or the items of a mapping; None for a plain value."""
    if isinstance(value, BaseModel):
        return {name: getattr(value, name) for name in type(value).model_fields}
    return value if isinstance(value, Mapping) else None


def _display(value: object) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(str(each) for each in value) or "none"
    return "none" if value in (None, "") else str(value)


def _line(error: yaml.MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return 1 if mark is None else mark.line + 1


def _sentence(error: Any, root: yaml.Node, name: str) -> str:
    path = tuple(part for part in error["loc"] if part != "[key]")
    problem = str(error["ctx"]["error"]) if error["type"] == "value_error" else error["msg"][:1].lower() + error["msg"][1:]
    if error["type"] == "missing":
        problem = "is missing"
    elif error["type"] == "extra_forbidden":
        problem = "is not a key that is known here"
    key = ".".join(str(part) for part in path)
    return f"{name}, line {_line_of(path or _path_prefix(problem), root)}: {f'{key}: ' if key else ''}{problem}."


def _path_prefix(problem: str) -> tuple[PathPart, ...]:
    """The key path before the first colon: rules about the whole file write ``environments.x.cluster: …``."""
    return tuple(problem.split(":", maxsplit=1)[0].split("."))


def _line_of(path: tuple[PathPart, ...], node: yaml.Node) -> int:
    """The line of the key at ``path``, or of its nearest existing parent."""
    line = node.start_mark.line
    for step in path:
        child = _child(node, step)
        if child is None:
            break
        line, node = child
    return line + 1


def _child(node: yaml.Node, step: PathPart) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key.start_mark.line, value) for key, value in node.value if key.value == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line, node.value[step]
    return None
