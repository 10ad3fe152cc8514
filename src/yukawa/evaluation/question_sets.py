"""The sets of questions that are part of the package: made from the PDG, small derivations, and general ability."""

import zlib
from collections.abc import Collection, Iterable, Iterator
from importlib import resources
from pathlib import Path

from yukawa.core.errors import InputError
from yukawa.data.rows import Conversation, Document, texts_of
from yukawa.evaluation.questions import Question, read_questions
from yukawa.knowledge.facts import PROPERTIES, Fact
from yukawa.knowledge.parsing import claim_key, particle_table, read
from yukawa.knowledge.sources.pdg.facts import Statement, statements

PDG, DERIVATIONS, GENERAL = "pdg", "derivations", "general"
SETS = (PDG, DERIVATIONS, GENERAL)
COUNT = 1000
_ASKED = ("mass", "width", "lifetime", "branching-fraction")
_CHOICES = 4


def question_set(name: str, *, count: int = COUNT, without: Collection[str] = ()) -> list[Question]:
    """One of `SETS`, or the questions of a file.

    `pdg` are made from the installed Review of Particle Physics: masses, widths, lifetimes and branching fractions, half of
    them a choice between the value and those of three other particles, half of them answered by a number. `derivations`
    are answered by an expression, `general` by one of four everyday answers: a model that has forgotten falls there.

    Args:
        name: of the set, or a file's path.
        count: of the questions from the PDG.
        without: keys of claims that no question may ask for, such as those of a training text (`claims_of`).

    Raises:
        InputError: as for `read_questions`; no question is left.
        MissingPackage: the package `pdg` is not installed.
    """
    if name == PDG:
        found = list(pdg_questions(count, without))
    elif name in SETS:
        with resources.as_file(resources.files("yukawa.evaluation") / "sets" / f"{name}.jsonl") as path:
            found = read_questions(path)
    else:
        found = read_questions(Path(name))
    kept = [one for one in found if not one.claim or one.claim not in without]
    if not kept:
        raise InputError(f"no question of {name} is left: all of their claims are in the training text")
    return kept


def pdg_questions(count: int = COUNT, without: Collection[str] = ()) -> Iterator[Question]:
    """Questions on values of the PDG, the same in every call, none of whose claims is in `without`.

    Raises:
        MissingPackage: the package `pdg` is not installed.
    """
    rows = {
        key: (statement, statement.facts[0])
        for statement in statements()
        if (key := claim_of(statement)) and statement.facts[0].printed and not statement.facts[0].bound
    }
    others: dict[tuple[str, str], list[Fact]] = {}
    for _, fact in rows.values():
        others.setdefault((fact.property, fact.unit), []).append(fact)
    chosen = sorted((key for key in rows if key not in without), key=_order)[:count]
    for number, key in enumerate(chosen):
        statement, fact = rows[key]
        near = _nearest(fact, others[fact.property, fact.unit]) if number % 2 == 0 else []
        near = near if len(near) == _CHOICES - 1 else []  # too few that are surely others
        answer = fact.printed
        yield Question(
            id=f"{PDG}:{fact.identifier}", question=_asked(statement, fact), answer=answer, claim=key,
            cluster=statement.particle, kind="choice" if near else "numeric",
            choices=tuple(sorted((answer, *near), key=_order)) if near else (),
        )  # fmt: skip


def claim_of(statement: Statement) -> str:
    """The key of what a statement of the PDG says; empty where it is not a plain value of one particle."""
    fact = statement.facts[0] if statement.facts else None
    table = particle_table().particles
    if fact is None or not fact.preferred or fact.property not in _ASKED or fact.qualifiers:
        return ""
    subjects = [name for name in fact.subjects if name in table]
    if fact.value is None or not subjects or (fact.property == "branching-fraction") != bool(fact.channel):
        return ""
    return claim_key(subjects[0], fact.property, fact.channel)


def claims_of(rows: Iterable[Document | Conversation]) -> set[str]:
    """The keys of claims that a training text holds: of the PDG's sentences in it, and of its users' questions."""
    of_sentence = {statement.text: key for statement in statements() if (key := claim_of(statement))}
    found: set[str] = set()
    for row in rows:
        lines = (line.strip() for text in texts_of(row) for line in text.splitlines())
        found |= {of_sentence[line] for line in lines if line in of_sentence}
        if isinstance(row, Conversation):
            asked = (turn.content for turn in row.messages if turn.role == "user")
            found |= {key for text in asked for key in read(text).keys()}  # noqa: SIM118 -- not a dictionary
    return found


def _asked(statement: Statement, fact: Fact) -> str:
    subject = statement.subject.split(" (")[0]
    if fact.channel:
        return f"What is the branching fraction of {fact.name.replace('-->', '→')}?"
    return f"What is the {PROPERTIES[fact.property].title} of the {subject}?"


def _nearest(fact: Fact, others: Iterable[Fact]) -> list[str]:
    """Values of the same property of other particles, the nearest ones that are not the same."""
    value = fact.value or 0.0
    far = {
        other.printed: abs((other.value or 0.0) - value)
        for other in others
        if other.value
        and abs(other.value - value)
        > 3 * ((fact.error_plus or 0) + (other.error_plus or 0)) + 1e-3 * abs(value)
    }
    far.pop(fact.printed, None)
    found = sorted(far, key=far.__getitem__)[: 3 * _CHOICES]
    return sorted(found, key=lambda text: _order(f"{fact.identifier} {text}"))[: _CHOICES - 1]


def _order(text: str) -> int:
    """An order that is the same in every call and follows from nothing else."""
    return zlib.crc32(text.encode())
