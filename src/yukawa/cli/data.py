"""`yukawa data VERB`: makes data sets of abstracts and of questions and answers, and finds what leaked into them."""

from __future__ import annotations  # an annotation that is evaluated would load what it names

from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

from yukawa import data
from yukawa.cli import engine, session
from yukawa.cli.options import Json, argument, new_app, option
from yukawa.cli.output import Interrupted, first_line, print_json, progress_bar, say, warn
from yukawa.core.errors import InputError, not_a
from yukawa.core.manifest import MANIFEST, SPLITS
from yukawa.data import engine as data_engine

_MEGABYTE = 1_000_000
_FAULTS = 3  # faults of a file that are printed; the manifest has more
_SHOWN = 20  # leaks and bad rows for people; --json gives all

Out = Annotated[Path, option("--out", "DIR", "New folder for the data set.")]
Format = Annotated[str, option("--format", None, "Format of the rows: parquet, jsonl or jsonl.gz.")]
Language = Annotated[str | None, option("--language", "CODE", "Keep only rows in this language, such as en.")]
Evaluation = Annotated[
    list[Path] | None,
    option(
        "--decontaminate", "EVALUATION",
        "Drop rows that hold pieces of a data set's test split, or of a file; may be repeated.",
    ),
]  # fmt: skip
Fields = Annotated[
    str | None,
    option("--fields", "NAMES", "Keep papers of these fields by their categories: all, or names separated by commas."),
]  # fmt: skip
Tokenizer = Annotated[
    str | None,
    option("--tokenizer", "NAME", "Count tokens with this tokenizer: a folder or a name on the Hub."),
]


