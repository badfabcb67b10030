"""Tokens that are known by their own shape.

Prefixes, alphabets and lengths are facts from the vendors' documentation and from the published rules of gitleaks and
detect-secrets. A length is a lower bound: vendors lengthen their tokens, and a cut one is a secret too.
"""

from domain.redaction.rule import Rule

_UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_START = r"(?:\b|\\[nrt]|%[0-9A-Fa-f]{2})"
"""Of a token: a line break or a character may stand before it in escapes."""
_NO_DIGIT = r"[^0-9]*"
"""One in thirty strings of twenty random letters and digits has no digit; a class or a setting mostly has none."""

_ALPHANUMERIC_PREFIXES = (
    r"gh[a-z]_|github_pat_|api_org_|CLOJARS_|lin_(?:api|oauth)_|pn[a-z]_|rdme_|apify_api_|sm_[a-z]at_|rubygems_|"
    r"shippo_[a-z]+_|do[opr]_v1_|shp[a-z]{2}_|sntryu_|sq[upab]_|glsa_|AIK_|waka_|tgp_v1_|sbp_|bk(?:ua|pat|ct|pt)_|"
    r"nfp_|vc[pikar]_|vercel_|esecret_|zpka_|polar_[a-z]{2,4}_|pdl_[a-z]+_apikey_|KGAT_|hc[ax]ik_|ATTA|ATBB|xai-|"
    r"pplx-|depot_[a-z]+_|bb_live_|essu_|chpt_"
)
_SHORT_PREFIXES = r"npm_|hf_|gsk_|r8_|ntn_|rpa_|napi_|jina_|e2b_|cu_|rnd_|dd[pw]_|akp_|fw_|csk-|tvly-|ico-"
_ANY_PREFIXES = (
    r"gl(?:pat|ptt|rt|rtr|dt|cbt|ft|soat|agent|imt|ffct|oas|wt)-|GR1348941|fig[do]_|tfp_|pscale_[a-z]+_|sb_secret_|pcsk_|"
    r"lsv2_[a-z]{2}_|mdb_sa_sk_|duffel_[a-z]+_|ph[cxsr]_|AVNS_|fo1_|CFPAT-|dnkey-|fio-u-|nvapi-|s-s4t2ud-|tk-us-|GOCSPX-|"
    r"ya29\.|1//0|hv[sbr]\.|dt0[a-z]\d\d\.|sq0[a-z]{3}-|sha256~|pypi-AgE|FLW[A-Z]+(?:_TEST)?-|xkeysib-|xsmtpsib-|PMAK-|"
    r"NR(?:AK|II|IQ|JS|AA)-|CCI(?:PAT|PRJ)_|HRKU-|AQVN|secret-token:|cf[aku]t_|ops_eyJ|sk-(?:ant|proj|svcacct|admin|or|lf)-|"
    r"dckr_[a-z]+_|tskey-[a-z]+-|ATCTT3|ATATT3"
)

