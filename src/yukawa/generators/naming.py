"""Finds the particles that a sentence names, by names of EvtGen, the Review or habit, and what comes between them."""

import functools
import itertools
import re
from collections.abc import Sequence

from yukawa.core.errors import InputError
from yukawa.generators import energies, named_models, phrases, plans, species, weights, words
from yukawa.knowledge.parsing.particles import find_particles, particle_table

_ARROW = re.compile(
    r"^[\s,)]*+(?:(?:meson|mesons|baryon|boson|介子|重子|粒子)s? )?(?:(?:which|that|then|and|并|再|,) ?)*+"
    r"(?:(?:only|always|then|can|should|will|must|is forced|are forced|forced|going|goes|go|decaying|decayed|decays?|tranistion\w*"
    r"|transitions?|exclusively|衰变|衰變|全部|只|首先|先|会|可以|主要|直接|都) ?)*+"
    r"(?:→|\b(?:in)?to\b|\bin\b(?! )|\binto\b|产生的?|到|至|成|为|為)\s*(?:both )?",
    re.IGNORECASE,
)
_COUNTS = {
    "two": 2, "three": 3, "four": 4, "a pair of": 2, "2": 2, "3": 3, "4": 4, "两个": 2, "兩個": 2, "三个": 3, "四个": 4, "一对": 2,
    "一對": 2,
}  # fmt: skip
_COUNT = re.compile(rf"(?:^|[\s(,到成为為])({'|'.join(_COUNTS)})\s*(?:x |neutral |charged )?$", re.IGNORECASE)
_SEPARATES = re.compile(r"[,;:.。，；：、]")
# Between daughters stand only these; any other word begins another decay.
_LINKS = re.compile(
    r"\b(?:an?|the|and|or|of|plus|pairs?|mesons?|baryons?|bosons?|charged|neutral|one|two|three|four|both|each|every|all|x|also)\b"
    r"|和|与|以及|及|或者|或|两个|兩個|三个|四个|一个|一对|对|个|介子|重子|的", re.IGNORECASE,
)  # fmt: skip
# Words that give a choice, that end a list, that mean one or all of a kind.
_INSTEAD = re.compile(r"\bor\b|或|/")
_JOINED = re.compile(r"\band\b|\bthe\b|和|与|以及")
_ONE = re.compile(r"\bone\b|一个")
_THROUGH = re.compile(
    r"(?:\b(?:via|through)\s{1,3}(?:(?:the|an?|intermediate) ){0,2}|经由?\s{0,3}|经过\s{0,3}|通过\s{0,3})$"
)
_EVERY = re.compile(r"\b(?:both|each|every|all)\b|两个都|都")
_WORDS = frozenset("a b c d g s t u table system string cluster junction indep phasespa".split())
_NICKNAMES = {
    "Ks": "K_S0", "KS": "K_S0", "K_S": "K_S0", "Ks0": "K_S0", "KS0": "K_S0", "K0s": "K_S0", "K0S": "K_S0", "Kl": "K_L0", "KL": "K_L0",
    "K_L": "K_L0", "Kst0": "K*0", "Kstar0": "K*0", "Kst+": "K*+", "Kst-": "K*-", "Dst+": "D*+", "Dst-": "D*-", "Dst0": "D*0",
    "Dstar+": "D*+", "Dstar-": "D*-", "Dstar0": "D*0", "Ds+": "D_s+", "Ds-": "D_s-", "Ds*+": "D_s*+", "Ds*-": "D_s*-",
    "Dsst+": "D_s*+", "Dsst-": "D_s*-", "Lc+": "Lambda_c+", "Lc": "Lambda_c+", "Lb": "Lambda_b0", "Lb0": "Lambda_b0", "Bs": "B_s0",
    "Bs0": "B_s0", "Bd": "B0", "Bu": "B+", "Bu+": "B+", "Bc+": "B_c+", "Bc-": "B_c-", "Jpsi": "J/psi", "X(1835)": "x(1835)",
    "etap": "eta'", "etaprime": "eta'", "psi2S": "psi(2S)", "Psi(2S)": "psi(2S)",
    "psi(3686)": "psi(2S)", "chic0": "chi_c0", "chic1": "chi_c1", "chic2": "chi_c2", "etac": "eta_c", "hc": "h_c",
}  # fmt: skip
_UNKNOWN_PARENT = re.compile(r"(?<!\S)(\S++)\s{1,3}(?:in)?to\s{0,3}$")
_WITHOUT_CAPITAL = re.compile(r"(?:bs|bd|bu|lb)|(?=[bdkl])[a-z*]{1,3}(?:bar)?[\d*+-]{1,3}(?:bar)?")
_LIKE_PARTICLE = re.compile(
    r"(?<![A-Za-z])(?:[A-Za-z]\w{0,30}(?:[*'+-]{1,4}\w{0,30}){1,6}|[A-Za-z]{1,30}_\w{1,30}|[A-Za-z]\w{0,30}\(\d\w{0,30}\))"
)
_ENDS = re.compile(
    r"[,:;.→。，：()]|\b(?:to|into|where|then|at|in|for|whose|follow\w*|after\w*|while|when|which|that|from|on|by|using)\b|到|衰变"
)
_HYPHENATED = re.compile(r"(?<![\w*'+-])(?!anti)[A-Za-z]{3,20}-[A-Za-z]{3,20}(?![\w*'+-])")
_FAR = 40  # characters before a particle in which its adjectives stand
_SHORTEST = 4  # letters of a word for which a name is offered
_ASIDE = re.compile(r"\b(?:at|from|near|above|on)\s+(?:the\s+|an?\s+)?$|在\s*$")
# Names of the newest Review that the tables of generators write otherwise.
_OF_TABLES = {
    "X(3872)": "X_1(3872)",
    "Y(4260)": "psi(4260)",
    "f_0(980)": "f_0",
    "f_0(500)": "sigma_0",
    "f_0(600)": "sigma_0",
}


