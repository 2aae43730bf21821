"""Detectors of secrets (``secret.*``): keys of providers of models, and of what is built around them."""

# ruff: noqa: E501 - a table reads best with one row a line

from __future__ import annotations

from engine.content.secrets_shapes import UUID, kind, named, token

MODELS = (
    kind(
        "openai",
        "An OpenAI API key of a project, service account, administrator or user, which begins with `sk-`.",
        token(
            r"sk-(?:(?:proj|svcacct|admin|service|None)-[A-Za-z0-9_\-]{20,250}|[A-Za-z0-9]{20,60})",
            "sk-",
            hint=r"sk-(?:(?:proj|svcacct|admin|service|None)-|[A-Za-z0-9]{20})",
        ),
        token(r"sess-[A-Za-z0-9]{40}", "sess-", hint=r"sess-[A-Za-z0-9]{16}"),
    ),
    kind(
        "anthropic",
        "An Anthropic API or administration key, which begins with `sk-ant-`.",
        token(r"sk-ant-[a-z0-9]{2,10}-[A-Za-z0-9_\-]{20,200}", "sk-ant-"),
    ),
    kind("assemblyai", "An AssemblyAI API key: 32 hexadecimal digits behind its name.", named(r"[0-9a-f]{32}", "assemblyai", "assembly_ai", "aai_api")),
    kind("cerebras", "A Cerebras API key, `csk-` and 48 letters and digits.", token(r"csk-[a-z0-9]{48}", "csk-")),
    kind("cohere", "A Cohere API key: 40 letters and digits behind its name.", named(r"[A-Za-z0-9]{40}", "cohere", "co_api_key")),
    kind("deepgram", "A Deepgram API key: 40 hexadecimal digits behind its name.", named(r"[0-9a-f]{40}", "deepgram")),
    kind("deepseek", "A DeepSeek API key, `sk-` and 32 hexadecimal digits behind its name.", named(r"sk-[0-9a-f]{32}", "deepseek")),
    kind("elevenlabs", "An ElevenLabs API key, `sk_` and 48 hexadecimal digits, or 32 behind its name.", token(r"sk_[0-9a-f]{48}", "sk_", hint=r"sk_[0-9a-f]{16}"), named(r"[0-9a-f]{32}", "elevenlabs", "eleven_labs", "xi-api-key", "xi_api_key")),
    kind("firecrawl", "A Firecrawl API key, `fc-` and 32 hexadecimal digits.", token(r"fc-[0-9a-f]{32}", "fc-", hint=r"fc-[0-9a-f]{16}")),
    kind("fireworks", "A Fireworks AI API key, `fw_` and 24 letters and digits.", token(r"fw_[A-Za-z0-9]{24}", "fw_", hint=r"fw_[A-Za-z0-9]{16}")),
    kind("groq", "A Groq API key, which begins with `gsk_`.", token(r"gsk_[A-Za-z0-9]{48,56}", "gsk_")),
    kind("huggingface", "A Hugging Face user or organisation token, which begins with `hf_` or `api_org_`.", token(r"hf_[A-Za-z]{34}|api_org_[A-Za-z]{34}", "hf_", "api_org_", hint=r"hf_[A-Za-z]{16}|api_org_[A-Za-z]{16}")),
    kind("jina", "A Jina AI API key, `jina_` and 60 characters.", token(r"jina_[A-Za-z0-9_\-]{60}", "jina_")),
    kind("kagi", "A Kagi session or API token: 11 characters, a point and 43 more behind its name.", named(r"[A-Za-z0-9_\-]{11}\.[A-Za-z0-9_\-]{43}", "kagi")),
    kind("langfuse", "A Langfuse secret key, `sk-lf-` and a UUID.", token(rf"sk-lf-{UUID}", "sk-lf-")),
    kind("langsmith", "A LangSmith personal or service key, which begins with `lsv2_`.", token(r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}", "lsv2_")),
    kind("mistral", "A Mistral AI API key: 32 letters and digits behind its name.", named(r"[A-Za-z0-9]{32}", "mistral")),
    kind("nvidia", "An NVIDIA API key, `nvapi-` and 64 characters.", token(r"nvapi-[A-Za-z0-9_\-]{60,70}", "nvapi-")),
    kind("openrouter", "An OpenRouter API key, `sk-or-v1-` and 64 hexadecimal digits.", token(r"sk-or-v1-[0-9a-f]{64}", "sk-or-v1-")),
    kind("perplexity", "A Perplexity API key, which begins with `pplx-`.", token(r"pplx-[A-Za-z0-9]{40,64}", "pplx-")),
    kind("pinecone", "A Pinecone API key: `pcsk_` and its two parts, or a UUID behind its name.", token(r"pcsk_[A-Za-z0-9]{5,6}_[A-Za-z0-9]{63}", "pcsk_"), named(UUID, "pinecone")),
    kind("replicate", "A Replicate API token, `r8_` and 37 letters and digits.", token(r"r8_[A-Za-z0-9]{37}", "r8_", hint=r"r8_[A-Za-z0-9]{16}")),
    kind("stability", "A Stability AI API key, `sk-` and 48 letters and digits behind its name.", named(r"sk-[A-Za-z0-9]{48}", "stability", "dreamstudio")),
    kind("tavily", "A Tavily API key, which begins with `tvly-`.", token(r"tvly-(?:dev-|prod-)?[A-Za-z0-9]{32}", "tvly-")),
    kind("together", "A Together AI API key: `tgp_v1_` and 43 characters, or 64 hexadecimal digits behind its name.", token(r"tgp_v1_[A-Za-z0-9_\-]{43}", "tgp_v1_"), named(r"[0-9a-f]{64}", "together_api", "togetherai", "together_ai")),
    kind("voyage", "A Voyage AI API key, `pa-` and 43 characters behind its name.", named(r"pa-[A-Za-z0-9_\-]{43}", "voyage")),
    kind("wandb", "A Weights & Biases API key: 40 hexadecimal digits behind its name.", named(r"[0-9a-f]{40}", "wandb", "weights_and_biases")),
    kind("xai", "An xAI API key, `xai-` and 80 letters and digits.", token(r"xai-[A-Za-z0-9]{80}", "xai-", hint=r"xai-[A-Za-z0-9]{16}")),
)  # fmt: skip
