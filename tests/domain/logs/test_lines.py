"""No secret of a log reaches a person, nor one that spans lines of a pod, between which those of another pod came."""

from datetime import UTC, datetime, timedelta

from domain.logs.lines import LogLine, redacted_lines, without_cut_word
from domain.redaction import MASK
from tests.redaction.shapes import make_sample, pem

AT = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def interleaved(*pods: list[str]) -> list[LogLine]:
    lines = [
        LogLine(AT + timedelta(milliseconds=10 * number + pod), text, f"web-{pod}")
        for pod, texts in enumerate(pods)
        for number, text in enumerate(texts)
    ]
    return sorted(lines, key=lambda line: line.at, reverse=True)


def test_a_key_over_several_lines_is_hidden_and_the_lines_beside_it_are_not() -> None:
    body = make_sample("\n".join(["<b40>"] * 12))
    secret = f"loading the key\n{pem('BEGIN', 'RSA')}\n{body.text}\n{pem('END', 'RSA')}\nready".split("\n")
    plain = [f"request {number}" for number in range(len(secret))]
    shown = redacted_lines(interleaved(secret, plain))
    assert not body.leaks("\n".join(line.text for line in shown))
    assert [line.text for line in shown if line.pod == "web-1"] == plain
    own = [line.text for line in shown if line.pod == "web-0"]
    assert (own[0], own[-1], len(own)) == ("loading the key", "ready", len(secret))
    assert MASK in own


def test_lines_come_in_the_order_of_time_each_with_its_own_text() -> None:
    secret = make_sample("<a30>")
    shown = redacted_lines(interleaved(["first", f"password={secret.text}", "last"], ["other"]))
    assert [line.text for line in shown][::2] == ["first", f"password={MASK}"]
    assert sorted(line.text for line in shown) == sorted(["first", f"password={MASK}", "last", "other"])


def test_a_time_that_the_line_says_itself_is_not_said_twice() -> None:
    assert LogLine(AT, "2026-11-20T10:00:00.123Z INFO ready").plain == "INFO ready"
    assert LogLine(AT, "[2026-11-20 10:00:00,123] ERROR in app").plain == "ERROR in app"
    assert LogLine(AT, "at 2026-11-20T10:00:00Z it ended").plain == "at 2026-11-20T10:00:00Z it ended"


def test_a_message_of_several_lines_is_shown_and_so_is_what_follows() -> None:
    trace = "Traceback\n" + "\n".join(f'  File "app.py", line {number}' for number in range(250))
    body = make_sample("\n".join(["<b40>"] * 12))
    secret = f"{pem('BEGIN', 'RSA')}\n{body.text}\n{pem('END', 'RSA')}"
    shown = [line.text for line in redacted_lines(interleaved(["hello", secret, trace, "after 0", "after 1"]))]
    assert (shown[0], shown[2][:30], shown[3:]) == ("hello", trace[:30], ["after 0", "after 1"])
    assert not body.leaks("\n".join(shown))


def test_half_a_word_is_left_out_where_a_line_is_cut() -> None:
    assert without_cut_word("a word and another", 12) == "a word and"
    assert without_cut_word("short", 12) == "short"
    assert len(without_cut_word("x" * 5_000, 2_000)) == 2_000
