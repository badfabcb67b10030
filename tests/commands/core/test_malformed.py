"""Whatever is typed gets an answer in words, and what is not a whole, permitted command starts nothing."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.answers.answers import ErrorAnswer, Form, OperationStarted
from domain.facts import Answer
from domain.operations.version_choices import VersionChoices
from domain.people import Member
from tests.harness.commands import CommandHarness
from tests.harness.samples.team import GUS, SAM, STAN, VIV

MALFORMED = {
    # The command itself.
    "rolback production abc1234": "Did you mean `rollback`?",
    "roll back production abc1234": "Did you mean `rollback`",
    "dpeloy staging main-abc1234": "Did you mean `deploy`",
    "xyzzy": "`help` shows every command",
    "!!!": "There is no command “!!!”",
    "--help": "There is no command “--help”",
    "; rm -rf /": "There is no command “;”",
    "$(reboot)": "There is no command “$(reboot)”",
    "' OR 1=1 --": "There is no command “'”",
    "🙂": "There is no command “🙂”",
    '"rollback production" abc1234': "There is no command “rollback production”",
    "rollback;deploy staging": "There is no command",
    "help xyzzy": "There is no command “xyzzy”",
    "help rolback": "Did you mean `rollback`",
    "x" * 3000: "3,000 characters long",
    "incident timelin add something": "Did you mean `incident timeline add`",
    "incident timeline ad something": "Did you mean `incident timeline add`",
    "incident postmortem don https://wiki.example.com": "Did you mean `incident postmortem done`",
    "incident catchup x y": "is more than this command takes",
    "incident stats 30d 60d": "is more than this command takes",
    # The environment.
    "rollback prodution abc1234": "Did you mean `production`",
    "rollback abc1234 production": "There is no environment called “abc1234”",
    "rollback --reason x xyz abc1234": "is missing",
    "deploy ../production main-abc1234": "There is no environment called “../production”",
    "deploy production;staging main-abc1234": "There is no environment called",
    "restart deep-echo-main": "There is no environment called “deep-echo-main”",
    "status deep-echo-main": "There is no environment called “deep-echo-main”",
    "status production,staging": "There is no environment called",
    "versions prodd": "Did you mean",
    "lock everything forever": "There is no environment called “everything”",
    "unlock -production": "There is no environment called “-production”",
    "operations nowhere": "There is no environment called “nowhere”",
    # The service.
    "rollback staging abc1234 deep-echo-mian": "Did you mean `deep-echo-main`",
    "restart staging everything": "There is no service called “everything”",
    "restart staging deep-echo-docs": "deep-echo-docs",
    "scale staging ../../etc 3": "There is no service called “../../etc”",
    "versions staging nginx": "There is no service called “nginx”",
    "status staging *": "There is no service called “*”",
    # The version.
    "rollback staging abc12": "at least 6 characters",
    "rollback staging fffffff": "No version “fffffff” is known",
    "rollback staging latest": "No version “latest” is known",
    "rollback staging main": "No version “main” is known",
    "rollback staging main-abc1234;id": "No version",
    "rollback staging HEAD~1": "No version “HEAD~1” is known",
    "deploy staging fffffff": "is named by its whole tag",
    "deploy staging ghcr.io/evil/image:latest": "No version",
    "deploy staging main-ffff": "No version",
    "deploy staging 51d2c44": "already run main-51d2c44",
    "rollback staging 51d2c44": "already run main-51d2c44",
    # Numbers and times.
    "scale staging deep-echo-main many": "“many” is not a number of pods",
    "scale staging deep-echo-main -1": "“-1” is not a number of pods",
    "scale staging deep-echo-main 3.5": "“3.5” is not a number of pods",
    "scale staging deep-echo-main 1e9": "“1e9” is not a number of pods",
    "scale staging deep-echo-main ٣": "is not a number of pods",
    "scale staging deep-echo-main 201": "between 0 and 200",
    "scale staging deep-echo-main 99999999999999999999": "is not a number of pods",
    "scale staging deep-echo-main 3": "already has 3 pods",
    "scale staging deep-echo-main 5 --for ever": "“ever” is not a span of time",
    "scale staging deep-echo-main 5 --for 0h": "A span of no time does nothing",
    "scale staging deep-echo-main 5 --for 99d": "“99d” is too long",
    "scale staging deep-echo-main 5 --for -2h": "“-2h” is not a span of time",
    "lock staging move --for soon": "“soon” is not a span of time",
    "audit since 2026-13-45": "There is no day “2026-13-45”",
    "audit 9999d": "is too long",
    "audit xyzzy": "is no person, command, id, environment, service or time",
    # Flags and quotes.
    "rollback staging abc1234 --dryrun": "Did you mean `--dry-run`",
    "rollback staging abc1234 —dry_run": "Did you mean `--dry-run`",
    "rollback staging abc1234 --dry-run=false": "`--dry-run` takes no value",
    "rollback staging abc1234 --force": "There is no `--force` here",
    "rollback staging abc1234 --reason": "`--reason` needs something after it",
    'rollback staging abc1234 --reason "errors': "A quotation mark is opened and not closed",
    "rollback staging abc1234 --reason a --reason b": "`--reason` was said twice",
    "rollback staging abc1234 --for 2h": "There is no `--for` here",
    "rollback staging abc1234 deep-echo-main because of errors": "is more than this command takes",
    "restart staging deep-echo-main now": "“now” is more than this command takes",
    "whoami please": "“please” is more than this command takes",
    "locks --all": "There is no `--all` here",
    f"lock staging {'x' * 501}": "at most 500 are kept",
    # Operations.
    "approve op-none": "There is no operation op-none",
    "approve !!": "“!!” is not an operation's id",
    "approve op-": "is not an operation's id",
    "approve op-k7m2 op-k7m3": "is more than this command takes",
    "reject ../../op": "is not an operation's id",
    "cancel all": "There is no operation op-all",
    "cancel everything now": "is more than this command takes",
    # Alerts.
    "alert route alertname=x": "Did you mean `alerts route`",
    "alerts rout alertname=x severity=y": "Did you mean `alerts route`",
    "alerts rotue": "Did you mean `alerts route`",
    "alerts prodution": "Did you mean `production`",
    "alerts nowhere": "There is no environment called “nowhere”",
    "alerts --fireing": "Did you mean `--firing`",
    "alerts --all": "There is no `--all` here",
    "alerts production staging": "is more than this command takes",
    "alerts route production": "“production” is not a label",
    "alerts route alertname=a alertname=b": "The label alertname is there twice",
    "alerts route 'sever ity=x": "is not a label",
    "alerts route severity=~crit.*": "is not a label",
    "help alerts rout": "Did you mean `alerts route`",
    "ack al-none": "There is no alert group al-none",
    "ack nothing": "There is no alert group al-nothing",
    "ack !!": "“!!” is not an alert group's id",
    "ack al-": "is not an alert group's id",
    "ack al-k7m2 please": "is more than this command takes",
    "ack <!channel>": "is not an alert group's id",
    "akc al-k7m2": "Did you mean `ack`",
    "silence al-k7m2 forever": "“forever” is not a span of time",
    "silence al-k7m2 for 2h": "“for” is not a span of time",
    "silence al-k7m2 0h": "A span of no time does nothing",
    "silence al-k7m2 31d": "At most 30 days are possible",
    "silence al-k7m2 -1h": "“-1h” is not a span of time",
    f"silence al-k7m2 1h {'x' * 501}": "at most 500 are kept",
    "silence al-e23d 1h": "There is no alert group al-e23d",
    "silence AL-LETEND 1h": "There is no alert group al-letend",
    "silence let-edn al-k7m2": "Did you mean `silence let-end`",
    "silence exten al-k7m2 1h": "Did you mean `silence extend`",
    "silence production 1h": "There is no alert group al-production",
    "silense al-k7m2 1h": "Did you mean `silence`?",
    "unsilence al-k7m2 now": "is more than this command takes",
    "unsilence ../../x": "is not an alert group's id",
    "silences nowhere": "There is no environment called “nowhere”",
    "silences": "The catalogue names no Alertmanager",
    "rollback-suspect al-none": "There is no alert group al-none",
    "rollback-suspect op-k7m2": "is not an alert group's id",
    "rollback suspect al-k7m2": "There is no environment called “suspect”",
    "rollback-suspect al-k7m2 --force": "There is no `--force` here",
    # What nobody sees.
    "rollback\u200b staging abc1234": "an invisible character (U+200B)",
    "rollback staging \u202eabc1234": "an invisible character (U+202E)",
    "rollback staging abc1234\x00": "an invisible character (U+0000)",
    "rollback staging \x1b[31mabc1234": "an invisible character (U+001B)",
    "rollback staging abc\ud8001234": "an invisible character (U+D800)",
    "unlock staging": "staging is not locked",
}


def words_of(answer: Answer) -> str:
    match answer:
        case ErrorAnswer():
            return f"{answer.sentence!s} {answer.hint!s}"
        case VersionChoices():
            return f"{answer.sentence!s} {answer.hint!s}"
        case Form():
            return f"{[field.label for field in answer.fields if field.required and not field.value]} is missing"
        case _:
            return ""


def test_the_table_is_long_enough() -> None:
    assert len(MALFORMED) >= 60


async def test_every_malformed_command_is_answered_in_words_and_starts_nothing(harness: CommandHarness) -> None:
    for text, says in MALFORMED.items():
        answer = await harness.run_command(SAM, text)
        assert says in words_of(answer), f"{text[:60]!r} was answered {words_of(answer)!r}"
        assert await harness.no_side_effects(), text


INCOMPLETE = (
    *("deploy", "rollback", "restart", "scale", "approve", "reject", "cancel", "lock", "unlock", "versions"),
    *("deploy staging", "rollback staging", "restart staging", "scale staging", "scale staging deep-echo-main"),
    *("lock staging", "rollback production abc1234", "deploy production abc1234", "restart production deep-echo-main"),
    *("scale production deep-echo-main 5", "rollback --dry-run", "rollback production --reason x"),
    *("alerts route", "ack", "silence", "silence al-k7m2", "unsilence", "rollback-suspect", "rollback-suspect --reason x"),
)


async def test_what_is_missing_opens_a_form_and_starts_nothing(harness: CommandHarness) -> None:
    for text in INCOMPLETE:
        answer = await harness.run_command(SAM, text)
        assert isinstance(answer, Form), text
        assert answer == harness.form(text)
    assert await harness.no_side_effects()


WORDS = st.sampled_from(
    [
        *("deploy", "rollback", "restart", "scale", "approve", "reject", "cancel", "operations", "locks", "lock", "unlock"),
        *("status", "versions", "audit", "whoami", "help", "alerts", "route", "ack", "silence", "unsilence", "silences"),
        *(
            "rollback-suspect",
            "al-k7m2",
            "1h",
            "--firing",
            "--mine",
            "alertname=x",
            '{a="b",',
            "production",
            "staging",
            "dev",
            "prod",
            "deep-echo-main",
        ),
        *("deep-echo-cognitive", "abc1234", "main-abc1234", "main-fffffff", "last", "5", "op-k7m2", "--reason", "--dry-run"),
        *("--for", "2h", "—reason", "--", "—", '"', "“", "”", "'", "\\", "<@U0123|ana>", "<#C1|x>", "<http://x|y>", "&amp;"),
        *("-", "=", "--reason=x", "\u00a0", "\u200b", "\n", "\x00", "é", "🙂", "<", ">", "<@", "|>"),
    ]
)
TYPED = st.one_of(st.text(max_size=80), st.lists(st.one_of(WORDS, st.text(max_size=8)), max_size=9).map(" ".join))
QUICK = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@QUICK
@given(text=TYPED)
async def test_any_text_is_answered_and_only_a_whole_command_starts_something(harness: CommandHarness, text: str) -> None:
    begun = len(harness.engine.started)
    answer = await harness.run_command(SAM, text)
    assert isinstance(answer, Answer)
    assert len(harness.engine.started) == begun + isinstance(answer, OperationStarted)
    assert not harness.stand_in.control.writes()


@QUICK
@given(text=TYPED, who=st.sampled_from([VIV, GUS, STAN]))
async def test_whoever_may_not_starts_nothing_with_any_text(harness: CommandHarness, text: str, who: Member) -> None:
    assert isinstance(await harness.run_command(who, text), Answer)
    assert await harness.no_side_effects()


@QUICK
@given(text=st.text(max_size=60))
async def test_text_that_names_no_command_starts_nothing(harness: CommandHarness, text: str) -> None:
    await harness.run_command(SAM, f"rollback production {text} --dry-run")
    await harness.run_command(SAM, f"deploy {text}")
    assert await harness.no_side_effects()
