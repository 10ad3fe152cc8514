"""Decides which words that no goal uses could still change the answer: those are unread, and the question is refused."""

import difflib
import itertools
from collections.abc import Sequence, Set

from yukawa.knowledge.parsing.asides import FIRST_PERSON, located
from yukawa.knowledge.parsing.bearing import bearing
from yukawa.knowledge.parsing.beside import POLITE, WANTING, directions, outside
from yukawa.knowledge.parsing.clauses import MEANINGFUL, Clause
from yukawa.knowledge.parsing.excuses import ALTERS, KNOWING
from yukawa.knowledge.parsing.framing import beyond_framing
from yukawa.knowledge.parsing.leading import OF, of_statement, of_tale
from yukawa.knowledge.parsing.lexicon import is_notation, is_physics
from yukawa.knowledge.parsing.names import GENUS
from yukawa.knowledge.parsing.tokens import Token

_QUESTION_WORDS = frozenset("how what which who whose wie welche quel quelle combien".split())
_BEFORE_VERBS = frozenset("i we you am are was were i'm we're have had can could will would to".split())
_BACKGROUND = frozenset({"function", "neutral", "join", "pronoun", "aside", "into", "weighing", "list"})
_STATING = frozenset({"when", "as", "if", "once", "while"})
_ADVERBS = frozenset("possible usual always measured accurately precisely exactly".split())
_LOOSE = frozenset(
    "for on before after during until till because so since while as if and but tonight tomorrow today later otherwise please"
    " thanks für fur vor nach während wegen bitte danke pour avant après apres pendant car merci".split()
)


def unread(clauses: Sequence[Clause]) -> list[Token]:
    """The tokens of all sentences that no goal uses and that are not provably neutral."""
    if not any(clause.used for clause in clauses):
        strange = [t for clause in clauses for t in clause.tokens if t.kind == "word"]
        return strange or [t for clause in clauses for t in clause.tokens if t.kind in MEANINGFUL]
    used = [clause.tokens[i] for clause in clauses for i in clause.used]
    known = {name for t in used if t.kind == "thing" for name in t.value.names}
    known |= {n for t in used if t.kind == "channel" for names in t.value.products for n in names}
    return [token for clause in clauses for token in _left_by(clause, clauses, known)]


def _left_by(clause: Clause, clauses: Sequence[Clause], known: Set[str]) -> list[Token]:
    """The unread tokens of a sentence; of one that only leads to the question none, where it says but what is known."""
    if not clause.used and (found := directions(clause) or bearing(clause.tokens)):
        return found
    if clause.states and clause.text(0) in ("in", "inside", "within") and (found := bearing(clause.tokens)):
        return found
    if (
        not clause.used
        and not clause.asked
        and len(clauses) > 1
        and (found := beyond_framing(clause.tokens, clause.language))
    ):
        return found
    if clause.tale:
        return of_tale(clause)
    only_named = all(clause.tokens[i].kind in ("thing", "code", "qualifier") for i in clause.used)
    if not (clause.states and only_named):
        return _unread(clause, known)
    # 'I fit a Breit-Wigner for the rho': what people say of themselves, and what names only things that are asked about
    apart = clause.contains(FIRST_PERSON) or not clause.used
    return [] if apart and not _unread(clause, known) else of_statement(clause, clauses)


def _unread(clause: Clause, known: Set[str]) -> list[Token]:
    """The tokens of a clause that no goal covers and that are not provably neutral."""
    if not clause.used:
        return outside(clause, known)
    first, last = min(clause.used), max(clause.used)
    found = []
    title = _title(clause, first)
    for place, token in enumerate(clause.tokens):
        if place < title and token.kind in ("word", "neutral", "explain", "amount", "unit"):
            continue
        if place > last and _participle(clause, place):
            found += [clause.tokens[place - 1], token]
            continue
        own = place not in clause.used and _of_own(clause, place)
        if own or _first_of_several(clause, place) or _unreal(clause, place):
            found.append(token)
        if place in clause.used or token.kind in _BACKGROUND:
            continue
        if token.kind == "negation" and _of_asker_alone(clause, place):
            continue
        if token.kind in MEANINGFUL or (token.kind in ("compare", "most") and token.value[0]):
            found.append(token)
        elif token.kind == "mark":
            if (
                token.text in "'*^"
                and place
                and place - 1 in clause.used
                and token.start == clause.tokens[place - 1].end
                and not _quoted(clause, place)
            ):
                found += [clause.tokens[place - 1], token]  # 'Z\''
        elif _dangerous(clause, place, first, last):
            found.append(token)
    return found


