"""Secrets that are known by what stands around them: names, flags, headers, addresses, statements, keys of several lines."""

from domain.redaction.names import ANYWHERE, CAMEL, NO_SECRET, NOT_RANDOM, STRONG, VENDORS, WEAK
from domain.redaction.rule import HIDDEN, Rule

_EDGE = r"(?:^|[^A-Za-z0-9]|\\[nrt])"
_SUFFIX = (
    r"(?i:[_.-]?(?:prod(?:uction)?|stag(?:e|ing)|dev|test|old|new|current|previous|value|plain|raw|text|b(?:ase)?64|primary|"
    r"secondary|v?\d{1,2}))?"
)
_QUOTE = r"(?:[\\\"'`]|%22|&quot;|&#34;)*"
_NAME = f"{ANYWHERE}|{STRONG}|{WEAK}"
_JOIN = rf"{_QUOTE}\]?[ \t]*(?:=>|:=|->|==?|:|%3[AaDd])"
_GAP = r"[ \t]*"
_NEXT_LINE = r"[ \t]*\r?\n[ \t]+"
_OPEN = rf"[\[({{]{{0,2}}(?:{_QUOTE}value{_QUOTE}[ \t]*[:=][ \t]*)?"
_END = rf"\s\"'`,;&)\]}}<>\\{HIDDEN}"
_BARE = rf"[^{_END}=:][^{_END}]*"
_WITH_SYMBOLS = rf"{_BARE}(?:[&,;)}}\]]+[^{_END}=:]+)+"
"""Not a list of parameters: nothing has a name."""
_QUOTED = (
    rf"(?:&quot;|%22)[^&%\s{HIDDEN}]+|"
    rf"[bBrRuUfF]?(?:\\+[\"'][^\"'\\\n{HIDDEN}]+|\"(?:[^\"\\\n{HIDDEN}]|\\[^{HIDDEN}])+\"?|'[^'\n{HIDDEN}]+'?|`[^`\n{HIDDEN}]+`?)"
)
_VALUE = rf"{_QUOTED}|{_BARE}"
_IN_BRACKETS = rf"<[^<>\s{HIDDEN}]+>"
_VALUE_BUT_WORDS = rf"{_QUOTED}|[A-Za-z]?[a-z]*[^A-Za-z{_END}=:][^{_END}]*|[A-Za-z][a-z]*[A-Z][^{_END}]*"
_END_OF_VALUE = r"[ \t]*(?:[\r\n,;)}\]]|\z)"

_STRONG = rf"(?:(?i:{ANYWHERE}|{_EDGE}(?:{STRONG})){_SUFFIX})"
_WEAK = rf"(?:(?:(?i:{_EDGE}(?:{WEAK}))|[a-z0-9](?:{CAMEL})){_SUFFIX})"
_STRONG_NAME = rf"{_STRONG}{_JOIN}"
_WEAK_NAME = rf"{_WEAK}{_JOIN}"
_PAIR_NAME = rf"(?i:{_EDGE}(?:name|key|k){_QUOTE}[ \t]*[:=][ \t]*{_QUOTE}[\w.-]*?"
_PAIR_VALUE = rf"{_QUOTE}[,;]?[ \t\r\n]*{_QUOTE}(?:value|v|val){_QUOTE}[ \t]*[:=][ \t]*)"
_LINE_OF_KEY = r"[A-Za-z0-9+/=]"
_WHOLE_LINE = rf"{_LINE_OF_KEY}{{60,76}}"
_BREAK = r"(?:\r?\n[ \t]*|(?:\\+r)?\\+n)"
_BEGIN = r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_FINISH = r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_SCHEMES = "bearer|basic|token|api-?key|negotiate|ntlm|splunk|key|genie-?key|bot|sso-key|jwt"
_BEFORE_CODE = "verification|mfa|2fa|auth|login|security|sms"
_REGISTRIES = "docker|podman|nerdctl|helm|oras|crane|skopeo|az"
_EVERYTHING = r"(?s:.*)"
_NEXT_NAME = r"\"?[\w.-]+\"?:|-"
_HARMLESS = rf"{_QUOTE}(?:{NOT_RANDOM}){_QUOTE}|{NO_SECRET}"