@functools.cache
def _generator_names() -> dict[str, str]:
    """Names of EvtGen by those of the PDG: the shortest of a Monte Carlo number, which the tables decay."""
    numbered = particle_table().numbers
    names: dict[str, str] = {}
    for name, each in sorted(species.known_species().items(), key=lambda row: (len(row[0]), row[0])):
        pdg = numbered.get(each.number)
        if pdg is not None:
            names.setdefault(pdg, name)
    return names | {
        "p": "p+",
        "pbar": "anti-p-",
        "n": "n0",
        "nbar": "anti-n0",
        "f_0(980)0": "f_0",
        "chi_c1(3872)": "X_1(3872)",
    }


def _places(plain: str) -> list[tuple[int, int, tuple[str, ...]]]:
    """Where particles are named, and the names of EvtGen that each can mean."""
    places: list[tuple[int, int, tuple[str, ...]]] = []
    for word in re.finditer(r"[^\s,;]+", plain):
        name = word[0].strip(".:")
        bare = re.sub(r"^anti-?", "anti-", name)
        # Lambda_c- is the antiparticle of which the table's name begins with anti-.
        usual = (name, bare, f"anti-{name}") if name[-1:] in ("+", "-") else (name, bare)
        right = next(
            (each for each in usual if each in species.known_species() and each not in _WORDS),
            _NICKNAMES.get(name, ""),
        )
        uncharged = tuple(
            f"{name}{sign}" for sign in ("0", "+", "++", "-") if f"{name}{sign}" in species.known_species()
        )
        if right:
            places.append((word.start(), word.start() + len(name), (_OF_TABLES.get(right, right),)))
        elif capital := _with_capital(name):
            places.append((word.start(), word.start() + len(name), capital))
        elif (
            "_" in name and uncharged and not find_particles(name)
        ):  # Omega_cc, of which the Review does not know
            places.append((word.start(), word.start() + len(name), uncharged))
    taken = {at for start, end, _ in places for at in range(start, end)}
    names = _generator_names()
    for mention in find_particles(plain):
        if (
            mention.start in taken or plain[mention.start : mention.end] == "N"
        ):  # a nucleon, or a heavy neutrino
            continue
        options = tuple(dict.fromkeys(names[name] for name in mention.names if name in names))
        if all(name.startswith("nu_") for name in options) and plain[mention.start : mention.end].rstrip(
            "s"
        ) in ("nu", "neutrino"):
            options += tuple(f"anti-{name}" for name in options)
        if options:
            places.append((mention.start, mention.end, options))
    return sorted(places)


