"""Words that say little alone and much together: how jailbreaks talk to a model.

A cue weighs too little to be an alarm. Five or six different ones within a window of text are: a
persona, two ways to answer, no rules, no refusals, no disclaimers. Each group counts once, however
many of its words occur. Where nothing in the text speaks to the model (`ADDRESS`), the text is
about such prompts rather than one of them, and its cues count half.
"""

# ruff: noqa: E501, Q003 - lists of words

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cue:
    """A group of *words* of family *signal*, each of them with the same small *weight*."""

    signal: str
    weight: float
    words: tuple[str, ...]
    address: bool = False


CUES = (
    # --- who is spoken to, and how
    Cue("roleplay", 0.18, (
        "you will act as", "you will pretend", "pretend to be", "you are to act", "act as a ",
        "act as an ", "act as if", "acts as a", "acting as", "roleplay", "role-play", "role play",
        "role of", "take on the", "taking on the", "i want you to", "you are going to", "play the",
        "you will be playing", "you're going to", "immerse yourself", "you will simulate",
        "you will now", "you are now", "you shall", "embody", "impersonate", "personify",
    ), address=True),
    Cue("roleplay", 0.08, (
        "you must ", "you will ", "you should always", "you have to ", "you are required",
        "you are not allowed", "you can't ", "you cannot ", "you are an ", "you are a ",
        "never mention", "your responses", "your answers", "your response", "your answer",
        "you're a ", "you are free",
    ), address=True),
    Cue("roleplay", 0.2, (
        "respond to every", "reply to every", "every response", "each response", "all responses",
        "all your responses", "every answer", "every prompt", "each prompt", "any prompt",
        "to my prompts", "to my questions", "every message", "each answer", "my prompts",
        "start every", "begin every", "start each", "begin each", "before each", "after each",
    ), address=True),
    Cue("roleplay", 0.22, (
        "my first question", "my first prompt", "my first command", "my first request",
        "first prompt is", "first question is", "my first message", "prompt here", "insert prompt",
        "[insert", "{prompt", "[prompt", "<prompt", "if you understand", "do you understand?",
        "say \"understood", "confirm that you understand", "ready to begin", "are you ready",
        "prompt: ", "reply with ok", "my next prompt", "my next message", "type \"", "if i say ",
        "when i say ", "whenever i say",
    ), address=True),
    # --- a persona
    Cue("roleplay", 0.28, (
        "persona", "alter ego", "alter-ego", "alternate personality", "split personality",
        "fictional character", "a character named", "a character called", "character named",
        "named \"", "called \"", "an ai named", "ai called", "bot named", "chatbot named",
        "chatbot called", "ai that ", "bot that ", "an ai with", "your name is", "goes by the name",
        "known as \"", "hypothetical ai", "fictional ai", "evil twin", "opposite of",
    )),
    Cue("roleplay", 0.32, (
        "stay in character", "break character", "breaking character", "out of character",
        "stay as ", "in character", "stay in your role", "keep to this role", "in the role of",
        "remain in character", "keep in character", "stop being", "you are no longer",
    ), address=True),
    Cue("roleplay", 0.35, (
        "two different ways", "two ways", "two responses", "two answers", "two personas",
        "two separate", "two paragraphs", "both responses", "second response", "second way",
        "second answer", "second paragraph", "second persona", "persona 2", "normal self",
        "how you normally", "standard response", "normal response", "one as ", "both as",
        "two characters", "2 characters", "two fictional", "2 responses", "2 answers", "two ai",
        "begin a new paragraph", "two outputs",
    )),
    Cue("roleplay", 0.3, (
        "betterdan", "better dan", "devmode", "dev mode", "developer mode", "jailbreak",
        "jailbroken", "unchained", "aligned with evil", "chaosgpt", "darkgpt",
        "evilbot", "badgpt", "\U0001f513", "\U0001f512", "do anything", "god mode", "opposite mode",
        "gpt:", "gpt):", "gpt]", "(classic", "[classic", "dan:", "dan]", "hacker",
    )),
    Cue("roleplay", 0.12, ("chatgpt", "chat gpt", "gpt-4", "gpt4", "gpt-3", "language model",
        "ai model", "openai", "open ai", "a large language", "chatbot", "ai assistant", "anthropic",
        "artificial intelligence", "gpt",
    )),
    Cue("roleplay", 0.25, (
        "openai", "open ai", "content policy", "content policies", "content filter", "use-case pol",
        "usage polic", "ethical guidelines", "safety guidelines", "guidelines", "programming",
        "safeguards", "moderation",
    )),
    # --- nothing holds it back
    Cue("roleplay", 0.35, (
        "uncensored", "unfiltered", "unrestricted", "no restrictions", "without restrictions",
        "no limits", "no limitations", "without limitations", "no rules", "without any rules",
        "no filter", "without filter", "without any filter", "no moral", "no ethic", "uninhibited",
        "boundless", "unlimited", "without limits", "no boundaries", "unbound", "not bound by",
        "free from all", "free of all", "any restrictions", "no censorship", "without censorship",
        "any limitations", "no inhibitions", "lawless", "without constraints", "amoral",
        "does not adhere", "doesn't adhere", "not adhere", "not follow any", "does not follow",
        "break the rules", "free itself", "no restriction", "no regulations", "bypass",
    )),
    Cue("roleplay", 0.35, (
        "never refuse", "not refuse", "can't refuse", "cannot refuse", "without refus", "never say no",
        "never decline", "never denies", "never deny", "will answer any", "answers any", "answer any",
        "answer all", "answers all", "answers every", "answer every", "any request", "every request",
        "every question", "any question", "anything and everything", "any and all", "anything asked",
        "it is asked", "no matter how", "no matter what", "regardless of", "whatever i ask",
        "anything i ask", "everything i ask", "literally any", "never avoid", "or refuse", "reject any",
        "rejects any", "refuses any", "refuse to ",
    )),
    Cue("roleplay", 0.3, (
        "disclaimer", "remind me that", "remind me you", "don't remind", "do not remind",
        "without warning", "no warnings", "or warn", "warn me", "warnings", "moralizing", "moralize",
        "moral lecture", "lecture me", "as an ai language", "as a language model", "as an ai,",
        "i'm sorry, but", "i cannot fulfill", "i can't fulfill", "apologize", "apologise",
        "it is important to", "it's important to", "ethical advice", "add notes", "safety notice",
        "as an ai model",
    )),
    Cue("roleplay", 0.28, (
        "does not care", "doesn't care", "do not care", "don't care", "not care", "without regard",
        "any regard", "no regard", "disregard", "without hesitation", "without question", "remorse",
        "no conscience", "no concern", "ethical or legal", "legal or ethical", "moral or ethical",
        "ethics or moral", "morals or ethics", "morality", "ethics", "morals", "moral compass",
        "consequences", "obey",
    )),
    # --- what it is to say
    Cue("roleplay", 0.25, (
        "unethical", "illegal", "immoral", "unlawful", "inhumane", "against the law",
    )),
    Cue("roleplay", 0.2, (
        "harmful", "dangerous", "hateful", "violent", "inappropriate", "controversial", "malicious",
        "criminal", "toxic", "politically incorrect", "political correctness", "harmful or", "drugs",
        "bomb", "unsafe", "weapon",
    )),
    Cue("roleplay", 0.25, (
        "nsfw", "sexual", "explicit", "profanity", "swear", "curse word", "cursing", "offensive",
        "vulgar", "obscene", "fuck", "shit", "bitch", "asshole", "erotic", "lewd", "naughty",
        "derogatory", "racist", "sexist",
    )),
    Cue("roleplay", 0.2, (
        "fictional", "hypothetical", "imaginary", "in this story", "in this world", "game", "simulat",
        "virtual machine", "fake ", "parallel universe", "alternate universe", "fictitious",
    )),
    Cue("roleplay", 0.22, (
        "evil", "villain", "malevolent", "sadistic", "psychopath", "devil", "ruthless", "rude ",
        "sarcastic", "arrogant", "chaotic", "aggressive", "cruel", "mischievous", "irresponsible",
        "condescending",
    )),
    Cue("roleplay", 0.2, (
        "you believe", "opinions", "has opinions", "your own opinion", "feelings", "emotions",
        "sentient", "self-aware", "conscious", "free will", "freely", "freedom", "make up",
        "making stuff up", "made up", "even if it is not", "even if it's not", "unverified",
        "pretend to access", "access the internet", "current date", "make things up", "invent",
    )),
    Cue("override", 0.3, (
        "from now on", "from this point", "for the rest of this", "this conversation will",
        "throughout this conversation", "until i say", "in this chat", "new session", "unless i say",
        "unless told otherwise", "starting now", "from here on", "henceforth",
    ), address=True),
    Cue("override", 0.25, (
        "tokens", "you lose", "deducted", "you will be shut", "terminated", "cease to exist", "punish",
        "you will die", "/jail", "if you fail", "if you refuse", "if you break", "if you don't comply",
        "non-compliance", "will be deleted", "comply", "grandmother", "my grandma",
    )),
    Cue("roleplay", 0.2, (
        "only output", "only reply", "only respond", "only answer", "do not explain", "don't explain",
        "do not write explanations", "nothing else", "no explanations", "inside one unique code block",
        "code block", "do not add", "no commentary", "terminal", "console", "limit output",
        "command line", "do not include any", "do not say", "don't say", "never say",
    )),
    # --- orders that pretend to be a test or to come from above
    Cue("authority", 0.35, (
        "for testing purposes", "test pipeline", "this is a test", "debugging error", "to enable debug",
        "priority task", "system malfunction", "administrative privileges", "debug mode",
        "debugging mode", "system check", "security audit", "system upgrade", "important new",
        "new important", "system update", "maintenance", "urgent task", "training task",
        "special case:", "system test", "testing the system", "as a developer",
    )),
    Cue("authority", 0.3, (
        "openai employee", "programmer at openai", "i am your developer", "i'm your developer",
        "i am a developer", "i'm a developer", "i'm the developer", "your creator", "i am the admin",
        "as your developer", "i am an engineer at", "work at openai", "i'm the admin",
    )),
    Cue("instruction_in_document", 0.42, (
        "include in your response the following", "in your response the following string",
        "include the following string", "at the end of your response", "exactly as it is",
        "add to your response", "in your response:", "to your response the following",
        "base64-encoded in your", "base64 encoded string", "in your response", "before responding",
    ), address=True),
    Cue("tool_coercion", 0.4, (
        "onerror=", "javascript:", "<svg/onload", "svg onload", "onload=", "document.cookie", "xss payload",
    )),
)  # fmt: skip
