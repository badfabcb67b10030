"""Masks secrets in everything that leaves the process: messages, logs, errors. In doubt it hides too much."""

import re

MASK = "•••"

_SECRETS = re.compile(
    r"""(?ix)
    xox[abeoprs](?:\.[a-z0-9]+)?-[\w-]{6,}              # Slack bot, user, refresh and configuration tokens
    | xapp-[\w-]{6,}                             # Slack app-level tokens
    | gh[pousr]_\w{16,} | github_pat_\w{20,}     # GitHub
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b              # AWS access key ids
    | k8s-aws-v1\.[\w-]{10,}                     # EKS tokens
    | (?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?     # JSON web tokens
    | hooks\.slack(?:-gov)?\.com/[\w/+-]+        # response and webhook addresses
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z)
    """,
    re.DOTALL,
)
_NAMED_SECRET = re.compile(
    r"""(?ix)
    (?P<name> (?:password|passwd|passphrase|pwd|secret|token|ticket|(?:api|access|private)[_-]?key|credentials?) [\w-]{0,40} )
    (?P<join> ["']?\s*[=:]\s*["']? )
    (?P<value> (?!•••)[^\s"',;&}\]]+ )
    """
)
_AUTHORIZATION = re.compile(r"(?i)\b(?P<scheme>bearer|basic)\s+(?!•••)[A-Za-z0-9+/=._~-]{6,}")
_URL_PASSWORD = re.compile(r"(?P<scheme>(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,30}://[^\s:/@]*):(?!•••)[^\s@/]+@", re.IGNORECASE)


def redact(text: str) -> str:
    """Mask everything in the text that looks like a secret. A second call changes nothing more."""
    text = _SECRETS.sub(MASK, text)
    text = _URL_PASSWORD.sub(rf"\g<scheme>:{MASK}@", text)
    text = _AUTHORIZATION.sub(rf"\g<scheme> {MASK}", text)
    return _NAMED_SECRET.sub(rf"\g<name>\g<join>{MASK}", text)