TOKENS = (
    Rule("prefix, letters and digits", rf"{_START}(?:{_ALPHANUMERIC_PREFIXES})[A-Za-z0-9]{{16,}}[\w.=-]*"),
    Rule("prefix, anything of a word", rf"{_START}(?:{_ANY_PREFIXES})[\w-]{{12,}}[\w.=+/-]*"),
    Rule("prefix, base64", r"\b(?:glc_|sntrys_)[A-Za-z0-9+/]{20,}[\w+/=]*"),
    Rule("prefix, hex", r"\b(?:pul-|dapi|fc-)[0-9a-f]{32,}(?:-\d)?\b"),
    Rule("Notion", r"\bsecret_[A-Za-z0-9]{40,}"),
    Rule("Facebook, Square", r"\bEAA[A-Z][\w-]{40,}"),
    Rule("Dropbox", r"\bsl\.[\w-]{60,}"),
    Rule("Doppler", r"\bdp\.[a-z]{2,5}\.(?:[\w-]+\.)?[A-Za-z0-9]{40,}"),
    Rule("Slack", r"(?i:x(?:ox[a-z]|wfp)(?:\.[a-z0-9]+)?-[\w%-]{6,}|xapp-[\w-]{6,})"),
    Rule("GitHub", r"gh[pousr]_\w{16,}|github_pat_\w{20,}"),
    Rule("AWS key id", rf"{_START}(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{{16}}\b"),
    Rule("AWS Bedrock", r"\bABSK[A-Za-z0-9+/]{30,}={0,2}"),
    Rule("EKS", r"\bk8s-aws-v1\.[\w-]{10,}"),
    Rule("JSON web token", r"eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*){0,3}"),
    Rule("JSON web token, encoded again", r"\bZXlK[A-Za-z0-9+/_-]{40,}={0,2}"),
    Rule("Grafana key", r"\beyJrIjoi[A-Za-z0-9+/]{40,}={0,2}"),
    Rule("Slack address", r"\bhooks\.slack(?:-gov)?\.com/[\w/+-]+"),
    Rule("webhook address", r"\b(?:webhook\.office\.com/webhookb2|outlook\.office\.com/webhook)/[\w/@.-]+"),
    Rule("Discord webhook", r"\bdiscord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/[\w-]+"),
    Rule("Zapier hook", r"\bhooks\.zapier\.com/hooks/catch/[\w/-]+"),
    Rule("OpenAI", r"\bsk-[A-Za-z0-9]{20,}\b"),
    Rule("Stripe and its kind", rf"{_START}[srpw]k_(?:live|test|prod)_[A-Za-z0-9]{{10,}}|\bwhsec_[A-Za-z0-9+/=]{{16,}}"),
    Rule("Razorpay", r"\brzp_(?:live|test)_[A-Za-z0-9]{14,}"),
    Rule("Klaviyo", r"\bpk_[0-9a-f]{34}\b"),
    Rule("SendGrid", r"\bSG\.[\w-]{16,}\.[\w-]{16,}"),
    Rule("Mailgun", r"\b(?:pub)?key-[0-9a-f]{32}\b"),
    Rule("Twilio", r"\b(?:SK|AC)[0-9a-f]{32}\b"),
    Rule("Telnyx", r"\bKEY[0-9A-Z]{20,}_[\w-]{16,}"),
    Rule("Google API", r"AIza[\w-]{30,}"),
    Rule("Firebase", r"\bAAAA[\w-]{7}:[\w-]{60,}"),
    Rule("Twitter bearer", r"\bA{20,}[\w%]{30,}"),
    Rule("Alibaba", r"\bLTAI[A-Za-z0-9]{16,}\b"),
    Rule("Terraform Cloud", r"\b[A-Za-z0-9]+\.atlasv1\.[\w-]{40,}"),
    Rule("Airtable", r"\bpat[A-Za-z0-9]{14}\.[0-9a-f]{64}\b"),
    Rule("Harness", r"\bpat\.[\w-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}\b"),
    Rule("token with a UUID", rf"\b(?:sdk|mob|xaat|xapt|sk-lf|pk-lf|pat-[a-z]{{2}}\d|access-[a-z]+|waka)[-_]{_UUID}"),
    Rule("PayPal", r"\baccess_token\$[a-z]+\$[a-z0-9]+\$[0-9a-f]{32}"),
    Rule("Asana", r"\b[0-2]/\d{10,}(?:/\d{10,})?:[0-9a-f]{32}\b"),
    Rule("Artifactory", r"\bAKCp[A-Za-z0-9]{30,}|\bcmVmd[A-Za-z0-9]{59}\b"),
    Rule("Cloudflare origin", r"\bv1\.0-[0-9a-f]{24}-[0-9a-f]{40,}"),
    Rule("ClickHouse", r"\b4b1d[A-Za-z0-9]{38}\b"),
    Rule("NuGet", r"\boy2[a-z0-9]{43}\b"),
    Rule("Sourcegraph", r"\bsgp_(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40}"),
    Rule("EasyPost", r"\bEZ[AT]K[A-Za-z0-9]{30,}"),
    Rule("Fly.io", r"\bfm[12][ar]?_[A-Za-z0-9+/]{30,}={0,3}"),
    Rule("age", r"\bAGE-SECRET-KEY-1[A-Z0-9]{40,}"),
    Rule("Adobe", r"\bp8e-[A-Za-z0-9_-]{32}"),
    Rule("1Password", r"\bA3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}"),
    Rule("Authress", r"\b(?:sc|ext|scauth|authress)_[A-Za-z0-9]{5,30}\.[a-z0-9]{4,6}\.acc[_-][a-z0-9-]{10,32}\.[\w+/=-]{30,}"),
    Rule("Mapbox", r"\bsk\.eyJ[\w-]{40,}\.[\w-]{20,}"),
    Rule("Yandex", r"\bt1\.[A-Z0-9a-z_-]{20,}={0,2}\.[\w-]{40,}|\by[0-3]_[\w-]{30,}"),
    Rule("Tencent", r"\bAKID[A-Za-z0-9]{32}\b"),
    Rule("Amazon MWS", rf"\bamzn\.mws\.{_UUID}"),
    Rule("address with a key", r"\b(?:events\.pagerduty\.com/integration|maker\.ifttt\.com/\S+/key)/[\w-]+"),
    Rule("password hash in braces", r"\{(?:S?SHA(?:256|512)?|S?MD5|CRYPT|bcrypt)\}[A-Za-z0-9+/$.=]{16,}"),
    Rule("password hash of a database", r"\bmd5[0-9a-f]{32}\b|\bpbkdf2_\w+\$\d+\$\S{20,}|\bSCRAM-SHA-\d+\$\d+:\S{20,}"),
    Rule("password hash", r"\$(?:1|5|6|7|y|gy|apr1|argon2(?:i|d|id)|scrypt|pbkdf2[\w-]*|2[abxy]?)\$[^\s\"'`:;<>\\\xff]{20,}"),
)

