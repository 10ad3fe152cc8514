"""Control tokens of chat templates, made words: what others wrote cannot open a turn, a system message or a call of a tool."""

import re
import unicodedata

_NAMES = (
    r"start_?of_?\w{1,30}|end_?of_?\w{1,30}|begin_?of_?\w{1,30}|tool_\w{1,30}|fim_\w{1,30}|extra_id_\d{1,4}|reserved_\w{1,30}"
    r"|unused_?\d{1,4}|special_\d{1,4}|repo_?name|file_sep|issue_\w{1,30}|\w{1,30}_token|bos|eos|pad|unk|mask|cls|sep|sop|eop"
    r"|eo[ahtms]|eosys|eot_id|eom_id|tools?|function_calls?|function_results?|scratch_?pad|think(?:ing)?|seed:\w{1,20}|role|system|user|assistant"
)
_SQUARE = (
    r"INST|SYSTEM_PROMPT|MODEL_SETTINGS|AVAILABLE_TOOLS|TOOL_CALLS?|TOOL_RESULTS|TOOL_CONTENT|CALL_ID|IMG_BREAK|IMG_END|BEGIN_AUDIO"
    r"|TRANSCRIBE|THINK|BOS|EOS|EOT|gMASK|sMASK|(?-i:ARGS|IMG|AUDIO|PREFIX|MIDDLE|SUFFIX|PAD|UNK|CLS|SEP|MASK)"  # [args] is code
)
CONTROL = re.compile(
    r"<[|｜][^<>|｜\n]{1,60}[|｜]?>|<[a-z_]{1,40}[|｜]>"  # <|im_start|>, <｜User｜>, <|turn>, <turn|>
    rf"|</?s>|</?(?:{_NAMES})>|<</?SYS>>|\[/?(?:{_SQUARE})\]"  # <s>, <start_of_turn>, [INST], <<SYS>>
    r"|\[\|(?:user|assistant|system|endofturn|tool|\w{1,20}_\w{1,20})\|\]|\]~!?b\[|\]~b\]|\[e~\[",  # [|user|], ]~b]
    re.IGNORECASE,
)
# Templates without tokens of their own know a turn by a word at the beginning of a line.
_SPEAKER = re.compile(
    r"^[ \t]{0,8}(?:(?i:#{2,4} ?(?:Instructions?|Input|Response|Human|User|Assistant|System))|USER|ASSISTANT|SYSTEM|Human|Assistant):",
    re.MULTILINE,
)
_HARMLESS = str.maketrans("<>[]|:", "‹›⟦⟧¦∶")
# Look-alikes of the characters that delimiters are made of; a letter or sign of physics is not among them.
_LOOKALIKES = str.maketrans("／〈〉⟨⟩《》∣ǀ｜", "/<><><>|||")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def without_control(text: str, *more: re.Pattern[str]) -> str:
    """A text as it may be put into a message: no control token of any family of models, and no character that hides one.

    What is neutralised stays readable: '<|im_start|>' becomes '‹¦im_start¦›'. What only looks like a delimiter (full-width,
    mathematical letters, other brackets) counts as one, since some tokenizers read it so.

    Args:
        text: what somebody wrote, a model or the author of a passage.
        more: further delimiters, matched without regard to look-alikes too.
    """
    text = _CONTROL_CHARACTERS.sub(" ", _INVISIBLE.sub("", text))
    for pattern in (CONTROL, _SPEAKER, *more):
        text = _replaced(text, pattern)
    return text


def _replaced(text: str, pattern: re.Pattern[str]) -> str:
    plain = text if text.isascii() else "".join(map(_plain, text))
    kept, position = [], 0
    for match in pattern.finditer(plain):
        kept += [text[position : match.start()], match[0].translate(_HARMLESS)]
        position = match.end()
    return "".join((*kept, text[position:])) if kept else text


def _plain(character: str) -> str:
    """The ASCII character that this one stands for, if it is one."""
    if character.isascii():
        return character
    plain = unicodedata.normalize("NFKC", character).translate(_LOOKALIKES)
    return plain if len(plain) == 1 and plain.isascii() else character
