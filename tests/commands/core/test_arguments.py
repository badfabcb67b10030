"""What people type, on phones and by pasting, is read as they meant it; the rest is refused in words."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands.core.arguments import Arguments, parse_arguments, tokenize
from commands.core.quoting import format_command, quote
from commands.core.slack_text import escape_for_slack, normalize
from commands.core.usage import FlagValue, Usage
from domain.errors import UsageError

USAGE = Usage.parse("rollback", "<env> <version> [service] [--reason …] [--for 2h] [--dry-run]")


def said(text: str, usage: Usage = USAGE) -> Arguments:
    typed = normalize(text)
    return parse_arguments(tokenize(typed.text), usage, typed.mentions)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("production abc1234", ["production", "abc1234"]),
        ("  production \t abc1234\n", ["production", "abc1234"]),
        ("production\u00a0abc1234", ["production", "abc1234"]),
        ("production\u2003abc1234", ["production", "abc1234"]),
        ('"production" abc1234', ["production", "abc1234"]),
        ("“production” abc1234", ["production", "abc1234"]),
        ("'production' abc1234", ["production", "abc1234"]),
        ("production main\u2011abc1234", ["production", "main-abc1234"]),
        ("<#C123|production> abc1234", ["#production", "abc1234"]),
        ("production <http://v1.co|v1.co>", ["production", "v1.co"]),
        ("production <https://example.com/x>", ["production", "https://example.com/x"]),
        ("production <mailto:a@b.co|a@b.co>", ["production", "a@b.co"]),
        ("&lt;b&gt; a&amp;b", ["<b>", "a&b"]),
        ("&amp;lt; x", ["&lt;", "x"]),
        ("&nbsp; &copy", ["&nbsp;", "&copy"]),
        ("<!here> <!subteam^S1|@ops>", ["@here", "@ops"]),
        ("it's don't", ["it's", "don't"]),
        ("— x", ["—", "x"]),
        ("-- x", ["--", "x"]),
        ("-1 -x1", ["-1", "-x1"]),
        ('"--dry-run" x', ["--dry-run", "x"]),
        (r'"a \"b\" c" x', ['a "b" c', "x"]),
        (r'"a\\" x', ["a\\", "x"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert list(said(text).positional) == words


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("--reason errors", "errors"),
        ("--reason errors went up", "errors went up"),
        ('--reason "errors went up"', "errors went up"),
        ("--reason “errors went up”", "errors went up"),
        ("--reason „errors went up“", "errors went up"),
        ("--reason «errors went up»", "errors went up"),
        ('--reason “errors went up"', "errors went up"),
        ("--reason 'errors went up'", "errors went up"),
        ("--reason=errors", "errors"),
        ("--reason=errors went up", "errors went up"),
        ('--reason="errors went up"', "errors went up"),
        ("—reason errors went up", "errors went up"),
        ("\u2013reason errors went up", "errors went up"),
        ("—reason=“errors went up”", "errors went up"),
        ("--REASON errors", "errors"),
        ("--reason it's the users' turn", "it's the users' turn"),
        ("--reason errors — see the thread", "errors — see the thread"),
        ("--reason errors - see the thread", "errors - see the thread"),
        ('--reason "users say “broken” again"', "users say “broken” again"),
        ('--reason "--dry-run is broken"', "--dry-run is broken"),
        ("--reason asked by <@U0123|ana>", "asked by @ana"),
        ("--reason asked by <@U0123>", "asked by @U0123"),
        ("--reason see <https://status.example/7|the page>", "see https://status.example/7"),
        ("--reason 5 &lt; 7 &amp; more", "5 < 7 & more"),
        ("--reason errors --dry-run", "errors"),
        ("--reason errors —dry-run", "errors"),
        ("--dry-run --reason errors went up --for 2h", "errors went up"),
    ],
)
def test_reasons(text: str, reason: str) -> None:
    assert said(f"production abc1234 {text}").reason == reason
    assert said(f"production abc1234 {text}").positional == ("production", "abc1234")


def test_a_quoted_reason_may_stand_first() -> None:
    words = said('--reason "errors went up" production abc1234')
    assert (words.reason, words.positional) == ("errors went up", ("production", "abc1234"))


@pytest.mark.parametrize("text", ["a b --dry-run", "a --dry-run b", "—dry-run a b", "a b --reason x --dry-run"])
def test_a_dry_run_is_never_taken_for_a_part_of_the_reason(text: str) -> None:
    assert said(text).dry_run


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a b --dryrun", "There is no `--dryrun` here"),
        ("a b --reason x --dryrun", "There is no `--dryrun` here"),
        ("a b --reason x --dry_run", "There is no `--dry_run` here"),
        ("a b --reason x —dry run", "There is no `—dry` here"),
        ("a b --reason x --Dry.Run", "There is no `--Dry.Run` here"),
        ("a b —dryrun", "There is no `—dryrun` here"),
        ("a b -reason x", "There is no `-reason` here"),
        ("a b --force", "There is no `--force` here"),
        ("a b --dry-run=no", "`--dry-run` takes no value"),
        ("a b --reason", "`--reason` needs something after it"),
        ("a b --reason=", "`--reason` needs something after it"),
        ('a b --reason ""', "`--reason` needs something after it"),
        ("a b --reason --dry-run", "`--reason` needs something after it"),
        ("a b --for", "`--for` needs something after it"),
        ("a b --for --dry-run", "`--for` needs something after it"),
        ("a b --reason x --reason y", "`--reason` was said twice"),
        ("a b --dry-run --dry-run", "`--dry-run` was said twice"),
        ('a b --reason "x', "A quotation mark is opened and not closed"),
        ("a b “x", "A quotation mark is opened and not closed"),
        ("a b c d", "“d” is more than this command takes"),
        ("a b --for 2h 30m x", "“x” is more than this command takes"),
        (f"a b --reason {'x' * 501}", "501 characters long; at most 500"),
        ("x" * 2001, "2,001 characters long; at most 2,000"),
        ("prod\u200buction b", "an invisible character (U+200B) after “prod”"),
        ("\u202eproduction b", "an invisible character (U+202E) where a word begins"),
        ("a b\u0000", "an invisible character (U+0000)"),
        ("a b\x1b[31m", "an invisible character (U+001B)"),
        ("a b\ufeff", "an invisible character (U+FEFF)"),
        ("a b\ud800", "an invisible character (U+D800)"),
        ("a b\x1c", "an invisible character (U+001C)"),
        ("a b\u00ad", "an invisible character (U+00AD)"),
    ],
)
def test_what_is_not_certain_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        said(text)
    assert says in str(refused.value)
    assert str(refused.value.hint)


def test_an_unknown_flag_gets_the_nearest() -> None:
    with pytest.raises(UsageError) as refused:
        said("a b --resaon x")
    assert str(refused.value.hint) == "Did you mean `--reason`?"


def test_people_are_known_by_their_ids() -> None:
    typed = normalize("<@U0123|ana> <@W0456> <@U0789|ana>")
    assert typed.text == "@ana @W0456 @U0789"
    assert typed.mentions == {"@ana": "U0123", "@W0456": "W0456", "@U0789": "U0789"}


def test_text_to_the_end() -> None:
    usage = Usage.parse("x", "<env> <reason…> [--for 2h]")
    words = said("production database move, don't touch --for 2h", usage)
    assert words.rest(1) == "database move, don't touch"
    assert words.flags == {"for": "2h"}


def test_a_usage_line_is_what_is_read() -> None:
    usage = Usage.parse("x", "<env> <sha|tag|last> [service] [--reason …] [--for 2h] [--dry-run]")
    assert [(each.name, each.required) for each in usage.arguments] == [("env", True), ("sha|tag|last", True), ("service", False)]
    assert usage.flags == {"reason": FlagValue.TEXT, "for": FlagValue.WORD, "dry-run": FlagValue.NOTHING}
    assert (usage.min_arguments, usage.max_arguments) == (2, 3)
    assert Usage.parse("x", "<id> [why…]").max_arguments is None


def test_a_usage_line_that_means_nothing_is_an_error_of_ours() -> None:
    with pytest.raises(ValueError, match="not a usage line"):
        Usage.parse("x", "<env> version")


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        words = said(text)
    except UsageError:
        return
    assert not {unicodedata.category(letter) for word in words.positional for letter in word} & {"Cc", "Cf", "Cs"}


PLAIN = st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), min_size=1, max_size=60)


@settings(deadline=None)
@given(PLAIN)
def test_what_is_quoted_is_read_back(text: str) -> None:
    typed = normalize(escape_for_slack(quote(text, always=True)))
    (token,) = tokenize(typed.text)
    assert token.text == text


@settings(deadline=None)
@given(st.lists(PLAIN.filter(str.strip), min_size=1, max_size=3), PLAIN.filter(str.strip))
def test_a_command_that_is_written_is_read_back(arguments: list[str], reason: str) -> None:
    flags = {"reason": reason, "dry-run": ""}
    typed = normalize(escape_for_slack(format_command(USAGE, arguments, flags)))
    name, *rest = tokenize(typed.text)
    words = parse_arguments(rest, USAGE, typed.mentions)
    assert name.text == "rollback"
    assert list(words.positional) == arguments
    assert words.flags == flags | {"reason": reason.strip()}
