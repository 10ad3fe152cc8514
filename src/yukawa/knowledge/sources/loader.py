"""Brings the Review of Particle Physics into a knowledge base and keeps it at the installed edition."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from yukawa.core.processes import Progress
from yukawa.knowledge.base import KnowledgeBase
from yukawa.knowledge.items import NewItem, new_item, with_keys
from yukawa.knowledge.parsing import claim_key, decay_keys, difference_keys, particle_table
from yukawa.knowledge.sources import constants
from yukawa.knowledge.sources.pdg.facts import Statement, statements
from yukawa.knowledge.sources.pdg.review import LICENCE, edition

AUTHOR = "Particle Data Group"
# Statements of these kinds give the plain quantity of their particle.
_PLAIN = {
    "mass", "width", "lifetime", "branching-fraction", "magnetic-moment", "magnetic-moment-anomaly", "charge-radius",
    "mean-square-charge-radius",
    "electric-dipole-moment", "partial-lifetime",
}  # fmt: skip


def build_pdg(base: KnowledgeBase, *, progress: Progress | None = None) -> int:
    """Teach every fact of the installed `pdg` package; returns the number of facts.

    It can be repeated: known facts are skipped, facts of a newer edition replace the older ones, and
    facts that an edition no longer holds are unloaded.
    """
    new_items = pdg_items(statements())
    withdrawn = _others(base, new_items, constants_only=False)
    base.build(
        new_items, actor=AUTHOR, withdrawn=withdrawn, reason="edition of the Review", progress=progress
    )
    base.set_meta("pdg", edition()["edition"])
    base.save_index()
    return len(new_items)


def build_constants(base: KnowledgeBase) -> int:
    """Teach the fundamental constants of CODATA; returns their number. It can be repeated."""
    found = [_constant_item(statement) for statement in constants.constants()]
    withdrawn = _others(base, found, constants_only=True)
    base.build(found, actor=constants.SOURCE, withdrawn=withdrawn, reason="adjustment of the constants")
    base.set_meta("codata", constants.edition())
    base.save_index()
    return len(found)


def _others(base: KnowledgeBase, new_items: Sequence[NewItem], *, constants_only: bool) -> list[str]:
    """The constants, or all other data of a base, that are not among `new_items`, whatever put them there."""
    wanted = {new.item_id for new in new_items}
    found = (item.id for item in base.list(kind="data"))
    return [i for i in found if i.startswith(constants.PREFIX) is constants_only and i not in wanted]


def _constant_item(statement: constants.ConstantStatement) -> NewItem:
    item = new_item(
        statement.text, kind="data", source=statement.label, url=constants.URL, author=constants.SOURCE, licence=constants.LICENCE,
        domain="particle physics", item_id=statement.id,
        attributes={"facts": [fact.as_json() for fact in statement.facts], "meaning": f"value of the {statement.facts[0].name}"},
    )  # fmt: skip
    # A mass in kg shall not come before the Review's when someone asks for the particle's mass.
    terms = tuple(term for term in item.passages[0].terms if term[0] not in "@#=")
    return replace(item, passages=(replace(item.passages[0], terms=terms),))


def pdg_items(found: Iterable[Statement]) -> list[NewItem]:
    """One item for each statement, which carries its facts; its search keys come from these and not from the sentence."""
    return [_new_item(statement) for statement in found]


def _new_item(statement: Statement) -> NewItem:
    item = new_item(
        statement.text, kind="data", source=statement.label, url=statement.url, author=AUTHOR, licence=LICENCE,
        domain="particle physics", item_id=statement.id,
        attributes={
            "facts": [fact.as_json() for fact in statement.facts], "preferred": statement.preferred,
            "meaning": _meaning(statement),
        },
    )  # fmt: skip
    return with_keys(item, _keys(statement))


def _keys(statement: Statement) -> tuple[str, ...]:
    """The claim keys of a statement, by which taught items find the data that they correct."""
    table = particle_table()
    if statement.kind in ("quantum numbers", "main decay modes"):
        states = statement.id.split(":")[-1] if ":" in statement.id[4:] else ""
        names: Sequence[str] = (
            [states] if states in table.particles else table.families.get(statement.particle, ())
        )
        names = [n for n in names if not table.particles[n].is_antiparticle] or list(names)
        return tuple(sorted({claim_key(n, statement.kind.replace(" ", "-"), ()) for n in names}))
    fact = statement.facts[0]
    subjects = [name for name in fact.subjects if name in table.particles]
    if minus := fact.qualifiers.get("minus"):
        second = minus.split(", ")
        return difference_keys([n for n in subjects if n not in second] or second, second)
    if (
        fact.property not in _PLAIN
        or not subjects
        or (fact.property == "branching-fraction" and not fact.channel)
    ):
        return ()
    if fact.channel:
        return decay_keys(subjects, fact.property, fact.channel)
    return tuple(sorted({claim_key(name, fact.property, ()) for name in subjects}))


def _meaning(statement: Statement) -> str:
    """The subject and property of the statement, without value and doubled spellings, so that embedding is quick and precise."""
    subject = statement.subject.split(" (")[0]
    first = statement.facts[0] if statement.facts else None
    if first and first.channel:
        return f"{statement.kind} of {subject}, decay to {' '.join(first.channel)}"
    if first is None or first.property in _PLAIN or statement.kind == "quantum numbers":
        return f"{statement.kind} of {subject}"
    about = re.split(r" (?:is|has|:) ", statement.text, maxsplit=1)[0]
    return re.sub(r"(?<!\s)\s*\([^()]*(?:\([^()]*\)[^()]*)*\)", "", about)[:160]
