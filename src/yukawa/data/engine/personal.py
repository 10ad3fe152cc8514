"""Finds personal data and secrets in text and puts typed placeholders in their place: `<EMAIL_1>`, `<PERSON_2>`.

Rules look for the form of what they find and, where many harmless things have that form (ranges of numbers, versions, ISSN), for
the words around it. A value has one placeholder within a conversation; which value that was is kept nowhere, and is in no message.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

_TLD = (
    "com|org|net|edu|gov|mil|int|info|io|dev|ai|eu|ch|de|fr|it|es|uk|at|be|nl|pl|se|no|dk|fi|pt|gr|cz|sk|hu|ro|ru|ua|tr|il|in|cn|jp|kr|tw"
    "|hk|sg|au|nz|ca|us|mx|br|ar|cl|co|za|ir|pk|ie|lu|si|hr|rs|bg|ee|lv|lt|is|me|tv|cern|id|th|vn|my|ph|biz|name|pro|app|cloud|online|xyz"
)
_EMAIL = re.compile(
    rf"(?<![\w.+-])[A-Za-z0-9][\w.+-]{{0,63}}\s?(?:@|\(at\)|\[at\])\s?(?:[A-Za-z0-9-]{{1,63}}(?:\.|"
    rf"\s?\(dot\)\s?|\s?\[dot\]\s?)){{1,6}}(?:{_TLD})(?![\w-])",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"(?<![\w.+/-])(?:\+|00(?=[1-9]\d{0,2}[\s./(-]))[1-9]\d{0,2}[\s.()/-]{0,3}(?:\(?\d{1,5}\)?[\s./-]{0,2}){2,6}\d(?![\w])"
)
_PHONE_WORD = re.compile(
    r"(?:\b(?:tel(?:ephone)?|phone|mobile|cell|fax|call(?: me)?(?: at| on)?|text me(?: at| on)?|whatsapp|"
    r"reach me (?:at|on)|number is|ext(?:ension)?)\b"
    r"|(?:电话|手机|联系电话|致电|微信)(?:号码?)?)[\s:.是为=]{0,4}(?P<value>\(?\d[\d\s().\-/]{4,18}\d)",
    re.IGNORECASE,
)
_CHINESE_MOBILE = re.compile(r"(?<![\w.:\-])1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?![\d.\-])")
_IP = re.compile(
    r"(?<![\w.-])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w-]|\.\d)"
)
_IPV6 = re.compile(r"(?<![\w:])(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}(?![\w:])", re.IGNORECASE)
_VERSION = re.compile(
    r"(?:version|release|v\.?|ver\.?|==|>=|<=|tag|python|root|geant4?|gcc)\s*$", re.IGNORECASE
)
_KEYS = re.compile(
    r"\b(?:sk-(?:proj-|ant-)?[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|"
    r"glpat-[\w-]{16,}|hf_[A-Za-z0-9]{16,}|xox[abprs]-[\w-]{10,}"
    r"|AKIA[0-9A-Z]{16}|ASIA[0-9A-Z]{16}|AIza[\w-]{30,})|(?<![\w-])eyJ[\w-]{8,}+\.[\w-]{8,}+\.[\w-]{8,}"
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:(?!-----)[\s\S]){0,8000}+-----END [A-Z ]{0,40}PRIVATE KEY-----"
    r"|\bssh-(?:rsa|ed25519) [A-Za-z0-9+/=]{40,}"
)
_SECRET = re.compile(
    r"(?:\b(?:pass(?:word|wd|phrase)?|pwd|secret|api[_ -]?key|access[_ -]?key|auth[_ -]?token|token|bearer|credentials?|pin)\b|密码|口令)"
    r"(?:\s+(?:is|was)\s+|\s*[:=]\s*|\s+(?=[^\s]*\d)|[是为]\s*)[\"'`]?(?P<value>[^\s\"'`,;<>]{4,200})",
    re.IGNORECASE,
)
_NOT_SECRET = re.compile(
    r"(?:none|null|true|false|required|your\W?\w*|my\W?\w*|the|an?|is|not|str|string|xxx+|\*+|\.\.\.|"
    r"\$\{?\w+\}?|os\.\w+\S*|getenv\S*|env\S*|<\w+>|expired|invalid|wrong|correct|needed|stored|used|"
    r"limit\w*|count\w*|\d{1,6}(?:\.\d+)?)[.)]?$",
    re.IGNORECASE,
)
_URL_ACCOUNT = re.compile(r"(?<=://)(?P<value>[^\s/@:]{1,64}:[^\s/@]{1,128})(?=@)")
_HOME = re.compile(
    r"(?:/afs/[\w.]+/(?:user|users|u)/\w/|/eos/(?:user|home)(?:-\w)?/(?:\w/)?|/(?:home|Users|"
    r"lustre/\w+/users?|besfs\d*/users|scratchfs/\w+|workfs\d*/\w+|data/users?|nfs/home)/"
    r"|[A-Z]:\\Users\\|\\\\\w+\\users\\)(?P<value>[A-Za-z][\w.-]{1,40})",
)
_SHARED = frozenset(
    "shared public common root admin user users username name yourname your_name you someuser ubuntu runner guest default".split()
)
_CHINESE_ID = re.compile(r"(?<!\d)\d{17}[\dXx](?!\w)")
_CARD = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.])")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
_ORCID = re.compile(r"(?<![\d-])\d{4}-\d{4}-\d{4}-\d{3}[\dX](?![\d-])")
_NAME_WORD = r"[A-ZÀ-ÖØ-ÞŠŽĆČ][\w'’-]{1,30}+"
_NAMES = rf"{_NAME_WORD}(?:[ -](?:[A-Z]\.|van|von|de|der|den|la|le|di|da|del|bin|al|{_NAME_WORD})){{0,4}}"
_PERSON = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?i:\bmy (?:full )?name is|\bi am called|\bi'm called|\bcall me|\bthis is|\bmy name's|\bsigned by|"
        rf"\bin the name of)\s+(?:(?:Dr|Prof|Mr|Mrs|Ms)\.?\s+)?(?P<value>{_NAMES})",
        rf"(?:\bI am|\bI'm|\bHi, I am|\bHello, I'm)\s+(?:(?:Dr|Prof|Mr|Mrs|"
        rf"Ms)\.?\s+)?(?P<value>{_NAME_WORD} {_NAME_WORD}(?: {_NAME_WORD})?)(?=,|\.| from| and| at|\n|$|"
        rf" working)",
        rf"(?:^|\n)[ \t]*+(?i:best regards|kind regards|warm regards|regards|best wishes|best|cheers|"
        rf"sincerely(?: yours)?|yours(?: sincerely| faithfully| truly)?|many thanks|thanks in advance|thanks|"
        rf"thank you|mit freundlichen grüßen|viele grüße|"
        rf"cordialement)[,!.]?[ \t]*+\n?\s*+(?:[-–—]\s*+)?(?P<value>{_NAMES})(?=\s*(?:\n|$|\())",
        rf"\b(?:Dear|Hi|Hello|Hey)[ ]+(?:(?:Dr|Prof|Professor|Mr|Mrs|Ms)\.?\s+)?(?P<value>{_NAMES})(?=\s*[,!:\n])",
        rf"\b(?:Dr|Prof|Professor|Mr|Mrs|Ms)\.?\s+(?P<value>{_NAMES})",
        rf"(?i:\bmy (?:supervisor|advisor|adviser|colleague|boss|student|friend|professor|group leader|postdoc|"
        rf"wife|husband|co-?author|teacher|manager|neighbou?r)(?: is| was|,)?)\s+(?:(?:Dr|Prof|Mr|Mrs|"
        rf"Ms)\.?\s+)?(?P<value>{_NAMES})",
        rf"(?m)^(?i:from|to|cc|author|contact|name|sent by|reviewer|user)[ \t]*:[ \t]*(?P<value>{_NAMES})(?=[ \t]*(?:$|<|,|\())",
        r"(?<![\w@/.`~+])@(?P<value>[A-Za-z][\w-]{2,38})(?![\w@{(]|\.\w)",
        r"(?:我叫|我的名字是|我是|姓名[:：]|联系人[:：])\s?(?P<value>[\u4e00-\u9fff]{2,4}?)(?=[，。,.！!\s]|$|来自|在)",
    )
)  # fmt: skip
# What follows "this is", "Hi" or "Prof." without being a person, and decorators and mentions that are code.
_NO_PERSON = frozenset(
    """
    the this that there what how why when where which who all everyone everybody team folks colleagues sir madam expert assistant chatgpt
    gpt claude ai bot model yes no not ok please thanks monday tuesday wednesday thursday friday saturday sunday january february
    march april june july august september october november december english german french chinese python root geant geant4 pythia
    evtgen cern desy ihep fermilab kek besiii bes babar belle lhcb atlas cms alice higgs monte carlo standard qcd qed because fine
    good great just only about also still here your my our his her its their property staticmethod classmethod dataclass pytest override
    abstractmethod jit njit cache lru_cache wraps app param return returns author see brief todo deprecated note file version
    best regards cheers sincerely kind warm many thank
    article online book misc inproceedings techreport phdthesis master main dev latest firstname online
    in is are was were do does can could would should i we you it he she they a an of for with from to by as at on
    """.split()
)
_ARTICLE = re.compile(
    r"\b(?:et al|collaboration|boson|model|theory|equation|effect|theorem|experiment)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Found:
    """Personal data in a text: its kind and place."""

    kind: str
    start: int
    end: int


@dataclass
class Redaction:
    """Replaces personal data in the turns of one conversation.

    Args:
        names: names that are always replaced, such as those of the members of a group.

    Attributes:
        counts: how often each kind was replaced.
    """

    names: frozenset[str] = frozenset()
    counts: Counter[str] = field(default_factory=Counter)
    _places: dict[tuple[str, str], str] = field(default_factory=dict, repr=False)
    _numbers: Counter[str] = field(default_factory=Counter, repr=False)

    def __call__(self, text: str) -> str:
        """The text with placeholders; one value has one placeholder in all turns."""
        parts, done = [], 0
        for one in find(text, self.names, known=[value for kind, value in self._places if kind == "PERSON"]):
            value = text[one.start : one.end]
            parts += [text[done : one.start], self._placeholder(one.kind, value)]
            done = one.end
            self.counts[one.kind] += 1
        return "".join((*parts, text[done:]))

    def _placeholder(self, kind: str, value: str) -> str:
        key = kind, " ".join(value.split())
        if key not in self._places:
            self._numbers[kind] += 1
            self._places[key] = f"<{kind}_{self._numbers[kind]}>"
        return self._places[key]


def find(text: str, names: Iterable[str] = (), known: Iterable[str] = ()) -> list[Found]:
    """Personal data and secrets in a text, in order and without overlap; of two that overlap the one that begins first, then the longer.

    Args:
        names: names that are always found.
        known: names that context revealed elsewhere in the conversation, which are found without it.
    """
    found = [one for rule in _RULES for one in rule(text)]
    people = {
        name for one in found if one.kind == "PERSON" and not (name := text[one.start : one.end]).islower()
    }
    for name in sorted({*names, *known, *people}, key=len, reverse=True):
        for match in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text):
            found.append(Found("PERSON", *match.span()))
    kept: list[Found] = []
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept


def _simple(
    kind: str,
    pattern: re.Pattern[str],
    fits: Callable[[str, re.Match[str]], bool] = lambda value, match: True,
) -> Callable[[str], Iterable[Found]]:
    """A rule that finds the group `value` of a pattern, or all of it, where `fits` agrees."""
    group = "value" if "value" in pattern.groupindex else 0

    def rule(text: str) -> Iterable[Found]:
        for match in pattern.finditer(text):
            if fits(match[group], match):
                yield Found(kind, *match.span(group))

    return rule


def _digits(value: str) -> str:
    return "".join(c for c in value if c.isdigit())


def _is_phone(value: str, match: re.Match[str]) -> bool:
    return 7 <= len(_digits(value)) <= 15


def _is_said_phone(value: str, match: re.Match[str]) -> bool:
    return 6 <= len(_digits(value)) <= 15 and not re.fullmatch(r"\d{1,4}\s?[-/.]\s?\d{1,4}", value.strip())


def _is_address(value: str, match: re.Match[str]) -> bool:
    parts = [int(part) for part in value.split(".")]
    private = parts[0] in (0, 127) or value in ("255.255.255.255", "1.1.1.1", "8.8.8.8", "1.2.3.4")
    small = max(parts) < 20  # more likely a version or a section
    return (
        not private
        and not small
        and not _VERSION.search(match.string, max(0, match.start() - 16), match.start())
    )


def _is_secret(value: str, match: re.Match[str]) -> bool:
    bare = value.rstrip(".)!?")
    mixed = (
        any(c.isdigit() for c in bare)
        or any(not c.isalnum() for c in bare)
        or (bare != bare.lower() and bare != bare.capitalize())
    )
    # 'token is refreshed' speaks of one, 'my password is correcthorse' and 'password: correcthorse' give one.
    before = match.string[max(0, match.start() - 3) : match.start("value")].lower()
    said = before.startswith("my ") or re.search(r"[:=是为]\s*[\"'`]?$", before) is not None
    call = "(" in bare or bare.startswith(("-", "/", "["))
    return not _NOT_SECRET.match(bare) and not call and (mixed or (said and len(bare) >= 8))


def _is_home(value: str, match: re.Match[str]) -> bool:
    return value.lower() not in _SHARED


def _is_luhn(value: str, match: re.Match[str]) -> bool:
    """ISO/IEC 7812-1: the sum with every second digit from the right doubled is a multiple of ten."""
    digits = [int(d) for d in reversed(_digits(value))]
    total = sum(digits[::2]) + sum(sum(divmod(2 * d, 10)) for d in digits[1::2])
    return 13 <= len(digits) <= 19 and total % 10 == 0 and len(set(digits)) > 2 and digits[-1] in (3, 4, 5, 6)


def _is_chinese_id(value: str, match: re.Match[str]) -> bool:
    """GB 11643: the weighted sum of the first 17 digits gives the last character."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(d) * w for d, w in zip(value[:17], weights, strict=True))
    return "10X98765432"[total % 11] == value[17].upper()


