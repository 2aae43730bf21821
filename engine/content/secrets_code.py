"""Detectors of secrets (``secret.*``): code hosting, builds, packages and infrastructure as code."""

# ruff: noqa: E501 - a table reads best with one row a line

from __future__ import annotations

from engine.content.secrets_shapes import UUID, crc32, kind, named, token

CODE = (
    kind(
        "github",
        "A GitHub token: personal, fine-grained, OAuth, app or refresh; its checksum, where it has one, raises the score.",
        token(
            r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}",
            "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_",
        ),
        token(r"gh[pousr]_[A-Za-z0-9]{36}", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", check=crc32, score=1.0),
        named(r"[0-9a-f]{40}", "github_token", "github_secret", "github_client", "github_api", "gh_token"),
    ),
    kind(
        "gitlab",
        "A GitLab token: personal, deploy, runner, pipeline trigger, feed, agent, OAuth and others.",
        token(
            r"gl(?:pat|dt|rt|rtr|cbt|ft)-[A-Za-z0-9_\-.=]{20,300}|gl(?:ffct|soat)-[A-Za-z0-9_\-]{20,50}|glimt-[A-Za-z0-9_\-]{25}"
            r"|glptt-[A-Za-z0-9_\-]{40}|glagent-[A-Za-z0-9_\-]{50,255}|gloas-[A-Za-z0-9_\-]{64}|GR1348941[A-Za-z0-9_\-]{20}",
            "glpat-", "gldt-", "glptt-", "glrt-", "glrtr-", "glcbt-", "glimt-", "glft-", "glagent-", "gloas-",
            "glffct-", "glsoat-", "gr1348941",
        ),
        token(r"_gitlab_session=([0-9a-f]{32})", "_gitlab_session="),
    ),
    kind("npm", "An npm access token, `npm_` and 36 letters and digits; its checksum raises the score.", token(r"npm_[A-Za-z0-9]{36}", "npm_", hint="npm_[A-Za-z0-9]{16}"), token(r"npm_[A-Za-z0-9]{36}", "npm_", hint="npm_[A-Za-z0-9]{16}", check=crc32, score=1.0), token(rf"_authToken[ \t]{{0,2}}=[ \t]{{0,2}}({UUID})", "_authtoken")),
    kind("pypi", "A PyPI or TestPyPI upload token, a macaroon that begins with `pypi-`.", token(r"pypi-AgE[A-Za-z0-9][A-Za-z0-9_\-]{50,1000}", "pypi-age")),
    kind("artifactory", "A JFrog Artifactory API key, reference token or encrypted password.", token(r"AKCp[A-Za-z0-9]{69}|cmVmd[A-Za-z0-9]{59}", "akcp", "cmvmd"), named(r"[A-Za-z0-9]{73}|[A-Za-z0-9]{64}|AP[0-9A-F][A-Za-z0-9]{16,70}", "artifactory", "jfrog")),
    kind("atlassian", "An Atlassian API token, or one of 24 letters and digits behind the name of Jira, Confluence or Atlassian.", token(r"AT(?:ATT3|CTT3|BB)[A-Za-z0-9_\-=+]{24,250}", "atatt3", "atctt3", "atbb", hint="AT(?:ATT3|CTT3|BB)[A-Za-z0-9_\\-=+]{16}"), named(r"[A-Za-z0-9]{24}", "atlassian", "confluence", "jira")),
    kind("bitbucket", "A Bitbucket client id or secret: 64 or 32 characters behind its name.", named(r"[A-Za-z0-9_=\-]{64}|[A-Za-z0-9]{32}", "bitbucket")),
    kind("buildkite", "A Buildkite agent or API token, which begins with `bkua_`, or 50 characters behind its name.", token(r"bk(?:ua|at)_[a-f0-9]{40}", "bkua_", "bkat_"), named(r"[A-Za-z0-9]{50}", "buildkite")),
    kind("circleci", "A CircleCI token: `CCIPAT_`, `CCIPRJ_` and its value, or 40 hexadecimal digits behind its name.", token(r"CCIP(?:AT|RJ)_[A-Za-z0-9]{22}_[a-f0-9]{40}", "ccipat_", "cciprj_"), named(r"[a-f0-9]{40}", "circleci", "circle_t", "circle-t")),
    kind("clojars", "A Clojars deploy token, `CLOJARS_` and 60 letters and digits.", token(r"(?i)CLOJARS_[a-z0-9]{60}", "clojars_")),
    kind("codeclimate", "A Code Climate reporter id: 64 hexadecimal digits behind its name.", named(r"[a-f0-9]{64}", "codeclimate", "code_climate", "cc_test_reporter")),
    kind("codecov", "A Codecov upload token: 32 letters and digits, or a UUID, behind its name.", named(rf"{UUID}|[A-Za-z0-9]{{32}}", "codecov")),
    kind("cratesio", "A crates.io API token, `cio` and 32 letters and digits.", token(r"cio[A-Za-z0-9]{32}", "cio", hint=r"\bcio[A-Za-z0-9]{32}")),
    kind("docker", "A Docker Hub personal or organisation access token, which begins with `dckr_`.", token(r"dckr_(?:pat|oat)_[A-Za-z0-9_\-]{27,36}", "dckr_")),
    kind("droneci", "A Drone CI access token: 32 letters and digits behind its name.", named(r"[A-Za-z0-9]{32}", "droneci", "drone_")),
    kind("dtrack", "A Dependency-Track API key, which begins with `odt_`.", token(r"odt_[A-Za-z0-9]{32,40}|odt_[A-Za-z0-9]{8}_[A-Za-z0-9]{32}", "odt_")),
    kind("gitea", "A Gitea or Forgejo token: 40 hexadecimal digits behind its name.", named(r"[a-f0-9]{40}", "gitea", "forgejo", "codeberg")),
    kind("gitter", "A Gitter access token: 40 characters behind its name.", named(r"[A-Za-z0-9_\-]{40}", "gitter")),
    kind("gradle", "A user name or password in the credentials of a Gradle repository.", token(r"(?s)credentials\s{0,4}\{[^{}]{0,80}?username\s{1,4}=?\s{0,2}['\"]([^'\"$\n]{1,60})['\"]", "credentials", check=None, guard=None, hint=r"credentials\s*\{"), token(r"(?s)credentials\s{0,4}\{[^{}]{0,160}?password\s{1,4}=?\s{0,2}['\"]([^'\"$\n]{1,60})['\"]", "credentials", check=None, guard=None, hint=r"credentials\s*\{")),
    kind("harness", "A Harness personal or service account token, which begins with `pat.` or `sat.`.", token(r"(?:pat|sat)\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{20}", "pat.", "sat.", hint=r"[ps]at\.[A-Za-z0-9_\-]{22}\.")),
    kind(
        "hashicorp",
        "A HashiCorp Vault token or unseal key, or a Terraform Cloud token.",
        token(
            r"hv[sbr]\.[A-Za-z0-9_\-]{24,300}|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9\-_=]{60,70}",
            "hvs.", "hvb.", "hvr.", ".atlasv1.", before=14,
        ),
        named(r"[sbr]\.[A-Za-z0-9_\-]{24,300}", "vault"),
        token(r"(?i)unseal key(?: [0-9])?: {1,3}([A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{44}|[a-f0-9]{64,66})", "unseal key", guard=None),
    ),
    kind("infracost", "An Infracost API key, `ico-` and 32 letters and digits.", token(r"ico-[A-Za-z0-9]{32}", "ico-", hint="ico-[A-Za-z0-9]{16}")),
    kind("jenkins", "A Jenkins API token, crumb or password: 32 or 34 hexadecimal digits behind its name.", named(r"11[a-f0-9]{32}|[a-f0-9]{34}|[a-f0-9]{32}", "jenkins")),
    kind("launchdarkly", "A LaunchDarkly SDK, API or mobile key: `sdk-`, `api-` or `mob-` and a UUID, or 40 characters behind its name.", token(rf"(?:sdk|api|mob)-{UUID}", "sdk-", "api-", "mob-", hint=r"(?:sdk|api|mob)-[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-"), named(r"[A-Za-z0-9=_\-]{40}", "launchdarkly")),
    kind("nuget", "A NuGet API key, `oy2` and 43 letters and digits.", token(r"oy2[a-z0-9]{43}", "oy2", hint="oy2[a-z0-9]{16}", check=None)),
    kind("octopusdeploy", "An Octopus Deploy API key, `API-` and 26 capitals and digits.", token(r"API-[A-Z0-9]{25,34}", "api-", hint="API-[A-Z0-9]{25}")),
    kind("planetscale", "A PlanetScale service token, password or OAuth token, which begins with `pscale_`.", token(r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9=._\-]{32,64}", "pscale_")),
    kind("prefect", "A Prefect API key, `pnu_` or `pnb_` and 36 letters and digits.", token(r"pn[ub]_[A-Za-z0-9]{36}", "pnu_", "pnb_", hint="pn[ub]_[A-Za-z0-9]{16}")),
    kind("pulumi", "A Pulumi access token, `pul-` and 40 hexadecimal digits.", token(r"pul-[a-f0-9]{40}", "pul-", hint="pul-[a-f0-9]{16}")),
    kind("rubygems", "A RubyGems API key, `rubygems_` and 48 hexadecimal digits.", token(r"rubygems_[a-f0-9]{48}", "rubygems_")),
    kind("sidekiq", "The credentials of Sidekiq Pro or Enterprise: two words of eight hexadecimal digits.", token(r"(?i)(?:contribsys|sidekiq)[\w.\"'` \t\r\n:=>({\[,]{0,40}?[\s\"'`=:>(]([a-f0-9]{8}:[a-f0-9]{8})", "contribsys", "sidekiq", check=None), token(r"(?i)https?://([a-f0-9]{8}:[a-f0-9]{8})@(?:gems|enterprise)\.contribsys\.com", "http", check=None, hint=r"(?i)@(?:gems|enterprise)\.contribsys\.com")),
    kind("snyk", "A Snyk API token: a UUID behind its name.", named(UUID, "snyk")),
    kind("sonarqube", "A SonarQube or SonarCloud token: `squ_`, `sqp_`, `sqa_` and 40 characters, or 40 behind its name.", token(r"sq[upa]_[A-Za-z0-9=_\-]{40}", "squ_", "sqp_", "sqa_"), named(r"(?:sq[upa]_)?[A-Za-z0-9=_\-]{40}", "sonar")),
    kind("sourcegraph", "A Sourcegraph access token, which begins with `sgp_`, or 40 hexadecimal digits behind its name.", token(r"sgp_(?:(?:[a-fA-F0-9]{16}|local)_)?[a-fA-F0-9]{40}", "sgp_"), named(r"[a-fA-F0-9]{40}", "sourcegraph")),
    kind("spacelift", "A Spacelift API key secret: 64 hexadecimal digits behind its name.", named(r"[a-f0-9]{64}", "spacelift")),
    kind("stackhawk", "A StackHawk API key, which begins with `hawk.`.", token(r"hawk\.[A-Za-z0-9_\-]{20}\.[A-Za-z0-9_\-]{20}", "hawk.", hint=r"hawk\.[A-Za-z0-9_\-]{20}\.")),
    kind("teamcity", "A TeamCity access token, a JWT-like text whose header says TCV2.", token(r"eyJ0eXAiOiAiVENWMiJ9\.[A-Za-z0-9_\-]{36}\.[A-Za-z0-9_\-]{48}", "eyj0exaioiaivenwmij9.", guard=None)),
    kind("travis", "A Travis CI token: 22 letters and digits behind its name.", named(r"[A-Za-z0-9_\-]{22}", "travis")),
)  # fmt: skip
