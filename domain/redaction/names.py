"""Names that announce a secret, and values that are none though they stand behind such a name."""

ANYWHERE = r"pass[_-]?(?:word|wd|phrase)|passwd|requirepass|masterauth"
"""Such a name may stand within a longer word: ``PGPASSWORD``."""
_BEFORE_KEY = (
    r"api|app|access|secret|private|auth|signing|signature|encryption|decryption|master|account|shared|storage|license|licence|"
    r"deploy|admin|consumer|subscription|hmac|webhook|jwt|crypto|cipher|security|unseal|recovery|ingest|write|functions?|sas|"
    r"sentry|shared[_-]?access|secret[_-]?access|primary[_-]?access|session|cookie|rails[_-]?master"
)
_BEFORE_TOKENS = (
    r"access|auth|refresh|id|api|bearer|session|security|user|bot|app|personal|deploy|registration|root|client|push|private|"
    r"vault|csrf|xsrf|reset|device|oauth|jwt|webhook|secret|hook|npm|slack|github|gitlab|admin|service|account|join|bootstrap"
)
_BEFORE_SECRETS = r"client|shared|app|api|consumer|webhook|signing|jwt|oauth|session|cookie|auth|hmac|master|token|user|bot"
STRONG = (
    r"pwd|pw|passcode|(?:store|key|trust|db|user|admin|root|dest|src)[_-]?pass|(?:tls|ca)\.key|"
    rf"(?:{_BEFORE_SECRETS})[_ -]?secret|secret[_-]?key[_-]?base|(?:{_BEFORE_KEY})[_ -]?key|"
    rf"(?:{_BEFORE_TOKENS})[_ -]?token|client[_-]?key[_-]?data|sessionid|session[_-]id|phpsessid|jsessionid|_auth"
)
"""What stands behind such a name is a secret unless it is plainly none."""

WEAK = (
    r"pass|token|secret|auth|cred(?:ential)?s?|cookie|session|dsn|pat|jwt|bearer|salt|nonce|sid|apikey|hmac|ticket|sig|signature|"
    r"secret[_-]?data|connection[_-]?string"
)
"""What stands behind such a name is a secret where it looks random."""

CAMEL = r"Password|Passwd|Passphrase|Pwd|Pass|Secret|Token|ApiKey|AccessKey|SecretKey|PrivateKey|EncryptionKey|Credentials?|Auth"
"""The same as the end of a name in camel case."""

PLAIN_WORDS = (
    r"true|false|yes|no|on|off|null|nil|none|undefined|empty|unset|set|missing|required|optional|in-?valid|valid|expired|expires|"
    r"enabled|disabled|loaded|ok|okay|success|successful|failed|failure|denied|accepted|rejected|changed|rotated|updated|created|"
    r"deleted|removed|redacted|hidden|masked|filtered|unknown|default|basic|bearer|plain|string|str|text|object|bytes|is|was|are|"
    r"were|not|must|cannot|can't|can|could|should|has|have|had|for|and|or|the|a|an|in|of|to|from|with|without|by|at|it|this|that|"
    r"too|only|please|error|errors|missing|incorrect|wrong|mismatch|match|matches|reset|login|logout|oauth2?|digest|ldap|saml|"
    r"sso|oidc|kerberos|scram-sha-256|md5|sha-?1|sha-?256|sha-?512|bcrypt|trust|peer|cert|x509|unauthorized|forbidden|open|read|"
    r"authentication|authorization|validation|verification|length|minimum|maximum|at least|between|contains|got|expected|value|"
    r"name"
)
PLACEHOLDER = (
    r"\*+|x{3,}|X{3,}|\.{3,}|\[?[A-Z_ -]*(?:REDACTED|FILTERED|MASKED|HIDDEN|PROTECTED|SECRET|PASSWORD)[A-Z_ -]*\]?|"
    r"\[?(?:redacted|filtered|masked|hidden|protected)\]?|<[A-Za-z_/| -]*>?|\$\{.*|\$\(.*|\$[A-Za-z_]\w*|\{\{.*|\{\w*\}?|"
    r"%[sdvqrw]|"
    r"%\(\w+\)s|\(sensitive.*|\(.*|@\w+@?|&\w+|nil\)?|0x[0-9a-f]+"
)
NOT_RANDOM = (
    r"(?:[A-Za-z]{0,19}|[A-Z]+(?:[-_][A-Z0-9]{1,8})+|[A-Za-z_]+|[A-Za-z]+(?:[ ._:/-][A-Za-z]*)*|[A-Z]{2,10}-?\d{1,6}|"
    r"[\d.,:/%+-]+(?:[a-zA-Z]{1,3})?|[a-z]{3,}(?:[-_.][a-z0-9]{1,10})+|[a-z]{3,}-?v?\d{1,2}|v?\d+(?:\.\d+)+[\w.-]*|\w{1,5}|"
    r"\w+=[^=].*|\d+[:.].*|[\w.-]+\(.*|(?:\.{0,2}/[\w.-]+)+/?|[a-z]+://.*|"
    r"[\w.-]+\.(?:go|py|js|ts|java|rb|json|ya?ml|pem|crt|key|txt|com|net|org|io|local)(?:[:/].*)?|[\w.-]+@[\w.-]+|"
    r"\d{4}-\d\d-\d\d.*|sha\d+[:-].*|[A-Z][a-z]+(?:[A-Z][a-z0-9]+)+|[a-z]+(?:[A-Z][a-z]+)+\d?)[).,;:!]*"
)
"""Words, names of things, versions, numbers, times, addresses, paths, tickets: what no generator of secrets makes."""

VENDORS = (
    r"adafruit|airtable|algolia|asana|bitbucket|bittrex|cloudflare|codecov|cohere|coinbase|confluent|contentful|datadog|discord|"
    r"droneci|dropbox|etsy|facebook|fastly|finicity|finnhub|flickr|freshbooks|gitter|heroku|hubspot|intercom|jfrog|kraken|kucoin|"
    r"launchdarkly|linkedin|lob|mailchimp|mailgun|mapbox|mattermost|messagebird|netlify|new_?relic|nytimes|okta|opsgenie|"
    r"pagerduty|plaid|rapidapi|sendbird|sentry|snyk|squarespace|sumo_?logic|telegram|travis|twilio|twitch|twitter|yandex|zendesk"
)
"""Whose keys have no shape of their own."""

NO_SECRET = rf"[\\\"'`]{{0,8}}(?i:{PLAIN_WORDS}|{PLACEHOLDER}|-|(?:/[a-z._-]+\d{{0,2}})+/?)[.!:]?[\\\"'`]{{0,8}}"
"""A word or a placeholder, in quotes or not."""
