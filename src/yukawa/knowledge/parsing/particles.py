"""Recognises particle names in any spelling and gives the Particle Data Group's name and identifier."""

import functools
import importlib.util
import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from yukawa.core.errors import check_installed
from yukawa.knowledge.parsing.listed import IGNORED, UNLISTED, described_states, mended, squeeze
from yukawa.knowledge.parsing.names import ENGLISH, GENUS, GERMAN, ROMANCE, SHORT

_CHARGE = re.compile(r"(?:0|\+\+|--|\+|-)$")
# Words for charge before a name, and in Romance languages after it.
_CHARGED = re.compile(
    r"(?<!\S)(?:elektrisch )?(charged|neutral|positive(?:ly charged)?|negative(?:ly charged)?|(?:positiv |negativ |un)?geladene[nrsm]?"
    r"|neutrale[nrsm]?|positive[nrsm]|negative[nrsm])[ -]+$",
    re.IGNORECASE,
)
_CHARGED_AFTER = re.compile(
    r" (?:chargee?s? (?=[pn])|de charge (?=[pn]))?(chargee?s?|cargad[oa]s?|caric[oahe]{1,2}|neutr[eoai]s?"
    r"|positi(?:fs?|ves?|vement|v[oa]s?)|negati(?:fs?|ves?|vement|v[oa]s?))(?![A-Za-z])"
)
_FRENCH_ARTICLE = re.compile(
    r"(?:\b(?:le|du|un|ce|au)|\bl'|\bd')(?: (?:meson|boson|lepton))? ?$", re.IGNORECASE
)
_STATE = re.compile(r" ?\( {0,3}~?\d{1,6}[SPDF]? {0,3}\)")
# What a decay mode says in brackets just after a name.
_NOTE = re.compile(r"\((?:[SPDF]-wave|NR|non|[SDI][DEN]|ex|\(?parallel|\(?perp|0\))")
_LETTERS = re.compile(r"[A-Za-z]+")
_SPACED_NUMBER = re.compile(r" \d")
_VERB = re.compile(r" is(?!\w)")
_POWER_OF_TEN = re.compile(r"\d[eE][+-]\d")  # '2e-10' holds no electron
# A hyphen before an ordinary word is not a charge: 'tau-lepton', 'K-decays', but 'K-pi+' is.
_HYPHEN = re.compile(
    r"-(?!(?:anti|pi|mu|tau|nu|eta|rho|phi|gamma|omega|psi|chi|Lambda|Sigma|Delta|Omega|Upsilon|lepton[+-])(?![a-z]{2})|nubar|(?:b|cc?)bar(?![a-z]))[A-Za-z][a-z]{2,}"
)
_WORD = re.compile(r"(?:[A-Za-z][ _^(){}/,]*){3}")
_WORDY = re.compile(r"[A-Za-z]{3}")
_KIND_BEFORE = re.compile(
    r"(?<![A-Za-z])(?:(?:anti)?quark|mesone?|bosone?|baryon|barione?|leptone?|hyperon|particle|particule|teilchen) $",
    re.IGNORECASE,
)
_ELIDED = re.compile(r"(?:\b[ldLD]|ll)'$")  # "l'electron", "dell'elettrone"
_FOLLOWING = re.compile(r"[ -]([A-Za-z]{1,20})(?![A-Za-z_]|[+-](?![A-Za-z]))")
_NAME = re.compile(r"^(?P<base>J/psi|[A-Za-z]+?)(?P<bar>bar)?(?:_(?P<sub>[A-Za-z0-9_]+))?(?:\^(?P<mark>[*']+))?"
                   r"(?:\((?P<mass>[^)]*)\))?(?P<charge>0|\+\+|--|\+|-)?$")  # fmt: skip

