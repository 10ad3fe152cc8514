"""Generates a small Llama, its tokenizer and some text, so that a training needs neither data nor network."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yukawa.core.errors import require
from yukawa.data import Conversation, Document, Turn
from yukawa.data.dataset import write_dataset
from yukawa.knowledge.facts import PROPERTIES
from yukawa.knowledge.parsing import find_quantities
from yukawa.knowledge.sources.pdg.facts import Statement, statements
from yukawa.knowledge.sources.pdg.review import LICENCE
from yukawa.training.tokenization import read_template

GENERATED, PDG = "generated:", "generated:pdg"
BOS, EOS, PAD = "<|begin|>", "<|end|>", "<|pad|>"
_ASKED = ("mass", "width", "lifetime", "magnetic-moment")  # what particle and property alone determine
_EVERY = 40  # one particle in this many is a document of the validation split


@dataclass(frozen=True)
class Size:
    """The size of a generated base.

    Attributes:
        vocabulary: largest vocabulary of its tokenizer.
        characters: length of the text from which the tokenizer learns.
        network: values of the configuration that differ from `_NETWORK`.
    """

    vocabulary: int
    characters: int
    network: dict[str, Any]


SIZES = {
    "tiny": Size(2048, 2_000_000, {"hidden_size": 96, "intermediate_size": 256, "num_hidden_layers": 2}),
    # Learns from some ten million words in an hour on two processor cores.
    "small": Size(
        4096,
        20_000_000,
        {"hidden_size": 256, "intermediate_size": 688, "num_hidden_layers": 4, "tie_word_embeddings": True},
    ),
}
_NETWORK = {
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 2048, "tie_word_embeddings": False,
}  # fmt: skip


def make_llama(
    folder: Path,
    texts: Iterable[str],
    size: str = "tiny",
    *,
    vocabulary: int | None = None,
    seed: int = 0,
    **network: Any,
) -> Path:
    """Write a Llama with random weights and a byte-level BPE tokenizer learned from `texts`.

    Args:
        folder: a new folder.
        size: one of `SIZES`.
        vocabulary: largest vocabulary of the tokenizer; by default that of the size.
        seed: seed of the random weights.
        network: values of the configuration that differ from the size, such as `num_hidden_layers=1`.
    """
    transformers, torch = (require(name, "making a small model") for name in ("transformers", "torch"))
    chosen = SIZES[size]
    tokenizer = _tokenizer(_some(texts, chosen.characters), vocabulary or chosen.vocabulary)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **(_NETWORK | chosen.network | network),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.LlamaForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_pdg(folder: Path, kind: str) -> Path:
    """Write a data set from the `pdg` package: questions where rows of the kind conversation are needed, else sentences."""
    return make_pdg_questions(folder) if kind == "conversation" else make_pdg_text(folder)


def make_pdg_text(folder: Path) -> Path:
    """Write a data set of sentences on particles, one document each, from the `pdg` package."""
    by_particle: dict[str, list[str]] = defaultdict(list)
    for statement in statements():
        by_particle[statement.particle].append(statement.text)
    documents = [
        Document(id=f"pdg:{name}", text="\n".join(texts), source="Particle Data Group", licence=LICENCE)
        for name, texts in sorted(by_particle.items())
    ]
    splits: dict[str, list[Document]] = {"train": [], "validation": []}
    for number, document in enumerate(documents):
        splits["validation" if number % _EVERY == 0 else "train"].append(document)
    write_dataset(
        folder, splits, Document, title="Sentences on particles from the Review of Particle Physics",
        made={"from": "the package pdg", "validation": f"one particle in {_EVERY}"}, suffix=".jsonl",
    )  # fmt: skip
    return folder


def make_pdg_questions(folder: Path) -> Path:
    """Write a data set of questions on values of particles, each with three sources of which one answers, from `pdg`.

    The answer is the value as the Review prints it, so that a judge can compare a reply with it.
    """
    plain = [statement for statement in statements() if _is_plain(statement)]
    asked_of = Counter(map(_question, plain))
    found = [
        statement for statement in plain if asked_of[_question(statement)] == 1
    ]  # others have several values
    splits: dict[str, list[Conversation]] = {"train": [], "validation": []}
    for number, statement in enumerate(found):
        sources = [found[(number + step) % len(found)].text for step in (0, 1, 2)]
        sources = (
            sources[number % 3 :] + sources[: number % 3]
        )  # the one that answers is not always the first
        fact, numbered = statement.facts[0], enumerate(sources, start=1)
        lines = [*(f"[{place}] {text}" for place, text in numbered), "", f"Question: {_question(statement)}"]
        turns = (Turn(role="user", content="\n".join(lines)), Turn(role="assistant", content=fact.printed))
        row = Conversation(
            id=f"pdg:{fact.identifier}", messages=turns, source="Particle Data Group", licence=LICENCE
        )
        splits["validation" if number % _EVERY == 0 else "train"].append(row)
    write_dataset(
        folder, splits, Conversation, title="Questions on values of particles from the Review of Particle Physics",
        made={"from": "the package pdg", "validation": f"one question in {_EVERY}"}, suffix=".jsonl",
    )  # fmt: skip
    return folder


def _question(statement: Statement) -> str:
    """What a statement answers."""
    return f"What is the {PROPERTIES[statement.facts[0].property].title} of the {statement.subject.split(' (')[0]}?"


def _is_plain(statement: Statement) -> bool:
    """Whether a statement gives one value of one particle, not a limit."""
    if len(statement.facts) != 1 or statement.facts[0].property not in _ASKED:
        return False
    (fact,) = statement.facts
    plain = fact.preferred and fact.value is not None and not (fact.bound or fact.channel or fact.qualifiers)
    return plain and len(find_quantities(fact.printed)) == 1


def _tokenizer(texts: Iterable[str], vocabulary: int) -> Any:
    """Train a byte-level BPE tokenizer with this number of ids, which begins texts with BOS."""
    transformers = require("transformers", "making a tokenizer")
    tokenizers = require("tokenizers", "making a tokenizer")
    before = tokenizers.pre_tokenizers
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = before.ByteLevel(add_prefix_space=False)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[BOS, EOS, PAD],
        initial_alphabet=before.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    bpe.post_processor = tokenizers.processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, 0)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token=BOS, eos_token=EOS, pad_token=PAD,
        chat_template=read_template("plain"), clean_up_tokenization_spaces=False,
    )  # fmt: skip


def _some(texts: Iterable[str], characters: int) -> Iterator[str]:
    """The first texts, until they have this many characters."""
    for text in texts:
        yield text
        characters -= len(text)
        if characters <= 0:
            return
