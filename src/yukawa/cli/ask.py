"""The everyday verbs: `yukawa ask`, `chat`, `search` and `teach`."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from yukawa import assistant, knowledge
from yukawa.cli import options, session, writing
from yukawa.cli.options import AsOf, Domain, Json, argument, option
from yukawa.cli.output import fail, note, print_json, say, warn
from yukawa.core.errors import InputError, YukawaError

Model = Annotated[str | None, option("--model", "NAME", "Row of yukawa.toml to use; see `yukawa models`.")]
Raw = Annotated[
    bool, option("--raw", None, "Ask the language model alone, without base, sources and checks.")
]
_LEAVE = frozenset({"/quit", "/exit", "/q", "quit", "exit", "bye", "goodbye", "good bye"})


def ask(
    question: Annotated[str, argument("QUESTION", "A question on high-energy physics, in any notation.")],
    model: Model = None,
    as_of: AsOf = None,
    domain: Domain = None,
    explain: Annotated[
        bool, option("--explain", None, "Show how the question is read, word by word, before the answer.")
    ] = False,
    bibtex: Annotated[
        bool, option("--bibtex", None, "Print BibTeX entries of the papers behind the answer instead.")
    ] = False,
    raw: Raw = False,
    as_json: Json = False,
) -> None:
    """Answer a question with its sources, or say why not."""
    settings = session.read_settings()
    # What cannot be asked is refused before a base is built for it.
    knowledge.checked_text(question, "the question")
    if raw:
        if as_of or domain:
            given = "--as-of" if as_of else "--domain"
            raise InputError(
                f"{given} chooses what the knowledge base holds, and --raw uses no base",
                hint="type one of them",
            )
        writing.raw(settings, [question], model, as_json=as_json, single=True)
        return
    knowledge.check_filters(domain)
    assistant.model_for(domain or "", settings, model)
    with session.taught_base(settings) as base:
        reader = writing.draft(as_json or bibtex)
        answer = assistant.Assistant(base, settings).ask(
            question, model=model, as_of=as_of, domain=domain, reader=reader
        )
    if bibtex:
        session.show_bibtex(answer)
        return
    if as_json:
        print_json(answer.as_json())
        return
    if explain:
        session.show_plan(answer)
    writing.show_answer(answer, reader)


def chat(model: Model = None, raw: Raw = False, as_json: Json = False) -> None:
    """Answer question after question; 'and its width?' is understood.

    Leave with /quit or Ctrl-D. With --json the answers are printed as one list at the end.
    """
    settings = session.read_settings()
    if raw:
        writing.raw(settings, _questions(), model, as_json=as_json, single=False)
        return
    assistant.model_for("", settings, model)
    answers = []
    with session.taught_base(settings) as base:
        asked = assistant.Assistant(base, settings)
        history: list[str] = []
        for question in _questions():
            reader = writing.draft(as_json)
            try:
                answer = asked.ask(question, history=history, model=model, reader=reader)
            except YukawaError as error:
                fail(str(error))
                continue
            history.append(question)
            answers.append(answer.as_json())
            if not as_json:
                writing.show_answer(answer, reader)
                say()
    if as_json:
        print_json(answers)


def _questions() -> Iterator[str]:
    """Lines typed or piped in, until the end, 'quit', 'bye' or Ctrl-C."""
    interactive = sys.stdin.isatty()
    if interactive:
        with contextlib.suppress(ImportError):  # gives line editing where the platform has it
            import readline  # noqa: F401
        note(("Ask; /quit or Ctrl-D leaves.", "dim"))
    while True:
        if interactive:
            sys.stderr.write("> ")
            sys.stderr.flush()
        try:
            line = input().strip()
        except (EOFError, KeyboardInterrupt):
            if interactive:
                sys.stderr.write("\n")
            return
        if line.lower().rstrip("!. ") in _LEAVE:
            return
        if line:
            yield line


def search(
    query: Annotated[str, argument("QUERY", "Words, a question, or a particle in any notation.")],
    k: Annotated[int, option("-k", "N", "Show N passages.", min=1)] = 5,
    domain: Domain = None,
    kind: options.Kind = None,
    author: options.Author = None,
    source: options.Source = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Find passages by their words and their meaning, best first."""
    settings = session.read_settings()
    knowledge.checked_text(query, "the query")
    knowledge.check_filters(domain, kind)
    with session.taught_base(settings) as base:
        hits = base.search(query, k=k, as_of=as_of, domain=domain, kind=kind, author=author, source=source)
    if as_json:
        print_json([hit.as_json() for hit in hits])
        return
    for hit in hits:
        say(
            (f"{hit.score:.3f} ", "dim"),
            (hit.item_id, "bold"),
            f"  {hit.provenance.source}{session.said(hit.kind, hit.provenance.author, hit.trust)}",
        )
        if hit.question:
            say("      ", hit.question)
        say("      ", hit.text)
    if not hits:
        note("nothing found")


Papers = Annotated[
    list[Path] | None,
    option(
        "--paper",
        "PATH",
        "Teach papers instead: LaTeX, an archive of it, HTML, PDF or rows of unarXive, or folders of them.",
    ),
]