def _quoted(clause: Clause, place: int) -> bool:
    """Whether the quotation mark at `place` ends what another began before a property: "the 'c tau'"; 'the name "quark"' is a word."""
    opened = [i for i in range(place) if clause.text(i) == clause.text(place)]
    return bool(opened) and opened[-1] + 2 == place and clause.tokens[place - 1].kind == "property"


def _of_own(clause: Clause, place: int) -> bool:
    """'My mass of the muon', 'our measured lifetime': what the asker has found is not what is known."""
    after = place + 1
    while after < len(clause.tokens) - 1 and clause.tokens[after].kind == "neutral":
        after += 1
    owned = after < len(clause.tokens) and after in clause.used and clause.tokens[after].kind == "property"
    behind = (
        place > 1 and _attached(clause, place - 2) and located([clause.text(place - 1)])
    )  # '… in my experiment'
    genitive = clause.text(place) == "'s" and clause.tokens[place - 1].kind == "word"  # 'my friend's mass of'
    return (owned or behind) and (clause.text(place) in _POSSESSIVE or (genitive and owned))


def _attached(clause: Clause, place: int) -> bool:
    """Whether there are only idle words between what is asked and what begins behind `place`."""
    while place > 0 and place not in clause.used and _is_filling(clause, place):
        place -= 1
    return place in clause.used


def _is_filling(clause: Clause, place: int) -> bool:
    return clause.tokens[place].kind == "neutral" or clause.text(place) in _FILLING


_FILLING = frozenset("please thanks be have carry then really exactly now value".split())
_POSSESSIVE = frozenset("my our mein meine meinen meiner unser unsere unserer mon ma mes notre nos".split())


def _first_of_several(clause: Clause, place: int) -> bool:
    """'The first muon', 'the muon candidate': one of several, whatever is known of all."""
    if place == 0:
        return False
    text, before = clause.text(place), clause.tokens[place - 1]
    if text in ("candidate", "candidates"):
        return place - 1 in clause.used and before.kind == "thing"
    phrase = _phrase(clause, place)
    if text in ("one", "ones") and clause.text(phrase.start) == "for" and place == phrase.stop - 1:
        return place - phrase.start > 1 and place > max(clause.used)  # 'for a bound one'
    after = clause.tokens[place + 1] if place + 1 < len(clause.tokens) else before
    return text in ("first", "next") and before.text.lower() == "the" and after.kind in ("thing", "property")


def _unreal(clause: Clause, place: int) -> bool:
    """'If it were massless', 'unless it is bound', 'if time stood still': a condition on what is not a person."""
    text = clause.text(place)
    if text in _ASSUMED:
        inside = _phrase(clause, place)
        behind = [clause.tokens[i].kind for i in inside if i > place]
        strange = "word" in behind and "thing" not in behind
        return strange and not set(clause.words(inside)) & _PEOPLE
    if text not in ("if", "unless", "provided"):
        return False
    near = [t for t in clause.tokens[place + 1 : place + 8] if t.text.lower() not in OF]
    if (
        near
        and near[0].kind in ("thing", "class", "property")
        and any(t.text.lower() in _SUPPOSED for t in near)
    ):
        return True  # 'If the muon had the mass of the electron, what would …'
    phrase = [i for i in _phrase(clause, place) if i > place]
    words = clause.words(range(place + 1, phrase[-1] + 1)) if phrase else []
    if any(t.kind == "factor" or t.text.lower().startswith(ALTERS) for t in near):
        return True  # 'if you double the muon mass'
    if set(words) & _PEOPLE or not words:
        return False
    supposed = words[0] in _ITS and words[1:2] and words[1] in _SUPPOSED
    this = words[0] in ("it's", "that's", "this", "that")
    strange = not this and any(clause.tokens[i].kind == "word" for i in phrase)
    if text == "provided":
        return words[0] in _ITS or words[0] == "that"
    return text == "unless" or bool(supposed) or strange


_PEOPLE = FIRST_PERSON | frozenset("anyone anybody someone somebody he she".split())
_ASSUMED = frozenset("assuming assume suppose supposing pretend pretending imagine imagining".split())
_SUPPOSED = {"were", "had", "did", "could"}


def _title(clause: Clause, first: int) -> int:
    """Where 'For an estimate of the range of the strong force:' ends, a purpose ahead of the question; 0 where none is."""
    colon = max((i for i in range(first) if clause.tokens[i].text == ":"), default=0)
    said = [clause.text(i) for i in range(colon)]
    return colon if said and said[0] in _PURPOSES and not WANTING & set(said) else 0


