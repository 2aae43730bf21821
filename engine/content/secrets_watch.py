"""Detectors of secrets (``secret.*``): observability, on-call, identity and security services."""

# ruff: noqa: E501 - a table reads best with one row a line

from __future__ import annotations

from engine.content.secrets_shapes import UUID, kind, named, token

ZEROS = "0" * 12

WATCH = (
    kind("datadog", "A Datadog API or application key: 40 or 32 characters behind its name.", named(r"[A-Za-z0-9]{40}|[a-f0-9]{32}", "datadog", "dd_api", "dd_app", "dd-api")),
    kind(
        "newrelic",
        "A New Relic user, browser, insights, query or licence key.",
        token(
            r"NRAK-[A-Za-z0-9]{27}|NRJS-[a-f0-9]{19}|NRII-[A-Za-z0-9_\-]{32}|NRRA-[a-f0-9]{42}|NRIQ-[A-Za-z0-9_\-]{32}|[a-f0-9]{36}NRAL",
            "nrak-", "nrjs-", "nrii-", "nrra-", "nriq-", "nral", before=37,
            hint=r"NR(?:AK|JS|II|RA|IQ)-[A-Za-z0-9_\-]{16}|[a-f0-9]NRAL",
        ),
        named(r"[A-Za-z0-9]{64}|[a-f0-9]{40}|[a-f0-9]{47}", "newrelic", "new_relic", "new-relic"),
    ),
    kind("grafana", "A Grafana cloud, service account or API token.", token(r"glc_[A-Za-z0-9+/]{32,400}={0,3}|glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}|eyJrIjoi[A-Za-z0-9]{60,400}={0,2}", "glc_", "glsa_", "eyjrijoi")),
    kind("dynatrace", "A Dynatrace API token, which begins with `dt0`.", token(r"dt0[a-z][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}", "dt0", hint=r"dt0[a-z][0-9]{2}\.")),
    kind("sentry", "A Sentry organisation or user token, `sntrys_` or `sntryu_`, or 64 hexadecimal digits behind its name.", token(r"sntrys_eyJ[A-Za-z0-9+/=_]{40,400}|sntryu_[a-f0-9]{64}", "sntrys_", "sntryu_"), named(r"[a-f0-9]{64}", "sentry")),
    kind("honeycomb", "A Honeycomb key, which begins with `hca` or `hcx`, or 32 hexadecimal digits behind its name.", token(r"hc[abx](?:ik|lk|mk)_[a-z0-9]{50,64}", "hcaik_", "hcalk_", "hcamk_", "hcbik_", "hcblk_", "hcbmk_", "hcxik_", "hcxlk_", "hcxmk_"), named(r"[a-f0-9]{32}|[A-Za-z0-9]{22}", "honeycomb")),
    kind("logzio", "A Logz.io token: 32 letters or a UUID behind its name.", named(rf"{UUID}|[A-Za-z]{{32}}", "logzio", "logz_io", "logz.io")),
    kind("splunk", "A Splunk HTTP event collector token: a UUID behind its name.", named(UUID, "splunk")),
    kind("sumologic", "A Sumo Logic access id, `su` and 12 characters, or access key, 64 characters, behind its name.", named(r"[A-Za-z0-9]{64}", "sumo"), token(r"(?i)sumo[\w.\-\"'`:=( ,>\t\n]{0,40}?[\s\"'`=:(,>]((?-i:su)[A-Za-z0-9]{12})", "sumo", check=None)),
    kind("rollbar", "A Rollbar access token: 32 hexadecimal digits behind its name.", named(r"[a-f0-9]{32}", "rollbar")),
    kind("bugsnag", "A Bugsnag API key: 32 hexadecimal digits behind its name.", named(r"[a-f0-9]{32}", "bugsnag")),
    kind("pagerduty", "A PagerDuty API or integration key: 20 characters or 32 hexadecimal digits behind its name.", named(r"[a-f0-9]{32}|[A-Za-z0-9+_\-]{20}", "pagerduty", "pager_duty", "pd_api")),
    kind("opsgenie", "An Opsgenie API key: a UUID behind its name.", named(UUID, "opsgenie")),
    kind("statuspage", "A Statuspage API key: a UUID behind its name.", named(UUID, "statuspage")),
    kind("uptimerobot", "An UptimeRobot API key: `u` or `m`, a number and 24 hexadecimal digits.", named(r"[um][0-9]{6,10}-[a-f0-9]{24}", "uptimerobot", "uptime_robot")),
    kind("segment", "A Segment public API token, `sgp_` and 64 letters and digits, or a write key behind its name.", token(r"sgp_[A-Za-z0-9]{64}", "sgp_"), named(r"[A-Za-z0-9_\-]{43,60}\.[A-Za-z0-9_\-]{43}|[A-Za-z0-9]{32}", "segment_", "segment.com", "segmentw", "segmentk", "segmentt")),
    kind("mixpanel", "A Mixpanel project token or secret: 32 hexadecimal digits behind its name.", named(r"[a-f0-9]{32}", "mixpanel")),
    kind("amplitude", "An Amplitude API or secret key: 32 hexadecimal digits behind its name.", named(r"[a-f0-9]{32}", "amplitude_", "amplitudea", "amplitudek")),
    kind("posthog", "A PostHog project key, `phc_`, or personal key, `phx_`, and 43 letters and digits.", token(r"ph[cx]_[A-Za-z0-9]{43}", "phc_", "phx_", hint="ph[cx]_[A-Za-z0-9]{16}")),
    kind("looker", "A Looker client id or secret: 20 or 24 letters and digits behind its name.", named(r"[a-z0-9]{24}|[a-z0-9]{20}", "looker")),
    kind("maxmind", "A MaxMind licence key, which ends in `_mmk`, or 16 letters and digits behind its name.", token(r"[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk", "_mmk", before=36), named(r"[A-Za-z0-9]{16}", "maxmind")),
    kind("meraki", "A Cisco Meraki API key: 40 hexadecimal digits behind its name.", named(r"[a-f0-9]{40}", "meraki")),
    kind("auth0", "An Auth0 client secret: 64 characters behind its name.", named(r"[A-Za-z0-9_\-]{64}", "auth0")),
    kind("authress", "An Authress service client key: the client, a key id, the account and the key.", token(r"(?:sc|ext|scauth|authress)_[A-Za-z0-9]{5,30}\.[A-Za-z0-9]{4,6}\.acc[_\-][A-Za-z0-9\-]{10,32}\.[A-Za-z0-9+/_=\-]{30,120}", ".acc_", ".acc-", before=46)),
    kind("clerk", "A Clerk secret key: `sk_live_` or `sk_test_` and 40 to 50 characters behind its name.", named(r"sk_(?:live|test)_[A-Za-z0-9]{40,50}", "clerk")),
    kind("okta", "An Okta API token: 42 characters that begin with `00`, behind its name or `SSWS`.", token(r"(?i)(?:okta|ssws)[\w.\-\"'`:=( ,>\t\n/]{0,40}?[\s\"'`=:(,>](00[A-Za-z0-9_\-]{40})", "okta", "ssws", check=lambda text: ZEROS not in text)),
    kind("onepassword", "A 1Password secret key, which begins with `A3-`, or a service account token, `ops_`.", token(r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}|ops_eyJ[A-Za-z0-9+/]{200,900}={0,3}", "a3-", "ops_ey", hint=r"A3-[A-Z0-9]{6}-|ops_eyJ")),
    kind("doppler", "A Doppler token: CLI, personal, service, account, SCIM or audit.", token(r"dp\.(?:ct|pt|st|sa|scim|audit)\.[A-Za-z0-9_.\-]{40,100}", "dp.", hint=r"dp\.(?:ct|pt|st|sa|scim|audit)\.")),
    kind("infisical", "An Infisical service token, which begins with `st.`, or a UUID behind its name.", token(r"st\.[a-f0-9]{24}\.[a-f0-9]{32}\.[a-f0-9]{32}", "st.", hint=r"st\.[a-f0-9]{24}\."), named(UUID, "infisical")),
    kind("definednetworking", "A Defined Networking API token, which begins with `dnkey-`.", token(r"dnkey-[A-Za-z0-9=_\-]{26}-[A-Za-z0-9=_\-]{52}", "dnkey-")),
    kind("intra42", "A 42 intra client secret, which begins with `s-s4t2`.", token(r"s-s4t2(?:ud|af)-[a-f0-9]{64}", "s-s4t2")),
    kind("ngrok", "An ngrok authentication token: 27 and 21 characters behind its name.", named(r"[A-Za-z0-9]{24,28}_[A-Za-z0-9]{19,24}", "ngrok")),
    kind("sauce", "A Sauce Labs access key: a UUID behind its name.", named(rf"{UUID}|[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{11}}-", "sauce")),
    kind("browserstack", "A BrowserStack access key: 20 letters and digits behind its name.", named(r"[A-Za-z0-9]{20}", "browserstack")),
    kind("shodan", "A Shodan API key: 32 letters and digits behind its name.", named(r"[A-Za-z0-9]{32}", "shodan")),
    kind("virustotal", "A VirusTotal API key: 64 hexadecimal digits behind its name.", named(r"[a-f0-9]{64}", "virustotal", "virus_total", "x-apikey", "vt_api")),
    kind("securitytrails", "A SecurityTrails API key: 32 letters and digits behind its name.", named(r"[A-Za-z0-9]{32}", "securitytrails")),
    kind("truenas", "A TrueNAS API key: a number, a hyphen and 64 letters and digits.", token(r"(?i)(?:truenas|freenas|login_with_api_key|bearer)[\w.\-\"'`:=({\[ ,>\t\r\n]{0,50}?[\s\"'`=:(\[,>]([0-9]{1,3}-[A-Za-z0-9]{64})", "truenas", "freenas", "login_with_api_key", "bearer", hint="[0-9]-[A-Za-z0-9]{64}")),
    kind("vmware", "A password or user name on the command line of `Connect-VIServer`.", token(r"(?i)Connect-VIServer[^\n|;]{0,200}?-(?:user|u)\s{1,2}[\"']?([^\s\"'|;]{3,60})", "connect-viserver", check=None, guard=None), token(r"(?i)Connect-VIServer[^\n|;]{0,200}?-pass(?:word)?\s{1,2}[\"']?([^\s\"'|;]{3,60})", "connect-viserver", check=None, guard=None)),
)  # fmt: skip