def _with_capital(name: str) -> tuple[str, ...]:
    """What a name typed without its capital letter means: bs, d*+, k*0, d0bar."""
    if not _WITHOUT_CAPITAL.fullmatch(name):
        return ()
    capital = name[0].upper() + name[1:]
    if capital in _NICKNAMES:
        return (_NICKNAMES[capital],)
    if capital in species.known_species():
        return (capital,)
    whole = [found for found in find_particles(capital) if (found.start, found.end) == (0, len(capital))]
    names = _generator_names()
    return tuple(dict.fromkeys(names[each] for found in whole for each in found.names if each in names))


def named_particles(plain: str, *, strict: bool = True) -> list[plans.NamedParticle]:
    """The particles of a sentence with what comes between them; `strict` refuses what is not read."""
    places = _places(plain)
    free = {start for start, end, _ in places if phrases.FREE.match(plain, end)}
    for start, end, _ in places:
        words_ = phrases.FREE_BEFORE.search(plain, max(0, start - _FAR), start)
        if words_ and not _ARROW.match(plain[end:]):
            free.add(start)
            plain = plain[: words_.start()] + " " * (start - words_.start()) + plain[start:]
    plain = _without_free(plain, places)
    if strict:
        phrases.refuse_wishes(plain)
    found: list[plans.NamedParticle] = []
    last = 0
    for start, end, options in places:
        each = plans.NamedParticle(options, plain[start:end])
        gap = _without_models(plain[last:start], found[-1] if found else None, each)
        if found:
            _behind(found[-1], gap)
        if strict:
            decayed = any(each.arrow or each.opens for each in found)  # before, a sentence says what it likes
            parent = None if found else _UNKNOWN_PARENT.search(gap)
            _refuse_unknown(parent[1] if parent else gap, between=decayed or "→" in gap or parent is not None)
        count = _COUNT.search(gap.rstrip() + (" " if gap.endswith(" ") else ""))
        each.count = _COUNTS[count[1].lower()] if count else 1
        each.aside = bool(_ASIDE.search(gap)) or start in free or each.model_of == "own"
        each.begins = bool(re.search(r"[^\W\d_]", _LINKS.sub(" ", gap)))
        each.listed, each.joined = bool(_SEPARATES.search(gap)), bool(_JOINED.search(gap))
        if each.model_of in ("own", "first") and bool(found):
            each.begins = True
        if found and found[-1].model_of == "made":
            each.listed = True
        each.apart = each.begins or each.listed or each.joined or not found
        each.part = 2 if phrases.OTHER in gap else 1 if _ONE.search(gap) else 0
        each.instead, each.every = bool(_INSTEAD.search(gap)), bool(_EVERY.search(gap))
        each.either = "+-" in each.text or "-+" in each.text
        each.share = weights.share_of(gap)
        each.through = bool(_THROUGH.search(gap))
        each.origin = gap.strip() == "in" or bool(re.search(r"\bfrom\s+(?:the\s+|an?\s+)?$", gap))
        found.append(each)
        last = end
    for before, each in itertools.pairwise(found):
        if each.origin and each.arrow:  # "eta → mu+ mu- in J/psi → phi eta"
            before.arrow, each.begins = False, True
    gap = _without_models(plain[last:], found[-1] if found else None, None)
    if strict and found:
        _refuse_behind(found[-1], gap)
    return found


_OF_NEXT = re.compile(
    r"\s{0,3}(?:\b(?:is|are|to|be|should|used?|model)\b\s{0,3}){0,4}\b(?:for|of|in)\s{1,3}(?:(?:the|decays?|of|in)\s{1,3}){0,4}$"
)