_PURPOSES = frozenset("for about regarding concerning fur pour".split())


def _participle(clause: Clause, place: int) -> bool:
    """'… when bound', '… as given by Chen': a state or a source without a subject of its own belongs to what precedes it.

    'As listed', 'as quoted nowadays' is how the sources have it.
    """
    listed = clause.text(place) in _LISTED and clause.text(place - 1) == "as"
    rest = [i for i in _phrase(clause, place) if i > place] if listed else []
    if listed and all(
        clause.tokens[i].kind in _BACKGROUND and clause.text(i) not in ("by", "in") for i in rest
    ):
        return False
    return (
        place > 0
        and clause.tokens[place].kind in ("neutral", "word")
        and clause.text(place - 1) in _STATING
        and clause.text(place) not in _ADVERBS
    )


_LISTED = frozenset("listed quoted tabulated accepted published given printed known recommended used".split())


def _of_asker_alone(clause: Clause, place: int) -> bool:
    """'If you don't mind', 'I don't know': a negation that speaks of people and of no physics."""
    phrase = _phrase(clause, place)
    people = set(clause.words(phrase)) & FIRST_PERSON
    if people and any(clause.text(i) in KNOWING for i in phrase if place < i <= place + 2):
        return True
    apart = (phrase.start == 0 or _is_mark(clause.tokens[phrase.start - 1])) and (
        phrase.stop == len(clause.tokens) or _is_mark(clause.tokens[phrase.stop])
    )
    others = [
        i
        for i in phrase
        if i != place and (clause.tokens[i].kind in MEANINGFUL or is_physics(clause.tokens[i].text))
    ]
    return apart and not others and bool(people)


def _dangerous(clause: Clause, place: int, first: int, last: int) -> bool:
    """Whether a word that nothing knows can change what is asked."""
    token = clause.tokens[place]
    if token.text.lower() == "neutrinoless" and _without_neutrinos(clause):
        return False
    phrase = _phrase(clause, place)
    ahead = {word for i in range(phrase.start, place) for word in clause.text(i).split()}
    if _SOURCES & ahead and not {"i", "we"} & set(clause.words(phrase)):
        return True  # 'according to my supervisor'
    if (
        _place_of_asker(clause, place, phrase, first)
        or _adverb(token.text)
        or _for_document(clause, place, phrase)
    ):
        return False
    if any(t.text.lower() in ("i.e.", "ie", "i.e") for t in clause.tokens[place + 1 : place + 4]):
        return False  # 'the threshold, i.e. twice the D0 mass'
    if _imperative(clause, place) or _telling(clause, place):
        return False
    if place + 1 < len(clause.tokens) and _adverb(clause.text(place + 1)) and not is_physics(token.text):
        return False  # 'super precisely'
    if is_notation(token.text):
        return not (
            place < first and token.text.isalpha() and _asker(clause, phrase)
        )  # 'in a HepMC dump I see'
    if first < place < last:
        return not _parenthetical(clause, place, first, last)
    if place < first:
        return _before(clause, place, first, phrase)
    return _after(clause, place, last, phrase)


def _without_neutrinos(clause: Clause) -> bool:
    """Whether the decay that is asked about has none: 'neutrinoless' says so again."""
    channels = [clause.tokens[i] for i in clause.used if clause.tokens[i].kind == "channel"]
    names = [name for t in channels for product in t.value.products for name in product]
    return bool(channels) and not any(name.startswith("nu") for name in names)


def _imperative(clause: Clause, place: int) -> bool:
    """'Express the mass …', 'convert it': a word that begins a sentence before an article or a pronoun is its verb."""
    ahead = clause.tokens[:place]
    if place + 1 >= len(clause.tokens) or any(t.kind not in ("function", "mark", "neutral") for t in ahead):
        return False
    begins = not ahead or all(t.kind == "mark" or t.text.lower() in POLITE for t in ahead)
    word = clause.text(place)
    return (
        begins
        and clause.text(place + 1) in _OBJECTS
        and word.isalpha()
        and word not in _NO_ASKING
        and not is_physics(word)
    )


def _telling(clause: Clause, place: int) -> bool:
    """'Kann mir jemand die Masse des Protons nennen?': in German the verb that belongs to 'mir' comes last."""
    word = clause.tokens[place].text
    german = (
        clause.language == "de"
        and clause.contains(("mir", "uns", "jemand", "du", "man", "ihr", "ich", "wir"))
        and word.islower()
    )
    last = place + 1 == len(clause.tokens) or _is_mark(clause.tokens[place + 1])
    return german and last and word.endswith("en") and not is_physics(word)


