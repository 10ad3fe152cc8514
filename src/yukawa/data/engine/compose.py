"""Composes the accepted pairs of runs and other sets of conversations into one data set that anyone may cite.

What asks the same is kept once, what an evaluation set asks is dropped, rows that rest on one document or ask for one quantity are
in one split, and licences must fit. The card says how each row came about, and a README and a Croissant description go with it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from yukawa.core.errors import InputError, check_name
from yukawa.core.files import atomic_write, check_new_folder, hash_file, write_jsonl
from yukawa.core.reports import markdown_table, write_json
from yukawa.core.statistics import wilson_estimate
from yukawa.data.conversation_sets import FRACTIONS, split_groups
from yukawa.data.dataset import DatasetManifest, open_items, open_rows, write_dataset
from yukawa.data.deduplication import find_root, join
from yukawa.data.engine.likeness import Known, features
from yukawa.data.engine.report import figures
from yukawa.data.engine.tables import ACCEPTED, FILE, WorkStore, evidence, pairs, reviews
from yukawa.data.filters import read_evaluation
from yukawa.data.rows import Conversation, Turn
from yukawa.embedding.registry import open_embedder
from yukawa.knowledge.records import DOMAINS

PRIVATE = "private"
EVIDENCE = "evidence.jsonl"
# What may go into a set of each licence; a private set may hold anything and is not passed on.
_FREE = frozenset({"CC0-1.0", "PUBLIC-DOMAIN", "MIT", "BSD-3-CLAUSE", "APACHE-2.0"})
LICENCES: Mapping[str, frozenset[str]] = {
    "CC0-1.0": frozenset({"CC0-1.0", "PUBLIC-DOMAIN"}),
    "CC-BY-4.0": _FREE | {"CC-BY-4.0", "CC-BY-3.0"},
    "CC-BY-SA-4.0": _FREE | {"CC-BY-4.0", "CC-BY-3.0", "CC-BY-SA-4.0", "CC-BY-SA-3.0"},
    PRIVATE: frozenset(),
}
_DIVERSITY = 100  # questions among which diversity is measured: it grows with their number
_DRAWS = 20
_SHOWN = 5


@dataclass(frozen=True)
class SourcedRow:
    """A row before it is in the set.

    Attributes:
        row: question and answer, or a longer conversation.
        sources: ids of the items and documents that it rests on: those that share one are in one split.
        evidence: quotations, a row each of `evidence.jsonl`.
        run: the name of the run or file that it comes from.
    """

    row: Conversation
    sources: tuple[str, ...] = ()
    evidence: tuple[dict[str, Any], ...] = ()
    run: str = ""

    @property
    def question(self) -> str:
        """What the first turn of the user asks."""
        return next((turn.content for turn in self.row.messages if turn.role == "user"), "")


@dataclass
class Composed:
    """A set that was made: its manifest, and how many rows were dropped for each reason."""

    manifest: DatasetManifest
    dropped: Counter[str] = field(default_factory=Counter)


def compose_set(
    runs: Sequence[Path], folder: Path, *, near: float = 0.9, evaluation: Sequence[Path] = (), licence: str = PRIVATE,
    shares: Mapping[str, float] = FRACTIONS, seed: int = 42, embedding: str = "auto", title: str = "", suffix: str = ".parquet",
) -> Composed:  # fmt: skip
    """Make a data set of the accepted pairs of runs and of other sets of conversations.

    Args:
        runs: folders of runs of the data engine, data sets of conversations, or files of them.
        folder: of the new data set.
        near: cosine of meanings from which two questions with the same particulars count as one.
        evaluation: sets of which no question may be asked here, nor a piece be held.
        licence: of the new set, a key of `LICENCES`.
        shares: of train, validation and test.
        embedding: gives the meanings.

    Raises:
        InputError: a run cannot be read, nothing remains, or a licence does not fit.
        StoreError: the disk refuses; nothing is left behind.
    """
    check_new_folder(Path(folder))
    check_name("licence of a set", licence, LICENCES)
    embedder = open_embedder(embedding)
    names = _names(runs)
    found = [piece for path, name in names.items() for piece in _pieces(path, name)]
    total = Counter(piece.run for piece in found)
    _check_licences(found, licence)
    dropped: Counter[str] = Counter()
    kept = _without_leaks(found, [Path(path) for path in evaluation], dropped)
    kept = _distinct(kept, Known(embedder, near), dropped)
    if not kept:
        raise InputError(f"no row remains: {_counted(dropped) or 'the runs hold no accepted pairs'}")
    splits = split_groups([piece.row for piece in kept], _groups(kept), shares, seed)
    made = {
        "inputs": [{"name": name, "rows": total[name]} for name in names.values()],
        "near": near, "embedding": embedder.name, "seed": seed, "shares": dict(shares), "licence": licence, "dropped": dict(dropped),
        "evaluation": [{"name": path.name, "sha256": hash_file(path)} for path in map(Path, evaluation) if path.is_file()],
    }  # fmt: skip

    def describe(manifest: DatasetManifest, place: Path) -> None:
        """Write the evidence and the descriptions for others."""
        write_jsonl(place / EVIDENCE, (row for piece in kept for row in piece.evidence))
        atomic_write(place / "README.md", _readme(manifest, licence, suffix))
        write_json(place / "croissant.json", _croissant(manifest, licence))

    manifest = write_dataset(
        folder, splits, Conversation, title=title or "Questions and answers of high-energy physics", made=made, suffix=suffix,
        sections=_sections(names, kept, dropped, diversity(kept, embedder), licence), beside=describe,
    )  # fmt: skip
    return Composed(manifest, dropped)


# ---- reading -----------------------------------------------------------------------------------------


def _names(paths: Iterable[Path]) -> dict[Path, str]:
    """What runs and files are called in the set: by their own names, with as many folders before as tell them apart.

    Raises:
        InputError: one is there twice.
    """
    whole = [Path(path).resolve().parts for path in paths]
    if twice := next((place for place in whole if whole.count(place) > 1), None):
        raise InputError(f"{Path(*twice)} is there twice", hint="name each run once")
    found = {}
    for place in whole:
        depth = next(
            n for n in range(1, len(place) + 1) if sum(other[-n:] == place[-n:] for other in whole) == 1
        )
        found[Path(*place)] = "/".join(place[-depth:])
    return found


def _pieces(path: Path, name: str) -> Iterable[SourcedRow]:
    """The accepted pairs of a run, or the conversations of a data set or file."""
    if not path.exists():
        raise InputError(
            f"{path} does not exist", hint="name runs of the data engine, or data sets of conversations"
        )
    if (path / FILE).exists():
        yield from _of_run(path, name)
        return
    for row in open_rows(path):
        if not isinstance(row, Conversation):
            raise InputError(f"{path} holds {type(row).__name__.lower()}s, not conversations")
        yield SourcedRow(row.model_copy(update={"id": f"{name}:{row.id}"}), (f"{name}:{row.id}",), run=name)


def _of_run(path: Path, name: str) -> Iterable[SourcedRow]:
    store = WorkStore(path)
    try:
        with store.read() as connection:
            chosen = sa.select(pairs).where(pairs.c.state.in_(ACCEPTED)).order_by(pairs.c.id)
            answers = [dict(row) for row in connection.execute(chosen).mappings()]
            quotes = [
                dict(row)
                for row in connection.execute(sa.select(evidence).order_by(evidence.c.id)).mappings()
            ]
    finally:
        store.close()
    of_pair: dict[int, list[dict[str, Any]]] = {}
    for quote in quotes:
        of_pair.setdefault(quote.pop("pair_id"), []).append(quote)
    for answer in answers:
        rests = of_pair.get(answer["id"], [])
        identity = f"{name}:{answer['id']}"
        licences = sorted({rest["licence"] or "" for rest in rests})
        row = Conversation(
            id=identity,
            messages=(
                Turn(role="user", content=answer["question"]),
                Turn(role="assistant", content=answer["answer"]),
            ),
            source="; ".join(dict.fromkeys(rest["label"] for rest in rests)) or name,
            licence=None
            if "" in licences
            else " AND ".join(licences) or None,  # one unknown part makes it unknown
            category=answer["domain"],
        )
        rows = tuple({"id": identity} | {k: v for k, v in rest.items() if k != "id"} for rest in rests)
        yield SourcedRow(row, tuple(rest["source_id"] for rest in rests), rows, name)


def _check_licences(found: Sequence[SourcedRow], licence: str) -> None:
    """Refuse rows that may not be passed on under `licence`.

    Raises:
        InputError: names the licences that do not fit, with the number of rows of each.
    """
    if licence == PRIVATE:
        return
    wrong: Counter[str] = Counter()
    for piece in found:
        parts = (piece.row.licence or "unknown").split(" AND ")
        wrong.update(part for part in parts if part.upper().replace(" ", "-") not in LICENCES[licence])
    if wrong:
        named = ", ".join(f"{name} ({count:,} rows)" for name, count in wrong.most_common(_SHOWN))
        raise InputError(
            f"a set under {licence} cannot hold rows under {named}",
            hint=f"drop those runs, or omit --licence for a {PRIVATE} set",
        )


# ---- dropping and splitting --------------------------------------------------------------------------


def _without_leaks(
    found: Sequence[SourcedRow], evaluation: Sequence[Path], dropped: Counter[str]
) -> list[SourcedRow]:
    """The pieces that hold nothing of the evaluation sets: no run of words, and no question that asks the same."""
    if not evaluation:
        return list(found)
    wanted = {
        key
        for path in evaluation
        for item in open_items(path)
        if item.question
        for key in features(item.text).keys
    }
    filter_ = read_evaluation(evaluation)
    kept = []
    for piece, clean in zip(found, filter_.keeps([piece.row for piece in found]), strict=True):
        if not features(piece.question).keys.isdisjoint(wanted):
            dropped["asks what an evaluation set asks"] += 1
        elif not clean:
            dropped["holds a piece of an evaluation set"] += 1
        else:
            kept.append(piece)
    return kept


def _distinct(found: Sequence[SourcedRow], known: Known, dropped: Counter[str]) -> list[SourcedRow]:
    """The pieces without those that ask what an earlier one asks; a longer conversation is compared by its first question."""
    kept = []
    for number, piece in enumerate(found):
        if known.find(piece.question) is None:
            known.add(piece.question, number)
            kept.append(piece)
        else:
            dropped["asks what another row asks"] += 1
    return kept


def _groups(found: Sequence[SourcedRow]) -> list[list[int]]:
    """Positions of the pieces that rest on one source, or ask for one quantity."""
    parents = list(range(len(found)))
    first: dict[str, int] = {}
    for place, piece in enumerate(found):
        for name in (*piece.sources, *(f"={key}" for key in features(piece.question).keys)):
            join(parents, first.setdefault(name, place), place)
    groups: dict[int, list[int]] = {}
    for place in range(len(found)):
        groups.setdefault(find_root(parents, place), []).append(place)
    return sorted(groups.values(), key=lambda group: min(found[place].row.id for place in group))


# ---- measuring ---------------------------------------------------------------------------------------


def vendi(vectors: Any) -> float:
    """The Vendi score of n unit vectors (n, d): the effective number of different ones, from 1 to n.

    exp(-sum l log l) over the eigenvalues l of K/n with the cosines K. Source: Friedman and Dieng, arXiv:2210.02410.
    """
    values = np.linalg.eigvalsh(vectors @ vectors.T / len(vectors))
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum()))


def diversity(found: Sequence[SourcedRow], embedder: Any, seed: int = 0) -> tuple[float, float, int] | None:
    """Mean and spread of the Vendi score of draws of 100 questions, and the number in a draw; None without vectors."""
    if not embedder.dimensions or len(found) < 2:
        return None
    vectors = embedder.embed([piece.question for piece in found])
    size = min(_DIVERSITY, len(found))
    chance = np.random.default_rng(seed)
    draws = [
        vendi(vectors[chance.choice(len(found), size, replace=False)].astype(float)) for _ in range(_DRAWS)
    ]
    return float(np.mean(draws)), float(np.std(draws)), size


def _counted(dropped: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} rows: {reason}" for reason, count in sorted(dropped.items()))


# ---- describing --------------------------------------------------------------------------------------


def _sections(
    runs: Mapping[Path, str],
    kept: Sequence[SourcedRow],
    dropped: Mapping[str, int],
    spread: tuple[float, float, int] | None,
    licence: str,
) -> list[tuple[str, str]]:
    """The sections of the card beside those of every data set."""
    quotes = sum(len(piece.evidence) for piece in kept)
    quoted = sum(bool(piece.evidence) for piece in kept)
    read = sum(bool(features(piece.question).keys) for piece in kept)
    lines = [
        f"* Rows that ask what another row asks, or an evaluation set, are omitted: {_counted(dropped) or 'none'}.",
        "* Rows that rest on one source or ask for one quantity are in one split.",
        f"* {quoted:,} of {len(kept):,} rows rest on verbatim quotations, {quotes:,} in all (`{EVIDENCE}`).",
        f"* {read:,} questions are read as plans: what they ask is compared, not how they ask it.",
        f"* Licence of the set: {licence}." + (" It is not to be passed on." if licence == PRIVATE else ""),
    ]
    if spread is not None:
        lines.append(
            f"* Diversity: Vendi score {spread[0]:.1f} ± {spread[1]:.1f} of {spread[2]} questions drawn (arXiv:2210.02410)."
        )
    fields = Counter(piece.row.category or "unknown" for piece in kept)
    rows = [
        (name, f"{fields[name]:,}")
        for name in (*DOMAINS, *sorted(set(fields) - set(DOMAINS)))
        if fields[name] or name in DOMAINS
    ]
    sections = [("How it was made", "\n".join(lines)), ("Fields", markdown_table(("field", "rows"), rows))]
    return [
        *sections,
        *(("Run " + name, text) for path, name in runs.items() if (text := _of_one_run(path))),
    ]


def _of_one_run(path: Path) -> str:
    """Funnel, cost and review of a run; '' for a set that is none."""
    if not (path / FILE).exists():
        return ""
    store = WorkStore(path)
    try:
        data = figures(store)
        with store.read() as connection:
            verdicts = Counter(connection.execute(sa.select(reviews.c.verdict)).scalars())
    finally:
        store.close()
    rows = [(f"questions {name}", f"{count:,}") for name, count in data["candidates"].items()]
    rows += [(f"pairs {name}", f"{count:,}") for name, count in data["pairs"].items()]
    rows += [
        (f"calls of the {role}, {state}", f"{n:,}")
        for role, states in data["calls"].items()
        for state, n in states.items()
    ]
    if data["calls"]:
        rows.append(("tokens per accepted pair", f"{data['tokens_per_pair']}"))
    text = markdown_table(("what", "number"), rows)
    judged = verdicts["accept"] + verdicts["edit"] + verdicts["reject"]
    if judged:
        share = wilson_estimate(verdicts["accept"], judged)
        text += f"\n\nReviewed: {judged:,}, of which {share.value:.0%} (95 %: {share.low:.0%} to {share.high:.0%}) were accepted unchanged."
    return text


def _readme(manifest: DatasetManifest, licence: str, suffix: str) -> str:
    """The README of the Hugging Face Hub: its header says what is in which file."""
    form = "parquet" if suffix == ".parquet" else "json"
    head = {
        "license": "other" if licence == PRIVATE else licence.lower(),
        "task_categories": ["question-answering", "text-generation"],
        "language": ["en"],
        "tags": ["physics", "high-energy-physics"],
        "size_categories": [
            "n<1K" if manifest.rows < 1000 else "1K<n<10K" if manifest.rows < 10_000 else "10K<n<100K"
        ],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": s.name, "path": s.path} for s in manifest.splits],
            }
        ],
        "dataset_info": {
            "splits": [{"name": s.name, "num_examples": s.rows, "num_bytes": s.size} for s in manifest.splits]
        },
    }
    lines = "\n".join(f"{name}: {json.dumps(value)}" for name, value in head.items())  # JSON is YAML
    title = f"# {manifest.title}"
    return f"---\n{lines}\n---\n\n{title}\n\nFormat: {form}. How it was made: [card.md](card.md); evidence: [{EVIDENCE}]({EVIDENCE}).\n"


def _croissant(manifest: DatasetManifest, licence: str) -> dict[str, Any]:
    """The description of MLCommons Croissant 1.0 as JSON-LD."""
    files = [
        {"@type": "cr:FileObject", "@id": s.path, "name": s.path, "contentUrl": s.path, "sha256": s.sha256,
         "encodingFormat": "application/x-parquet" if s.path.endswith(".parquet") else "application/jsonlines"}
        for s in manifest.splits
    ]  # fmt: skip
    return {
        "@context": {"@vocab": "https://schema.org/", "cr": "http://mlcommons.org/croissant/", "sc": "https://schema.org/",
                     "dct": "http://purl.org/dc/terms/"},
        "@type": "sc:Dataset", "dct:conformsTo": "http://mlcommons.org/croissant/1.0", "name": manifest.title,
        "license": licence, "distribution": files,
    }  # fmt: skip
