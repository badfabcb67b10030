"""What Slack alone understands is written in ``bot`` only: everybody else makes sentences of parts."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SLACK_MARKUP = ("<@", "<#", "<!", "/deepecho")
SENTENCES_MIGRATION = ROOT / "storage" / "migrations" / "versions" / "0003_field_names.py"
"""It reads the markup of old rows, to make parts of it."""


def texts_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every text of a program but its docstrings, with its line."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value.replace("(?<!", "")


@pytest.mark.parametrize("layer", ["domain", "storage", "integrations", "runbooks", "commands"])
def test_no_text_below_bot_is_written_for_slack(layer: str) -> None:
    paths = sorted(path for path in (ROOT / layer).rglob("*.py") if path != SENTENCES_MIGRATION)
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text!r}"
        for path in paths
        for line, text in texts_of(ast.parse(path.read_text("utf-8")))
        if any(each in text for each in SLACK_MARKUP)
    ]
    assert paths
    assert found == []