def abstracts(
    snapshots: Annotated[
        list[Path], argument("SNAPSHOT", "Metadata of arXiv as JSON Lines, plain or gzip; one or more.")
    ],
    out: Out,
    mixture: Annotated[
        str | None, option("--mixture", "NAME", "Mixture: s1 … s10, or one of --table; every archive by default.")
    ] = None,
    table: Annotated[Path | None, option("--table", "FILE", "Your own mixtures, a line of YAML each.")] = None,
    method: Annotated[
        str, option("--method", None, "Selection, cleaning and split: strict or feyntune.")
    ] = "strict",
    seed: Annotated[int, option("--seed", "N", "Seed of the split and the order.")] = 42,
    near: Annotated[
        str | None,
        option(
            "--near-duplicates", "J",
            "Keep only the oldest of texts whose word 5-grams have at least this Jaccard index; off keeps all. "
            "Default: 0.8 with strict, off with feyntune.",
        ),
    ] = None,
    fields: Fields = None,
    language: Language = None,
    evaluation: Evaluation = None,
    tokenizer: Tokenizer = None,
    form: Format = "parquet",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Make a data set of the abstracts of arXiv. They are selected, cleaned, deduplicated, filtered, split and mixed."""
    session.check_folder(out, new=True)
    chosen = data.find_method(method)
    index = chosen.near_duplicates if near is None else _index(near)
    filters = data.make_filters(
        language=language, evaluation=evaluation or (), near_duplicates=index, fields=engine.fields_of(fields)
    )
    try:
        with progress_bar("reading, in megabytes") as bar:
            made = data.build_abstracts(
                snapshots, out, mixture=mixture, method=chosen, seed=seed, table=data.read_mixtures(table) if table else None,
                suffix=_suffix(form), filters=filters, counter=_counter(tokenizer),
                progress=lambda done, total: bar(done // _MEGABYTE, max(1, total // _MEGABYTE)),
            )  # fmt: skip
    except KeyboardInterrupt:
        raise Interrupted("nothing was written, type the same command again") from None
    if as_json:
        print_json(_summary(out, made.manifest) | {"notes": list(made.notes)})
    else:
        _show_abstracts(made)


def conversations(
    files: Annotated[list[Path], argument("FILE", "JSON or JSON Lines, plain or gzip; one or more.")],
    out: Out,
    layout: Annotated[
        str | None,
        option(
            "--from",
            "NAME",
            "Format of the files: qa, alpaca, sharegpt, messages or preference; recognised by default.",
        ),
    ] = None,
    form: Format = "parquet",
    shares: Annotated[str, option("--split", "SHARES", "Shares of train, validation and test.")] = "80/10/10",
    near: Annotated[
        float,
        option(
            "--near", "J", "Similarity from which questions stay in the same split; 1 means only equal ones."
        ),
    ] = 0.8,
    source: Annotated[str | None, option("--source", None, "Source of rows that name none.")] = None,
    licence: Annotated[str | None, option("--licence", None, "Licence of rows that name none.")] = None,
    drop_bad: Annotated[bool, option("--drop-bad", None, "Drop invalid rows and list them.")] = False,
    repairs: Annotated[
        str,
        option(
            "--repair",
            "NAMES",
            "Repair irregular turns: alias, tools, empty, merge, trim, or all; each repair is counted.",
        ),
    ] = "",
    language: Language = None,
    evaluation: Evaluation = None,
    tokenizer: Tokenizer = None,
    seed: Annotated[int, option("--seed", "N", "Seed of the split.")] = 42,
    as_json: Json = False,
) -> None:
    """Make a data set of questions and answers. No question is in two splits."""
    session.check_folder(out, new=True)
    made = data.build_conversations(
        files, out, format=layout, shares=_shares(shares), threshold=near, source=source, licence=licence,
        drop_bad=drop_bad, repairs=repairs.replace(",", " ").split(), seed=seed, suffix=_suffix(form), counter=_counter(tokenizer),
        filters=data.make_filters(language=language, evaluation=evaluation or ()),
    )  # fmt: skip
    if as_json:
        print_json(_summary(out, made.manifest) | {"files": [_plain(one) for one in made.parsed]})
        return
    for one in made.parsed:
        _show_file(one)
    if made.repeated:
        warn(f"omitted {made.repeated:,} rows with the same texts as another")
    for reason, count in made.filtered.items():
        warn(f"omitted {count:,} rows {reason}")
    sizes = ", ".join(f"{split.rows:,} {split.name}{_in_tokens(split)}" for split in made.manifest.splits)
    say(f"{out} holds {made.manifest.rows:,} {made.manifest.kind}s: {sizes}")


def papers(
    paths: Annotated[
        list[Path],
        argument("PATH...", "LaTeX, archives of it, HTML, PDF, Markdown, rows of unarXive, or folders of them."),
    ],
    out: Out,
    reader: Annotated[
        str | None,
        option("--engine", "MODULE:FUNCTION", "Function that reads each PDF: it takes a path and returns Markdown."),
    ] = None,
    form: Format = "parquet",
    shares: Annotated[str, option("--split", "SHARES", "Shares of train, validation and test, in papers.")] = "90/5/5",
    near: Annotated[
        str, option("--near-duplicates", "J", "Keep one of sections whose word 5-grams have this Jaccard index or more; off keeps all.")
    ] = "off",
    source: Annotated[str | None, option("--source", None, "Source of the rows; arXiv for papers from there by default.")] = None,
    licence: Annotated[str | None, option("--licence", None, "Licence of papers that name none.")] = None,
    language: Language = None,
    evaluation: Evaluation = None,
    tokenizer: Tokenizer = None,
    seed: Annotated[int, option("--seed", "N", "Seed of the split.")] = 42,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Make a data set of papers, one row per section. Formulas stay LaTeX; what cannot be read is named."""
    session.check_folder(out, new=True)
    chosen = None if reader is None else data_engine.load_engine(reader)
    filters = data.make_filters(language=language, evaluation=evaluation or (), near_duplicates=_index(near))
    try:
        with progress_bar("reading, in files") as bar:
            made = data_engine.build_papers(
                paths, out, engine=chosen, source=source, licence=licence, filters=filters, shares=_shares(shares), seed=seed,
                suffix=_suffix(form), counter=_counter(tokenizer), progress=bar,
            )  # fmt: skip
    except KeyboardInterrupt:
        raise Interrupted("nothing was written, type the same command again") from None
    if as_json:
        print_json(
            _summary(out, made.manifest)
            | {"papers": made.papers, "parts": list(made.parts), "unread": list(made.unread), "missing": list(made.missing),
               "dropped": dict(made.dropped)}
        )  # fmt: skip
        return
    for kind, lines in (("not read", made.unread), ("missing", made.missing)):
        for line in lines[:_SHOWN]:
            warn(f"{kind}: {line}")
        if len(lines) > _SHOWN:
            warn(f"and {len(lines) - _SHOWN:,} more {kind}; {out}/manifest.json lists all")
    for what, counts in (("papers", made.dropped), ("sections", made.manifest.made["filtered"])):
        for reason, count in counts.items():
            warn(f"omitted {count:,} {what} {reason}")
    parts = f", {len(made.parts):,} files are parts of them" if made.parts else ""
    say(f"{made.papers:,} papers{parts}; {len(made.unread):,} could not be read")
    sizes = ", ".join(f"{split.rows:,} {split.name}{_in_tokens(split)}" for split in made.manifest.splits)
    say(f"{out} holds {made.manifest.rows:,} sections: {sizes}")


def check(
    dataset: Annotated[Path, argument("DATASET", "Folder of a data set, or a file of rows or questions.")],
    against: Annotated[
        list[Path] | None,
        option("--against", "EVALUATION", "A data set (its test split) or a file; may be repeated."),
    ] = None,
    split: Annotated[str | None, option("--split", "NAME", "Split of DATASET; train by default.")] = None,
    words: Annotated[int, option("--words", "N", "Number of consecutive words that must agree.")] = 13,
    tokenizer: Tokenizer = None,
    as_json: Json = False,
) -> None:
    """Check a data set: its checksums, its tokens, its leaks. A leak is a piece of an evaluation set."""
    if not dataset.exists():
        raise not_a("data set", dataset, MANIFEST, "name the folder of a data set, or a file")
    counter = _counter(tokenizer)
    found: dict[str, Any] = {}
    if dataset.is_dir():
        manifest = data.check_manifest(dataset)
        found["files"] = {one.path: one.sha256 for one in manifest.splits}
        if not as_json:
            say(f"{dataset} holds {manifest.rows:,} {manifest.kind}s, as its manifest says")
    if counter is not None:
        found["tokens"] = _count_tokens(dataset, counter)
        for name, tokens in () if as_json else found["tokens"].items():
            say((name, "bold"), f": {tokens:,} tokens of {counter.name}")
    if against or not found:
        found |= _leaks(dataset, against or [], split, words, as_json)
    if as_json:
        print_json(found)


def _index(text: str) -> float | None:
    try:
        return None if text == "off" else float(text)
    except ValueError:
        raise InputError(
            f"expected a Jaccard index above 0 and up to 1 for --near-duplicates, got {text!r}",
            hint="such as 0.8, or off",
        ) from None


def _shares(text: str) -> dict[str, float]:
    try:
        parts = [float(part) for part in text.split("/")]
    except ValueError:
        parts = []
    total = sum(parts)
    if len(parts) != len(SPLITS) or not total > 0 or min(parts) < 0:
        raise InputError(f"expected three shares for --split, got {text!r}", hint="such as 80/10/10")
    return {name: part / total for name, part in zip(SPLITS, parts, strict=True)}


def _suffix(form: str) -> str:
    return f".{form.removeprefix('.')}"


def _counter(tokenizer: str | None) -> data.TokenCounter | None:
    return None if tokenizer is None else data.TokenCounter(tokenizer)


def _in_tokens(split: data.SplitRecord) -> str:
    """The number of tokens of a split, to follow its name; nothing if they were not counted."""
    return "" if split.tokens is None else f" ({split.tokens:,} tokens)"


def _summary(out: Path, manifest: data.DatasetManifest) -> dict[str, Any]:
    rows = {split.name: split.rows for split in manifest.splits}
    return {"out": str(out), "rows": rows, "manifest": manifest.model_dump(mode="json")}


def _show_abstracts(made: data.Abstracts) -> None:
    papers = sum(one.papers for one in made.inputs)
    damaged = sum(one.damaged.count for one in made.inputs)
    without = sum(one.without_abstract.count for one in made.inputs)
    rows = [(sum(one.lines for one in made.inputs), "lines")]
    rows += [(-count, name) for count, name in ((damaged, "damaged"), (without, "without abstract")) if count]
    rows += [(papers, "papers"), *((-count, reason) for reason, count in made.dropped.items())]
    rows += [(made.manifest.rows, "kept")]
    rows += [(split.rows, f"  {split.name}{_in_tokens(split)}") for split in made.manifest.splits]
    width = max(len(f"{count:,}") for count, _ in rows)
    for count, name in rows:
        say(f"{count:>{width},}  ", name if count < 0 else (name, "bold"))
    for one in made.inputs:
        for kind, faults in (("damaged", one.damaged), ("without abstract", one.without_abstract)):
            if faults.count:
                first = "; ".join(faults.first[:_FAULTS]) + ("; …" if faults.count > _FAULTS else "")
                warn(f"{one.name}: {faults.count:,} {kind}: {first}")
    for line in made.notes:
        warn(line)
    say(f"{made.folder} holds the data set; {made.folder}/card.md says how it was made")


def _plain(one: data.ParsedFile[Any]) -> dict[str, Any]:
    return {
        "path": str(one.path), "format": one.format, "rows": len(one.rows), "bad": [asdict(bad) for bad in one.bad],
        "ignored": list(one.ignored),
    }  # fmt: skip


def _show_file(one: data.ParsedFile[Any]) -> None:
    say((f"{one.path}", "bold"), f": {len(one.rows):,} rows of the format {one.format}")
    if one.ignored:
        warn(f"fields not read: {', '.join(one.ignored)}")
    for name, count in one.repaired.items():
        warn(f"{count:,} rows repaired: {name}")
    for bad in one.bad[:_SHOWN]:
        warn(f"row {bad.number} dropped: {bad.reason}")
    if len(one.bad) > _SHOWN:
        warn(f"and {len(one.bad) - _SHOWN:,} more rows dropped")


def _count_tokens(dataset: Path, counter: data.TokenCounter) -> dict[str, int]:
    """Number of tokens in each split of a data set, or in a file, by name."""
    found = {}
    names = [one.name for one in data.DatasetManifest.read(dataset).splits] if dataset.is_dir() else [None]
    for name in names:
        for row in data.open_rows(dataset, name):
            counter.add(data.texts_of(row))
        found[name or dataset.name] = counter.take()
    return found


def _leaks(dataset: Path, against: list[Path], split: str | None, words: int, quiet: bool) -> dict[str, Any]:
    """The pieces of evaluation sets in the rows, printed unless `quiet`."""
    if not against:
        raise InputError(
            f"{dataset} is a file and has no manifest with checksums",
            hint="name an evaluation set with --against, or count with --tokenizer",
        )
    rows = data.open_rows(dataset, (split or "train") if dataset.is_dir() else None)
    decontamination = data.Decontamination(
        chain.from_iterable(data.open_items(path) for path in against), words
    )
    for _ in decontamination.check(rows):
        pass
    counts, hits = decontamination.counts, decontamination.hits
    if not quiet:
        _show_leaks(hits)
        say(
            f"{counts.documents_hit:,} of {counts.documents:,} rows hold pieces of {counts.items_hit:,} "
            f"of {counts.items:,} evaluation items"
        )
        if counts.items_too_short:
            warn(f"{counts.items_too_short:,} items are too short to be searched for")
    return {"counts": asdict(counts), "hits": [asdict(hit) for hit in hits]}


def _show_leaks(hits: list[data.Leak]) -> None:
    for hit in hits[:_SHOWN]:
        say((hit.document, "bold"), f" holds {hit.words} words of {hit.item}: {first_line(hit.text)}")
    if len(hits) > _SHOWN:
        say(f"and {len(hits) - _SHOWN:,} more; --json shows all")


app = new_app(
    "Make data sets of text for training.",
    abstracts,
    conversations,
    papers,
    engine.select,
    engine.fetch,
    check,
    engine.fission,
    engine.questions,
    engine.report,
    engine.review,
    engine.chats,
    engine.compose,
)