_SPECIAL = {
    "D^*0": "D^*(2007)0", "D^*+": "D^*(2010)+", "D^*-": "D^*(2010)-", "Dbar^*0": "Dbar^*(2007)0",
    "K^*0": "K^*(892)0", "K^*+": "K^*(892)+", "K^*-": "K^*(892)-", "Kbar^*0": "Kbar^*(892)0",
    "rho0": "rho(770)0", "rho+": "rho(770)+", "rho-": "rho(770)-",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Particle:
    """One charge state: PDG name, PDG identifiers (`S035`), charge in e, and its antiparticle's name."""

    name: str
    identifiers: tuple[str, ...]
    charge: float | None
    conjugate: str
    is_antiparticle: bool


@dataclass(frozen=True, slots=True)
class Mention:
    """A particle named in a text: `text[start:end]` can mean any of the PDG `names`."""

    start: int
    end: int
    names: tuple[str, ...]
    charge_given: bool


@dataclass(frozen=True, slots=True)
class Spellings:
    """Squeezed spellings with the PDG names they can mean, and all beginnings of them."""

    names: dict[str, tuple[str, ...]]
    beginnings: frozenset[str]


@dataclass(frozen=True, slots=True)
class ParticleTable:
    """All particles by PDG name, and every spelling that leads to them, exact and without regard to case."""

    particles: dict[str, Particle]
    families: dict[str, tuple[str, ...]]
    spellings: Spellings
    folded: Spellings
    numbers: dict[int, str]  # names by Monte Carlo number

    def identifiers(self, names: Iterable[str]) -> tuple[str, ...]:
        """PDG identifiers of `names`, sorted."""
        return tuple(sorted({i for n in names for i in self.particles[n].identifiers}))


def database_path() -> Path:
    """The SQLite file inside the `pdg` package.

    Raises:
        MissingPackage: `pdg` is not installed.
    """
    check_installed("pdg", "reading the Particle Data Group's data")
    spec = importlib.util.find_spec("pdg")
    return Path(str(spec and spec.origin)).parent / "pdg.sqlite"


@functools.lru_cache(maxsize=1)
def particle_table() -> ParticleTable:
    """The table made from the installed PDG edition (about 30 ms, once a process)."""
    connection = sqlite3.connect(f"file:{database_path()}?mode=ro", uri=True)
    try:
        rows = connection.execute("SELECT name, pdgid, charge, cc_type, mcid FROM pdgparticle").fetchall()
        masses = connection.execute(
            "SELECT pdgid, description FROM pdgid WHERE description LIKE '% MASS'"
        ).fetchall()
        families = connection.execute(
            "SELECT g.name, p.name FROM pdgitem_map m JOIN pdgitem g ON g.id = m.pdgitem_id"
            " JOIN pdgitem t ON t.id = m.target_id LEFT JOIN pdgitem_map n ON n.pdgitem_id = t.id"
            " JOIN pdgparticle p ON p.pdgitem_id = t.id OR p.pdgitem_id = n.target_id WHERE g.name NOT IN ('nu_lepton', 'nubar_lepton')"
        ).fetchall()
    finally:
        connection.close()
    rows = list(mended(rows))
    rows += [(*state, None) for state in described_states([row[:4] for row in rows], masses)]
    identifiers: dict[str, list[str]] = defaultdict(list)
    for name, identifier, *_ in rows:
        identifiers[name].append(identifier)
    conjugates = _conjugates(rows)
    particles = {
        name: Particle(name, tuple(identifiers[name]), charge, conjugates[name], kind == "A")
        for name, _, charge, kind, _ in rows
    }
    groups: dict[str, set[str]] = defaultdict(set)
    for family, name in families:
        groups[family].add(name)
    members: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for name, found in identifiers.items():
        for identifier in found:
            members[identifier] += (name,)
    numbers = {number: name for name, *_, number in reversed(rows) if number is not None}
    return ParticleTable(particles, members, *_spellings(particles, groups), numbers)


def _conjugates(rows: Iterable[tuple[str, str, float | None, str, int | None]]) -> dict[str, str]:
    """The antiparticle of each name: the state of one identifier with the other charge; else the name itself."""
    states = {(i, None if c is None else -c, kind != "A"): name for name, i, c, kind, _ in rows}
    # The data mark mu- and tau- as their own antiparticles, too; only neutral ones can be.
    own = {name for name, _, charge, kind, _ in rows if kind == "S" and not charge}
    return {n: n if n in own else states.get((i, c, kind == "A"), n) for n, i, c, kind, _ in rows}


def _spellings(particles: dict[str, Particle], groups: dict[str, set[str]]) -> tuple[Spellings, Spellings]:
    """Every spelling with what it can mean, exactly as written and without regard to case."""
    table: dict[str, set[str]] = defaultdict(set)
    _add_particles(table, particles)
    bases: dict[str, set[str]] = defaultdict(set)
    for name in particles:
        if (match := _NAME.match(name)) and match["charge"]:
            bases[name[: match.start("charge")]].add(name)
    families = _families(particles, groups, bases)
    _add_families(table, particles, families)
    resolve = {**{name: {name} for name in particles}, **bases, **families}
    _add_short_names(table, resolve)
    table["D*"] = {"D^*(2007)0", "D^*(2010)+", "D^*(2010)-", "Dbar^*(2007)0"} & set(particles)
    for key in ("Dbar*", "antiD*"):
        table[key] = {"Dbar^*(2007)0", "D^*(2010)-"} & set(particles)
    _add_conjugates(table, particles)
    folded = _folded(table, resolve, particles)
    _add_charges(table, particles)
    return _frozen(table), _frozen(folded)


def _add_particles(table: dict[str, set[str]], particles: dict[str, Particle]) -> None:
    """Each charge state in all its spellings, also with the charge that its name omits."""
    # Without brackets 'D_0^*(2300)0' and 'D^0*_2(3000)' look alike: a name as the PDG writes it comes first.
    own = {squeeze(name): name for name in particles}
    own |= {"anti" + squeeze(name.replace("bar", "", 1)): name for name in particles if "bar" in name}
    for name, particle in particles.items():
        for key in _variants(name):
            if own.get(key, name) != name:
                continue
            table[key].add(name)
            if particle.charge is not None and not _CHARGE.search(name):
                charge = "0" if particle.charge == 0 else "+" if particle.charge > 0 else "-"
                table[key + charge].add(name)
                if name + charge in particles:  # listed as 'Xi_b(6087)', described as 'Xi_b(6087)0'
                    table[key].add(name + charge)


def _families(
    particles: dict[str, Particle], groups: dict[str, set[str]], bases: dict[str, set[str]]
) -> dict[str, set[str]]:
    """Names that mean several charge states: the PDG's groups, names less their charge, and groups of one charge."""
    right = {wrong: state for states in UNLISTED.values() for wrong, (state, _) in states.items()}
    families = {
        n: {right.get(m, m) for m in bases.get(n, set()) | groups.get(n, set())} for n in (*bases, *groups)
    }
    families["nubar"] = {particles[n].conjugate for n in families.get("nu", ())}
    families = {family: _of_particles(members, particles) for family, members in families.items()}
    families |= _of_antiparticles(families, particles)
    for family, members in list(families.items()):
        if "_cbar" in family:
            families.setdefault(family.replace("_cbar", "").replace("c_s(", "cs("), set(members))
    for family, members in list(families.items()):
        for name in members:
            charge = _CHARGE.search(name)
            if charge and not (charge[0] == "0" and particles[name].is_antiparticle and "bar" not in family):
                families.setdefault(family + charge[0], set()).add(name)
    return {family: members for family, members in families.items() if family not in particles}


def _of_particles(members: set[str], particles: dict[str, Particle]) -> set[str]:
    """`members` less the antiparticles that a name without 'bar' does not mean: not Sigmabar for Sigma, but K- for K."""
    if any(particles[n].is_antiparticle and "bar" not in n for n in members):
        return members
    return {n for n in members if not particles[n].is_antiparticle} or members


def _of_antiparticles(families: dict[str, set[str]], particles: dict[str, Particle]) -> dict[str, set[str]]:
    """The families of antiparticles, such as Kbar and Sigmabar_c(2455)."""
    found = {}
    for family, members in families.items():
        conjugates = {
            particles[n].conjugate for n in members if not particles[n].is_antiparticle
        } - members | {n for n in members if particles[n].is_antiparticle}
        if "bar" not in family and any("bar" in n and "_cbar" not in n for n in conjugates):
            found[_LETTERS.sub(r"\g<0>bar", family, count=1)] = conjugates
    return found


def _add_families(
    table: dict[str, set[str]], particles: dict[str, Particle], families: dict[str, set[str]]
) -> None:
    for family, members in families.items():
        for key in _variants(family):
            table.setdefault(key, set()).update(members)


def _add_short_names(table: dict[str, set[str]], resolve: dict[str, set[str]]) -> None:
    for short, target in {**SHORT, **_SPECIAL}.items():
        anti = [_LETTERS.sub(r"\g<0>bar", name, count=1) for name in (short, target)]
        for name, meant in ((short, target), anti):
            for charge in ("", "0", "+", "-", "++", "--"):
                names = resolve.get(meant + charge) or (None if charge else resolve.get(meant.rstrip("0")))
                for key in _variants(name + charge) if names else ():
                    table[key] = set(names or ())


def _folded(
    table: dict[str, set[str]], resolve: dict[str, set[str]], particles: dict[str, Particle]
) -> dict[str, set[str]]:
    """Spellings in lower case, where they stay distinct, and the English names."""
    folded: dict[str, set[str]] = defaultdict(set)
    for key, names in table.items():
        # Case tells short names apart: 'B_1' is not 'b_1', 'bs' not B_s.
        if _WORDY.match(key) and key.lower() not in {"pbar", "nbar"}:
            folded[key.lower()] |= names
    for word, target in {**ENGLISH, **GERMAN, **ROMANCE, **ENGLISH}.items():
        folded[word] = folded[word + "s"] = set(resolve.get(target) or resolve[target.rstrip("0")])
        for charge in "+-0":  # 'kaon+', as programs write
            if charged := resolve.get(target.rstrip("0") + charge):
                folded.setdefault(word + charge, set(charged))
    folded["neutrino"] = folded["neutrinos"] = {n for n in particles if n.startswith("nu")}
    return folded


def _add_charges(table: dict[str, set[str]], particles: dict[str, Particle]) -> None:
    """`pi±`, `K+-` and `e-+` mean both charged states."""
    for key in [k for k in table if k.endswith("+") and not k.endswith("++")]:
        both = set(table[key]) | {particles[n].conjugate for n in table[key]}
        for signs in ("+-", "-+"):
            table.setdefault(key[:-1] + signs, set()).update(both)


def _add_conjugates(table: dict[str, set[str]], particles: dict[str, Particle]) -> None:
    """'anti' before a name that is not a bar's: 'anti-pi+' is the pi-."""
    for name, particle in particles.items():
        if particle.conjugate != name and "bar" not in name:
            table.setdefault("anti" + squeeze(name), {particle.conjugate})


def _frozen(table: dict[str, set[str]]) -> Spellings:
    names = {key: tuple(sorted(found)) for key, found in table.items() if found}
    beginnings: set[str] = set()
    for key in names:
        beginning = key[:-1]
        while beginning and beginning not in beginnings:  # with a beginning its own beginnings are there
            beginnings.add(beginning)
            beginning = beginning[:-1]
    return Spellings(names, frozenset(beginnings))


def _variants(name: str) -> Iterator[str]:
    """Squeezed spellings of one PDG name: parts of a name are written in several orders."""
    yield squeeze(name)
    if name.startswith("K(") and name[2] in "SL":
        name = "K_" + name[2] + name[4:]
    match = _NAME.match(name)
    if match is None:
        return
    base, bar, sub, mark, mass, charge = (
        part or "" for part in match.group("base", "bar", "sub", "mark", "mass", "charge")
    )
    base, sub = base.replace("/", ""), sub.replace("_", "")
    masses = {mass, ""} if mass == "" else {mass}
    for m in masses:
        for inner in {sub + mark, mark + sub}:
            for body in {
                inner + m + charge,
                inner + charge + m,
                charge + inner + m,
                mark + charge + sub + m,
                sub + charge + mark + m,
            }:
                if bar:
                    yield from (base + "bar" + body, "anti" + base + body, base + body + "bar")
                else:
                    yield base + body


def find_particles(text: str) -> list[Mention]:
    """Particles named in `text` (already `plain_ascii`), longest names first, never overlapping."""
    mentions: list[Mention] = []
    position, length = 0, len(text)
    while position < length:
        mention = mention_at(text, position) if text[position].isalpha() else None
        if mention is not None:
            done = mentions[-1].end if mentions else 0  # of 'B meson B0' the kind belongs to the first name
            mentions.append(mention if mention.start >= done else replace(mention, start=position))
            position = mention.end
        elif text[position].isalpha() and not _inside_word(text, position):
            position = _next_word(text, position)
        else:
            position += 1
    return mentions


def mention_at(text: str, position: int) -> Mention | None:
    """The longest particle name that begins at `text[position]`, if one does."""
    if _inside_word(text, position) or _POWER_OF_TEN.match(text, max(0, position - 1)):
        return None
    table = particle_table()
    exact = _longest(text, position, table.spellings)
    folded = _longest(text, position, table.folded, fold=True) if _WORD.match(text, position) else None
    found = folded if folded and (exact is None or folded[0] > exact[0]) else exact
    if found is None or text[position : found[0]] == "Gamma":  # the symbol of a width, not a photon
        return None
    return _narrowed(text, position, *found, table)


def _inside_word(text: str, position: int) -> bool:
    before = text[position - 1 : position]
    if before.isdigit():  # '2pi+' starts a name after a multiplicity, '12pi' and 'B0s' do not
        return text[position - 2 : position - 1].isalnum()
    if before == "'" and _ELIDED.search(text, max(0, position - 3), position):
        return False
    if before == "/":
        return text[position - 2 : position - 1] == "J"
    return before.isalpha() or (before != "" and before in "_^'*~")


def _next_word(text: str, position: int) -> int:
    while position < len(text) and (text[position].isalnum() or text[position] in "_^'*"):
        position += 1
        if text[position - 1] == "'" and _ELIDED.search(text, max(0, position - 3), position):
            return position
    return position + 1 if position < len(text) and not text[position].isalpha() else position


def _longest(
    text: str, start: int, table: Spellings, *, fold: bool = False
) -> tuple[int, tuple[str, ...]] | None:
    """The longest name that begins at `start`: one past its last character, and the names it can mean; None if there is none.

    Args:
        text: a plain text.
        start: the place of the first character.
        table: the spellings of the names, and the beginnings of spellings.
        fold: whether capitals and small letters are the same, as in names in words.
    """
    key, depth, best = "", 0, None
    for position in range(start, len(text)):
        character = text[position]
        if character in IGNORED:
            if (
                text.startswith("(*)", position)
                or ((len(key) == 1 or key[-1:] in ("+", "-", "0")) and _SPACED_NUMBER.match(text, position))
                or _VERB.match(text, position)
            ):
                break  # 'D^(*)' is D or D*; 'a 0.5' names nothing, 'K- 2 pi+' no K_2, 'neutron is' no plural
            if fold and character == "," and not depth:
                break  # 'an electron, neutrino' are two
            depth += (character == "(") - (character == ")")
            if depth < 0:
                break
            continue
        if character in "+-" and text[position - 1 : position] == " ":  # 'm(D+) - m(D0)': a minus, no charge
            break
        if character == "-" and _HYPHEN.match(text, position):
            break
        key += character.lower() if fold else character
        names = table.names.get(key)
        if names is not None:
            end = position + 1
            if depth == 1 and text[end : end + 1] == ")":
                end += 1
                # The number in a closed bracket is a mass, never a charge: rho(7700) is not rho(770)0.
                names = tuple(n for n in names if not (n.endswith("0") and squeeze(n) == key)) or None
            if names and (depth == 0 or text[end - 1] == ")") and _ends(text, end, character):
                best = (end, names)
        if key not in table.beginnings:
            break
    return best


def _ends(text: str, end: int, last: str) -> bool:
    """Whether a name can stop before `text[end]`."""
    if end >= len(text):
        return True
    following = text[end]
    if following in "_^'*":
        if text.startswith("^(*)", end):
            return False
        return following == "'" and (
            text[end + 1 : end + 2] == "s" or (last == "s" and text[end - 2 : end].islower())
        )
    if following == "(":  # a state of another mass, or a function of the brackets' content: m(…), B(…)
        return _NOTE.match(text, end) is not None
    if (
        following in "+-" and not text[end + 1 : end + 2].isalpha()
    ):  # a charge that no particle of this name has
        return last not in "+-" and text[end + 1 : end + 2] == ">"
    if following.isalnum():
        return last in "+-" or (last == "0" and following.isalpha())
    return _STATE.match(text, end) is None


def _narrowed(text: str, start: int, end: int, names: tuple[str, ...], table: ParticleTable) -> Mention:
    """Use 'charged', 'neutral' before a name and swallow 'meson', 'boson' … after it."""
    given = text[end - 1] in "+-0" or len({table.particles[n].charge for n in names}) == 1
    if (before := _CHARGED.search(text, max(0, start - 24), start)) and (
        kept := _of_charge(names, before[1])
    ):
        names, given, start = kept, True, before.start()
    if kind := _KIND_BEFORE.search(text, max(0, start - 14), start):
        start = kind.start()
    following = _FOLLOWING.match(text, end)
    if following and following[1].lower() in GENUS:
        end = following.end()
    after = _CHARGED_AFTER.match(text, end)
    if after and after[1] == "charge" and not _FRENCH_ARTICLE.search(text, max(0, start - 12), start):
        after = None  # 'proton charge radius', where 'le pion chargé' has lost its accent
    if after and (kept := _of_charge(names, after[1])):
        names, given, end = kept, True, after.end()
    return Mention(start, end, names, given)


def _of_charge(names: tuple[str, ...], word: str) -> tuple[str, ...]:
    """Those of `names` that 'charged', 'neutral', 'positive' or 'negative' (in any language) can mean."""
    particles = particle_table().particles
    charges = {name: particles[name].charge or 0.0 for name in names}
    kind = word.lower()[:3]
    if kind in ("neu", "ung"):
        return tuple(n for n in names if charges[n] == 0)
    if kind in ("pos", "neg"):
        return tuple(n for n in names if charges[n] * (1 if kind == "pos" else -1) > 0)
    return tuple(n for n in names if charges[n])