MAY_HOLD_KEY = r"PRIVATE KEY|[A-Za-z0-9+/=]{60}|LS0tLS1CRUdJTi|Private-Lines|Secret|\"(?:d|p|q|dp|dq|qi|k)\\*\":"
"""Most texts hold nothing like a key of several lines, and to look for one takes longer than for the rest."""

KEYS_OF_SEVERAL_LINES = (
    Rule(
        "certificate", r"-----BEGIN (?:CERTIFICATE|PUBLIC KEY|[A-Z0-9 ]{0,30}REQUEST)-----[A-Za-z0-9+/=\s\\]*", spares=_EVERYTHING
    ),
    Rule("private key", rf"{_BEGIN}(?:[^-]|-{{1,4}}[^-])*(?:{_FINISH}|\z)"),
    Rule(
        "private key, its head cut off",
        rf"(?:{_LINE_OF_KEY}{{16,}}{_BREAK}(?:[^\n]{{0,60}}[ \t])?)*{_LINE_OF_KEY}{{1,80}}(?:{_BREAK}[^\n]{{0,60}})?{_FINISH}",
    ),
    Rule("end of a private key", _FINISH),
    Rule(
        "body of a key",
        rf"{_WHOLE_LINE}(?:{_BREAK}(?:[^\n]{{0,60}}[ \t])?{_WHOLE_LINE}){{2,}}(?:{_BREAK}{_LINE_OF_KEY}{{1,76}}(?:\r?\n|\z))?",
    ),
    Rule("PuTTY key", r"(?:[A-Za-z0-9+/=]+(?:\r?\n|\z))+", before=r"Private-Lines: \d+\r?\n"),
    Rule("private key in base64", r"LS0tLS1CRUdJTi[A-Za-z0-9+/=]{20,}", spares=r"LS0tLS1CRUdJTiBDRVJU.*"),
    Rule(
        "Kubernetes Secret",
        r"(?:[ \t]+[\w.-]+:[ \t]*\S[^\n]*\n?)+",
        before=r"\bkind: Secret\r?\n(?:[^\n]+\n){0,20}?(?:data|stringData):[ \t]*\r?\n",
    ),
    Rule(
        "Kubernetes Secret, kind below",
        r"(?:[ \t]+[\w.-]+:[ \t]*\S[^\n]*\n?)+",
        before=r"(?:^|\n)(?:data|stringData):[ \t]*\r?\n",
        after=r"kind: Secret",
    ),
    Rule(
        "Kubernetes Secret in JSON",
        r"[^{}]+",
        before=r"\\*\"(?:data|stringData)\\*\":\s*\{",
        after=r"\},\s*\\*\"kind\\*\":\s*\\*\"Secret\\*\"",
    ),
    Rule("private part of a web key", r"[\w-]{20,}", before=r"\"(?:d|p|q|dp|dq|qi|k)\\*\":\s*\\*\""),
)

ADDRESSES = (
    Rule(
        "user and password",
        rf"(?:/?[^\s\"'<>/{HIDDEN}])+/?",
        before=r"://[^\s:/@\"'<>?#]*:",
        after=r"@[\w\[]",
        spares=r"\d{1,5}(?:[/?,].*)?",
    ),
    Rule("token as user", r"[A-Za-z0-9_-]{20,}", before=r"://", after=r"@[\w\[]", spares=r"[a-z-]+"),
    Rule("Oracle", r"[^\s/@\"']{3,}", before=r"(?i:oracle:\w+:\w+/)", after=r"@"),
    Rule(
        "query",
        r"[^\s&\"'<>]{16,}",
        before=r"(?i:[?&](?:key|code|sig|signature|auth|hash|apikey|x-(?:amz|goog)-(?:signature|credential|security-token))=)",
        spares=NOT_RANDOM,
    ),
)

