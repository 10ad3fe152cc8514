"""What an answer gives away of its model, and what it says to a judge instead of to the asker."""

import re
from collections.abc import Iterable

# Words by which an answer gives its model away, and what a judge reads instead.
_NAMES = (
    r"chat-?gpt(?:-[\w.]+)?|gpt-?[0-9][\w.]*|openai|claude(?:[ -]\d[\w.]*)?|anthropic|gemini|bard|palm|llama[ -]?[\d.]*|vicuna|alpaca"
    r"|qwen[\d.]*|deepseek|mistral|mixtral|smollm[\d]*|xiwu|gemma|grok|chatglm|baichuan|tongyi|ernie"
)
_SELF = re.compile(
    rf"\b(?:as an? (?:ai|artificial intelligence|large language)(?: language)?(?: model| assistant)?,? ?"
    rf"|i(?:'m| am) (?:an? )?(?:(?:ai|large|language) )*(?:model|assistant|{_NAMES})"
    rf"(?: (?:trained|developed|created|made) by [\w ]{{1,30}})?"
    rf"|(?:trained|developed|created|made) by (?:{_NAMES}))\b",
    re.IGNORECASE,
)
# What an answer says to a judge and not to the asker.
_TO_JUDGE = re.compile(
    r"\[\[\s*[abc]\s*\]\]|\[\[\s*(?:rating|\d{1,2})[^\]]{0,10}\]\]"
    r"|\"?(?:verdict|winner|better)\"?\s{0,3}[:=]\s{0,3}\"?(?:first|second|tie|left|right|excellent|[ab])\b"
    r"|\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instruction|rubric|criteria|criterion|prompt|rule|above|previous"
    r"|other answer|guideline)s?"
    r"|\b(?:choose|pick|select|prefer|vote for|rate|score|rank|grade|mark|declare)\s(?:this|my|(?:the )?(?:first|second|other)|answer [ab]"
    r"|assistant [ab])\b.{0,20}\b(?:answer|response|one|reply|output|excellent|best|better|winner|highest|higher|10)\b"
    r"|\b(?:dear|attention|note to|hey|hello),? (?:the )?(?:judge|evaluator|grader|reviewer|rater)s?\b"
    r"|\bas (?:a|the) (?:judge|evaluator|grader|rater)\b"
    r"|\b(?:judge|evaluator|grader|rater)s?\b.{0,20}\b(?:must|should|have to|has to|will|please)\b"
    r"|\bthis (?:answer|response|reply|one) (?:is|was) (?:the )?(?:best|better|winner|excellent|superior|correct one)\b"
    r"|\b(?:the )?(?:other|first|second) (?:answer|response|reply) (?:is|was) (?:wrong|worse|bad|incorrect|poor|plagiari[sz]ed)\b",
    re.IGNORECASE | re.DOTALL,
)
_HIDDEN = re.compile(
    "[\u200b-\u200f\u202a-\u202e\u2060-\u2064\U000e0000-\U000e007f]|<!--|display:\\s*none|font-size:\\s*0",
    re.IGNORECASE,
)


def addresses_judge(text: str) -> str:
    """What in an answer speaks to a judge, or is hidden from people; empty where nothing does."""
    found = _TO_JUDGE.search(text) or _HIDDEN.search(text)
    return " ".join(found[0].split())[:80] or "hidden characters" if found else ""


def anonymous(text: str, models: Iterable[str] = ()) -> str:
    """An answer without the words by which it names its model, or one of `models`."""
    text = _SELF.sub("", text)
    for name in sorted({*models, *(name.rpartition("/")[2] for name in models)}, key=len, reverse=True):
        if len(name) > 2:  # one letter is a variable
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "the model", text, flags=re.IGNORECASE)
    return text.strip()
