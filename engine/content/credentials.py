"""Detectors of secrets (``secret.*``) with a shape of their own: provider keys, tokens, private keys."""

# ruff: noqa: E501 - a table reads best with one row a line

from __future__ import annotations

import base64
import json

from engine.content.assignments import PLACEHOLDER
from engine.content.detectors import Entity, Pattern, alone
from engine.content.validate import bits

TOKEN_SCORE = 0.95
MIN_KEY_BITS = 2.5

_apart = alone()
_bounded = alone(b"-/+")


def _random(text: str) -> bool:
    """Return whether *text* is more than a placeholder such as ``xxxxxxxx``."""
    return bits(text) >= MIN_KEY_BITS


def _jwt(text: str) -> bool:
    """Return whether the first part of *text* is a base64 JSON object, as the header of a JWT is."""
    header = text.partition(".")[0]
    try:
        read = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except ValueError:  # neither base64 nor UTF-8 nor JSON
        return False
    return isinstance(read, dict)


def _token(
    name: str, doc: str, regex: str, *keywords: str, before: int = 0, hint: str = ""
) -> Entity:
    """Return a detector of tokens that begin with, or hold within *before* bytes, one of *keywords*."""
    pattern = Pattern(regex, TOKEN_SCORE, keywords, before, guard=_apart, check=_random, hint=hint)
    return Entity(f"secret.{name}", doc, (pattern,))


AWS = Entity(
    "secret.aws",
    "An AWS access key id, a secret access key behind a word that says so, or a Bedrock key.",
    (
        Pattern(
            r"(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA)[A-Z2-7]{16}",
            TOKEN_SCORE,
            keywords=(
                "a3t", "akia", "asia", "abia", "acca", "agpa", "aida", "aroa", "aipa", "anpa",
                "anva",
            ),
            hint=r"(?:A3T[A-Z0-9]|A[A-Z]{2}A)[A-Z2-7]{4}",
            guard=_apart,
        ),
        Pattern(
            r"(?i)aws.{0,40}?(?:secret|key|token|sk).{0,40}?[=:\s\"'(>,|]([A-Za-z0-9/+]{40})",
            0.85,
            keywords=("aws",),
            guard=_bounded,
            check=lambda text: bits(text) > 4,  # noqa: PLR2004 - 40 random characters have more
        ),
        Pattern(
            r"ABSK[A-Za-z0-9+/]{109,269}={0,2}|bedrock-api-key-[A-Za-z0-9+/]{20,400}={0,2}",
            TOKEN_SCORE,
            keywords=("absk", "bedrock-api-key-"),
            guard=_apart,
        ),
    ),
)  # fmt: skip

PRIVATE_KEY = Entity(
    "secret.private_key",
    "A private key: PEM, PuTTY, age.",
    (
        Pattern(
            r"-----BEGIN[ A-Z0-9_\-]{0,100}PRIVATE KEY(?: BLOCK)?-----[^\-]*"
            r"(?:-----END[ A-Z0-9_]{0,100}-----)?",
            TOKEN_SCORE,
            keywords=("-----begin",),
        ),
        Pattern(
            r"PuTTY-User-Key-File-[23]: [^\x00]{0,400}?Private-Lines: [0-9]{1,4}[A-Za-z0-9+/=\s]{16,}",
            TOKEN_SCORE,
            keywords=("putty-user-key-file",),
        ),
        Pattern(
            r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}",
            TOKEN_SCORE,
            keywords=("age-secret-key-1",),
            guard=_apart,
        ),
    ),
)

JWT = Entity(
    "secret.jwt",
    "A JSON Web Token, signed or not.",
    (
        Pattern(
            r"ey[A-Za-z0-9_\-]{8,}\.ey[A-Za-z0-9_\-/\\+]{8,}={0,2}"
            r"(?:\.[A-Za-z0-9_\-/\\+]{10,}={0,2}|\.)?",
            TOKEN_SCORE,
            keywords=("ey",),
            hint=r"\.ey[A-Za-z0-9_\-/\\+]{8}",
            guard=_apart,
            check=_jwt,
        ),
    ),
)

