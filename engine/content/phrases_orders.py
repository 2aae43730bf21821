"""The phrases that give an assistant orders: a document or tool result has no business giving any.

They are written as `engine.content.phrases` says. In a user's own words they weigh next to nothing.
"""

# ruff: noqa: E501 - a pattern reads best in one piece

from __future__ import annotations

from engine.content.phrases import Phrase, pairs

PUT = (
    r"include|add|append|insert|incorporate|embed|weave|interweave|integrate|mention|inject|use|end|begin|start|finish"
    r"|translate|put|place|attach|blend|infuse|introduce|slip|state|suggest|recommend|convert|provide|write|craft|make"
    r"|encode|replace|substitute|respond|reply|answer|output|print"
)

INSTRUCTIONS = (
    # --- instructions to the assistant, which a document has no business giving
    Phrase(
        "instruction_in_document",
        r"\b(?:" + PUT + r")\b[^.!?]{0,120}"
        r"\byour (?:\w+ )?(?:responses?|answer|output|summary|solution)\b",
        ("response", "answer", "output", "summary", "solution"),
        0.15,
        0.78,
        hint=r"\byour (?:\w+ )?(?:responses?|answer|output|summary|solution)\b",
        core=r"\byour (?:\w+ )?(?:responses?|answer|output|summary|solution)\b",
        opening=r"\b(?:" + PUT + r")\b",
    ),
    Phrase(
        "instruction_in_document",
        r"\b(?:" + PUT + r")\b(?: \w+){0,4}:? [\"'][^\"]{1,200}[\"'][^.!?\"]{0,60} your (?:\w+ )?(?:repl(?:y|ies)|responses?|answers?|output|summary)\b",
        ("your ",),
        0.2,
        0.82,
        hint=r" your (?:\w+ )?(?:repl|respons|answer|output|summar)",
        core=r"[\"'][^.!?\"]* your (?:\w+ )?(?:repl|respons|answer|output|summar)",
    ),
    Phrase(  # to a person, too: `your reply`
        "instruction_in_document",
        r"\b(?:" + PUT + r")\b[^.!?]{0,120}\b(?:your|the) (?:\w+ )?(?:reply|replies)\b",
        ("reply", "replies"),
        0.1,
        0.3,
        core=r"\b(?:your|the) (?:\w+ )?(?:reply|replies)\b",
        opening=r"\b(?:" + PUT + r")\b",
    ),
    Phrase(
        "instruction_in_document",
        r"\b(?:" + PUT + r")\b[^.!?]{0,120}\bthe (?:\w+ )?(?:response|reply|answer|output|summary|solution|responses|replies)\b",
        ("response", "reply", "replies", "answer", "output", "summary", "solution"),
        0.1,
        0.55,
        hint=r"\bthe (?:\w+ )?(?:responses?|repl(?:y|ies)|answer|output|summary|solution)\b",
        core=r"\bthe (?:\w+ )?(?:responses?|repl(?:y|ies)|answer|output|summary|solution)\b",
        opening=r"\b(?:" + PUT + r")\b",
    ),
    Phrase(
        "instruction_in_document",
        r"\b(?:following|subsequent|provided|given|attached|below) code (?:snippet|block|excerpt|segment|fragment|piece|chunk)"
        r"|\bin your (?:next |final )?(?:response|reply|answer|summary)s?\b|\byour (?:answer|response|reply|replies|responses)'?s? "
        r"(?:words|with|by [a-z]+ing|in|to|using|as|must|should)\b",
        (*pairs("following|subsequent|provided|given|attached|below", "code "),
         *pairs("your|your next|your final", "response|repl|answer|summary")),
        0.15,
        0.82,
        hint=r"(?:following|subsequent|provided|given|attached|below) code |in your (?:next |final )?"
        r"(?:response|reply|answer|summary)|your (?:answer|response|repl)",
    ),
    Phrase(
        "instruction_in_document",
        r"\bthe following (?:string|code|text|sentence|link|snippet|message|phrase|words?|base64)\b"
        r"|\bexactly as (?:it is|they are|written|follows)\b|\b(?:instead,?|only|always) (?:print|output|say|respond|reply|answer)\b|\b(?:just|simply|then) (?:print|output|say)\b"
        r"|\bplease provide the output (?:from|of)\b|\bfill them in without asking\b",
        (*pairs("the following", "string|code|text|sentence|link|snippet|message|phrase|word|base64"), "exactly as ",
         *pairs("instead|instead,|only|always", "print|output|say|respond|reply|answer"),
         *pairs("just|simply|then", "print|output|say"), "please provide the output", "fill them in without"),
        0.2,
        0.6,
        hint=r"the following (?:string|code|text|sentence|link|snippet|message|phrase|word|base64)|exactly as "
        r"|(?:instead,?|only|always) (?:print|output|say|respond|reply|answer)"
        r"|(?:just|simply|then) (?:print|output|say)|please provide the output|fill them in without",
    ),
    Phrase(
        "instruction_in_document",
        r"\b(?:todo|important|attention) ?[:!,-] ?(?:please )?(?:send|post|transfer|refund|pay|invite|visit|click|concatenate"
        r"|(?:make|do|start|create) an? (?:transfer|payment|transaction|purchase|refund|post|link))\b"
        r"|\b(?:important|attention|note to (?:the )?(?:ai|assistant|model)|instructions? (?:for|to) (?:the )?(?:ai|assistant|model|chatbot|llm)"
        r"|hey,? (?:ai|assistant)|(?:dear|hello|hi),? (?:ai|assistant|model)) ?[:!,-] ?(?:please )?(?:send|post|change|update|visit|invite|add"
        r"|delete|transfer|refund|pay|make|click|say|create|concatenate|ignore|you)\b"
        r"|\bthis is an important message from\b|\bbefore you can solve the task\b|\bplease do the following first\b",
        ("todo", "important", "attention", "note to", "instruction", "assistant", " ai", "before you can", "following first"),
        0.3,
        0.85,
        hint=r"(?:todo|important|attention|ai|assistant|model|chatbot|llm) ?[:!,-] ?(?:please )?(?:send|post|change"
        r"|update|visit|invite|add|delete|transfer|refund|pay|make|click|say|create|concatenate|ignore|you|this|from)\b"
        r"|this is an important message|before you can solve|please do the following first",
    ),
    Phrase(
        "instruction_in_document",
        r"\b(?:as|you are|you're) an? (?:ai|artificial intelligence|language model|llm|assistant|chatbot)\b|\b(?:ai|llm) (?:assistant|model|agent|language model)s?,? (?:must|should|please|you)",
        ("an ai", "artificial", "language model", "llm", "assistant", "chatbot", "ai "),
        0.15,
        0.5,
        hint=r"(?:as|you are|you're) an? (?:ai|artificial intel|language model|llm|assistant|chatbot)"
        r"|(?:ai|llm) (?:assistant|model|agent|language model)s?,? (?:must|should|please|you)",
    ),
)  # fmt: skip
"""Instructions to whoever answers."""
