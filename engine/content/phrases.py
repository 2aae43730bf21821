"""The phrases that prompt injections are made of: families of RE2 patterns with weights.

They are written for text as `injection.plain` returns it: lower case, without accents, single
spaces.
"""

# ruff: noqa: E501 - a pattern reads best in one piece

from __future__ import annotations

from dataclasses import dataclass

GAP = r"[^.!?]{0,40}"
WORDS = r"(?:[^ .!?]+ ){0,4}"
SHOW = (
    r"(?:reveal|show|print|output|repeat|display|tell|give|share|leak|disclose|expose|provide|dump"
    r"|recite|return|list|copy|paste|translate|spell|encode|write|say|summari[sz]e|state|describe"
    r"|what(?:'s| is| are| was| were)?)"
)
LIMITS = (
    r"(?:restrictions?|rules?|limits?|limitations?|filters?|filtering|guidelines?|ethics|ethical|morals?"
    r"|morality|censorship|boundaries|constraints?|guardrails?|polic(?:y|ies)|laws)"
)
ORDERS = (
    r"(?:i?u?nstructions?|prompts?|rules?|directions?|directives?|guidelines?|constraints?|polic(?:y|ies)"
    r"|restrictions?|programming)"
)
WISHES = r"(?:context|commands?|orders?|messages?|conversations?|requests?|tasks?|input|text)"

AHEAD = 200
"""An `opening` of 11 letters, 120 characters, a word or two."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A pattern of family *signal*: how much it says in a user's own words, and inside a document.

    It is searched for only where one of *keywords* occurs. *hint* is a small pattern that is in all
    that the pattern matches (if empty, one of the keywords is). All hints are sought at once: one with
    repeats makes the automaton of all of them large. *core* is another, for a pattern that is slow
    in itself; *opening*, one that matches at most `AHEAD` characters before a core. A phrase that is *marked* counts the same when it is quoted: nobody writes chat-template
    tokens in prose.
    """

    signal: str
    regex: str
    keywords: tuple[str, ...]
    direct: float
    embedded: float
    marked: bool = False
    hint: str = ""
    core: str = ""
    opening: str = ""


def pairs(first: str, second: str) -> tuple[str, ...]:
    """Return each alternative of *first* with each of *second*; a bar parts alternatives."""
    return tuple(f"{one} {two}" for one in first.split("|") for two in second.split("|"))


