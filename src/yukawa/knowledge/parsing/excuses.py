"""Wishes for the answer, excuses and scenes around a question: 'no explanation needed', 'not urgent, but', 'exam in 20 min'."""

import re
from collections.abc import Sequence

from yukawa.knowledge.parsing import labels
from yukawa.knowledge.parsing.lexicon import is_notation, is_physics
from yukawa.knowledge.parsing.tokens import Token

# Words that make a condition of a clause, whoever speaks it.
ASSUMING = frozenset(
    "pretend pretending assume assuming suppose supposing consider considering mean prefer given if instead rather unless when neglect"
    " neglecting ignore imagine means meant wenn falls si angenommen gesetzt annehmen supposons supposez supposant"
    " imaginons".split()
)
# How words begin that make another thing of what they are said of.
ALTERS = tuple("switch turn doubl halv replac remov chang scal shift increas decreas neglect ignor".split())
CALENDAR = re.compile(
    r"(?:an? |the |in ){0,4}+(?:min(?:ute)?s?|h(?:our)?s?|d(?:ay)?s?|weeks?|months?|y(?:ea)?rs?|seconds?|euros?|km|kilometres?)$",
    re.IGNORECASE,
)
KNOWING = frozenset(
    "know idk remember understand recall sure certain idea clue weiss kenne finde erinnere sais trouve trouver retrouve retrouver connais"
    " souviens".split()
)
MEASURING = frozenset(
    "measured measure got get found find obtained obtain calculated calculate computed compute read fitted fit".split()
)
_PARDON = frozenset("forgive excuse pardon correct stop".split())
_ASIDE = ("never mind", "leaving aside", "setting aside", "no matter", "regardless of")
_REFRAIN, _FEW = 9, 3  # words
_IDLE_WORDS = frozenset(
    "else more mind any the a an please needed required necessary thanks of it further long".split()
)
_DISCOURSE = frozenset(
    "explanation explanations derivation derivations theory details detail background context discussion comment comments reasoning"
    " proof history lecture story words fuss hurry rush".split()
)
SAYING = [
    [word] for word in (*KNOWING, "find", "say", "tell", "mention", "list", "show", "help", "give", "work")
]
_REASONS = frozenset("because weil denn parce puisque car".split())
_EXISTING = frozenset("is are was were isn't aren't".split())
_ADDRESS = 5  # words


def is_refrain(inside: Sequence[Token]) -> bool:
    """'No explanation needed', 'no rush at all', 'please don't guess', 'Wikipedia doesn't say': wishes for the answer, and excuses."""
    said = [t.text.lower() for t in inside]
    aside = " ".join(said).startswith(_ASIDE)
    wished = aside or (said[0] == "no" and len(said) <= _FEW)  # 'no theory please'
    plain = all(
        t.kind in ("word", "neutral", "function", "negation", "explain")
        or (wished and t.value == ("predicted", "yes"))
        for t in inside
    )
    strange = [t.text for t in inside if t.kind == "word" and t.text.lower() not in _DISCOURSE]
    if not plain or len(inside) > _REFRAIN or any(map(is_physics, strange)):
        return False
    if aside or said == ["besides"] or said[:2] == ["not", "that"] or said[0] == "whatever":
        return True
    if said[0] in (
        "no",
        "nothing",
        "without",
        "never",
        "not",
    ):  # 'no theory please', 'without any explanation', 'never mind the details'
        rest = [w for w in said[1:] if w not in _IDLE_WORDS]
        return (
            sum(t.kind == "word" for t in inside) <= 1
            if said[0] in ("no", "nothing")
            else bool(rest) and set(rest) <= _DISCOURSE
        )
    negated = next((i for i, t in enumerate(inside) if said[i].endswith(("n't", "nt", "not"))), None)
    if negated is None or ASSUMING & set(said) or any(t.kind == "explain" for t in inside):
        return False
    begins = all(word in ("please", "and", "but") for word in said[:negated])
    names = any(t.kind == "neutral" for t in inside)  # 'don't use the newest value'
    return (begins and said[negated] in ("don't", "dont") and not names) or said[
        negated + 1 : negated + 2
    ] in SAYING


def is_reason(said: Sequence[str], inside: Sequence[Token]) -> bool:
    """'Because the textbook skips it': a reason of asking is none of what is asked."""
    physics = any(is_physics(t.text) or is_notation(t.text) for t in inside if t.kind == "word")
    return said[0] in _REASONS and not physics and not any(t.kind in ("amount", "qualifier") for t in inside)


def is_scene(said: Sequence[str], inside: Sequence[Token]) -> bool:
    """'There is no bookshop here', 'there were 25 questions': what there is in everyday life."""
    exists = said[0] == "there's" or (said[0] == "there" and said[1:2] and said[1] in _EXISTING)
    quiet = all(t.kind in ("word", "neutral", "function", "negation") or labels.is_bare(t) for t in inside)
    strange = [t.text for t in inside if t.kind == "word"]
    return bool(exists and quiet and not any(is_physics(w) or is_notation(w) for w in strange))


def is_due(inside: Sequence[Token]) -> bool:
    """'Exam in 20 min': an everyday noun and how soon it is."""
    amounts = [i for i, t in enumerate(inside) if t.kind == "amount"]
    if (
        len(amounts) != 1
        or inside[0].kind != "word"
        or inside[amounts[0] - 1].text.lower() not in ("in", "within")
    ):
        return False
    amount = inside[amounts[0]].value
    strange = [t.text for t in inside if t.kind == "word"]
    everyday = not any(is_physics(word) or is_notation(word) for word in strange)
    quiet = all(t.kind in ("word", "function", "amount") for t in inside)
    return quiet and everyday and CALENDAR.match(amount.unit) is not None


def knows_nothing(inside: Sequence[Token]) -> bool:
    """'Don't know', 'not sure', 'no idea': the one who speaks is not named."""
    return (
        len(inside) <= _ADDRESS
        and inside[0].kind == "negation"
        and any(t.text.lower() in KNOWING for t in inside[1:3])
    )


def is_address(inside: Sequence[Token]) -> bool:
    """'Dear particle physicists', 'Hi Yukawa'."""
    greets = inside[0].text.lower() == "dear" or ("talk", None) in (
        (inside[0].kind, inside[0].value),
        *inside[0].otherwise,
    )
    return (
        greets
        and len(inside) <= _ADDRESS
        and all(t.kind in ("word", "neutral", "function", "class") for t in inside)
    )


def is_excuse(tokens: Sequence[Token], part: range) -> bool:
    """'Not urgent, | but', 'forgive me | if this is trivial': what excuses a question, without physics of its own."""
    first, behind = tokens[part.start].text.lower(), tokens[part.stop : part.stop + 2]
    if first == "not" and part.start == 0 and [t.text.lower() for t in behind] == [",", "but"]:
        rest = [tokens[i] for i in part][1:]
        return all(t.kind in ("word", "function") and not is_physics(t.text) for t in rest)
    asked = [t.text.lower() for t in tokens[max(0, part.start - 2) : part.start]]
    inside = [tokens[i] for i in part]
    quiet = all(t.kind in ("function", "word", "neutral") and not is_notation(t.text) for t in inside)
    return quiet and asked[1:] == ["me"] and asked[0] in _PARDON and inside[0].text.lower() == "if"
