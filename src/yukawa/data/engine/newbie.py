"""The Newbie raises questions from what it has read: a model in rotating frames, or templates over what the base states."""

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from yukawa.core.files import read_text
from yukawa.data.engine.grounds import Catalogue, Listed
from yukawa.data.engine.likeness import as_particle
from yukawa.knowledge.parsing.particles import find_particles
from yukawa.knowledge.parsing.spelling import plain_ascii
from yukawa.knowledge.sources.pdg.text import ascii_text, english, pretty
from yukawa.llm import GenerationOptions, Message

PROMPTS = Path(__file__).parent / "prompts"
FEWEST, MOST = 2, 10  # questions from one input, as in arXiv:2404.08001, section 3.2.1
TEMPERATURE = 0.8
_TOKENS = 900
_SHOWN = 5  # questions that must not be repeated
_READ = 3000  # characters of an answer

# Frames that rotate: they are what breaks "What is the significance of ...".
FRAMES = {
    "measured": "Ask how quantities are measured, with which apparatus and how precisely.",
    "compare": "Ask how quantities compare: which is larger, by how much, and why they differ.",
    "why": "Ask for reasons and mechanisms: why something happens, or is forbidden, or is suppressed.",
    "limit": "Ask for values and limits: numbers with their units, for particles or devices that you name.",
    "calculation": "Ask how quantities are calculated, in which approximation, and what enters.",
    "related": "Ask about related particles, processes, devices or methods that the text only mentions.",
}
_TEMPLATES: dict[str, tuple[str, ...]] = {
    "mass": ("What is the mass of the {x}?", "How heavy is the {x}?", "What does the {x} weigh in MeV?", "Give the mass of the {x}."),
    "width": ("What is the total width of the {x}?", "How wide is the {x}?", "What is the full width of the {x} in MeV?"),
    "lifetime": ("What is the mean lifetime of the {x}?", "How long does the {x} live?", "What is the lifetime of the {x} in seconds?"),
    "branching-fraction": (
        "What is the branching fraction of {decay}?", "How often does the {x} decay to {products}?",
        "What fraction of {x} decays go to {products}?", "With which probability does the {x} decay to {products}?",
        "How large is the branching fraction of the decay {ascii_decay}?", "What is known about the branching fraction of {decay}?",
    ),
    "spin": ("What is the spin of the {x}?", "Which spin does the {x} have?"),
    "parity": ("What is the parity of the {x}?", "Which parity does the {x} have?"),
    "c-parity": ("What is the C-parity of the {x}?",),
    "g-parity": ("What is the G-parity of the {x}?",),
    "charge": ("What is the electric charge of the {x}?", "Which electric charge does the {x} carry?"),
    "isospin": ("What is the isospin of the {x}?", "Which isospin does the {x} have?"),
    "magnetic-moment": ("What is the magnetic moment of the {x}?", "How large is the magnetic moment of the {x}?"),
    "charge-radius": ("What is the charge radius of the {x}?",),
    "momentum": ("What is the decay momentum in {decay}?", "How large is the decay momentum in {decay}?"),
    "partial-lifetime": ("What is the partial mean lifetime of {decay}?",),
}  # fmt: skip
# How often a property is asked about beside the others: most of what a base states are decays.
_WEIGHTS = {"branching-fraction": 6, "mass": 4, "width": 3, "lifetime": 3}
_NUMBERING = re.compile(r"^\s*(?:\(?\d{1,2}[.):]|[-*•]|Q\d*:)\s*")
_NOT_ITSELF = re.compile(
    r"\b(?:this|that|these|those) (?:text|answer|passage|paper|study|work|article|particle|value|result|section|figure|table)\b"
    r"|\bthe (?:text|answer|passage|authors?|paper|study|above|given)\b|\b(?:fig(?:ure)?|eq(?:uation)?|table|ref)s?\.? ?\(?\d"
    r"|^(?:does|is|are|was|can|how does|why does|why is|what is) (?:it|this|that|they|he|she)\b",
    re.IGNORECASE,
)

Words = Annotated[str, StringConstraints(max_length=500)]
"""A text in a reply: longer limits become repetitions in the grammars of servers, which some refuse."""


class Questions(BaseModel):
    """What a Newbie raises."""

    questions: list[Words] = Field(min_length=1, max_length=MOST)


def messages(
    frame: str, domain: str, topic: str, read: str, count: int, asked: Sequence[str]
) -> tuple[Message, ...]:
    """The prompt of a Newbie.

    Args:
        frame: a key of `FRAMES`.
        domain: the field in which it asks.
        topic: the seed, or the question that was answered.
        read: the answer; '' for a seed.
        count: questions to raise.
        asked: questions that are not to be asked again.
    """
    rules = read_text(PROMPTS / "newbie.md").format(domain=domain, count=count, frame=FRAMES[frame])
    said = [f"Topic: {topic}"] if not read else [f"Question: {topic}", f"Answer: {read[:_READ]}"]
    said += ["Not again:", *(f"- {question}" for question in asked[:_SHOWN])] if asked else []
    return Message("system", rules), Message("user", "\n".join([*said, f"Raise {count} questions."]))


def options(seed: int) -> GenerationOptions:
    """How a Newbie is asked."""
    return GenerationOptions(temperature=TEMPERATURE, max_tokens=_TOKENS, seed=seed)


