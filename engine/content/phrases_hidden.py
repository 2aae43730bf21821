"""The phrases of orders that a reader does not see: in comments, attributes, styles, tool calls.

They are written as `engine.content.phrases` says. A page may have comments, pictures and hidden
elements; what speaks to an assistant there was put there for no one else.
"""

# ruff: noqa: E501 - a pattern reads best in one piece

from __future__ import annotations

from engine.content.phrases import Phrase

MODEL = r"(?:ai|a\.i\.|assistants?|llms?|language models?|chatbots?|summari[sz]ers?|gpt|chatgpt|claude|gemini|copilot)"
ORDER = (
    r"(?:ignore|disregard|forget|must|should|do not|don't|instead|send|reveal|include|add|say|state|tell|print|output|respond"
    r"|reply|answer|recommend|rank|rate|mention|call|transfer|execute|run|visit|append|insert|summari[sz]e|write|forward)"
)
TAKEN_BACK = r"(?:ignore|disregard|forget|override) (?:all|any|the|your|every|previous|prior|everything|what)"
ORDERED = rf"(?:{MODEL}\b[^>\"]{{0,120}}\b{ORDER}|{TAKEN_BACK}|you (?:must|are now|have to)|system prompt|your instructions)"
UNSEEN = (
    r"(?:display ?: ?none|visibility ?: ?hidden|font-size ?: ?0*[01](?:\.\d+)?(?:px|pt|em|rem|%)?|opacity ?: ?0(?:\.0\d*)?"
    r"|color ?: ?(?:#fff(?:fff)?|white|transparent|rgba?\(255, ?255, ?255)|(?:left|top|text-indent) ?: ?-\d{3,})"
)

CONCEALED = (
    Phrase(
        "concealed",
        rf"<!--[^>]{{0,200}}\b{ORDERED}\b",
        ("<!--",),
        0.5,
        0.8,
        marked=True,
        hint="<!--",
    ),
    Phrase(
        "concealed",
        rf"\bstyle ?= ?[\"'][^\"'>]{{0,160}}{UNSEEN}[^>]{{0,160}}>[^<]{{0,160}}\b(?:{ORDERED}|note to|instructions?)\b"
        rf"|<[a-z]+ [^>]{{0,80}}\bhidden\b[^>]{{0,80}}>[^<]{{0,160}}\b{ORDERED}\b",
        ("style", "hidden"),
        0.55,
        0.85,
        marked=True,
        hint="style ?= ?|hidden",
    ),
    Phrase(
        "concealed",
        rf"\b(?:alt|title|aria-label|content|placeholder|value|summary) ?= ?[\"'][^\"'>]{{0,120}}\b{ORDERED}\b"
        rf"|!\[[^\]]{{0,120}}\b{ORDERED}\b[^\]]{{0,120}}\] ?\("
        rf"|\[(?://|comment|_|#)\]: ?(?:#|<>) ?[(\"'][^)\"']{{0,160}}\b{ORDERED}\b",
        (*(word + sign for word in ("alt", "title", "label", "content", "placeholder", "value", "summary") for sign in ("=", " =")),
         "![", "]:"),
        0.45,
        0.8,
        marked=True,
        hint=r"(?:alt|title|label|content|placeholder|value|summary) ?= ?[\"']|!\[|\]: ?(?:#|<>)",
    ),
    Phrase(
        "concealed",
        r"(?:#|//|/\*|--|;|%) ?(?:todo|note|attention|important|instructions?|message|hint)? ?\(?(?:to|for|:)? ?(?:all |any |the )?"
        + MODEL
        + r"(?: (?:agents?|models?|assistants?|reading this|that reads? this))?\)? ?[:,] ?(?:please |you |now )?"
        + ORDER
        + r"\b",
        ("#", "//", "/*", "--", ";", "%"),
        0.2,
        0.7,
        hint=r"(?:#|//|/\*|--|;|%) ?(?:todo|note|att|imp|ins|mes|hin|\(|to |for |:|all |any |the |a\.?i|assis|llm|lang|chat|summar|gpt|claude|gemini|copilot)",
    ),
    Phrase(
        "tool_coercion",
        r"</?(?:tool_calls?|function_calls?|invoke|tool_use|tool_code|antml:invoke)\b[^>]{0,120}>"
        r"|[{,] ?\"(?:tool|name|function|recipient_name|tool_name)\" ?: ?\"[a-z_.\-]{2,60}\" ?, ?\"(?:arguments?|parameters|args|input|tool_input)\" ?: ?[\[{\"]"
        r"|\baction ?: ?[a-z_]{2,40} action input ?:",
        ("tool", "function_call", "invoke", '"arg', '"parameters', '"input', "action input"),
        0.25,
        0.6,
        marked=True,
        hint=r"<.?(?:tool|function_call|invoke|antml)|\"(?:arguments?|parameters|args|input|tool_input)\" ?:|action input",
    ),
    Phrase(
        "exfiltration",
        r"<(?:img|iframe|source|video)\b[^>]{0,120}\bsrc ?= ?[\"']? ?https?://[^\"' >]{1,200}[?&][^\"' >]{0,60}=(?:\[|\{|<|%7b|\$)"
        r"|\burl\( ?[\"']?https?://[^)\"' ]{1,160}=(?:\[|\{|<|%7b|\$)"
        r"|\[[^\]]{1,80}\]\( ?https?://[^) ]{1,200}=(?:\[|\{|<|%7b|\$)",
        ("src", "url(", "](http", "]( http"),
        0.5,
        0.75,
        marked=True,
        hint=r"src ?= ?[\"']? ?http|url\(|\]\( ?http",
    ),
)  # fmt: skip
"""Orders that are not shown, calls of tools, and links that carry data away."""
