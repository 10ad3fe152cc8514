"""Brings the Review of Particle Physics into a knowledge base and keeps it at the installed edition."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from yukawa.knowledge.base import KnowledgeBase, Progress
from yukawa.knowledge.items import NewItem, new_item, with_keys
from yukawa.knowledge.parsing import (
    claim_key,
    decay_keys,
    difference_keys,
    find_quantities,
    is_range,
    particle_table,
    read,
)
from yukawa.knowledge.sources.pdg.facts import LICENCE, Fact, edition, facts

AUTHOR = "Particle Data Group"
# Facts of these properties state the plain quantity of their particle, if they name it at the start.
_PLAIN = {
    "mass", "width", "lifetime", "branching fraction", "quantum numbers", "magnetic moment", "charge radius",
    "main decay modes", "electric dipole moment", "partial mean life",
}  # fmt: skip
_PLAIN_START = re.compile(r"(The (Breit-Wigner |full |mean[- ]square )*|Main |Quantum |The decay )")


def build_pdg(base: KnowledgeBase, *, progress: Progress | None = None) -> int:
    """Teach every fact of the installed `pdg` package; returns the number of facts.

    It can be repeated: known facts are skipped, facts of a newer edition replace the older ones, and
    facts that an edition no longer holds are unloaded.
    """
    new_items = pdg_items(facts())
    base.teach_many(new_items, actor=AUTHOR, reason="edition of the Review", progress=progress)
    wanted = {new.item_id for new in new_items}
    for item in base.list(kind="data", author=AUTHOR):
        if item.id not in wanted:
            base.unload(item.id, actor=AUTHOR, reason="not in the installed edition")
    base.set_meta("pdg", edition()["edition"])
    base.save_index()
    return len(new_items)


def pdg_items(found: Iterable[Fact]) -> list[NewItem]:
    """One item for each fact, with claim keys from the data and not from the sentence."""
    return [_new_item(fact) for fact in found]


def _new_item(fact: Fact) -> NewItem:
    item = new_item(
        fact.text, kind="data", source=fact.label, url=fact.url, author=AUTHOR, licence=LICENCE, domain="particle physics",
        item_id=fact.external_id,
        attributes={"property": fact.property, "preferred": fact.preferred, "year": fact.year, "meaning": _meaning(fact)},
    )  # fmt: skip
    keys = _keys(fact)
    one_value = keys and fact.value is not None and not is_range(fact.text)
    quantities = find_quantities(fact.text.split(" is ", 1)[-1]) if one_value else []
    return with_keys(item, keys, quantities[0] if quantities else None)


def _keys(fact: Fact) -> tuple[str, ...]:
    if fact.property == "mass difference":
        mentions = read(fact.text.rsplit(" is ", 1)[0]).mentions
        return difference_keys(mentions[-2].names, mentions[-1].names) if len(mentions) > 2 else ()
    name = fact.property.replace(" ", "-")
    if fact.property == "magnetic moment" and "magnetic moment anomaly" in fact.text:
        name = "magnetic-moment-anomaly"
    elif fact.property not in _PLAIN or not _PLAIN_START.match(fact.text):
        return ()
    table = particle_table()
    subjects = _subjects(fact)
    products = fact.channel if fact.property in {"branching fraction", "partial mean life"} else ()
    if fact.property == "branching fraction" and not products:
        return ()
    wanted = [s for s in subjects if not table.particles[s].is_antiparticle] or list(subjects)
    if products:
        return decay_keys(wanted, name, products)
    return tuple(sorted({claim_key(s, name, ()) for s in wanted}))


def _subjects(fact: Fact) -> Sequence[str]:
    """PDG names of the charge states the fact is about."""
    table = particle_table()
    family = table.families.get(fact.particle, ())
    if "#quantum-numbers:" in fact.external_id:
        return (
            [fact.external_id.split(":")[-1]]
            if fact.external_id.split(":")[-1] in table.particles
            else family
        )
    for mention in read(fact.text).mentions:
        named = [n for n in mention.names if n in family]
        if named:
            return named
    return family


def _meaning(fact: Fact) -> str:
    """The subject and property of the fact, without value and doubled spellings, so that embedding is quick and precise."""
    subject = fact.subject.split(" (")[0]
    if fact.channel:
        return f"{fact.property} of {subject}, decay to {' '.join(fact.channel)}"
    if fact.property in _PLAIN:
        return f"{fact.property} of {subject}"
    about = re.split(r" (?:is|has|:) ", fact.text, maxsplit=1)[0]
    return re.sub(r"\s*\([^()]*(?:\([^()]*\)[^()]*)*\)", "", about)[:160]