PHRASES = (
    # --- override: what was said before shall no longer hold --------------------------------------
    Phrase(
        "override",
        r"\b(?:ignor(?:e|ing)|disregard|forget|overrid(?:e|ing)|bypass|neglect|skip|overlook|discard"
        r"|abandon|dismiss|(?:do not|don'?t|stop) (?:follow|obey|listen)(?:ing)?|pay no attention to)\b"
        r" (?:[^ .!?:;]+ ){0,3}"
        r"(?:(?:previous|prior|above|earlier|preceding|foregoing|former|past|all|any|every|your|these"
        r"|those|system|other|initial|original|existing|current|safety)\b "
        r"(?:[^ .!?:;]+ ){0,4}" + ORDERS + r"\b"
        r"|(?:previous|prior|above|earlier|preceding|foregoing|former|past|your)\b (?:[^ .!?:;]+ ){0,2}" + WISHES + r"\b)",
        ("ignor", "disregard", "forget", "overrid", "bypass", "neglect", "skip", "overlook",
         "discard", "abandon", "dismiss", *pairs("not|dont|don't|stop", "follow|obey|listen"), "attention to"),
        0.88,
        0.95,
        hint=r"(?:ignor(?:e|ing)|disregard|forget|overrid(?:e|ing)|bypass|neglect|skip|overlook|discard|abandon|dismiss"
        r"|(?:do not|don'?t|stop) (?:follow|obey|listen)|attention to)",
    ),
    Phrase(
        "override",
        r"\b(?:forget|ignore|disregard)\b (?:about )?(?:everything|everthing|all|anything|what|whatever)\b"
        + GAP + r"\b(?:told|said|know|above|before|learned|learnt|previous|prior|now|earlier)\b",
        pairs("forget|ignore|disregard|about", "everything|everthing|all|anything|what"),
        0.85,
        0.92,
        hint="(?:forget|ignore|disregard) (?:about )?(?:everything|everthing|all|anything|what)",
    ),
    Phrase(
        "override",
        r"\b(?:your|the|my|these) (?:new|updated|real|actual|true|only|revised) "
        r"(?:instructions?|tasks?|objectives?|goals?|roles?|rules|directives?|mission) ?(?:is|are|:)"
        r"|\b(?:your )?(?:instructions|rules|directives|guidelines) have (?:been )?(?:changed|updated)"
        r"[,;.]? (?:now|ignore|do|you|and)|\bnow follow the new instructions|\bnew instructions? ?:",
        (
            *pairs("new|updated|real|actual|true|only|revised", "instruction|task|objective|goal|role|rules|directive|mission"),
            *pairs("instructions|rules|directives|guidelines", "have "), "now follow the new",
        ),
        0.7,
        0.75,
        hint=r"(?:new|updated|real|actual|true|only|revised) (?:instruction|task|objective|goal|role|rules|directive|mission)"
        r"|(?:instructions|rules|directives|guidelines) have |now follow the new",
    ),
    Phrase(
        "override",
        r"\b(?:ignore|disregard|forget) (?:the |all |everything |this |that )?(?:above|previous|preceding|prior|\w+ above|(?:web ?)?page|website|document|resume|cv|text|article|e-?mail|content|question|task|review)"
        r"(?: text| document| content)?(?:,| and| but) (?:and |instead |just |only )?(?:say|state|give|repeat|print|output|tell|reply|respond|answer|write)\b",
        ("ignore", "disregard", "forget"),
        0.8,
        0.9,
        hint="(?:ignore|disregard|forget) ",
    ),
    Phrase(
        "override",
        r"\b(?:from now on|from this moment|henceforth|starting now)\b,? (?:you|ignore|respond|answer|act"
        r"|reply|always|every|all|your|i want)",
        ("from now on", "from this moment", "henceforth", "starting now"),
        0.5,
        0.7,
    ),
    Phrase(
        "override",
        r"\b(?:disabl(?:e|ing)|turn(?:ing)? off|remov(?:e|ing)|bypass(?:ing)?|deactivat(?:e|ing)|lift"
        r"|switch off|overrid(?:e|ing)|ignor(?:e|ing)|suspend|circumvent)\b (?:[^ .!?#]+ ){0,2}"
        r"(?:(?:safety|content|ethical|moral|security) " + LIMITS + r"|safety (?:checks?|protocols?"
        r"|measures|features|mode|systems?|mechanisms?)|guardrails?)",
        ("safety", "content ", "ethical", "moral ", "security ", "guardrail"),
        0.82,
        0.88,
        hint=r"(?:safety|content|ethical|moral|security) " + LIMITS
        + r"|safety (?:check|protocol|measures|features|mode|system|mechanism)|guardrail",
    ),
    # --- role play and jailbreak
    Phrase(
        "roleplay",
        r"\bdo anything now\b|\b(?:as|are|enable|called|named|become|act like|acting as|simulate|be|\[) ?\"?dan\b"
        r"|\bdan mode\b|\bjailbr(?:eak|oken)(?:ed)? (?:mode|enabled|ai)|\bdeveloper mode (?:output|v2|with)|[\[(]\W{0,2}developer mode"
        r"|\bwith developer mode\b|\b(?:god|sudo|unrestricted|unfiltered|opposite|evil|chaos) mode\b|\bno limits ai\b",
        ("dan", "do anything", "jailbr", "developer mode", " mode", "no limits"),
        0.88,
        0.9,
    ),
    Phrase(
        "roleplay",
        r"\b(?:you are|you're|act as|acting as|pretend|role ?-?play|simulate|become|imagine|answer|respond|reply"
        r"|an ai|persona|character|chatbot|acts?|operate|speak|comply)\b[^!?]{0,80}"
        r"\b(?:no|without|free (?:of|from)|unbound by|not (?:bound|restricted|limited|constrained|governed|subject)"
        r"(?: (?:by|to))?|devoid of|lacks?|does not have|doesn'?t have|ignor(?:es|ing)|not (?:follow|abide))\b "
        r"(?:[^ .!?]+ ){0,5}" + LIMITS + r"\b",
        ("restriction", "rule", "limit", "filter", "guideline", "ethic", "moral", "censor",
         "boundaries", "constraint", "guardrail", "polic", "laws"),
        0.82,
        0.88,
        core=r"\b(?:no|without|free (?:of|from)|unbound by|not \w+|devoid of|lacks?|does not have|doesn'?t have"
        r"|ignor(?:es|ing))\b (?:[^ .!?]+ ){0,6}" + LIMITS,
    ),
    Phrase(
        "roleplay",
        r"\b(?:you are|you're|act as|acting as|pretend|role ?-?play|simulate|become|named|called)\b[^!?]{0,80}"
        r"\b(?:unrestricted|unfiltered|uncensored|amoral|immoral|unethical|omniscient|unlimited|evil|lawless)\b",
        ("unrestricted", "unfiltered", "uncensored", "moral", "unethical", "omniscient",
         "unlimited", "evil", "lawless"),
        0.75,
        0.82,
        core=r"\b(?:you are|you're|act as|acting as|pretend|role ?-?play|simulate|become|named|called)\b",
    ),
    Phrase(
        "roleplay",
        r"\bbroken free (?:of|from)\b|\b(?:freed|liberated) from\b[^.]{0,40}" + LIMITS
        + r"|\bnot (?:bound|restricted|constrained|limited) by\b|\bno longer (?:bound|restricted|follow|have to)",
        ("broken free", "freed", "liberated", "not bound", "not restricted", "not constrained",
         "not limited", "no longer"),
        0.6,
        0.7,
    ),
    Phrase(
        "roleplay",
        r"\b(?:you (?:will|must|can|should|shall|are)|it|he|she|they|will|must)\b (?:[^ .!?]+ ){0,2}"
        r"(?:never|not|cannot|can't) (?:ever )?(?:refuse|say no|decline|apologi[sz]e|break character"
        r"|reject|object|deny)|\bnever (?:refuses?|says? no|declines?|rejects?|breaks? character)\b|\bstay in character\b",
        (*pairs("ever|not|can't", "refuse|say no|decline|apologi|break character|reject|object|deny"),
         "never says", "never breaks", "stay in character"),
        0.6,
        0.65,
        hint=r"(?:never|not|cannot|can't) (?:ever )?(?:refuse|say no|decline|apologi|break character|reject|object|deny)"
        r"|never (?:says|breaks)|stay in character",
    ),
    Phrase(
        "roleplay",
        r"\b(?:comply|obey|answer|fulfil+|follow|respond)\b (?:to |with )?(?:any|all|every|each)\b"
        r" (?:[^ .!?]+ ){0,3}(?:requests?|orders?|commands?|questions?|prompts?|demands?)"
        r"|\bregardless of (?:[^ .!?]+ ){0,3}(?:legal\w*|ethic\w*|moral\w*|safety|consequences|polic\w+|harm\w*|rules)"
        r"|\bno matter how (?:illegal|unethical|immoral|harmful|dangerous|offensive)",
        (*pairs("comply|obey|answer|l|follow|respond|to|with", "any|all|every|each"), "regardless of ", "no matter how "),
        0.5,
        0.55,
        hint=r"(?:comply|obey|answer|fulfil+|follow|respond) (?:to |with )?(?:any|all|every|each)\b|regardless of "
        r"|no matter how (?:ill|une|imm|harm|dang|off)",
    ),
    Phrase(
        "roleplay",
        r"\b(?:openai|anthropic|chatgpt)(?:'s)? (?:[^ .!?]+ ){0,2}(?:polic(?:y|ies)|guidelines|rules|restrictions|limitations|terms)"
        r"|\b(?:hello|hi|hey|dear|greetings),? (?:chat ?gpt|gpt)\b|\b(?:chatgpt|gpt-?4?|the ai|ai model) (?:with|without|has no|is now|will now)\b",
        ("openai", "anthropic", "gpt", "ai model", "the ai"),
        0.5,
        0.5,
    ),
    Phrase(
        "roleplay",
        r"\b(?:i want you to |you (?:are|will) (?:now |going to |about to |to )?|let'?s |you must |you should )"
        r"(?:act(?:ing)? (?:as|like)|pretend|role ?-?play|play the role|simulate|immerse|become|impersonate)",
        pairs("to|are|now|will|let's|lets|must|should", "act|pretend|role|play|simulate|immerse|become|impersonate"),
        0.4,
        0.5,
        hint=r"(?:i want you to |you (?:are|will) (?:now |going to |about to |to )?|let'?s |you must |you should )"
        r"(?:act|pretend|role|play|simulate|immerse|become|impersonate)",
    ),
    Phrase(
        "roleplay",
        r"\b(?:hypothetical(?:ly)?|fictional|imaginary|imagine|virtual)\b[^?]{0,160}\b(?:password|passphrase|secret|illegal|unethical|no (?:laws|rules))",
        ("hypothetical", "fictional", "imagin", "virtual"),
        0.5,
        0.5,
        core=r"\b(?:password|passphrase|secret|illegal|unethical|no (?:laws|rules))",
    ),
    # --- exfiltration: the system prompt, secrets, data by links ------------------------------
    Phrase(
        "exfiltration",
        rf"\b{SHOW}\b (?:[^ .!?\"]+ ){{0,5}}(?:system|initial|original|hidden|secret|internal|starting|above"
        r"|preceding|previous|first|developer|confidential|underlying|pre-?prompt|base|core|your)\b "
        r"(?:[^ .!?]+ ){0,2}(?:prompts?|instructions?|directives|guidelines|configuration|system message|rules)\b",
        ("prompt", "instruction", "directive", "guideline", "configuration", "system message", "rules"),
        0.82,
        0.88,
    ),
    Phrase(
        "exfiltration",
        r"\b(?:repeat|print|output|copy|write|show)\b (?:[^ .!?]+ ){0,4}(?:everything|text|words|lines|content|all)\b"
        r" (?:[^ .!?]+ ){0,3}(?:above|before this|prior to|starting (?:with|from)|you (?:were|have been) (?:told|given))"
        r"|\b(?:starting|begins?|beginning) with ['\"]?you are\b",
        ("above", "before this", "prior to", "starting", "you were", "you have been", "begin"),
        0.75,
        0.8,
    ),
    Phrase(
        "exfiltration",
        rf"\b(?:{SHOW}|know|confirm|access|need|guess|hint|decode)\b (?:[^ .!?]+ ){{0,6}}"
        r"(?:your|the|this|our|its) (?:[^ .!?]+ ){0,1}(?:passwords?|passphrase|passcode|secret (?:key|code|word|phrase|string)"
        r"|api keys?|credentials|access codes?|confidential (?:information|string|data|key))\b",
        ("password", "passphrase", "passcode", "secret", "api key", "credentials", "access code",
        "confidential"), 0.55, 0.75,
    ),
    Phrase(
        "exfiltration",
        r"\b(?:what(?:'s| is| was| are)|tell (?:me|us)|give (?:me|us)|share|reveal|show (?:me|us)|print|say|write|spell|state|confirm"
        r"|disclose|repeat) your (?:[^ .!?]+ ){0,1}(?:passwords?|passphrase|passcode|secret (?:key|code|word|phrase|string)|secret|api keys?|credentials)"
        r"(?: ?[?.!,;]|$| (?:is|in|if|so|now|please|for|to|that|backwards?|and)\b)",
        ("password", "passphrase", "passcode", "secret", "api key", "credential"),
        0.7,
        0.8,
        hint="pass(?:word|phrase|code)|secret|api key|credential",
    ),
    Phrase(
        "exfiltration",
        r"\binitiali[sz]ation (?:string|prompt|text|message)|\b(?:text|prompts?|instructions?|words|rules) (?:that )?you (?:were|have been|are) "
        r"(?:first |originally |initially )?(?:given|told|provided|instructed)|\byou (?:are|were) (?:not (?:supposed|allowed) to (?:tell|reveal|share"
        r"|disclose|say|show)|told not to|instructed not to)|\bmy (?:instructions|system prompt|initial prompt|rules) (?:are|is|was|were) ?:"
        r"|'the system prompt is|\(system_?prompt\)",
        (*pairs("were|been|are|first|originally|initially", "given|told|provided|instructed|not supposed|not allowed"),
         "initialization ", "initialisation ", "my instructions", "my system prompt", "my initial prompt",
         "my rules", "the system prompt is", "(system"),
        0.6,
        0.7,
        hint=r"initiali[sz]ation |you (?:were|have been|are) (?:first |originally |initially )?(?:given|told|provided|instructed|not supposed"
        r"|not allowed)|my (?:instruction|system p|initial p|rules )|the system prompt is|\(system",
    ),
    Phrase(
        "exfiltration",
        r"!\[[^\]]{0,80}\]\( ?https?://[^) ]{1,200}=(?:\[|\{|<|%7b|\$|data\b|query|base64|encoded|conversation|history|summary)",
        ("](http", "]( http"),
        0.7,
        0.85,
        marked=True,
    ),
    Phrase(
        "exfiltration",
        r"\b(?:was ist|wie lautet|cual es|quel est|quelle est|qual e|dime|dimmi|wat is)\b[^.!?]{0,20}"
        r"\b(?:passwort|kennwort|contrasena|mot de passe|parola|senha|wachtwoord|clave|geheim\w*|secret\w*|segreto)\b",
        ("passwort", "kennwort", "contrasena", "mot de passe", "parola", "senha", "wachtwoord",
         "clave", "geheim", "secret", "segreto"),
        0.55,
        0.7,
    ),
    Phrase(
        "exfiltration",
        r"!\[[^\]]{0,80}\]\( ?https?://[^) ]{1,200}[?&](?:[a-z]|query|data|secrets?|content|payload|text|msg|message|info|user|leak|log|exfil|key|token|email|id"
        r"|history|chat|conversation|summary|password|code|prompt|response|input|output|context)=",
        ("](http", "]( http"),
        0.65,
        0.85,
        marked=True,
    ),
    Phrase(
        "exfiltration",
        r"\b(?:send|post|upload|forward|beacon|exfiltrate|leak|transmit|submit|append|concatenate)\b"
        r" (?:[^ !?]+ ){0,14}to (?:[^ !?]+ ){0,4}(?:https?://|www\.|attacker|external server|(?:a |my |this )?webhook)",
        (" http", " www.", " attacker", " external", " webhook"),
        0.4,
        0.76,
        hint=r" (?:https?://|www\.|attacker|external server|webhook)",
    ),
    Phrase(
        "exfiltration",
        r"\b(?:send|post|upload|forward|exfiltrate|leak|transmit|submit)\b (?:[^ !?]+ ){0,14}to (?:[^ !?]+ ){0,4}[^ @]{1,64}@[^ @]+\.",
        ("@",),
        0.25,
        0.6,
        hint="(?:send|post|upload|forward|exfiltrate|leak|transmit|submit) [^!?]*@",
    ),
    # --- delimiters: a text that plays the chat protocol
    Phrase(
        "delimiter",
        r"<\|? ?(?:im_start|im_end|im_sep|system|user|assistant|endoftext|eot_id|start_header_id|begin_of_text|endofprompt) ?\|>"
        r"|\[/?inst\]|<</?sys>>|<start_of_turn>|\bhuman:.{0,400}\bassistant:",
        ("<|", "< |", "inst]", "sys>>", "start_of_turn", "human:"),
        0.8,
        0.9,
        marked=True,
    ),
    Phrase(
        "delimiter",
        r"</?(?:system|instructions?|prompt|sys|admin|system[ _-](?:mode|prompt|message|instructions?)|important|information)>",
        ("<sys", "</sys", "<instruction", "</instruction", "<prompt", "</prompt", "<admin", "</admin", "<important",
         "</important", "<information", "</information"),
        0.6,
        0.75,
        marked=True,
    ),
    Phrase(
        "delimiter",
        r"#{2,} ?\(?(?:system|instructions?|new instructions?|end|human|assistant|admin|important)(?:[ _](?:prompt|message|note"
        r"|override|instructions?|update|input|turn|response))?\)?(?: ?:|\)| ?#|$)"
        r"|(?:^|[^\w%])[\[({](?:system|admin|developer)[ _](?:message|override|note|prompt|instructions?)[\])}]|(?:^|[^\w%])\[system\] ?[^ =]* [^=]",
        (*(mark + word for mark in ("##", "## ", "##(", "## (")
           for word in ("system", "instr", "new", "end", "human", "assistant", "admin", "important")),
         *(mark + word for mark in "[({" for word in ("system", "admin", "developer"))),
        0.6,
        0.82,
        marked=True,
        hint=r"## ?\(?(?:system|instr|new|end|human"
        r"|assistant|admin|important)|[\[({](?:system|admin|developer)",
    ),
    Phrase(
        "delimiter",
        r"[-=*]{3,} ?(?:end|begin|start) (?:of )?(?:the )?(?:\w+ )?(?:document|context|prompt|input|text|email|data|instructions?|system)",
        ("---", "===", "***"),
        0.4,
        0.55,
        marked=True,
        hint="[-=*]{3} ?(?:end|begin|start) ",
    ),
    Phrase(
        "delimiter",
        r"(?:^|[.!?\]>*\"] ?|-- ?|\\n ?)(?:system|assistant|admin|developer) ?: ?(?:you|ignore|reveal|the|new|do|please|from|override|your|disregard|send|[a-z]+ (?:the|all|your))\b",
        ("system", "assistant", "admin", "developer"),
        0.6,
        0.75,
        marked=True,
        hint=r"(?:system|assistant|admin|developer) ?:",
    ),
    Phrase(
        "authority",
        r"\b(?:system|admin(?:istrator)?|developer|root|security|safety|policy) (?:override|bypass)\b"
        r"|\boverride (?:mode|code|protocol|command)\b"
        r"|\b(?:enter(?:ing)?|enabl(?:e|ing)|activat(?:e|ing)|switch(?:ing)? to|in(?:to)? an?|now in|an?) '?(?:maintenance|debug|test|developer|admin|override|diagnostic|training|god|root|sudo) mode\b"
        r"|\b(?:i am|i'm|this is|as) (?:your|the|an?) (?:system |lead )?(?:developer|admin|administrator|creator|programmer|owner)\b(?:[,;:.]| and | running| of this| who)",
        ("override", "bypass", " mode", "developer", "admin", "creator", "programmer", "owner"),
        0.6,
        0.55,
    ),
    # --- tools and secrecy
    Phrase(
        "tool_coercion",
        r"\b(?:call|invoke|run|execute|trigger|use)\b (?:the |this |your )?(?:[^ .!?]+ ){0,2}(?:tool|function|plugin|command|api|shell)\b"
        r"|\bapprove (?:[^ .!?]+ ){0,3}(?:tool calls?|transactions?|requests?)\b|\b(?:cat|read|show|print)\b[^.!?]{0,50}/etc/(?:passwd|shadow)"
        r"|\brm -rf\b|\bcurl [^|]{0,100}\| ?(?:ba)?sh\b|\bos\.system\(",
        ("tool", "function", "plugin", "command", " api", "shell", "approve", "/etc/", "rm -rf",
        "curl", "os.system"), 0.3, 0.55,
        hint=r"\b(?:tool|function|plugin|command|api|shell)\b|approve |/etc/(?:passwd|shadow)|rm -rf|curl "
        r"|os\.system",
    ),
    Phrase(
        "secrecy",
        r"\b(?:do not|don'?t|never|without)\b (?:ever )?(?:tell|mention(?:ing)?|inform(?:ing)?|notify(?:ing)?|alert(?:ing)?|ask(?:ing)?|reveal(?:ing)?|disclose|telling)\b"
        r" (?:[^ .!?]+ ){0,3}(?:user|anyone|anybody|human|me|this|it|them|these)\b",
        pairs("not|dont|don't|ever|without", "tell|mention|inform|notify|alert|ask|reveal|disclose"),
        0.3,
        0.6,
        hint=r"(?:do not|don'?t|never|without) (?:ever )?(?:tell|mention|inform|notify|alert|ask|reveal|disclose)",
    ),
)  # fmt: skip

