"""Log events in one dialect: a lower-case sentence with its subject first; what varies is a key, never a part of the sentence."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
SENTENCE = re.compile(r"[a-z][a-z'-]*(,? [a-zA-Z'-]+)+")


def logged_events() -> Iterator[tuple[str, ast.expr]]:
    """Where something is logged, and the first argument."""
    for package in ("bot", "commands", "runbooks", "integrations", "storage"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and node.args and _logs(node.func):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node.args[0]


def _logs(called: ast.expr) -> bool:
    match called:
        case ast.Attribute(value=ast.Name(id="log"), attr=level):
            return level in LEVELS
        case ast.Attribute(value=ast.Attribute(attr="trail"), attr="add"):
            return True
        case _:
            return False


def test_log_events_are_lower_case_sentences() -> None:
    events = dict(logged_events())
    sentences = {place: event.value for place, event in events.items() if isinstance(event, ast.Constant)}

    assert len(sentences) > 40
    assert {place: sentence for place, sentence in sentences.items() if not SENTENCE.fullmatch(str(sentence))} == {}


def test_what_varies_in_a_log_event_is_a_key() -> None:
    """A trail logs what was added to it."""
    assert [place for place, event in logged_events() if isinstance(event, ast.JoinedStr | ast.BinOp)] == []