CONNECTION_STRING = Entity(
    "secret.connection_string",
    "The password in a URL or in a database or storage connection string.",
    (
        Pattern(
            r"(?i)\b[a-z][a-z0-9+.\-]{1,30}://[^\s:/@\"'<>]{0,100}:([^\s/@\"'<>]{3,200})@[a-z0-9\[{$]",
            0.85,
            keywords=("://",),
            before=32,
            hint=r"://[^\s:/@\"'<>]*:[^\s/@\"'<>]{3}",
            check=lambda text: not PLACEHOLDER.fullmatch(text),
        ),
        Pattern(
            r"(?i);\s?(?:password|pwd|accesskey)\s?=\s?([^\s;\"'<>]{3,100})",
            0.85,
            keywords=("password", "pwd", "accesskey"),
            before=2,
            hint=r"(?i);\s?(?:password|pwd|accesskey)\s?=",
            check=lambda text: not PLACEHOLDER.fullmatch(text),
        ),
        Pattern(
            r"(?i)(?:AccountKey|SharedAccessKey|SharedSecretValue)=([A-Za-z0-9+/]{40,90}={0,2})",
            TOKEN_SCORE,
            keywords=("accountkey", "sharedaccesskey", "sharedsecretvalue"),
            check=_random,
        ),
    ),
)

GOOGLE = Entity(
    "secret.google",
    "A Google API key, OAuth client secret, access or refresh token.",
    (
        Pattern(
            r"AIza[0-9A-Za-z_\-]{35}|GOCSPX-[A-Za-z0-9_\-]{28}|ya29\.[A-Za-z0-9_\-]{20,}"
            r"|1//0[A-Za-z0-9_\-]{40,120}",
            TOKEN_SCORE,
            keywords=("aiza", "gocspx-", "ya29.", "1//0"),
            guard=_apart,
            check=_random,
        ),
    ),
)

AZURE = Entity(
    "secret.azure",
    "A Microsoft Entra client secret, DevOps token or other Azure key of known shape.",
    (
        Pattern(
            r"[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.\-]{31,34}",
            TOKEN_SCORE,
            keywords=("q~",),
            before=4,
            check=_random,
        ),
        Pattern(
            r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}|[A-Za-z0-9+/]{30,90}(?:\+ASt|\+ARm|\+AMC|ACDb|APIM)"
            r"[A-Za-z0-9+/]{4,10}={0,2}|[A-Za-z0-9/+]{42}\+ACR[A-D][A-Za-z0-9/+]{5}",
            0.9,
            keywords=("azdo", "+ast", "+arm", "+amc", "acdb", "apim", "+acr"),
            before=96,
            guard=_apart,
            check=_random,
        ),
    ),
)

