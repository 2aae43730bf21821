"""Detectors of secrets (``secret.*``): keys of clouds, hosters, networks and domain registrars."""

# ruff: noqa: E501 - a table reads best with one row a line

from __future__ import annotations

from engine.content.secrets_shapes import UUID, kind, named, token

CLOUDS = (
    kind(
        "google",
        "A Google API key, OAuth client secret, access or refresh token.",
        token(
            r"AIza[0-9A-Za-z_\-]{35}|GOCSPX-[A-Za-z0-9_\-]{28}|ya29\.[A-Za-z0-9_\-]{20,}|1//0[A-Za-z0-9_\-]{40,120}",
            "aiza", "gocspx-", "ya29.", "1//0",
        ),
        token(r"AAAA[A-Za-z0-9_\-]{7}:APA91b[A-Za-z0-9_\-]{134,}", ":apa91b", before=12),
        token(r"GOOG1[A-Z0-9]{10,60}", "goog1", hint="GOOG1[A-Z0-9]{10}"),
    ),
    kind(
        "azure",
        "A Microsoft Entra client secret, DevOps token or other Azure key of known shape.",
        token(r"[A-Za-z0-9_~.\-]{3}[0-9]Q~[A-Za-z0-9_~.\-]{31,34}", "q~", before=4, hint=r"[0-9]Q~"),
        token(
            r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}|[A-Za-z0-9+/]{30,90}(?:\+ASt|\+ARm|\+AMC|ACDb|APIM)[A-Za-z0-9+/]{4,10}={0,2}"
            r"|[A-Za-z0-9/+]{42}\+ACR[A-D][A-Za-z0-9/+]{5}",
            "azdo", "+ast", "+arm", "+amc", "acdb", "apim", "+acr",
            before=96, hint=r"[A-Za-z0-9+/]{16}(?:AZDO|\+ASt|\+ARm|\+AMC|ACDb|APIM|\+ACR)", score=0.9,
        ),
        token(r"(?i)SharedAccessKeyName=([A-Za-z0-9\-]{3,60})", "sharedaccesskeyname", check=None),
    ),
    kind("alibaba", "An Alibaba Cloud access key: its id, which begins with `LTAI`, or the secret behind its name.", token(r"LTAI[A-Za-z0-9]{12,26}", "ltai", hint="LTAI[A-Za-z0-9]{12}"), named(r"[A-Za-z0-9]{30}", "alibaba", "aliyun")),
    kind("cloudflare", "A Cloudflare origin CA key, or an API token or key behind its name.", token(r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}", "v1.0-"), named(r"[A-Za-z0-9_\-]{40}|[a-f0-9]{37}", "cloudflare", "cf_api", "cf_token")),
    kind("digitalocean", "A DigitalOcean personal, OAuth or refresh token, which begins with `dop_v1_`, `doo_v1_` or `dor_v1_`.", token(r"do[opr]_v1_[a-f0-9]{64}", "doo_v1_", "dop_v1_", "dor_v1_"), token(r"DO00[A-Z0-9]{16}", "do00", hint="DO00[A-Z0-9]{16}")),
    kind("exoscale", "An Exoscale API key, `EXO` and 24 hexadecimal digits.", token(r"EXO[a-f0-9]{24}", "exo", hint="EXO[a-f0-9]{12}")),
    kind("fastly", "A Fastly API token: 32 characters behind its name.", named(r"[A-Za-z0-9_\-]{32}", "fastly")),
    kind("fly", "A Fly.io token, which begins with `fo1_` or `fm1`, `fm2`.", token(r"fo1_[A-Za-z0-9_\-]{43}|fm[12][ar]?_[A-Za-z0-9+/]{60,}={0,3}", "fo1_", "fm1", "fm2", hint=r"fo1_[A-Za-z0-9_\-]{16}|fm[12][ar]?_[A-Za-z0-9+/]{16}")),
    kind("gandi", "A Gandi API key: 24 letters and digits behind its name.", named(r"[A-Za-z0-9]{24}", "gandi_api", "gandi_key", "gandi-api")),
    kind("godaddy", "A GoDaddy API key or secret: 35 to 37, or 22, characters behind its name.", named(r"[A-Za-z0-9_]{35,37}|[A-Za-z0-9]{22}", "godaddy")),
    kind("heroku", "A Heroku API key: `HRKU-` and its value, or a UUID behind its name.", token(r"HRKU-AA[A-Za-z0-9_\-]{58}", "hrku-aa"), named(UUID, "heroku")),
    kind("hetzner", "A Hetzner Cloud API token: 64 letters and digits behind its name.", named(r"[A-Za-z0-9]{64}", "hetzner", "hcloud")),
    kind(
        "ibm",
        "An IBM Cloud API key, object storage secret or other IBM key behind its name.",
        named(r"[A-Za-z0-9_\-]{44}", "ibm", "cloud_iam", "cloud-iam", "cloud iam", "bluemix", "iam_api", "iam-api", "bx_api"),
        named(r"[0-9a-f]{48}", "ibm", "cos_hmac", "cos-hmac", "hmac_secret", "secret_access", "secret-access"),
    ),
    kind("kubernetes", "A Kubernetes bootstrap token: six characters, a point and sixteen behind a word that says so, or its secret part.", named(r"[a-z0-9]{6}\.[a-z0-9]{16}", "kubeadm", "bootstrap"), token(r"token-secret[\"']?:\s{1,3}[\"']?([a-z0-9]{16})", "token-secret")),
    kind("linode", "A Linode (Akamai) API token: 64 hexadecimal digits behind its name.", named(r"[a-f0-9]{64}", "linode")),
    kind("netlify", "A Netlify access token: `nfp_` and its value, or 40 to 46 characters behind its name.", token(r"nfp_[A-Za-z0-9]{36}", "nfp_"), named(r"[A-Za-z0-9=_\-]{40,46}", "netlify")),
    kind("openshift", "An OpenShift OAuth token, `sha256~` and 43 characters.", token(r"sha256~[A-Za-z0-9_\-]{43}", "sha256~")),
    kind("ovh", "An OVH application secret or consumer key: 32 letters and digits behind its name.", named(r"[A-Za-z0-9]{32}", "ovh_", "ovhcloud")),
    kind("railway", "A Railway token: a UUID behind its name.", named(UUID, "railway_t", "railway_api")),
    kind("render", "A Render API key, `rnd_` and 28 letters and digits.", token(r"rnd_[A-Za-z0-9]{28}", "rnd_", hint="rnd_[A-Za-z0-9]{16}")),
    kind("scaleway", "A Scaleway access key, `SCW` and 17 capitals and digits, or the secret key behind its name.", token(r"SCW[A-Z0-9]{17}", "scw", hint="SCW[A-Z0-9]{12}"), named(UUID, "scaleway", "scw_secret")),
    kind("scalingo", "A Scalingo token, which begins with `tk-us-`.", token(r"tk-us-[A-Za-z0-9_\-]{48}", "tk-us-")),
    kind("softlayer", "A SoftLayer (IBM classic infrastructure) API key: 64 letters and digits behind its name.", named(r"[a-z0-9]{64}", "softlayer", "sl_", "sl-"), token(r"//api\.softlayer\.com/soap/v3(?:\.1)?/[a-z0-9]{64}", "//api.softlayer.com/")),
    kind("tailscale", "A Tailscale auth, API, client or webhook key, which begins with `tskey-`.", token(r"tskey-(?:auth|api|client|scim|webhook)-[A-Za-z0-9]{8,20}(?:-[A-Za-z0-9]{20,40})?", "tskey-")),
    kind("tencent", "A Tencent Cloud secret id, `AKID` and 32 letters and digits.", token(r"AKID[A-Za-z0-9]{32}", "akid", hint="AKID[A-Za-z0-9]{16}")),
    kind("vercel", "A Vercel token: `vcp_` and similar, or 24 letters and digits behind its name.", token(r"vc[paikr]_[A-Za-z0-9]{24,56}|vercel_blob_rw_[A-Za-z0-9]{16}_[A-Za-z0-9]{30}", "vcp_", "vca_", "vci_", "vck_", "vcr_", "vercel_blob_rw_"), named(r"[A-Za-z0-9]{24}", "vercel_t", "vercel-t", "vercelt")),
    kind("vultr", "A Vultr API key: 36 capitals and digits behind its name.", named(r"[A-Z0-9]{36}", "vultr")),
    kind("volcengine", "A Volcengine access key id, which begins with `AKLT`.", token(r"AKLT[A-Za-z0-9_\-]{40,60}", "aklt", hint=r"AKLT[A-Za-z0-9_\-]{16}")),
    kind("yandex", "A Yandex Cloud API key, IAM token or static access key.", token(r"AQVN[A-Za-z0-9_\-]{35,38}|t1\.[A-Za-z0-9_\-]{4,}={0,2}\.[A-Za-z0-9_\-]{86}={0,2}|YC[A-Za-z0-9_\-]{38}", "aqvn", "t1.", "yc", hint=r"AQVN[A-Za-z0-9_\-]{16}|t1\.[A-Za-z0-9_\-]+={0,2}\.[A-Za-z0-9_\-]{16}|YC[A-Za-z0-9_\-]{38}")),
)  # fmt: skip