def _is_orcid(value: str, match: re.Match[str]) -> bool:
    """ISO 7064 MOD 11-2 over the first 15 digits."""
    total = 0
    for digit in _digits(value[:-1]):
        total = (total + int(digit)) * 2
    return "0123456789X"[(12 - total % 11) % 11] == value[-1]


def _is_iban(value: str, match: re.Match[str]) -> bool:
    """ISO 13616: the number with its first four characters moved to the end is 1 modulo 97."""
    bare = value.replace(" ", "")
    number = "".join(str(int(c, 36)) for c in bare[4:] + bare[:4])
    return 15 <= len(bare) <= 34 and int(number) % 97 == 1


def _is_person(value: str, match: re.Match[str]) -> bool:
    first = re.split(r"[ '’-]", value)[0].lower()
    after = match.string[match.end() : match.end() + 24]
    return (
        first not in _NO_PERSON
        and not (value.isupper() and len(value) < 6)
        and not _ARTICLE.match(after.strip())
    )


_RULES: tuple[Callable[[str], Iterable[Found]], ...] = (
    _simple("EMAIL", _EMAIL),
    _simple("KEY", _KEYS),
    _simple("SECRET", _URL_ACCOUNT),
    _simple("SECRET", _SECRET, _is_secret),
    _simple("PHONE", _PHONE, _is_phone),
    _simple("PHONE", _PHONE_WORD, _is_said_phone),
    _simple("PHONE", _CHINESE_MOBILE),
    _simple("IP", _IP, _is_address),
    _simple("IP", _IPV6),
    _simple("USER", _HOME, _is_home),
    _simple("ID", _CHINESE_ID, _is_chinese_id),
    _simple("CARD", _CARD, _is_luhn),
    _simple("IBAN", _IBAN, _is_iban),
    _simple("ORCID", _ORCID, _is_orcid),
    *(_simple("PERSON", pattern, _is_person) for pattern in _PERSON),
)

KINDS: Mapping[str, str] = {
    "EMAIL": "addresses of electronic mail", "KEY": "keys of services", "SECRET": "passwords and tokens", "PHONE": "telephone numbers",
    "IP": "addresses of machines", "USER": "names of accounts in paths", "ID": "Chinese identity numbers", "CARD": "numbers of cards",
    "IBAN": "bank accounts", "ORCID": "ORCID numbers", "PERSON": "names of people in context",
}  # fmt: skip
