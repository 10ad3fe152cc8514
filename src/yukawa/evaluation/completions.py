"""Completions of half abstracts by a model, in batches, a line each on disk; an interrupted call resumes."""

import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from yukawa.core.errors import InputError, ModelError, require
from yukawa.core.files import begins_with, mend_jsonl, read_jsonl, report_write_errors
from yukawa.core.processes import Progress, in_threads, lock
from yukawa.data.rows import Document
from yukawa.evaluation.perplexity import begins_with_bos, encoded
from yukawa.llm import ChatModel, GenerationOptions, Message, Reply, SyncChat
from yukawa.llm.loading import LanguageModel, end_tokens

NEW_TOKENS = 256
BATCH = 16
COMPLETIONS_HEAD = "yukawa completions"
_SENTENCE_END, _SPACE = re.compile(r"(?<=[.!?])\s+"), re.compile(r"\s+")
_INSTRUCTION = (
    "Continue this abstract of a paper. Reply with its continuation only, beginning where it ends.\n\n"
)


class Completion(BaseModel):
    """The continuation that a model wrote to the first half of a document.

    Attributes:
        id: of the document.
        prompt: the first half.
        reference: the true second half.
        completion: the model's continuation.
        tokens: its token ids; None from a service.
        logprobs: natural logarithm of the probability of each token, where a service gives them.
        finish: `stop` where the model ended by itself, `length` where it was cut.
        cut: whether the prompt had to be cut at its beginning to leave room for the completion.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    prompt: str
    reference: str
    completion: str
    tokens: tuple[int, ...] | None = None
    logprobs: tuple[float, ...] | None = None
    finish: Literal["stop", "length"] | None = None
    cut: bool = False


def split_prompt(text: str) -> tuple[str, str]:
    """The first half of a text and the rest, as FeynTune halves abstracts.

    Sentences end at `.`, `!` or `?` before white space; the first ceil(n / 2) of n are the prompt. A single
    sentence is halved by words. The rest of a single word is empty.
    """
    text = text.strip()
    for places in (list(_SENTENCE_END.finditer(text)), list(_SPACE.finditer(text))):
        if places:
            place = places[math.ceil((len(places) + 1) / 2) - 1]
            return text[: place.start()], text[place.end() :]
    return text, ""


def prompts(documents: Sequence[Document]) -> dict[str, tuple[str, str]]:
    """Prompt and true continuation by document; a document of one word has none and is omitted.

    Raises:
        InputError: two documents have one id, or none has a continuation.
    """
    found = {document.id: split_prompt(document.text) for document in documents}
    if len(found) < len(documents):
        raise InputError(f"{len(documents) - len(found)} documents share their id with another one")
    kept = {name: halves for name, halves in found.items() if halves[1]}
    if not kept:
        raise InputError("none of the documents has a second half to complete")
    return kept


def complete(
    model: LanguageModel,
    documents: Sequence[Document],
    path: Path,
    *,
    new_tokens: int = NEW_TOKENS,
    least_tokens: int = 0,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int = 0,
    bos: bool | None = None,
    batch: int = BATCH,
    progress: Progress | None = None,
) -> list[Completion]:
    """Complete the first half of each document, in batches of similar length; those in `path` are not repeated.

    A continuation is separated from the prompt by token ids. An interrupted call leaves its finished batches in the
    file; the same call resumes and ends with the same completions as one that was not interrupted.

    Args:
        model: the model.
        documents: the test set.
        path: JSON Lines; the first line says how the completions were made.
        new_tokens: longest completion.
        least_tokens: the model cannot end before so many tokens.
        temperature: 0 is greedy.
        top_p: share of the probability from which tokens are sampled; 1 is all.
        seed: of the random numbers.
        bos: begin prompts with BOS; None does what the tokenizer does by itself.
        batch: prompts at a time.
        progress: called with finished and all documents.

    Raises:
        InputError: an option cannot be used, or the file is damaged or was begun with other options.
        StoreError: the file cannot be written.
    """
    starts = begins_with_bos(model) if bos is None else bos
    longest = _longest_prompt(model, new_tokens, batch, least_tokens)
    sampling = {"temperature": temperature, "top_p": top_p, "seed": seed}
    options = {**model.options, **sampling, "new_tokens": new_tokens, "bos": starts, "batch": batch}
    options |= {"least_tokens": least_tokens} if least_tokens else {}
    halves = prompts(documents)
    ids, _ = encoded(model, [prompt for prompt, _ in halves.values()], bos=starts, eos=False)
    rows = sorted(zip(halves, ids, strict=True), key=lambda row: (len(row[1]), row[0]))
    with CompletionFile(path, model.name, options, halves) as file:
        for start in range(0, len(rows), batch):
            if progress:
                progress(len(file.done), len(rows))
            some = rows[start : start + batch]
            if all(name in file.done for name, _ in some):
                continue
            prompt_ids = [_tail(row, longest, starts) for _, row in some]
            made = generated(model, prompt_ids, new_tokens, temperature, top_p, seed + start, least_tokens)
            file.add([
                _completion(model, name, halves[name], tokens, cut=len(given) < len(row))
                for (name, row), given, tokens in zip(some, prompt_ids, made, strict=True)
            ])  # fmt: skip
        if progress:
            progress(len(file.done), len(rows))
        return file.in_order()


def _longest_prompt(model: LanguageModel, new_tokens: int, batch: int, least_tokens: int) -> int | None:
    """Tokens that a prompt may have beside its completion; None where the model has no limit."""
    if least_tokens > new_tokens:
        raise InputError(
            f"at least {least_tokens} and at most {new_tokens} tokens exclude each other",
            hint=f"type: --new-tokens {least_tokens}",
        )
    room = model.context
    if new_tokens < 1 or batch < 1 or (room is not None and new_tokens >= room):
        raise InputError(
            f"{new_tokens} new tokens in batches of {batch} cannot be generated",
            hint=f"model {model.name} holds {room} tokens, prompt included",
        )
    return None if room is None else room - new_tokens


def complete_by_chat(
    chat: ChatModel,
    documents: Sequence[Document],
    path: Path,
    *,
    new_tokens: int = NEW_TOKENS,
    temperature: float = 0.0,
    at_once: int = 4,
    progress: Progress | None = None,
) -> list[Completion]:
    """`complete` through the chat interface: for services, and models tuned for conversation.

    The model is asked in words for the continuation. Log-probabilities are kept where the service gives them.

    Raises:
        InputError: the file is damaged or was begun with other options.
        ModelError: the model failed; finished completions are in the file, and the same call resumes.
        StoreError: the file cannot be written.
    """
    halves = prompts(documents)
    options = {"chat": True, "temperature": temperature, "new_tokens": new_tokens}
    with CompletionFile(path, chat.name, options, halves) as file, SyncChat(chat) as model:
        ask = _ChatCompleter(model, temperature, new_tokens)
        left = [name for name in halves if name not in file.done]
        for _, done in in_threads(lambda name: ask(name, *halves[name]), left, at_once):
            file.add([done])
            if progress:
                progress(len(file.done), len(halves))
        return file.in_order()


class _ChatCompleter:
    """Asks a chat model for continuations, with log-probabilities until it turns out to give none."""

    def __init__(self, model: SyncChat, temperature: float, new_tokens: int) -> None:
        self._model = model
        logprobs = model.capabilities().logprobs
        self._options = GenerationOptions(temperature=temperature, max_tokens=new_tokens, logprobs=logprobs)

    def __call__(self, name: str, prompt: str, reference: str) -> Completion:
        reply = self._reply([Message("user", _INSTRUCTION + prompt)])
        return Completion(
            id=name, prompt=prompt, reference=reference, completion=reply.text.strip(),
            logprobs=None if reply.logprobs is None else tuple(token.logprob for token in reply.logprobs),
            finish="length" if reply.finish_reason == "length" else "stop",
        )  # fmt: skip

    def _reply(self, messages: list[Message]) -> Reply:
        options = self._options
        try:
            return self._model.chat(messages, options)
        except ModelError:
            if not options.logprobs:
                raise
            # Many services speak the protocol and refuse, or omit, this part of it.
            options = replace(options, logprobs=False)
            reply = self._model.chat(messages, options)
            self._options = options
            return reply


def read_completions(path: Path) -> tuple[str, dict[str, Any], list[Completion]]:
    """The model's name, how its completions were made, and the completions of a file.

    Raises:
        InputError: the file cannot be read, is damaged or holds something else.
    """
    head, *rows = list(read_jsonl(Path(path))) or [{}]
    if head.get("kind") != COMPLETIONS_HEAD:
        raise InputError(
            f"{path} does not hold completions", hint="name a file that `yukawa evaluate completions` made"
        )
    try:
        return head["model"], head["options"], [Completion.model_validate(row) for row in rows]
    except (KeyError, ValidationError) as error:
        raise InputError(f"{path} is damaged: {' '.join(str(error).split())[:200]}") from None


def read_completion_files(files: Iterable[Path]) -> dict[str, tuple[dict[str, Any], list[Completion]]]:
    """How the completions in the files were made, and the completions, by the name of the model that wrote them.

    Raises:
        InputError: a file holds no completions, or two are by one name.
    """
    found: dict[str, tuple[dict[str, Any], list[Completion]]] = {}
    for path in files:
        name, options, rows = read_completions(path)
        if not rows:
            raise InputError(
                f"{path} holds no completions yet", hint="finish it by the command that began it"
            )
        if name in found:
            raise InputError(f"two files hold completions by {name!r}", hint="give each model another name")
        found[name] = (options, rows)
    return found


class CompletionFile:
    """The file of one model's completions while it grows; a context manager.

    Args:
        path: made with its folders if need be.
        model: name of the model.
        options: how the completions are made.
        halves: prompt and true continuation by document.

    Raises:
        InputError: the file is damaged, was begun by another model, with other options or other documents, or another
            process writes it.
        StoreError: it cannot be written.
    """

    def __init__(
        self, path: Path, model: str, options: Mapping[str, Any], halves: Mapping[str, tuple[str, str]]
    ) -> None:
        self._path, self._halves = Path(path), halves
        self._head = {
            "kind": COMPLETIONS_HEAD,
            "model": model,
            "options": json.loads(json.dumps(dict(options))),
        }
        self.done: dict[str, Completion] = {}

    def __enter__(self) -> Self:
        with report_write_errors(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.exists() and not begins_with(self._path, COMPLETIONS_HEAD):
            raise InputError(
                f"{self._path} is there already and holds no completions", hint="name another folder"
            )
        with report_write_errors(self._path):
            self._handle = open(self._path, "ab+")
        try:
            if not lock(self._handle):
                raise InputError(
                    f"another process writes {self._path}", hint="wait for it, or name another folder"
                )
            mend_jsonl(self._handle)
            self._handle.seek(0, os.SEEK_END)
            if self._handle.tell() == 0:
                self._write(json.dumps(self._head, ensure_ascii=False) + "\n")
            self.done = {row.id: row for row in self._checked()}
        except BaseException:
            self._handle.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._handle.close()

    def add(self, rows: Sequence[Completion]) -> None:
        """Write new completions to the disk; those that are there already stay unchanged."""
        fresh = [row for row in rows if row.id not in self.done]
        self._write("".join(row.model_dump_json(exclude_none=True) + "\n" for row in fresh))
        self.done.update((row.id, row) for row in fresh)

    def in_order(self) -> list[Completion]:
        """The completions in the order of the documents."""
        return [self.done[name] for name in self._halves]

    def _write(self, text: str) -> None:
        with report_write_errors(self._path):
            self._handle.write(text.encode("utf-8", "replace"))
            self._handle.flush()
            os.fsync(self._handle.fileno())

    def _checked(self) -> list[Completion]:
        """The rows of the file, which the same call must have begun."""
        name, before, rows = read_completions(self._path)
        options = self._head["options"]
        changed = [key for key in options | before if options.get(key) != before.get(key)]
        if name != self._head["model"] or changed:
            raise InputError(
                f"{self._path} was begun with another {', '.join(changed) or 'model'}",
                hint="give the options it was begun with, or another file",
            )
        other = [row.id for row in rows if self._halves.get(row.id) != (row.prompt, row.reference)]
        if other:
            raise InputError(
                f"{self._path} was begun with other documents: {other[0]} is missing or different",
                hint="give another file",
            )
        return rows


def _tail(ids: list[int], longest: int | None, bos: bool) -> list[int]:
    """The end of a prompt that fits, with its BOS."""
    if longest is None or len(ids) <= longest:
        return ids
    return [ids[0], *ids[len(ids) - longest + 1 :]] if bos and longest > 1 else ids[-longest:]


def generated(
    model: LanguageModel,
    rows: Sequence[list[int]],
    new_tokens: int,
    temperature: float,
    top_p: float,
    seed: int,
    least_tokens: int = 0,
) -> list[list[int]]:
    """New tokens of each prompt (token ids), EOS included where the model ended; temperature 0 is greedy.

    No text ends before `least_tokens`.

    Raises:
        MissingPackage: torch is not installed.
    """
    torch = require("torch", "completing texts")
    width = max(len(row) for row in rows)
    ids = torch.tensor([[0] * (width - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    ends = sorted(_ends(model))
    options: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    if temperature > 0:
        options = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0}
    device = model.model.device
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(seed)
        made = model.model.generate(
            input_ids=ids.to(device), attention_mask=mask.to(device), max_new_tokens=new_tokens,
            min_new_tokens=least_tokens or None, pad_token_id=0, eos_token_id=ends or None, **options,
        )  # fmt: skip
    found = []
    for row in made[:, width:].tolist():
        stop = next((k + 1 for k, token in enumerate(row) if token in ends), len(row))
        found.append(row[:stop])
    return found


def _ends(model: LanguageModel) -> set[int]:
    """Tokens that end a text: the model's and the tokenizer's, since the first may be left unset."""
    return end_tokens(model.model.generation_config, model.tokenizer)


def _completion(
    model: LanguageModel, name: str, halves: tuple[str, str], tokens: list[int], *, cut: bool
) -> Completion:
    ended = bool(tokens) and tokens[-1] in _ends(model)
    tokens = tokens[:-1] if ended else tokens
    return Completion(
        id=name, prompt=halves[0], reference=halves[1], tokens=tuple(tokens), cut=cut,
        completion=model.tokenizer.decode(tokens, skip_special_tokens=True).strip(),
        finish="stop" if ended else "length",
    )  # fmt: skip
