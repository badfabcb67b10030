"""Expressions that people write are RE2's, as Alertmanager's are, and none of them takes for ever."""

import re
import time

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from domain.label_regex import MAX_REGEX_CHARACTERS, LabelRegex, compile_label_regex

HOSTILE = [
    "(a|a)*b",
    "(a+)+b",
    "(a*)*b",
    "(a{0,30}){0,30}b",
    "(.*a){0,12}b",
    "(.{0,30}){0,30}b",
    "(?:.?){900}b",
    "(a?){900}(a?){900}b",
    r"(\w{0,90}|a{0,90})*b",
    "(x+x+)+y",
]
"""Python's own ``re`` takes seconds to years for most of them, on 26 letters."""


@pytest.mark.parametrize(
    ("text", "value", "fits"),
    [
        ("", "", True),
        ("", "x", False),
        ("crit", "critical", False),
        ("ical", "critical", False),
        ("crit.*", "critical", True),
        ("a|ab", "ab", True),
        ("a|b", "ab", False),
        ("^(?:a)$", "a", True),
        ("a$", "a\n", False),
        ("a.b", "a\nb", False),
        ("a[^x]b", "a\nb", True),
        ("(?s)a.b", "a\nb", True),
        ("(?m)a$\n^b", "a\nb", True),
        ("(?i)CRITICAL", "critical", True),
        ("(?i)é", "É", True),
        ("[[:alpha:]]+", "abc", True),
        ("[[:alpha:]]+", "é", False),
        (r"\pL+", "éß日", True),
        (r"\p{Greek}+", "λόγος", True),
        (r"\p{Greek}+", "logos", False),
        (r"\d", "٣", False),
        (r"\w+", "é", False),
        (".", "é", True),
        (".", "\U0001f600", True),
        (".", "\0", True),
        (".", "\ud800", True),
        ("\ufffd", "\udfff", True),
        ("(a+)+", "aaa", True),
        ("a{1000}", "a" * 1000, True),
        (r"\Qa.b\E", "a.b", True),
        (r"\\C", r"\C", True),
        ("(?P<name>a)(?P<name>b)", "ab", True),
    ],
)
def test_the_whole_value_is_compared(text: str, value: str, fits: bool) -> None:  # noqa: FBT001
    assert compile_label_regex(text).matches(value) is fits


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a(?=b)", "(?= looks around, which RE2, Alertmanager's dialect, does not do"),
        ("a(?!b)", "(?! looks around, which RE2, Alertmanager's dialect, does not do"),
        ("(?<=a)b", "(?<= looks around, which RE2, Alertmanager's dialect, does not do"),
        ("(?<!a)b", "(?<! looks around, which RE2, Alertmanager's dialect, does not do"),
        (r"(a)\1", r"\1 refers back to a group, which RE2, Alertmanager's dialect, does not do"),
        ("(?P<a>a)(?P=a)", "(?P refers back to a group, which RE2, Alertmanager's dialect, does not do"),
        ("(", "a ( is never closed"),
        ("a)|(?:b", "a ) has no ( before it"),
        ("[a", "[a has no ] at its end"),
        ("[" + "a" * 100, "[" + "a" * 38 + "… has no ] at its end"),
        ("*a", "* has nothing before it to repeat"),
        ("a**", "** repeats a repetition"),
        ("a*+", "*+ repeats a repetition"),
        ("a{1001}", "{1001} counts backwards or repeats more than 1,000 times, inner repetitions included"),
        ("(a{50}){50}", "{50} counts backwards or repeats more than 1,000 times, inner repetitions included"),
        ("a{2,1}", "{2,1} counts backwards or repeats more than 1,000 times, inner repetitions included"),
        ("[b-a]", "b-a is no range and no class of characters"),
        ("[[:foo:]]", "[:foo:] is no range and no class of characters"),
        (r"\p{Foo}", r"\p{Foo} is no range and no class of characters"),
        (r"a\Z", r"\Z means nothing"),
        (r"\\\C", r"\C means nothing"),
        (r"\Qa", r"\Q means nothing"),
        ("a{99999999999}", "{99999999999} means nothing"),
        ("[\n", r"[\n has no ] at its end"),
        ("(?u)x", "(?u means nothing"),
        ("(?>a)", "(?> means nothing"),
        ("(?P<1-2>a)", "(?P<1-2> is no name of a group"),
        ("a\\", "it ends with a single backslash"),
        ("\ud800", "it holds half a character"),
        (r"\pL{50}", "it is too large"),
        (r"(\pL{0,30}){0,30}b", "it is too large"),
        ("x" * (MAX_REGEX_CHARACTERS + 1), "it is longer than 10,000 characters"),
    ],
)
def test_what_cannot_be_used_is_said(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)) as wrong:
        compile_label_regex(text)
    assert str(wrong.value) == says