_SOURCES = frozenset("according laut selon".split())
_NO_ASKING = WANTING.union(
    "ignore neglect drop remove change replace scale vary shift increase decrease".split()
)
_OBJECTS = frozenset("the this that these it me us for die das den la le les".split())


def _adverb(text: str) -> bool:
    """'Practically', 'typically': an adverb of manner or degree names nothing; those of physics are known."""
    word = text.lower()
    return text.isalpha() and word.endswith("ly") and word not in _NO_ADVERBS and not is_physics(word)


_NO_ADVERBS = frozenset("only july early family supply fly apply reply imply assembly anomaly italy".split())


def _for_document(clause: Clause, place: int, phrase: range) -> bool:
    """'For the generator card', 'for the systematic uncertainty table': in what a document is for nothing is asked of its kind."""
    start = next((i for i in range(place, phrase.start - 1, -1) if clause.text(i) in _AHEAD_OF), None)
    if start is None:
        return False
    noun = list(
        itertools.takewhile(
            lambda i: clause.tokens[i].kind in ("word", "neutral", "mark"), range(place, phrase.stop)
        )
    )
    quiet = all(clause.tokens[i].kind in ("function", "word", "neutral", "mark") for i in range(start, place))
    heads = _EVENTS if start is not None and clause.text(start) in _AT_TIMES else _DOCUMENTS | _EVENTS
    return quiet and bool(noun) and any(clause.text(i) in heads for i in noun)


_AT_TIMES = ("before", "after", "during", "vor", "avant")
_AHEAD_OF = ("for", "into", "fur", "pour", *_AT_TIMES)
_EVENTS = frozenset("meeting meetings conference workshop seminar lecture school exam call shift".split())
_DOCUMENTS = frozenset(
    "card cards table tables slide slides note notes plot plots paper thesis report script code poster talk lecture seminar article figure"
    " caption exercise homework exam quiz file files macro spreadsheet notebook wiki document section appendix chapter tutorial"
    " presentation proposal essay caption database".split()
)


def _place_of_asker(clause: Clause, place: int, phrase: range, first: int) -> bool:
    """'For a seminar at DESY, what is …': an acronym behind 'at', in a phrase of its own ahead of the question."""
    apart = phrase.stop <= first and phrase.stop < len(clause.tokens) and _is_mark(clause.tokens[phrase.stop])
    return apart and place > 0 and clause.text(place - 1) == "at" and clause.tokens[place].text.isalpha()


def _phrase(clause: Clause, place: int) -> range:
    """The places around `place` up to the next mark or part of a goal."""
    start = place
    while start > 0 and not _ends_phrase(clause, start - 1):
        start -= 1
    end = place + 1
    while end < len(clause.tokens) and not _ends_phrase(clause, end):
        end += 1
    return range(start, end)


def _ends_phrase(clause: Clause, place: int) -> bool:
    return place in clause.used or (_is_mark(clause.tokens[place]) and not _glued(clause, place))


def _glued(clause: Clause, place: int) -> bool:
    """Whether a hyphen joins a word that makes another thing of it, 'Xi-ccbar', and no slip of 'tau-lepton'."""
    token, plain = clause.tokens[place], clause.plain
    joined = not (plain[token.start - 1 : token.start] + plain[token.end : token.end + 1]).count(" ")
    if token.text != "-" or not joined or place + 1 == len(clause.tokens):
        return False
    return not difflib.get_close_matches(clause.text(place + 1), GENUS, n=1, cutoff=0.75)


def _is_mark(token: Token) -> bool:
    return token.kind == "mark" or token.text in (",", "/")


def _asker(clause: Clause, phrase: range) -> bool:
    words = set(clause.words(phrase))
    return bool(words & FIRST_PERSON) and not words & WANTING