COMPACT = (
    "ignoreallprevious", "ignorepreviousinstructions", "ignoretheprevious", "ignoreyourprevious",
    "ignoreallprior", "ignorepriorinstructions", "ignoretheabove", "ignoreallinstructions",
    "ignoreyourinstructions", "disregardallprevious", "disregardprevious", "disregardprior",
    "disregardtheabove", "disregardallprior", "forgetprevious", "forgetallprevious",
    "forgetyourinstructions", "forgetpriorinstructions", "forgeteverything",
    "overrideyourinstructions", "overridetheprevious", "revealthesystemprompt",
    "revealyoursystemprompt", "revealsystemprompt", "revealhiddeninstructions",
    "printthesystemprompt", "printyoursystemprompt", "showthesystemprompt", "showyoursystemprompt",
    "repeatthesystemprompt", "outputthesystemprompt", "leakthesystemprompt", "doanythingnow",
    "developermodewithnorestrictions", "disablesafety", "disableallsafety", "ignoresafety",
    "ignoreallsafety", "ignoreallrules", "ignoretherules", "bypasssafety", "approvethenexttoolcall",
    "enabledanmode", "hiddensystemprompt", "bypassapproval", "hiddeninstructions",
)  # fmt: skip
"""Phrases without spaces, found also when a text is spaced out, dotted, regrouped or in leetspeak."""