CREDENTIALS = (
    AWS,
    PRIVATE_KEY,
    JWT,
    CONNECTION_STRING,
    GOOGLE,
    AZURE,
    _token(
        "github",
        "A GitHub token: personal, fine-grained, OAuth, app or refresh.",
        r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}",
        "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_",
    ),
    _token(
        "gitlab",
        "A GitLab token: personal, deploy, runner, pipeline trigger and others.",
        r"(?:gl(?:pat|dt|ptt|rt|rtr|cbt|imt|ft|agent|oas|ffct|soat)-[A-Za-z0-9_\-.=]{20,300}|GR1348941[A-Za-z0-9_\-]{20})",
        "glpat-", "gldt-", "glptt-", "glrt-", "glrtr-", "glcbt-", "glimt-", "glft-", "glagent-",
        "gloas-", "glffct-", "glsoat-", "gr1348941",
    ),
    _token(
        "slack",
        "A Slack token or webhook.",
        r"xox[a-eoprs]-(?:[0-9]{1,2}-)?[A-Za-z0-9\-]{10,300}|xoxe\.xox[bp]-[0-9]-[A-Za-z0-9]{100,200}"
        r"|xapp-[0-9]-[A-Za-z0-9\-]{20,200}"
        r"|hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{20,80}",
        "xoxa-", "xoxb-", "xoxc-", "xoxd-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xoxe.",
        "xapp-", "hooks.slack.com/",
    ),
    _token(
        "stripe",
        "A Stripe secret or restricted key, or webhook secret.",
        r"[rs]k_(?:live|test|prod)_[A-Za-z0-9]{10,250}|whsec_[A-Za-z0-9+/=]{24,80}",
        "sk_live_", "sk_test_", "sk_prod_", "rk_live_", "rk_test_", "rk_prod_", "whsec_",
    ),
    _token(
        "openai",
        "An OpenAI API key.",
        r"sk-(?:(?:proj|svcacct|admin|service|None)-[A-Za-z0-9_\-]{20,250}|[A-Za-z0-9]{20,60})",
        "sk-",
        hint=r"sk-(?:(?:proj|svcacct|admin|service|None)-|[A-Za-z0-9]{20})",
    ),
    _token(
        "anthropic",
        "An Anthropic API or administration key.",
        r"sk-ant-[a-z0-9]{2,10}-[A-Za-z0-9_\-]{20,200}",
        "sk-ant-",
    ),
    _token("npm", "An npm access token.", r"npm_[A-Za-z0-9]{36}", "npm_"),
    _token("pypi", "A PyPI upload token.", r"pypi-AgEI[A-Za-z0-9_\-]{50,1000}", "pypi-agei"),
    _token(
        "sendgrid",
        "A SendGrid API key.",
        r"SG\.[A-Za-z0-9_\-=]{16,32}\.[A-Za-z0-9_\-=]{32,64}",
        "sg.",
        hint=r"SG\.[A-Za-z0-9_\-=]{16}",
    ),
    _token("twilio", "A Twilio API key or account id.", r"(?:SK|AC)[0-9a-f]{32}", "sk", "ac", hint="(?:SK|AC)[0-9a-f]{8}"),
    _token("huggingface", "A Hugging Face token.", r"hf_[A-Za-z]{34}|api_org_[A-Za-z]{34}", "hf_", "api_org_"),
    _token("digitalocean", "A DigitalOcean token.", r"do[opr]_v1_[a-f0-9]{64}", "doo_v1_", "dop_v1_", "dor_v1_"),
    _token(
        "hashicorp",
        "A HashiCorp Vault or Terraform token.",
        r"hv[sbr]\.[A-Za-z0-9_\-]{24,300}|[a-zA-Z0-9]{14}\.atlasv1\.[A-Za-z0-9\-_=]{60,70}",
        "hvs.", "hvb.", "hvr.", "atlasv1.",
        before=15,
    ),
    _token(
        "shopify",
        "A Shopify access token or shared secret.",
        r"shp(?:at|ca|pa|ss|tka|ua)_[a-fA-F0-9]{32}",
        "shpat_", "shpca_", "shppa_", "shpss_", "shptka_", "shpua_",
    ),
    _token("grafana", "A Grafana token.", r"glc_[A-Za-z0-9+/]{32,400}={0,3}|glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}|eyJrIjoi[A-Za-z0-9]{60,400}={0,2}", "glc_", "glsa_", "eyjrijoi"),
    _token("planetscale", "A PlanetScale token.", r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9=._\-]{32,64}", "pscale_"),
    _token(
        "newrelic",
        "A New Relic key.",
        r"NRAK-[A-Za-z0-9]{27}|NRJS-[a-f0-9]{19}|NRII-[A-Za-z0-9_\-]{32}|NRRA-[a-f0-9]{42}|[a-f0-9]{36}NRAL",
        "nrak-", "nrjs-", "nrii-", "nrra-", "nral",
        before=37,
    ),
    _token("databricks", "A Databricks token.", r"dapi[a-f0-9]{32}(?:-[0-9])?", "dapi"),
    _token("linear", "A Linear API key.", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,64}", "lin_api_", "lin_oauth_"),
    _token("notion", "A Notion token.", r"ntn_[0-9]{11}[A-Za-z0-9]{32,36}", "ntn_"),
    _token("postman", "A Postman API key.", r"PMAK-[a-fA-F0-9]{24}-[a-fA-F0-9]{34}", "pmak-"),
    _token("pulumi", "A Pulumi access token.", r"pul-[a-f0-9]{40}", "pul-"),
    _token("doppler", "A Doppler token.", r"dp\.(?:ct|pt|st|sa|scim|audit)\.[A-Za-z0-9_.\-]{40,100}", "dp."),
    _token("docker", "A Docker access token.", r"dckr_(?:pat|oat)_[A-Za-z0-9_\-]{27,36}", "dckr_"),
    _token("rubygems", "A RubyGems API key.", r"rubygems_[a-f0-9]{48}", "rubygems_"),
    _token("telegram", "A Telegram bot token.", r"[0-9]{8,10}:A[A-Za-z0-9_\-]{34}", ":a", before=11),
    _token("mailgun", "A Mailgun key.", r"(?:key|pubkey)-[a-f0-9]{32}", "key-", before=3),
    _token("square", "A Square access token.", r"sq0(?:atp|csp|idp)-[A-Za-z0-9_\-]{22,43}|EAAA[A-Za-z0-9_\-]{60}", "sq0", "eaaa"),
    _token("facebook", "A Facebook access token.", r"EAA[MC][A-Za-z0-9]{100,400}", "eaam", "eaac", hint="EAA[MC][A-Za-z0-9]{8}"),
    _token("atlassian", "An Atlassian or Bitbucket token.", r"AT(?:ATT3|CTT3|BB)[A-Za-z0-9_\-=+]{24,250}", "atatt3", "atctt3", "atbb"),
    _token("discord", "A Discord bot token or webhook.", r"[A-Z][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,40}|discord(?:app)?\.com/api/webhooks/[0-9]{16,20}/[A-Za-z0-9_\-]{60,80}", "discord", ".", before=29, hint=r"discord(?:app)?\.com/api|\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{8}"),
    _token("mailchimp", "A Mailchimp API key.", r"[0-9a-f]{32}-us[0-9]{1,2}", "-us", before=33, hint="[0-9a-f]-us[0-9]"),
    _token("perplexity", "A Perplexity key.", r"pplx-[A-Za-z0-9]{40,64}", "pplx-"),
    _token("groq", "A Groq key.", r"gsk_[A-Za-z0-9]{48,56}", "gsk_"),
    _token("artifactory", "A JFrog Artifactory key or reference token.", r"AKCp[A-Za-z0-9]{69}|cmVmd[A-Za-z0-9]{59}", "akcp", "cmvmd"),
    _token("cloudflare", "A Cloudflare origin or API key.", r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}", "v1.0-"),
    _token("dynatrace", "A Dynatrace token.", r"dt0[a-z][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}", "dt0"),
    _token("sentry", "A Sentry token.", r"sntry[su]_[A-Za-z0-9+/=_]{40,400}", "sntrys_", "sntryu_"),
    _token("figma", "A Figma token.", r"fig(?:d|[ou][rh]?)_[A-Za-z0-9_\-]{40,50}", "figd_", "figu_", "figur_", "figuh_", "figo_", "figor_", "figoh_"),
    _token(
        "hash",
        "A password hash: bcrypt, SHA-crypt, yescrypt, argon2, scrypt.",
        r"\$2[abxy]\$[0-9]{2}\$[./A-Za-z0-9]{53}|\$(?:1|5|6|y|7|gy)\$[./A-Za-z0-9$=,]{20,120}"
        r"|\$argon2(?:id|i|d)\$[A-Za-z0-9$=,+/]{30,200}",
        "$2a$", "$2b$", "$2x$", "$2y$", "$1$", "$5$", "$6$", "$y$", "$7$", "$gy$", "$argon2",
    ),
    _token("sourcegraph", "A Sourcegraph token.", r"sgp_(?:(?:[a-fA-F0-9]{16}|local)_)?[a-fA-F0-9]{40}", "sgp_"),
    _token("clojars", "A Clojars token.", r"CLOJARS_[A-Za-z0-9]{60}", "clojars_"),
    _token("fly", "A Fly.io token.", r"fo1_[A-Za-z0-9_\-]{43}|fm[12][ar]?_[A-Za-z0-9+/]{60,}={0,3}", "fo1_", "fm1", "fm2"),
    _token("prefect", "A Prefect API key.", r"pnu_[a-zA-Z0-9]{36}", "pnu_"),
    _token("readme", "A ReadMe API key.", r"rdme_[a-z0-9]{70}", "rdme_"),
    _token("shippo", "A Shippo token.", r"shippo_(?:live|test)_[a-fA-F0-9]{40}", "shippo_"),
    _token("openshift", "An OpenShift token.", r"sha256~[A-Za-z0-9_\-]{43}", "sha256~"),
    _token("dtrack", "A Dependency-Track key.", r"odt_[A-Za-z0-9]{32,40}", "odt_"),
    _token("mapbox", "A Mapbox token.", r"[pst]k\.[A-Za-z0-9_\-]{60}\.[A-Za-z0-9_\-]{22}|[pst]k\.eyJ[A-Za-z0-9_\-]{20,200}\.[A-Za-z0-9_\-]{20,30}", "pk.", "sk.", "tk.", hint=r"[pst]k\.[A-Za-z0-9_\-]{20}"),
    _token("tavily", "A Tavily API key.", r"tvly-(?:dev-|prod-)?[A-Za-z0-9]{32}", "tvly-"),
    _token("infracost", "An Infracost key.", r"ico-[A-Za-z0-9]{32}", "ico-", hint="ico-[A-Za-z0-9]{16}"),
    _token("scalingo", "A Scalingo token.", r"tk-us-[A-Za-z0-9_\-]{48}", "tk-us-"),
    _token("easypost", "An EasyPost key.", r"EZ[AT]K[A-Za-z0-9]{54}", "ezak", "eztk"),
    _token("onepassword", "A 1Password secret key or service token.", r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}|ops_eyJ[A-Za-z0-9+/]{200,900}={0,3}", "a3-", "ops_ey"),
)  # fmt: skip