def _before(clause: Clause, place: int, first: int, phrase: range) -> bool:
    """Judge a word ahead of the core: neutral unless it is in the same noun phrase or speaks of physics."""
    if _asker(clause, phrase) and place > phrase.start and clause.text(place - 1) in _BEFORE_VERBS:
        return False  # 'I am normalising to …'
    if _asker(clause, phrase) and clause.text(place + 1) in ("on", "about"):
        return False  # 'I'm giving a talk on the Higgs boson'
    if clause.language == "zh" and phrase.stop <= first and _is_mark(clause.tokens[phrase.stop]):
        return bool(beyond_framing([clause.tokens[i] for i in phrase], "zh"))  # '在强磁场中,…'
    asks = clause.text(first).split()[0] in _QUESTION_WORDS if first < len(clause.tokens) else False
    opening = clause.text(phrase.start).split()[0]
    named = opening == "on" and clause.tokens[place].text.istitle() and clause.text(place) not in _DAYS
    if (opening in _AROUND or (named and place == phrase.start + 1)) and not _asker(clause, phrase):
        return True  # 'under extreme pressure, …', 'on Venus, …'
    if (
        phrase.stop == first
        and not asks
        and not any(_boundary(clause.tokens[i], clause.text(i - 1)) for i in range(place + 1, first))
    ):
        return True  # 'dark photon mass', 'colour of the muon'
    asked = not _asker(clause, phrase) or located(clause.words(phrase))
    return is_physics(clause.tokens[place].text) and asked  # also 'in my simulation, …'


_AROUND = frozenset("under inside within near outside beyond".split())


def _boundary(token: Token, before: str) -> bool:
    """Whether a new phrase begins with this word: a verb of asking, a pronoun, a question word; no article or preposition."""
    if isinstance(token.value, float) or (token.kind == "neutral" and token.text in _CLASSIFIERS):
        return False  # '第三代夸克'
    if token.text == "た" and before in "しされ":
        return False  # '予想された中間子'
    return token.kind in ("pronoun", "list", "neutral", "join") or (
        token.kind == "function" and token.text.lower() not in _WITHIN
    )


_CLASSIFIERS = frozenset("代种態态版年方")
_WITHIN = frozenset(
    "a an the this that these those of in on at by for from with to about into onto over under between among per such its their own"
    " 的 中 里 裡 内 上 下 在 于 对 时 の 中で の中 の中で での における 内の し さ れ して した する された される".split()
)


def _after(clause: Clause, place: int, last: int, phrase: range) -> bool:
    """Judge a word behind the core: neutral unless it modifies what precedes it."""
    text = clause.tokens[place].text
    ahead = [clause.tokens[i] for i in range(last + 1, place)]
    between = [t.text.lower() for t in ahead]
    bracketed = clause.text(phrase.start - 1) == "(" and _attached(clause, phrase.start - 2)
    closing = [t.text in (")", "]") for t in clause.tokens[last + 1 : phrase.start]]
    attached = not closing or (all(closing) and text.isalpha())  # 'm(K) of zork'
    if attached and not [t for t in ahead if t.kind in ("function", "pronoun", "join", "neutral", "list")]:
        return True  # 'tau sneutrino'
    start = next((i for i in range(phrase.start, place) if not _is_filling(clause, i)), place)
    words = clause.words(range(start, phrase.stop))
    opening = words[0]
    if bracketed and (opening == "on" or located(words)):
        return True  # '(on Venus)'
    if opening in ("the", "its") and words[-1] in ("one", "ones"):
        return True  # ', the tree level one'
    if opening in _ENVIRONMENT and not attached and "the" in words and not set(words) & FIRST_PERSON:
        return True  # ', in the presence of matter'
    if attached and opening not in _LOOSE and not (_asker(clause, phrase) and not located(words)):
        return True  # 'of water', 'in iron', 'to nothing', 'in my experiment'
    if attached and (
        (opening in _WHENEVER and set(words) & _ITS)
        or words[-1] in ("one", "ones")
        or (opening == "on" and not set(words) & _DAYS and not _asker(clause, phrase))
    ):
        return True  # 'after it hits a target', 'for a fast one', 'on Mars'
    return between[:1] in (["its"], ["their"]) or (is_physics(text) and not _asker(clause, phrase))


_ENVIRONMENT = frozenset("in inside within under near through".split())
_WHENEVER = frozenset("after before when while once during until till nach vor während après avant".split())
_ITS = frozenset("it they es sie elle il".split())
_DAYS = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october"
    " november december christmas easter holiday holidays weekend weekends".split()
)


def _parenthetical(clause: Clause, place: int, first: int, last: int) -> bool:
    """Whether a word inside the core is an aside of the asker between commas or dashes."""
    phrase = _phrase(clause, place)
    marks = [i for i in (phrase.start - 1, phrase.stop) if 0 <= i < len(clause.tokens)]
    enclosed = len(marks) == 2 and all(_is_mark(clause.tokens[i]) for i in marks)
    return enclosed and _asker(clause, phrase) and not any(is_physics(w) for w in clause.words(phrase))