def teach(
    text: Annotated[str | None, argument("TEXT", "The statement or the answer to teach.")] = None,
    question: Annotated[
        str | None, option("--question", None, "Teach TEXT as the answer to this question.")
    ] = None,
    file: Annotated[
        list[str] | None,
        option(
            "--file",
            "PATH",
            "Teach Markdown, text or PDF instead: files, folders or patterns; '-' reads stdin.",
        ),
    ] = None,
    paper: Papers = None,
    sync: Annotated[
        str | None,
        option("--sync", "DIR", "Teach a folder: add what is new, update what changed, unload what is gone."),
    ] = None,
    source: Annotated[str | None, option("--source", None, "Name the source with this label.")] = None,
    url: Annotated[str | None, option("--url", None, "Address of the source: URL, DOI or arXiv id.")] = None,
    author: Annotated[
        str | None, option("--author", None, "Name of the person who teaches; your user name by default.")
    ] = None,
    licence: Annotated[
        str | None, option("--licence", None, "Licence under which the text may be passed on.")
    ] = None,
    domain: Annotated[
        str | None, option("--domain", None, "Domain, one of eight; guessed by default.")
    ] = None,
    corrects: Annotated[
        str | None, option("--corrects", "ANSWER_ID", "Id of the answer that TEXT corrects.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Teach a fact, an answer, a document or a correction. The next answer uses it."""
    _check_one({"a text": text, "--file": file, "--paper": paper, "--sync": sync})
    about = {"author": author or session.me(), "url": url, "licence": licence, "domain": domain}
    if text is None:
        if question is not None or corrects is not None:
            raise InputError(
                "--question and --corrects belong to a text, not to a file", hint="give the text itself"
            )
        _teach_papers(paper, source, about, as_json) if paper else _teach_files(
            file, sync, source, about, as_json
        )
        return
    settings = session.read_settings()
    # Refused before a base is opened, or made, for it.
    text = knowledge.checked_text(text)
    knowledge.check_filters(domain)
    told = {
        **about,
        "question": question,
        "source": source or "",
        "corrects": corrects,
        "actor": session.me(),
    }
    with session.plain_base(settings) as base:
        item = base.teach(text, **told)  # type: ignore[arg-type]
    session.give_change(item, as_json)


def _check_one(ways: Mapping[str, object]) -> None:
    """Refuse a call that teaches nothing or several things, or standard input as a text."""
    if ways["a text"] == "-":
        raise InputError("- is not a text", hint="to teach what standard input says, type: --file -")
    given = [name for name, value in ways.items() if value is not None]
    if len(given) != 1:
        raise InputError(
            f"{' and '.join(given)} were given, but only one is taught at a time"
            if given
            else "neither a text nor a file was given",
            hint='type: yukawa teach "..." or yukawa teach --file PATH',
        )


def _teach_files(
    files: list[str] | None,
    folder: str | None,
    source: str | None,
    about: dict[str, Any],
    as_json: bool,
) -> None:
    """Teach the files that are named, or a folder as a whole; all of them are read before a base is opened."""
    from yukawa.knowledge import documents

    settings = session.read_settings()
    knowledge.check_filters(about["domain"])
    if folder is not None:
        if source is not None:
            raise InputError(
                "--source names one document, not a folder", hint="its files are named by their paths"
            )
        with session.plain_base(settings) as base:
            changes = documents.sync(base, folder, actor=session.me(), **about)
        session.give_files(changes, as_json)
        return
    paths = files if files == ["-"] else documents.find_files(files or ())
    if source is not None and len(paths) > 1:
        raise InputError(
            f"--source names one document, but {len(paths)} files were found", hint="omit --source"
        )
    labels = [source or str(path) for path in paths] if len(paths) > 1 else [source]
    items = [_file_item(str(path), label, about) for path, label in zip(paths, labels, strict=True)]
    _teach_together(items, as_json)


def _teach_papers(paths: list[Path], source: str | None, about: dict[str, Any], as_json: bool) -> None:
    """Teach papers, each under its title or name; all of them are read before a base is opened."""
    from yukawa.knowledge.documents.papers import find_papers, open_papers, paper_item

    knowledge.check_filters(about["domain"])
    read = [one for path in find_papers(paths).papers for one in open_papers(path)]
    if wrong := next((one for one in read if isinstance(one, InputError)), None):
        raise wrong
    papers = [one for one in read if not isinstance(one, InputError)]
    if source is not None and len(papers) != 1:
        raise InputError(f"--source names one paper, but {len(papers)} were found", hint="omit --source")
    for paper in papers:
        for missing in paper.missing:
            warn(f"{paper.name}: not read: {missing}")
    items = [paper_item(paper, source, **about) for paper in papers]
    _teach_together(items, as_json)


def _teach_together(items: list[knowledge.NewItem], as_json: bool) -> None:
    """Teach all of them or none, and say what became of each."""
    from yukawa.knowledge.documents import Synced

    with session.plain_base(session.read_settings()) as base:
        taught = base.change(items, actor=session.me())
    if len(taught) == 1:
        session.give_change(taught[0], as_json)
        return
    names = (item.provenance.source for item in items)
    session.give_files([Synced(n, i.status, i.id) for n, i in zip(names, taught, strict=True)], as_json)


def _file_item(path: str, source: str | None, about: dict[str, Any]) -> knowledge.NewItem:
    from yukawa.knowledge import documents

    file = documents.read_file(path)
    if path == "-":
        return knowledge.new_item(file.text, source=source or "standard input", **about)
    return documents.file_item(file, source or Path(path).name, **about)