_AUTHORIZATION = rf"authorization{_JOIN}[ \t]?{_OPEN}{_QUOTE}"

HEADERS = (
    Rule("cookie", rf"[\w.%-]+=[^\"'\r\n\]{HIDDEN}]+", before=rf"(?i:{_EDGE}(?:set-)?cookie{_JOIN}[ \t]?[\[({{]{{0,2}}{_QUOTE})"),
    Rule(
        "authorization, several parts",
        rf"[^\r\n{HIDDEN}]{{6,}}",
        before=rf"(?i:{_AUTHORIZATION}(?:digest|aws4[\w-]*|hawk|oauth|signature)[ \t]+)",
    ),
    Rule(
        "authorization",
        rf"[^\s\"'\\\],}}{HIDDEN}]{{6,}}",
        before=rf"(?i:{_AUTHORIZATION}(?:{_SCHEMES})[ \t]+)",
        spares=r"[a-z]{1,12}",
    ),
    Rule(
        "authorization, unknown",
        rf"[^\s\"'\\\],}}{HIDDEN}]{{16,}}",
        before=rf"(?i:{_AUTHORIZATION}(?:[\w-]+[ \t]+)?)",
        spares=NOT_RANDOM,
    ),
    Rule("bearer", r"[A-Za-z0-9+/=._~-]{6,}", before=r"(?i:\bbearer[ \t]+)", spares=NOT_RANDOM),
    Rule("basic", r"[A-Za-z0-9+/]{8,}={0,2}", before=r"(?i:\bbasic[ \t]+)", spares=rf"{NOT_RANDOM}|[a-z]+\d*[a-z]*|[A-Z]+\d*"),
)

COMMANDS = (
    Rule(
        "flag",
        _VALUE,
        before=rf"(?i:(?:^|[\s\"'`,\[])-{{1,2}}(?:[\w.-]*[_.-])?(?:{ANYWHERE}|{STRONG})(?:[ \t]+|{_QUOTE},[ \t]*))",
        spares=rf"{NO_SECRET}|-.*",
    ),
    Rule(
        "flag that may be harmless",
        _VALUE,
        before=rf"(?i:(?:^|[\s\"'`,\[])-{{1,2}}(?:[\w.-]*[_.-])?(?:{WEAK})(?:[ \t]+|{_QUOTE},[ \t]*))",
        spares=rf"{_HARMLESS}|-.*",
    ),
    Rule(
        "user and password flag",
        rf"[^\s\"'@{HIDDEN}]+",
        before=r"\s(?:-u|-U|--user|--proxy-user|--creds)[ =]?[\"']?[^\s:\"'/=]+[:%]",
        spares=r"\d+|[a-z]{1,5}",
    ),
    Rule("curl", rf"[^\s\"'@{HIDDEN}]+", before=r"\bcurl\b[^\n]*?\s-[a-zA-Z]{0,8}[uU][ ]?[\"']?[^\s:\"'/=]+:"),
    Rule(
        "short flag of a client",
        _VALUE,
        before=(
            rf"\b(?:(?:mysql\w*|mariadb\S*|mongo\w*|sshpass|(?:{_REGISTRIES})\b[^\n]*\blogin)\b[^\n]*?\s-p[ ]?|"
            r"redis-cli\b[^\n]*?\s-a[ ]|ldap\w+\b[^\n]*?\s-w[ ]|sqlcmd\b[^\n]*?\s-P[ ]?)"
        ),
        spares=r"-.*|\d{1,5}|[a-z]{1,5}",
    ),
    Rule("literal of kubectl", _VALUE, before=r"--from-literal[ =][\"']?[\w.-]+="),
    Rule("login to Vault", r"[\w.-]{20,}", before=r"\bvault[ ]login[ ](?:token=)?", spares=NOT_RANDOM),
    Rule("pass of OpenSSL", _BARE, before=r"\bpass:", spares=rf"{NOT_RANDOM}"),
    Rule("users of RabbitMQ", _BARE, before=r"\b(?:add_user|change_password)[ ]\S+[ ]"),
    Rule("login of .netrc", r"\S+", before=r"\blogin\s+\S+\s+password\s+"),
    Rule("SQL", r"'[^'\n]+'?", before=r"(?i:\b(?:password\s+|identified\s+by\s+|set\s+password[^=\n]{0,80}=\s*))"),
    Rule(
        "Redis, SMTP",
        r"[^\s\"']{8,}",
        before=r"\bAUTH\"?[ ](?:\"?(?:PLAIN|LOGIN|XOAUTH2|\w+)\"?[ ])?\"?",
        after=r"\"?[ \t]*(?:\r?\n|\z)",
        spares=NOT_RANDOM,
    ),
    Rule("configuration of Redis", r"\S+", before=r"\b(?:requirepass|masterauth)[ ]"),
    Rule("FTP, POP", r"[^\s/.]{6,}", before=r"\bPASS[ ]", after=r"[ \t]*(?:\r?\n|\z)", spares=NOT_RANDOM),
    Rule("IMAP", r"[^\s]{6,}", before=r"\bLOGIN[ ]\S+[ ]", after=r"[ \t]*(?:\r?\n|\z)", spares=rf"\"?(?:{NOT_RANDOM})\"?"),
)