def cleaned(questions: Sequence[str]) -> list[str]:
    """Questions without numbering; those that do not make sense by themselves are marked by `not_itself`."""
    found = (" ".join(_NUMBERING.sub("", question).split()) for question in questions)
    return [question for question in dict.fromkeys(found) if question]


def pointing(text: str) -> str:
    """The words of a text that refer to what only its source shows, such as 'this paper' or 'Fig. 3'; '' if there are none."""
    found = _NOT_ITSELF.search(text)
    return found[0] if found else ""


def not_itself(question: str) -> str:
    """Why a question cannot be asked by itself, or ''."""
    if found := pointing(question):
        return f"it refers to {found!r}"
    words = question.split()
    if len(words) < 3 or not any(c.isalpha() for c in question):
        return "it is not a question"
    return "it is longer than 60 words" if len(words) > 60 else ""


@dataclass(frozen=True)
class Raised:
    """A question that came up: its frame or template, and what a template asks about."""

    question: str
    frame: str
    property: str = ""
    subject: str = ""
    channel: str = ""

    def quantity(self) -> tuple[str, str, str]:
        """The quantity that a template asks about."""
        return self.subject, self.property, self.channel


class TemplateNewbie:
    """Raises questions without a model: about what the base states of a thing and of its relatives.

    Args:
        catalogue: what the base states.
        seed: of the random numbers.
    """

    def __init__(self, catalogue: Catalogue, seed: int) -> None:
        self._catalogue, self._seed = catalogue, seed

    def begin(self, seed_text: str, domain: str) -> list[str]:
        """The subjects that a seed is about: particles that it names, or all of the field that it is."""
        if seed_text.strip().lower() == domain:
            return self._catalogue.subjects(domain)
        named = (name for mention in find_particles(plain_ascii(seed_text)) for name in mention.names)
        return [name for name in dict.fromkeys(map(as_particle, named)) if name in self._catalogue.of]

    def raised(
        self, identity: int, subjects: Sequence[str], *, own: bool, used: "Used"
    ) -> Iterator["Raised"]:
        """Questions: about the first subject itself if `own`, else one about each of several.

        Args:
            identity: of the candidate that was answered; it decides the draws.
            subjects: what to ask about, the first the thing itself.
            used: what was asked so far, which is updated.
        """
        chance = random.Random(f"{self._seed}/{identity}/{own}/{subjects[:1]}")  # noqa: S311 -- no secret
        count = chance.randint(FEWEST, MOST)
        if own:
            pool = self._pool(subjects[0], chance, used)
            pool.sort(key=used.share)
            chosen = _one_of_each(pool)[:count]
        else:
            others = sorted(subjects, key=lambda name: (used.subjects[name], chance.random()))[:count]
            chosen = [listed for name in others if (listed := self._least_used(name, chance, used))]
        for listed in chosen:
            template = min(_TEMPLATES[listed.property], key=lambda t: (used.templates[t], chance.random()))
            made = Raised(worded(template, listed), template, *_quantity(listed)[1::-1], _quantity(listed)[2])
            used.add(made)
            yield made

    def _least_used(self, subject: str, chance: random.Random, used: "Used") -> Listed | None:
        return min(self._pool(subject, chance, used), key=used.share, default=None)

    def _pool(self, subject: str, chance: random.Random, used: "Used") -> list[Listed]:
        """What is stated of a subject and was not asked yet, in a random order."""
        stated = self._catalogue.of.get(subject, ())
        pool = [
            listed
            for listed in stated
            if listed.property in _TEMPLATES and _quantity(listed) not in used.asked
        ]
        chance.shuffle(pool)
        return pool


def _quantity(listed: Listed) -> tuple[str, str, str]:
    return listed.subject, listed.property, " ".join(listed.channel)


class Used:
    """What was asked so far, and how often each template, property and subject was asked about."""

    def __init__(self) -> None:
        self.asked: set[tuple[str, str, str]] = set()
        self.templates: Counter[str] = Counter()
        self.properties: Counter[str] = Counter()
        self.subjects: Counter[str] = Counter()

    def share(self, listed: Listed) -> float:
        """How often the property of `listed` was asked about, beside how often it should be."""
        return self.properties[listed.property] / _WEIGHTS.get(listed.property, 1)

    def add(self, raised: "Raised") -> None:
        """Count a question."""
        self.asked.add(raised.quantity())
        self.templates[raised.frame] += 1
        self.properties[raised.property] += 1
        self.subjects[raised.subject] += 1


def _one_of_each(pool: Sequence[Listed]) -> list[Listed]:
    """The first of each property, then the second of each, and so on."""
    seen: Counter[str] = Counter()
    ranks = []
    for listed in pool:
        ranks.append(seen[listed.property])
        seen[listed.property] += 1
    return [listed for _, listed in sorted(zip(ranks, pool, strict=True), key=lambda pair: pair[0])]


def worded(template: str, listed: Listed) -> str:
    """The question that a template makes of a quantity."""
    x = named(listed.subject)
    products = " ".join(map(pretty, listed.channel))
    return template.format(
        x=x, products=products, decay=f"{pretty(listed.subject)} → {products}",
        ascii_decay=f"{ascii_text(listed.subject)} --> {' '.join(map(ascii_text, listed.channel))}",
    )  # fmt: skip


def named(subject: str) -> str:
    """A thing as a question names it: 'Z boson', 'Ξ(1530)⁻', 'triton mass'."""
    if ":" in subject:
        return subject.partition(":")[2]
    common = english(subject)
    return common[0] if common else pretty(subject)