@pytest.mark.parametrize(
    "text", ["x" * MAX_REGEX_CHARACTERS, "|".join(f"web-{number}" for number in range(1200)), r"\pL{10}", "(" * 900 + ")" * 900]
)
def test_what_is_large_is_taken(text: str) -> None:
    assert compile_label_regex(text).matches(text.partition("|")[0]) is (text[0] in "xw")


def test_nothing_is_written_past_the_logs(capfd: pytest.CaptureFixture[str]) -> None:
    for text in ("(", "(?=password)", r"(\pL{0,30}){0,30}", "(a?){900}(a?){900}b"):
        try:
            compile_label_regex(text).matches("a" * 1024)
        except ValueError:
            continue
    assert capfd.readouterr() == ("", "")


@given(st.text(max_size=60) | st.text(alphabet="ab()[]{}|*+?.^$\\,019:<=!PCQEsi-\né\ud800", max_size=60), st.text(max_size=60))
def test_any_text_is_an_expression_or_is_refused_in_half_a_sentence(text: str, value: str) -> None:
    try:
        found = compile_label_regex(text)
    except ValueError as error:
        said = str(error)
    else:
        said = f"{found.matches(value)}"
    assert said.isprintable()
    assert 0 < len(said) < 300


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_what_is_escaped_fits_itself_alone(value: str) -> None:
    found = compile_label_regex("".join(f"\\x{{{ord(each):x}}}" for each in value))
    assert found.matches(value)
    assert not found.matches(f"{value}x")


_ATOMS = st.sampled_from(["a", "b", "[ab]", "[^a]", ".", "é", r"\d", r"\s", "(?:)", r"\n"])
_SIMPLE = st.recursive(
    _ATOMS,
    lambda inner: (
        st.builds("{}{}".format, inner, inner)
        | st.builds("(?:{}|{})".format, inner, inner)
        | st.builds("(?:{}){}".format, inner, st.sampled_from(["?", "*", "{0,2}", "{1,3}"]))
    ),
    max_leaves=5,
)


@given(_SIMPLE, st.text(alphabet="abé1 \n", max_size=6))
def test_what_both_dialects_know_means_the_same_in_both(text: str, value: str) -> None:
    assert compile_label_regex(text).matches(value) is (re.fullmatch(text, value, re.ASCII) is not None)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("length", [13, 128, 512])
def test_twice_the_text_takes_about_twice_the_time(text: str, length: int) -> None:
    """The work grows in proportion to the text: four times as much, and a slow machine's noise, are allowed.

    What backtracks takes 8,192 times as long for 26 letters as for 13.
    """
    once, twice = _cost(text, "a" * length), _cost(text, "a" * 2 * length)
    assert twice < 50 * once


def _cost(text: str, value: str) -> float:
    """Seconds of the processor, the least of five times, each with a program that has cached nothing."""
    return min(_seconds(_fresh(text), value) for _ in range(5))


def _fresh(text: str) -> LabelRegex:
    compile_label_regex.cache_clear()
    re2.purge()
    return compile_label_regex(text)


def _seconds(found: LabelRegex, value: str) -> float:
    begun = time.thread_time()
    found.matches(value)
    return time.thread_time() - begun
