"""Detectors of secrets (``secret.*``): payments, banks, shops, shipping and coins."""

# ruff: noqa: E501 - a table reads best with one row a line

from __future__ import annotations

from engine.content.secrets_shapes import UUID, kind, named, token

MONEY = (
    kind(
        "stripe",
        "A Stripe secret or restricted key, or the secret of a webhook.",
        token(
            r"[rs]k_(?:live|test|prod)_[A-Za-z0-9]{10,250}|whsec_[A-Za-z0-9+/=]{24,80}",
            "sk_live_", "sk_test_", "sk_prod_", "rk_live_", "rk_test_", "rk_prod_", "whsec_",
        ),
    ),
    kind("square", "A Square access token, client secret or application secret.", token(r"sq0(?:atp|csp|atb|cs[bp])-[A-Za-z0-9_\-]{22,43}|EAAA[A-Za-z0-9_\-]{60}", "sq0", "eaaa", hint=r"sq0[a-z]{3}-|EAAA[A-Za-z0-9_\-]{16}")),
    kind("paypal", "A PayPal or Braintree access token, or a PayPal client secret behind its name.", token(r"access_token\$(?:production|sandbox)\$[a-z0-9]{16}\$[a-f0-9]{32}", "access_token$"), named(r"E[A-Za-z0-9_\-]{79}", "paypal")),
    kind("braintree", "A Braintree private key: 32 hexadecimal digits behind its name.", named(r"[a-f0-9]{32}", "braintree")),
    kind("adyen", "An Adyen API key, which begins with `AQE`.", token(r"AQE[a-z]hm[A-Za-z0-9+/=]{40,200}-[A-Za-z0-9+/=]{30,60}-[A-Za-z0-9<>()\[\]{}&;,.^%$#@!~*?|+=/\-]{10,30}", "aqe", hint=r"AQE[a-z]hm", guard=None)),
    kind("razorpay", "A Razorpay key id, which begins with `rzp_live_` or `rzp_test_`, or its secret behind the name.", token(r"rzp_(?:live|test)_[A-Za-z0-9]{14}", "rzp_"), named(r"[A-Za-z0-9]{24}", "razorpay")),
    kind("mollie", "A Mollie API key, `live_` or `test_` and 30 letters and digits behind its name.", named(r"(?:live|test)_[A-Za-z0-9]{30}", "mollie")),
    kind("paystack", "A Paystack secret key, `sk_live_` or `sk_test_` and 40 hexadecimal digits.", token(r"sk_(?:live|test)_[a-f0-9]{40}", "sk_live_", "sk_test_")),
    kind("flutterwave", "A Flutterwave public, secret or encryption key, which begins with `FLW`.", token(r"FLW(?:PUB|SEC)K(?:_TEST)?-[a-zA-Z0-9]{32}-X|FLWSECK_TEST-?[a-zA-Z0-9]{12}", "flwpubk", "flwseck")),
    kind("gocardless", "A GoCardless access token, `live_` or `sandbox_` and 40 characters behind its name.", named(r"(?:live|sandbox)_[A-Za-z0-9_=\-]{40}", "gocardless")),
    kind("plaid", "A Plaid access token, or a client id or secret behind its name.", token(rf"access-(?:sandbox|development|production)-{UUID}", "access-", hint="access-(?:sandbox|development|production)-[0-9a-fA-F]{8}"), named(r"[A-Za-z0-9]{30}|[A-Za-z0-9]{24}", "plaid")),
    kind("finicity", "A Finicity client secret or API token: 20 letters and digits or 32 hexadecimal digits behind its name.", named(r"[a-f0-9]{32}|[a-z0-9]{20}", "finicity")),
    kind("finnhub", "A Finnhub API token: 20 letters and digits behind its name.", named(r"[a-z0-9]{20}|[a-z0-9]{40}", "finnhub")),
    kind("freshbooks", "A FreshBooks access token or client secret: 64 letters and digits behind its name.", named(r"[a-z0-9]{64}", "freshbooks")),
    kind("wise", "A Wise (TransferWise) API token: a UUID behind its name.", named(UUID, "transferwise", "wise_api", "wise_token")),
    kind("quickbooks", "A QuickBooks (Intuit) client secret: 40 letters and digits behind its name.", named(r"[A-Za-z0-9]{40}", "quickbooks", "intuit_")),
    kind("xero", "A Xero client secret: 48 characters behind its name.", named(r"[A-Za-z0-9_\-]{48}", "xero")),
    kind("shopify", "A Shopify access token or shared secret, which begins with `shpat_`, `shpss_` or similar.", token(r"shp(?:at|ca|pa|ss|tka|ua)_[a-fA-F0-9]{32}", "shpat_", "shpca_", "shppa_", "shpss_", "shptka_", "shpua_")),
    kind("etsy", "An Etsy API key: 24 letters and digits behind its name.", named(r"[a-z0-9]{24}", "etsy")),
    kind("woocommerce", "A WooCommerce consumer key or secret, `ck_` or `cs_` and 40 hexadecimal digits.", token(r"c[ks]_[a-f0-9]{40}", "ck_", "cs_", hint="c[ks]_[a-f0-9]{16}")),
    kind("squarespace", "A Squarespace API key: a UUID behind its name.", named(UUID, "squarespace")),
    kind("bigcommerce", "A BigCommerce access token: 31 letters and digits behind its name.", named(r"[a-z0-9]{31}", "bigcommerce")),
    kind("amazon_mws", "An Amazon Marketplace token, `amzn.mws.` and a UUID.", token(rf"amzn\.mws\.{UUID}", "amzn.mws.")),
    kind("easypost", "An EasyPost production or test key, which begins with `EZAK` or `EZTK`.", token(r"EZ[AT]K[A-Za-z0-9]{54}", "ezak", "eztk", hint="EZ[AT]K[A-Za-z0-9]{16}")),
    kind("shippo", "A Shippo token, which begins with `shippo_live_` or `shippo_test_`.", token(r"shippo_(?:live|test)_[a-fA-F0-9]{40}", "shippo_")),
    kind("lob", "A Lob API key, `live_` or `test_` and 35 hexadecimal digits, or a publishable one.", token(r"(?:live|test)_(?:pub_[a-f0-9]{31}|[a-f0-9]{35})", "live_", "test_", hint=r"(?:live|test)_(?:pub_)?[a-f0-9]{31}")),
    kind("duffel", "A Duffel API token, which begins with `duffel_test_` or `duffel_live_`.", token(r"duffel_(?:test|live)_[A-Za-z0-9_=\-]{43}", "duffel_")),
    kind("coinbase", "A Coinbase access token or API key: 64, 32 or 16 characters behind its name.", named(r"[A-Za-z0-9_\-]{64}|[A-Za-z0-9]{32}|[A-Za-z0-9]{16}", "coinbase")),
    kind("bittrex", "A Bittrex access or secret key: 32 letters and digits behind its name.", named(r"[a-z0-9]{32}", "bittrex")),
    kind("kraken", "A Kraken access token: 80 to 90 characters behind its name.", named(r"[A-Za-z0-9/=_+\-]{80,90}", "kraken")),
    kind("kucoin", "A KuCoin access token, 24 hexadecimal digits, or secret key, a UUID, behind its name.", named(rf"{UUID}|[a-f0-9]{{24}}", "kucoin")),
    kind("binance", "A Binance API key or secret: 64 letters and digits behind its name.", named(r"[A-Za-z0-9]{64}", "binance")),
    kind("infura", "An Infura project id or secret: 32 hexadecimal digits behind its name.", named(r"[a-f0-9]{32}", "infura")),
    kind("alchemy", "An Alchemy API key: 32 characters behind its name.", named(r"[A-Za-z0-9_\-]{32}", "alchemy_api", "alchemy_key", "alchemyapi", "alchemy.com")),
    kind("etherscan", "An Etherscan API key: 34 capitals and digits behind its name.", named(r"[A-Z0-9]{34}", "etherscan", "polygonscan", "bscscan")),
    kind("settlemint", "A SettleMint application, personal or service token, which begins with `sm_aat_`, `sm_pat_` or `sm_sat_`.", token(r"sm_(?:aat|pat|sat)_[A-Za-z0-9]{16}", "sm_aat_", "sm_pat_", "sm_sat_")),
)  # fmt: skip