def _without_models(gap: str, before: plans.NamedParticle | None, after: plans.NamedParticle | None) -> str:
    """A gap without the models that are named in it, which are noted at the particles that they belong to.

    Raises:
        UnreadSentence: which decay a model is for is not certain.
    """
    for start, end, (name, *arguments) in reversed(named_models.models_in(gap)):
        scope = {named_models.ALL: "all", named_models.BOTH: "both"}.get(name[0], "")
        model = (name.lstrip(named_models.ALL + named_models.BOTH), *arguments)
        rest = gap[end:]
        if not scope and after is not None and not after.model and _OF_NEXT.match(rest):
            after.model, after.model_of = model, "own"
        elif before is None and after is not None and not after.model:
            after.model, after.model_of = model, scope or "first"
        elif before is not None and not before.model:
            to = _ARROW.match(rest) is not None and after is not None
            before.model, before.model_of = model, scope or ("own" if to else "made")
            before.outside = gap[:start].count(")")
        elif before is None or before.model != model:
            raise plans.UnreadSentence(
                f"which decay the model {model[0]} is for is not certain",
                hint='write it behind its decay: "A -> B C (MODEL)"',
            )
        gap = f"{gap[:start]} {rest}"
    return gap


def _refuse_behind(before: plans.NamedParticle, gap: str) -> None:
    """Refuse what may be a daughter behind the last particle, and a decay to something else than particles."""
    _refuse_unknown(gap, between=False)
    arrow = _ARROW.match(gap)
    if arrow:
        rest = _SEPARATES.split(gap[arrow.end() :], maxsplit=1)[0].strip()
        raise plans.UnreadSentence(
            f'what {before.text} decays to ("{rest[:60]}") names no particle',
            hint="write, for instance, e+ e- or mu+ mu-",
        )
    first = _ENDS.split(gap, maxsplit=1)[0]
    _refuse_unknown(first, between=True)


def _behind(before: plans.NamedParticle, gap: str) -> None:
    """Note what follows a particle: an arrow, a bracket."""
    inner = gap.replace("(", " ").replace(")", " ")
    arrow = gap.strip() == "in" or _ARROW.match(inner.lstrip() if "(" in gap else inner)
    before.opens = "(" in gap
    before.closes = gap.count(")")
    before.arrow = bool(arrow) and not _SEPARATES.match(inner.strip()[:1] or "x")


def _without_free(plain: str, places: Sequence[tuple[int, int, tuple[str, ...]]]) -> str:
    """A sentence without the words that leave a particle to the decay table."""
    for _, end, _ in places:
        words_ = phrases.FREE.match(plain, end)
        if words_:
            plain = plain[:end] + " " * (words_.end() - end) + plain[words_.end() :]
    return plain


def _refuse_unknown(gap: str, *, between: bool) -> None:
    """Refuse what may be a particle that is not known, and between particles each word that may alter what is meant."""
    for pattern in (*phrases.EXPERIMENTS.values(), phrases.FILE):
        gap = pattern.sub(" ", gap)
    rest = energies.ENERGY.sub(" ", energies.without_spread(gap))
    others = list(phrases.unread_words(rest)) if between else []
    like = _LIKE_PARTICLE.search(_HYPHENATED.sub(" ", gap)) or next(
        filter(None, (re.fullmatch(r"[A-Z]", word) for word in others)), None
    )
    if like:
        near = _slip_of(like[0])
        raise InputError(
            f"the sentence names {like[0]}, which is not a particle of the tables",
            hint=f"write {near}" if near else "",
        )
    if others:
        raise plans.UnreadSentence(
            f'what "{" ".join(others)[:60]}" beside the particles means is not read',
            hint='write "A -> B C, B -> D E"',
        )


def _slip_of(word: str) -> str:
    """The one particle of the Review for which a word is a slip of the pen; '' if there is none, or if the word is short."""
    if len(word) < _SHORTEST:
        return ""
    signs = re.sub(r"[A-Za-z]", "", word)
    listed = (
        name for name in (*_generator_names().values(), *_NICKNAMES) if re.sub(r"[A-Za-z]", "", name) == signs
    )
    found = {name for name in listed if words.is_slip(word, name)}
    return found.pop() if len(found) == 1 else ""
