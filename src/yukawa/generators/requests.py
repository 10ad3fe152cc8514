"""What a sentence wants to be written: a decay card, job options of BOSS or settings of Pythia; and who reads the sentence."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from yukawa.core.errors import InputError, ModelError
from yukawa.generators import plans, sentences

if TYPE_CHECKING:
    from yukawa.llm import SyncChat

Kind = Literal["decay-card", "job-options", "pythia"]
KINDS: tuple[Kind, ...] = ("decay-card", "job-options", "pythia")
_OPTIONS = re.compile(r"\bjob ?options?\b|\bjoboptions\b|作业选项|作业文件", re.IGNORECASE)
_SETTINGS = re.compile(
    r"\bpythia ?8?\b.{0,120}?\b(?:settings?|cards?|cmnd|commands?)\b|\bcmnd\b", re.IGNORECASE
)
_CARD = re.compile(
    r"\bdecay ?-?(?:cards?|files?|tables?)\b|\bdec ?-?files?\b|\.dec\b|衰变卡|衰变文件", re.IGNORECASE
)
_SIMULATE = re.compile(
    r"\b(?:re)?simulate\b|\b(?:signal|exclusive) (?:mc|monte carlo)\b|模拟|(?:^|请|帮我|给我|[,，。])\s*(?:产生|生成)"
    r"|(?:^|please|can you|could you|would you|(?:i|we) (?:want|need) to|,)\s*(?:generate|produce)\b", re.IGNORECASE,
)  # fmt: skip
_REQUESTS = re.compile(
    r"\s*(?:(?:please|hi|hello|ok|now|then)[, ]+)*(?:(?:can|could|would|will) (?:you|we|i)"
    r"|how (?:do|can|could|should|would) (?:i|we|you|one)|i(?:'d| would) like|i (?:want|need)|we (?:want|need))\b", re.IGNORECASE
)  # fmt: skip
_ASKS = re.compile(
    r"\s*(?:what|which|who|whose|when|where|why|how|is|are|was|were|does|do|did|has|have|can|explain|define|list|compare)\b"
    r"|.*(?:什么|多少|哪|为何|吗|是否)", re.IGNORECASE
)  # fmt: skip
_TOKENS = 400
_RULES = """You read sentences that say which particle decays are to be simulated. Reply with JSON: the decays, the first particle's first.
Every name is copied from the sentence, letter by letter. Nothing is added that the sentence does not say.
Example. Sentence: take a J/psi, let it become a rho0 with a pi0, the rho0 giving pi+ pi-
{"decays": [{"parent": "J/psi", "daughters": ["rho0", "pi0"]}, {"parent": "rho0", "daughters": ["pi+", "pi-"]}]}"""


@dataclass(frozen=True, slots=True)
class WrittenRequest:
    """What was written, and checked.

    Args:
        kind: one of `KINDS`.
        text: the card, the options or the settings.
        notes: one for each choice.
    """

    kind: Kind
    text: str
    notes: tuple[str, ...]


class ProposedDecay(BaseModel):
    """One decay in words of the sentence."""

    model_config = ConfigDict(extra="forbid")
    parent: str = Field(max_length=60)
    daughters: list[str] = Field(min_length=1, max_length=12)


class ProposedChain(BaseModel):
    """The decays as a language model reads them; its JSON schema is what the model is given."""

    model_config = ConfigDict(extra="forbid")
    decays: list[ProposedDecay] = Field(min_length=1, max_length=12)


def requested(sentence: str) -> Kind | None:
    """What a sentence wants to be written, None if it wants nothing of the kind.

    A question ("what is a decay card?") is none, a polite wish ("can you simulate …?") is one; a verb alone counts where
    the sentence also names particles.
    """
    if _ASKS.match(sentence) and not _REQUESTS.match(sentence):
        return None
    if _OPTIONS.search(sentence):
        return "job-options"
    if _SETTINGS.search(sentence):
        return "pythia"
    if _CARD.search(sentence):
        return "decay-card" if sentences.mentioned(sentence) else None
    if _SIMULATE.search(sentence):
        if _lets_protons_collide(sentence) and not sentences.names_decay(sentence):
            return "pythia"
        return "decay-card" if sentences.mentioned(sentence) else None
    return None


def _lets_protons_collide(sentence: str) -> bool:
    from yukawa.generators import settings

    return settings.of_protons(sentence)


def write_request(
    kind: Kind, sentence: str, experiment: str | None = None, chat: "SyncChat | None" = None
) -> WrittenRequest:
    """Write what a sentence wants.

    Args:
        kind: one of `KINDS`.
        sentence: in English, Chinese or LaTeX.
        experiment: one of `sentences.EXPERIMENTS`; None for what the sentence says.
        chat: a language model that reads what the grammar does not; its plan passes the same checks.

    Raises:
        InputError: it cannot be written, with the reason.
    """
    from yukawa.generators import jobs, writing

    if kind == "job-options":
        return WrittenRequest(kind, *jobs.write_job_options(sentence))
    if kind == "pythia":
        return WrittenRequest(kind, *_settings(sentence, experiment, chat))
    collision = (
        f'yukawa write pythia "{" ".join(sentence.split())}"' if _lets_protons_collide(sentence) else ""
    )
    try:
        plan = _plan(sentence, experiment, chat)
    except plans.NoDecay as error:
        if collision:
            raise InputError(
                f"{error.message}, and a card has no collision", hint=f"type: {collision}"
            ) from None
        raise
    card = writing.write_card(plan)
    remarks = [f"line {each.line}: {each.code}: {each.message}" for each in card.remarks]
    if collision:
        remarks.append(f"a card has no collision; Pythia makes it: {collision}")
    return WrittenRequest(kind, card.text, (f"for {plan.experiment}", *card.notes, *remarks))


def _settings(sentence: str, experiment: str | None, chat: "SyncChat | None") -> tuple[str, tuple[str, ...]]:
    """Settings of Pythia for decays, or for what two protons make."""
    from yukawa.generators import settings

    protons = settings.of_protons(sentence)
    rest = settings.without_beams(sentence) if protons else sentence
    process = settings.write_process(rest) if protons and not sentences.names_decay(rest) else None
    return process or settings.write_pythia(_plan(rest, experiment, chat), protons=protons)


def _plan(sentence: str, experiment: str | None, chat: "SyncChat | None") -> plans.CardPlan:
    plan = plan_of(sentence, chat, experiment)
    return plans.with_experiment(plan, experiment) if experiment else plan


def plan_of(sentence: str, chat: "SyncChat | None" = None, experiment: str | None = None) -> plans.CardPlan:
    """The plan of a sentence by the grammar, and by a language model where that does not read it.

    Args:
        sentence: in English, Chinese or LaTeX.
        chat: the language model; None for none.
        experiment: one of `plans.EXPERIMENTS`; None for what the sentence says.

    Raises:
        InputError: neither reads it, with the grammar's reason; or the decay is impossible, which no model is asked about.
    """
    try:
        return sentences.read_plan(sentence, experiment)
    except plans.UnreadSentence as error:
        if chat is None:
            raise
        try:
            return propose_plan(sentence, chat)
        except (InputError, ModelError) as refused:
            reason = f"{error}; as model {chat.model.name!r} reads it: {refused}"
            raise InputError(reason) from None


def propose_plan(sentence: str, chat: "SyncChat") -> plans.CardPlan:
    """The plan that a model proposes, in the sentence's own words: it is read again by the grammar, and names all particles.

    Raises:
        InputError: a name is not in the sentence, one of its particles is missing, or the chain breaks a law.
    """
    from yukawa.llm import GenerationOptions, Message

    messages = [Message("system", _RULES), Message("user", f"Sentence: {' '.join(sentence.split())}")]
    proposed = chat.structured(messages, ProposedChain, GenerationOptions(max_tokens=_TOKENS))
    names = [name for decay in proposed.decays for name in (decay.parent, *decay.daughters)]
    added = next((name for name in names if not name.strip() or name not in sentence), None)
    if added is not None:
        raise InputError(f"{added!r} is not in the sentence")
    chain = ", ".join(f"{decay.parent} -> {' '.join(decay.daughters)}" for decay in proposed.decays)
    if sentences.names_model(sentence):
        raise InputError("a decay model is read by the grammar alone")
    plan = sentences.read_plan(chain)
    held = {name for step in plan.steps for name in (step.parent, *step.daughters)}
    lost = next((text for text, options in sentences.mentioned(sentence) if held.isdisjoint(options)), None)
    if lost is not None:
        raise InputError(f"{lost} is missing in {chain}")
    return sentences.about(
        sentence, plan.steps, (f"read by model {chat.model.name!r} as {chain}", *plan.notes)
    )