DOUBTFUL_TOKENS = (
    Rule("Mailchimp", r"\b[0-9a-f]+-us\d{1,2}\b", spares=r".{0,35}"),
    Rule("MaxMind", r"\b[A-Za-z0-9]+_[A-Za-z0-9]+_mmk\b", spares=r".{0,39}"),
    Rule("New Relic license", r"\b[0-9a-f]+NRAL\b", spares=r".{0,35}"),
    Rule(
        "Azure identifiable key",
        r"[A-Za-z0-9+/_-]+(?:JQQJ9|AzFu|AzSe|AzCa|ACDb|\+ASt|AIoT|APIM)[\w+/-]{4,}={0,2}",
        spares=r".{0,39}",
    ),
    Rule("Azure client secret", r"[\w.~]+Q~[\w.~-]{31,}", spares=r"[^~]{0,3}~.*"),
    Rule("Facebook application", r"\b\d+\|[A-Za-z0-9_-]{27,40}\b", spares=r"\d{0,14}\|.*"),
    Rule("Telegram bot", r"\b(?:bot)?\d+:AA[\w-]{30,}", spares=r"(?:bot)?\d{0,7}:.*"),
    Rule("Discord bot", r"\b[MNO][A-Za-z0-9_-]+\.[\w-]{6}\.[\w-]{27,}", spares=r"[^.]{0,22}\..*"),
    Rule("short prefix, letters and digits", rf"{_START}(?:{_SHORT_PREFIXES})[A-Za-z0-9]{{20,}}\b", spares=_NO_DIGIT),
    Rule("old Vault token", r"s\.[A-Za-z0-9]{24}\b", before=r"(?:^|[^\w.-])", spares=_NO_DIGIT),
    Rule("crates.io", r"\bcio[A-Za-z0-9]{32}\b", spares=_NO_DIGIT),
    Rule("Octopus", r"\bAPI-[A-Z0-9]{25,}\b", spares=_NO_DIGIT),
    Rule("Resend", r"\bre_[A-Za-z0-9]{6,10}_[A-Za-z0-9]{20,}\b", spares=_NO_DIGIT),
    Rule(
        "word of a vendor, kind, random",
        r"\b[a-z][a-z0-9]*_(?:[a-z]+_)?(?:live|test|prod|sandbox|pat|tok|token|tkn|key|sk|secret|api|apikey|auth|pw)_"
        r"[A-Za-z0-9]{20,}\b",
        spares=rf"{_NO_DIGIT}|\w+_(?:[a-f]+|\d+|[a-z]{{6,}}\d{{1,4}}|[a-z]+)",
    ),
)
