"""Detectors of secrets (``secret.*``): chat, mail, telephony, push, support and marketing."""

# ruff: noqa: E501 - a table reads best with one row a line

from __future__ import annotations

from engine.content.secrets_shapes import UUID, kind, named, numbered, token

CHAT = (
    kind(
        "slack",
        "A Slack token of any kind, or the URL of a webhook.",
        token(
            r"xox[a-eoprs]-(?:[0-9]{1,2}-)?[A-Za-z0-9\-]{10,300}|xoxe\.xox[bp]-[0-9]-[A-Za-z0-9]{100,200}"
            r"|xapp-[0-9]-[A-Za-z0-9\-]{20,200}|hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{20,80}",
            "xoxa-", "xoxb-", "xoxc-", "xoxd-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xoxe.", "xapp-", "hooks.slack.com/",
            check=numbered,
        ),
    ),
    kind(
        "discord",
        "A Discord bot token or webhook, or a client id or secret behind its name.",
        token(
            r"[A-Z][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,40}|discord(?:app)?\.com/api/webhooks/[0-9]{16,20}/[A-Za-z0-9_\-]{60,80}",
            "discord", ".", before=29, hint=r"discord(?:app)?\.com/api|\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{8}",
        ),
        named(r"[a-f0-9]{64}|[A-Za-z0-9=_\-]{32}|[0-9]{17,19}", "discord"),
    ),
    kind("telegram", "A Telegram bot token: the bot's number, a colon and 35 characters that begin with `A`.", token(r"[0-9]{8,10}:A[A-Za-z0-9_\-]{33,34}", ":a", before=11, hint=r"[0-9]:A[A-Za-z0-9_\-]{16}"), token(r"(?i)telegr.{0,40}?[\s\"'=:>]([0-9]{5,16}:(?-i:A)[A-Za-z0-9_\-]{34})", "telegr", hint=r"[0-9]:A[A-Za-z0-9_\-]{16}")),
    kind("msteams", "The URL of a Microsoft Teams webhook.", token(r"https://[A-Za-z0-9\-]{0,40}\.?(?:webhook\.office\.com/webhookb2|outlook\.office(?:365)?\.com/webhook)/[A-Za-z0-9\-]{36}@[A-Za-z0-9\-]{36}/IncomingWebhook/[A-Za-z0-9]{32}/[A-Za-z0-9\-]{36}", "https://", hint=r"office(?:365)?\.com/webhook")),
    kind("mattermost", "A Mattermost access token: 26 letters and digits behind its name.", named(r"[a-z0-9]{26}", "mattermost")),
    kind("matrix", "A Matrix access token, `syt_` and its parts.", token(r"syt_[A-Za-z0-9+/]{4,60}_[A-Za-z]{20}_[A-Za-z0-9]{6}", "syt_")),
    kind("webex", "A Webex bot or personal access token: 64 characters, a code of four and a UUID.", named(rf"[A-Za-z0-9]{{64}}_[A-Z0-9]{{4}}_{UUID}", "webex")),
    kind("zoom", "A Zoom client secret or JWT secret: 32 or 36 letters and digits behind its name.", named(r"[A-Za-z0-9]{36}|[A-Za-z0-9]{32}", "zoom_", "zoom-", "zoomc", "zooms")),
    kind("pushover", "A Pushover user or application key: 30 letters and digits behind its name.", named(r"[A-Za-z0-9]{30}", "pushover")),
    kind("onesignal", "A OneSignal REST key, which begins with `os_v2_`, or a UUID behind its name.", token(r"os_v2_(?:app|org)_[a-z2-7]{90,110}", "os_v2_"), named(UUID, "onesignal")),
    kind("pubnub", "A PubNub publish, subscribe or secret key.", token(rf"(?:pub|sub)-c-{UUID}|sec-c-[A-Za-z0-9+/=]{{48,60}}", "pub-c-", "sub-c-", "sec-c-")),
    kind("ably", "An Ably API key: the application, the key's name and its secret, behind its name.", named(r"[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{6}:[A-Za-z0-9_\-]{43}", "ably_", "ably.", "ablyk", "ably(")),
    kind("sendbird", "A Sendbird access token or id: 40 hexadecimal digits or a UUID behind its name.", named(rf"{UUID}|[a-f0-9]{{40}}", "sendbird")),
    kind("streamchat", "A Stream chat secret: 64 letters and digits behind its name.", named(r"[a-z0-9]{64}", "stream_api", "stream_secret", "getstream")),
    kind("sendgrid", "A SendGrid API key, which begins with `SG.`.", token(r"SG\.[A-Za-z0-9_\-=]{16,32}\.[A-Za-z0-9_\-=]{32,64}|SG\.[A-Za-z0-9=_\-.]{66}", "sg.", hint=r"SG\.[A-Za-z0-9_\-=.]{16}")),
    kind("sendinblue", "A Brevo (Sendinblue) API or SMTP key, which begins with `xkeysib-` or `xsmtpsib-`.", token(r"x(?:key|smtp)sib-[a-f0-9]{64}-[A-Za-z0-9]{16}", "xkeysib-", "xsmtpsib-")),
    kind("mailgun", "A Mailgun private, public or signing key.", token(r"(?:key|pubkey)-[a-f0-9]{32}", "key-", before=3, hint="key-[a-f0-9]{16}"), named(r"[a-f0-9]{32}-[a-f0-9]{8}-[a-f0-9]{8}", "mailgun")),
    kind("mailchimp", "A Mailchimp API key: 32 hexadecimal digits and the data centre, such as `-us12`.", token(r"[0-9a-f]{32}-us[0-9]{1,2}", "-us", before=33, hint="[0-9a-f]{16}-us[0-9]")),
    kind("mandrill", "A Mandrill API key, `md-` and 22 characters.", token(r"md-[A-Za-z0-9_\-]{22}", "md-", hint=r"\bmd-[A-Za-z0-9_\-]{22}"), named(r"[A-Za-z0-9_\-]{22}", "mandrill")),
    kind("mailjet", "A Mailjet API key or secret: 32 hexadecimal digits behind its name.", named(r"[a-f0-9]{32}", "mailjet", "mj_apikey")),
    kind("mailersend", "A MailerSend API token, `mlsn.` and 64 hexadecimal digits.", token(r"mlsn\.[a-f0-9]{64}", "mlsn.")),
    kind("postmark", "A Postmark server or account token: a UUID behind its name.", named(UUID, "postmark")),
    kind("resend", "A Resend API key, which begins with `re_`.", token(r"re_[A-Za-z0-9]{6,10}_[A-Za-z0-9]{20,30}", "re_", hint=r"\bre_[A-Za-z0-9]{6,10}_[A-Za-z0-9]{20}")),
    kind("sparkpost", "A SparkPost API key: 40 hexadecimal digits behind its name.", named(r"[a-f0-9]{40}", "sparkpost")),
    kind("twilio", "A Twilio API key, or an auth token behind the name.", token(r"SK[0-9a-f]{32}", "sk", hint="SK[0-9a-f]{16}"), named(r"[0-9a-f]{32}", "twilio")),
    kind("messagebird", "A MessageBird API token or client id: 25 letters and digits or a UUID behind its name.", named(rf"{UUID}|[A-Za-z0-9]{{25}}", "messagebird", "message_bird", "message-bird")),
    kind("vonage", "A Vonage (Nexmo) API secret: 16 letters and digits behind its name.", named(r"[A-Za-z0-9]{16}", "nexmo", "vonage")),
    kind("plivo", "A Plivo auth id, `MA` or `SA` and 18 capitals and digits behind its name, or the auth token.", named(r"[MS]A[A-Z0-9]{18}|[A-Za-z0-9]{40}", "plivo")),
    kind("telnyx", "A Telnyx API key, `KEY0` and its two parts.", token(r"KEY0[0-9A-F]{31}_[A-Za-z0-9]{22}", "key0")),
    kind("intercom", "An Intercom access token: 60 characters behind its name, or one that encodes `tok:`.", token(r"dG9rO[A-Za-z0-9+/]{54}=?", "dg9ro", hint="dG9rO[A-Za-z0-9+/]{16}"), named(r"[A-Za-z0-9=_\-]{60}", "intercom")),
    kind("zendesk", "A Zendesk API token: 40 letters and digits behind its name.", named(r"[A-Za-z0-9]{40}", "zendesk")),
    kind("freshdesk", "A Freshdesk API key: 20 letters and digits behind its name.", named(r"[A-Za-z0-9]{20}", "freshdesk")),
    kind("hubspot", "A HubSpot private app token, `pat-`, the region and a UUID, or a UUID behind its name.", token(rf"pat-(?:na|eu|ap)[0-9]-{UUID}", "pat-", hint=r"pat-(?:na|eu|ap)[0-9]-"), named(UUID, "hubspot")),
    kind("klaviyo", "A Klaviyo private key, `pk_` and 34 hexadecimal digits.", token(r"pk_[a-f0-9]{34}", "pk_", hint="pk_[a-f0-9]{16}")),
    kind("customerio", "A Customer.io site id or key: 20 or 32 hexadecimal digits behind its name.", named(r"[a-f0-9]{32}|[a-f0-9]{20}", "customerio", "customer_io", "customer.io")),
    kind("beamer", "A Beamer API key, `b_` and 44 characters behind its name.", named(r"b_[A-Za-z0-9=_\-]{44}", "beamer")),
    kind("typeform", "A Typeform token, `tfp_` and 59 characters.", token(r"tfp_[A-Za-z0-9_.=\-]{40,59}", "tfp_")),
    kind("facebook", "A Facebook access token, or an app secret or token behind its name.", token(r"EAA[MC][A-Za-z0-9]{100,400}", "eaam", "eaac", hint="EAA[MC][A-Za-z0-9]{8}"), named(r"[0-9]{15,16}(?:\||%)[A-Za-z0-9_\-]{27,40}|[a-f0-9]{32}", "facebook", "fb_")),
    kind("twitter", "A Twitter (X) API key or secret, access token or secret, or bearer token.", token(r"A{22}[A-Za-z0-9%]{80,100}", "aaaaaaaaaaaaaaaaaaaaaa", check=None), named(r"[0-9]{15,25}-[A-Za-z0-9]{20,40}|[A-Za-z0-9]{50}|[A-Za-z0-9]{45}|[A-Za-z0-9]{35,44}|[A-Za-z0-9]{25}", "twitter")),
    kind("linkedin", "A LinkedIn client id or secret: 14 or 16 letters and digits behind its name.", named(r"[A-Za-z0-9]{16}|[A-Za-z0-9]{14}", "linkedin", "linked_in", "linked-in")),
    kind("twitch", "A Twitch API token, 30 letters and digits behind its name, or a stream key.", token(r"live_[0-9]{6,12}_[A-Za-z0-9]{30}", "live_", hint=r"live_[0-9]{6,12}_"), named(r"[a-z0-9]{30}", "twitch")),
    kind("spotify", "A Spotify client id or secret: 32 hexadecimal digits behind its name.", named(r"[a-f0-9]{32}", "spotify")),
    kind("flickr", "A Flickr API key: 32 letters and digits behind its name.", named(r"[a-z0-9]{32}", "flickr")),
    kind("zapier", "The URL of a Zapier webhook.", token(r"hooks\.zapier\.com/hooks/catch/[0-9]{4,10}/[A-Za-z0-9]{5,12}", "hooks.zapier.com/")),
)  # fmt: skip
