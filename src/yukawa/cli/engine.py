"""`yukawa data VERB` of the data engine: questions and answers from seeds, what a run made, and the set composed of runs."""

from __future__ import annotations  # an annotation that is evaluated would load what it names

import re
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from yukawa.cli import session
from yukawa.cli.options import Json, argument, option
from yukawa.cli.output import Interrupted, print_json, progress_bar, say, show, warn
from yukawa.core.errors import InputError, check_name
from yukawa.core.files import read_text
from yukawa.data import engine
from yukawa.knowledge.records import DOMAINS

if TYPE_CHECKING:
    from yukawa.core.settings import ModelSettings, Settings
    from yukawa.llm import ChatModel

_SHOWN = 20  # failures for people; --json gives all
RunOf = Annotated[Path, argument("RUN", "Folder of a run of the data engine.")]


def fission(
    seeds: Annotated[list[str] | None, argument("[SEED]...", "Topics, such as 'particle physics'.")] = None,
    domains: Annotated[
        str | None, option("--domains", "NAMES", "Fields as seeds: all, or some of the eight, separated by commas.")
    ] = None,
    model: Annotated[
        str, option("--model", "NAME", "Model that asks and answers; quote asks from templates and quotes the base.")
    ] = "quote",
    pairs: Annotated[int, option("--pairs", "N", "Number of accepted pairs from each seed.", min=1)] = 50,
    out: Annotated[Path | None, option("--out", "DIR", "Folder of the run; runs/fission-SEED by default.")] = None,
    calls: Annotated[int | None, option("--budget-calls", "N", "Stop after this many calls of the model.", min=1)] = None,
    tokens: Annotated[int | None, option("--budget-tokens", "N", "Stop after this many tokens.", min=1)] = None,
    money: Annotated[float | None, option("--budget-money", "X", "Stop at this cost, at the prices of the model's row.", min=0)] = None,
    batch: Annotated[int, option("--batch", "N", "Number of questions answered together.", min=1)] = 4,
    concurrency: Annotated[int, option("--concurrency", "N", "Number of simultaneous calls of the model.", min=1)] = 8,
    seed: Annotated[int, option("--seed", "N", "Seed of the random numbers.")] = 42,
    resume: Annotated[bool, option("--resume", None, "Continue the run in the folder, also with more pairs or a larger budget.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Make questions and answers from a topic. Each answer is quoted from the base and checked."""
    chosen = [*(seeds or ()), *fields_of(domains)]
    if not chosen:
        raise InputError(
            "no seed is given", hint='type: yukawa data fission "particle physics", or --domains all'
        )
    folder = out or Path("runs") / f"fission-{_slug('all fields' if domains == 'all' else chosen[0])}"
    session.check_run_folder(folder, resume)
    settings = session.read_settings()
    row, opened = _opened(settings, model)
    recipe = engine.FissionRecipe(
        seeds=tuple(chosen), pairs=pairs, batch=batch, seed=seed, concurrency=concurrency
    )
    budget = engine.Budget(calls, tokens, money)
    with session.taught_base(settings) as base, progress_bar("fission, in accepted pairs") as bar:
        result = engine.run_fission(
            folder,
            recipe,
            base,
            row=row,
            model=opened,
            budget=budget,
            resume=resume,
            progress=bar,
        )
    figures = engine.write_report(folder)
    if as_json:
        print_json(asdict(result) | {"out": str(folder), "report": figures})
    else:
        _show_fission(folder, result)
    if result.ended == "stopped":
        raise Interrupted("type the same command with --resume to continue")


def report(run: RunOf, as_json: Json = False) -> None:
    """Show what a run of the data engine produced. The report is also written into its folder."""
    figures = engine.write_report(run)
    if as_json:
        print_json(figures)
    else:
        show(engine.report_blocks(figures))
        say(f"{run}/report.html has the tree of questions too")


def chats(
    file: Annotated[Path, argument("EXPORT", "Conversations as a chat program exports them: JSON or JSON Lines.")],
    out: Annotated[Path, option("--out", "DIR", "New folder for the data set.")],
    layout: Annotated[
        str | None,
        option("--from", "NAME", "Layout: chatgpt, openwebui, librechat, haichat, sharegpt or messages; recognised by default."),
    ] = None,
    names: Annotated[Path | None, option("--names", "FILE", "Names to be replaced wherever they occur, one per line.")] = None,
    consent: Annotated[str | None, option("--consent", "FIELD", "Keep only conversations in which this field is true.")] = None,
    licence: Annotated[str, option("--licence", None, "Licence of the set; one to pass on needs --consent.")] = "private",
    keep_all: Annotated[bool, option("--all-fields", None, "Also keep conversations outside the eight fields.")] = False,
    seed: Annotated[int, option("--seed", "N", "Seed of the split.")] = 42,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Make a data set of conversations with a chat program. Personal data are replaced before anything is written."""
    session.check_folder(out, new=True)
    known = read_text(names).split("\n") if names else []
    made = engine.build_chats(
        file, out, layout=layout, names=[name.strip() for name in known if name.strip()], consent=consent, licence=licence,
        keep_all=keep_all, seed=seed,
    )  # fmt: skip
    if as_json:
        print_json({"out": str(out), "read": made.read, "kept": made.manifest.rows, "dropped": made.dropped, "removed": made.removed,
                    "repaired": made.repaired})  # fmt: skip
        return
    say(f"{made.read:,} conversations read, {made.manifest.rows:,} kept")
    for title, counts in (("dropped", made.dropped), ("replaced", made.removed), ("mended", made.repaired)):
        if counts:
            say((f"{title}: ", "bold"), ", ".join(f"{count:,} {name}" for name, count in counts.items()))
    say(f"{out} holds the data set; {out}/card.md says how it was made")


def compose(
    runs: Annotated[list[Path], argument("RUN...", "Runs of the data engine, data sets of conversations, or files of them.")],
    out: Annotated[Path, option("--out", "DIR", "New folder for the data set.")],
    near: Annotated[float, option("--near", "C", "Cosine similarity from which two meanings count as the same.", min=0, max=1)] = 0.9,
    evaluation: Annotated[
        list[Path] | None, option("--decontaminate", "EVALUATION", "Drop pairs that this evaluation set contains; may be repeated.")
    ] = None,
    licence: Annotated[str, option("--licence", None, "Licence of the set: CC0-1.0, CC-BY-4.0, CC-BY-SA-4.0 or private.")] = "private",
    form: Annotated[str, option("--format", None, "Format of the rows: parquet, jsonl or jsonl.gz.")] = "parquet",
    seed: Annotated[int, option("--seed", "N", "Seed of the split.")] = 42,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Compose the accepted pairs of runs into one data set. Its card lists the funnel, sources and licence."""
    session.check_folder(out, new=True)
    made = engine.compose_set(
        runs,
        out,
        near=near,
        evaluation=evaluation or (),
        licence=licence,
        seed=seed,
        suffix=f".{form.removeprefix('.')}",
    )
    rows = {split.name: split.rows for split in made.manifest.splits}
    if as_json:
        print_json({"out": str(out), "rows": rows, "dropped": dict(made.dropped)})
        return
    for reason, count in sorted(made.dropped.items()):
        warn(f"omitted {count:,} rows: {reason}")
    say(
        f"{out} holds {made.manifest.rows:,} rows: "
        + ", ".join(f"{count:,} {name}" for name, count in rows.items())
    )


def review(
    run: RunOf,
    reviewer: Annotated[str | None, option("--as", "NAME", "Name of the reviewer; your account by default.")] = None,
    accept: Annotated[int | None, option("--accept", "ID", "Accept the pair.")] = None,
    edit: Annotated[int | None, option("--edit", "ID", "Accept the pair with the words of --answer.")] = None,
    reject: Annotated[int | None, option("--reject", "ID", "Reject the pair; --reason says why.")] = None,
    skip: Annotated[int | None, option("--skip", "ID", "Leave the pair to others.")] = None,
    answer: Annotated[str, option("--answer", "TEXT", "The corrected answer.")] = "",
    reason: Annotated[str, option("--reason", "TEXT", "Reason for the verdict.")] = "",
    undo: Annotated[bool, option("--undo", None, "Take back your last verdict.")] = False,
    overlap: Annotated[int, option("--overlap", "N", "Number of reviewers who see each pair.", min=1)] = 1,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Review the pairs of a run, doubtful ones first. Give a verdict on the current pair, and see the next one."""
    me = reviewer or session.me()
    store = engine.WorkStore(run)
    try:
        queue = engine.ReviewQueue(store, overlap)
        for verdict, number in (("accept", accept), ("edit", edit), ("reject", reject), ("skip", skip)):
            if number is not None:
                queue.decide(number, me, verdict, after=answer, reason=reason)
        if undo and queue.undo(me) is None:
            raise InputError(
                f"{me} has not given a verdict yet", hint="see the next pair: yukawa data review RUN"
            )
        claimed, progress = queue.claim(me), queue.progress()
    finally:
        store.close()
    if as_json:
        pair = (
            {"pair": dict(claimed.pair), "quotes": [dict(q) for q in claimed.quotes], "until": claimed.until}
            if claimed
            else None
        )
        print_json({"next": pair, "progress": progress})
        return
    say(f"{progress['judged']:,} of {progress['pairs']:,} pairs judged")
    if claimed is None:
        say("no pair is left for you")
        return
    _show_pair(claimed)


def _show_pair(claimed: engine.Claimed) -> None:
    pair = claimed.pair
    say((f"pair {pair['id']}: ", "bold"), pair["question"])
    say(pair["answer"])
    for quote in claimed.quotes:
        say((f"  {quote['label']}: ", "dim"), quote["quote"])
    if pair["reason"]:
        warn(f"not accepted by the checks: {pair['reason']}")
    number = pair["id"]
    say(
        (
            f"--accept {number}, --edit {number} --answer TEXT, --reject {number} --reason TEXT, --skip {number}, or --undo",
            "dim",
        )
    )


def select(
    metadata: Annotated[
        list[Path],
        argument("METADATA...", "Metadata of arXiv or INSPIRE (JSON or JSON Lines), or a table (CSV, Parquet) with id and citations."),
    ],
    out: Annotated[Path, option("--out", "FILE", "List of papers to fetch: .jsonl or .jsonl.gz.")],
    fields: Annotated[
        str, option("--fields", "NAMES", "Fields: all, or names separated by commas.")
    ] = "all",
    years: Annotated[str | None, option("--years", "Y-Y", "Years, such as 1995-2020; all by default.")] = None,
    per: Annotated[int, option("--per", "N", "Number of papers of each field and year.", min=1)] = 10,
    force: Annotated[bool, option("--force", None, "Replace the file.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Select the most cited papers of each field and year. The list says which to fetch."""
    session.check_file(out, force, *metadata)
    made = engine.select_papers(metadata, fields=fields_of(fields), years=engine.check_years(years), per=per)
    engine.write_list(out, made.papers)
    if as_json:
        print_json(
            {"out": str(out), "papers": len(made.papers), "read": made.read, "dropped": dict(made.dropped), "bad": made.bad}
        )  # fmt: skip
        return
    for reason, count in made.dropped.items():
        warn(f"omitted {count:,} papers {reason}")
    if made.bad:
        warn(f"omitted {made.bad:,} rows without an id of arXiv")
    counts = Counter(paper.field for paper in made.papers)
    for name in (name for name in DOMAINS if counts[name]):
        say((name, "bold"), f": {counts[name]:,} papers")
    say(f"{out} lists {len(made.papers):,} of {made.read:,} papers")


def fetch(
    papers: Annotated[Path, argument("LIST", "List of papers, as yukawa data select writes it.")],
    out: Annotated[Path, option("--out", "DIR", "Folder for the papers; what it holds already is not fetched again.")],
    form: Annotated[str, option("--form", None, "Form of the papers: source or pdf.")] = "source",
    any_licence: Annotated[
        bool, option("--any-licence", None, "Also fetch papers whose licence does not allow passing them on, for your own use.")
    ] = False,
    pause: Annotated[float, option("--pause", "S", "Seconds from one request to the next; arXiv asks for 3.", min=0)] = 3.0,
    server: Annotated[str, option("--server", "URL", "Server to ask; a mirror of your own, for example.")] = "https://export.arxiv.org",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Fetch the papers of a list from arXiv. The same command continues where it ended."""
    session.check_folder(out)
    engine.check_fetched(out)
    listed = engine.check_list(papers)
    try:
        with progress_bar("fetching, in papers") as bar:
            made = engine.fetch_papers(
                listed, out, server=server, form=form, any_licence=any_licence, pause_s=pause, progress=bar
            )
    except KeyboardInterrupt:
        raise Interrupted("type the same command again to continue") from None
    if as_json:
        print_json(
            {"out": str(out), "listed": len(listed), "there": made.there, "new": made.new, "left_out": dict(made.left_out),
             "failed": made.failed, "bytes": made.size}
        )  # fmt: skip
        return
    for reason, count in made.left_out.items():
        warn(f"omitted {count:,} papers by licence: {reason}")
    for line in made.failed[:_SHOWN]:
        warn(f"not fetched: {line}")
    if len(made.failed) > _SHOWN:
        warn(f"and {len(made.failed) - _SHOWN:,} more; the same command tries them again")
    say(
        f"{out} holds {made.there:,} of {len(listed):,} papers, {made.new:,} of them new ({made.size:,} bytes)"
    )


def questions(
    papers: Annotated[
        list[Path],
        argument("PAPERS...", "LaTeX, archives of it, HTML, PDF, Markdown, rows of unarXive, or folders of them."),
    ],
    out: Annotated[Path, option("--out", "DIR", "Folder of the run.")],
    model: Annotated[
        str, option("--model", "NAME", "Model that asks and answers; quote asks by patterns and quotes the paper.")
    ] = "quote",
    per_section: Annotated[int, option("--per-section", "N", "Number of pairs of each section, at most.", min=1, max=6)] = 2,
    licence: Annotated[str | None, option("--licence", None, "Licence of papers that name none.")] = None,
    calls: Annotated[int | None, option("--budget-calls", "N", "Stop after this many calls of the model.", min=1)] = None,
    tokens: Annotated[int | None, option("--budget-tokens", "N", "Stop after this many tokens.", min=1)] = None,
    money: Annotated[float | None, option("--budget-money", "X", "Stop at this cost, at the prices of the model's row.", min=0)] = None,
    concurrency: Annotated[int, option("--concurrency", "N", "Number of simultaneous calls of the model.", min=1)] = 8,
    resume: Annotated[bool, option("--resume", None, "Continue the run in the folder, also with a larger budget.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Make questions and answers from papers. Each answer rests on a verbatim quote."""
    session.check_run_folder(out, resume)
    settings = session.read_settings()
    row, opened = _opened(settings, model)
    recipe = engine.QuestionsRecipe(per_section=per_section, concurrency=concurrency)
    with progress_bar("questions, in sections") as bar:
        made = engine.run_questions(
            papers, out, recipe, row=row, model=opened, budget=engine.Budget(calls, tokens, money),
            licence=licence, resume=resume, progress=bar,
        )  # fmt: skip
    figures = engine.write_report(out)
    if as_json:
        print_json(asdict(made) | {"out": str(out), "report": figures})
    else:
        for line in made.unread[:_SHOWN]:
            warn(f"not read: {line}")
        if len(made.unread) > _SHOWN:
            warn(f"and {len(made.unread) - _SHOWN:,} more not read")
        say(f"{made.sections[1]:,} of {made.sections[0]:,} sections done")
        for title, counts in (("accepted", made.accepted), ("rejected", made.rejected)):
            say(
                (f"{title}: ", "bold"),
                ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "none",
            )
        if made.ended == "budget":
            warn("the budget is spent; --resume with a larger one continues")
        say(f"{out} holds the run; {out}/report.md says how it went")
    if made.ended == "stopped":
        raise Interrupted("type the same command with --resume to continue")


def _opened(settings: Settings, name: str) -> tuple[ModelSettings, ChatModel] | tuple[None, None]:
    """The model of a name with its settings; neither for one that only quotes."""
    check_name("model", name, settings.models)
    row = settings.models[name]
    if row.backend == "quote":
        return None, None
    from yukawa.llm import open_model

    return row, open_model(row)


def fields_of(names: str | None) -> list[str]:
    """The fields that an option names: all, or some separated by commas.

    Raises:
        InputError: one is not a field.
    """
    if names is None:
        return []
    if names == "all":
        return list(DOMAINS)
    found = [name.strip() for name in names.split(",") if name.strip()]
    for name in found:
        check_name("field", name, DOMAINS)
    return found


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "seed"


def _show_fission(folder: Path, result: engine.FissionResult) -> None:
    for seed, count in result.accepted.items():
        if seed in result.unsupported:
            warn(f"nothing in the base supports {seed!r}: teach it documents of that field")
        else:
            say((seed, "bold"), f": {count:,} accepted pairs")
    say(", ".join(f"{count:,} {state}" for state, count in result.candidates.items()) or "no candidates")
    if result.ended == "budget":
        warn("the budget is spent; --resume with a larger one continues")
    elif result.ended == "nothing left" and not result.unsupported:
        warn("no question is left that is new and can be answered")
    say(f"{folder} holds the run; {folder}/report.md says how it went")