NAMED = (
    Rule("new value of a diff", _QUOTED, before=rf"{HIDDEN}[ ]->[ ]"),
    Rule(
        "page token",
        _VALUE,
        before=rf"(?i:(?:next|page|continu\w*|cursor|sync|resume|unexpected|invalid|cancell?ation)[_-]?token{_JOIN}{_GAP})",
        spares=_EVERYTHING,
    ),
    Rule(
        "block of YAML",
        r"[^\n]+(?:\n[ \t]+[^\s:]+[ \t]*)*",
        before=rf"(?i:{_EDGE}(?:{ANYWHERE}|{STRONG}|{WEAK}|tls\.key){_SUFFIX}{_QUOTE}:[ \t]*[|>][+-]?\d?[ \t]*\r?\n[ \t]+)",
    ),
    Rule(
        "connection string",
        rf"[^;\"'\n{HIDDEN}]+",
        before=rf"(?i:;[ \t]*(?:{ANYWHERE}|pwd|\w*key|sharedaccesssignature)[ \t]*=[ \t]*)",
        after=r";",
        spares=rf"{NO_SECRET}[ ]*",
    ),
    Rule("strong name, symbols", _WITH_SYMBOLS, before=rf"(?:{_STRONG_NAME}{_GAP}{_OPEN})", after=r"(?:\s|\z)", spares=NO_SECRET),
    Rule("strong name, equals", rf"{_IN_BRACKETS}|{_VALUE}", before=rf"(?:{_STRONG_NAME}{_OPEN})", spares=NO_SECRET),
    Rule("strong name", _VALUE_BUT_WORDS, before=rf"(?:{_STRONG_NAME}{_GAP}{_OPEN})", spares=NO_SECRET),
    Rule(
        "strong name, one word",
        r"[A-Za-z][a-z]{2,}",
        before=rf"(?:{_STRONG_NAME}{_GAP}{_OPEN})",
        after=_END_OF_VALUE,
        spares=NO_SECRET,
    ),
    Rule("strong name, next line", _VALUE, before=rf"{_STRONG_NAME}{_NEXT_LINE}{_OPEN}", spares=rf"{NO_SECRET}|{_NEXT_NAME}"),
    Rule("weak name, next line", _VALUE, before=rf"{_WEAK_NAME}{_NEXT_LINE}{_OPEN}", spares=rf"{_HARMLESS}|{_NEXT_NAME}"),
    Rule("weak name", _VALUE, before=rf"(?:{_WEAK_NAME}{_GAP}{_OPEN})", spares=_HARMLESS),
    Rule("strong name and value", _VALUE, before=rf"{_PAIR_NAME}(?:{ANYWHERE}|{STRONG}){_SUFFIX}{_PAIR_VALUE}", spares=NO_SECRET),
    Rule("weak name and value", _VALUE, before=rf"{_PAIR_NAME}(?:{WEAK}){_SUFFIX}{_PAIR_VALUE}", spares=_HARMLESS),
    Rule(
        "value and name",
        _VALUE,
        before=r"(?i:\bvalue:[ \t]*)",
        after=rf"(?i:[ \t]*\r?\n[ \t]+name:[ \t]*{_QUOTE}[\w.-]*?(?:{_NAME}){_SUFFIX}{_QUOTE}[ \t]*(?:\r?\n|\z))",
        spares=NO_SECRET,
    ),
    Rule(
        "element of XML",
        rf"[^<{HIDDEN}]+",
        before=rf"(?i:<[\w:.-]*?(?:{_NAME})(?:\s[^<>]*)?>)",
        after="</",
        spares=rf"\s+|{NO_SECRET}",
    ),
    Rule(
        "attribute of XML",
        rf"[^\"'{HIDDEN}]+",
        before=rf"(?i:(?:name|key)=[\"'][\w. -]*?(?:{ANYWHERE}|{STRONG})[\"']\s+value=[\"'])",
    ),
    Rule(
        "property of XML",
        rf"[^<{HIDDEN}]+",
        before=rf"(?i:(?:name|key)=[\"'][\w. -]*?(?:{ANYWHERE}|{STRONG})[\"']\s*>)",
        after="</",
        spares=r"\s+",
    ),
    Rule(
        "sentence",
        rf"[^\s\"'{HIDDEN}]{{6,}}",
        before=r"(?i:\b(?:pass(?:word|phrase|code)|secret|token|key)(?:[ ][a-z]+){0,3}[ ](?:is|was)[:]?[ ]+[\"'`]?)",
        spares=NOT_RANDOM,
    ),
    Rule(
        "password for somebody",
        r"[^\s\"']{6,}",
        before=r"(?i:\bpassword(?:[ ](?:changed|set|reset|updated)[ ]to[ ]|(?:[ ][^\s:=]+){0,4}[ ]for[ ]\S+:[ ]))",
        after=r"[ \t]*(?:\r?\n|\z)",
        spares=NOT_RANDOM,
    ),
    Rule(
        "name, space, random",
        r"[A-Za-z0-9_]{20,}\b",
        before=r"(?i:\b(?:api[_ -]?key|apikey|token|secret|password)[ ]+)",
        spares=rf"{NOT_RANDOM}|[^0-9]*|[^A-Za-z]*",
    ),
    Rule("key with a number", r"[A-Za-z0-9+/=]{20,}", before=r"(?i:\b(?:unseal|recovery)[ ]key[ ]\d+:[ ]*)"),
    Rule(
        "code for one time",
        r"\d{4,8}\b",
        before=rf"(?i:{_EDGE}(?:otp|pin|totp|passcode|(?:{_BEFORE_CODE})[_ -]?code){_JOIN}[ \t]?{_QUOTE})",
    ),
    Rule(
        "vendor",
        r"[\w-]{15,}",
        before=rf"(?i:\b(?:{VENDORS}){_QUOTE}[ \t]?(?:=>|:=|[:=])[ \t]?{_QUOTE})",
        spares=NOT_RANDOM,
    ),
)

RULES = (*ADDRESSES, *HEADERS, *COMMANDS, *NAMED)
