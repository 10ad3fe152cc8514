"""Reads files of questions and answers in all common formats as conversations and preferences."""

import gzip
import reprlib
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any, Generic, TypeVar

from yukawa.core.errors import InputError, check_name, unreadable
from yukawa.core.files import open_file, parse_json, read_jsonl
from yukawa.data.repairs import Message, Repairs
from yukawa.data.rows import Conversation, Preference, Turn

# The fields that a row of each format must have, the most specific format first.
FORMATS: Mapping[str, tuple[str, ...]] = {
    "preference": ("chosen", "rejected"),
    "messages": ("messages",),
    "sharegpt": ("conversations",),
    "alpaca": ("instruction", "output"),
    "qa": ("question", "answer"),
}
_OPTIONAL = {"preference": ("prompt",), "sharegpt": ("system",), "alpaca": ("input", "system")}
_PROVENANCE = ("id", "source", "licence", "category")
_ROLES = {"system": "system", "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant"}
_SHOWN = 3  # bad rows in a message

Values = Mapping[str, Any]
Talk = TypeVar("Talk", Conversation, Preference)


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be used: its number in the file, from 1, and why."""

    number: int
    reason: str


@dataclass(frozen=True)
class ParsedFile(Generic[Talk]):
    """The content of a file.

    Attributes:
        path: the file.
        format: one of `FORMATS`, given or recognised.
        rows: the good rows, in the order of the file.
        bad: the bad rows, if they may be dropped.
        ignored: names of fields that were not read, sorted.
        repaired: by each declared repair, the number of rows that it changed.
    """

    path: Path
    format: str
    rows: tuple[Talk, ...]
    bad: tuple[BadRow, ...]
    ignored: tuple[str, ...]
    repaired: Mapping[str, int] = field(default_factory=dict)


def read_conversations(
    path: Path,
    *,
    format: str | None = None,  # noqa: A002 -- what everyone calls it
    source: str | None = None,
    licence: str | None = None,
    drop_bad: bool = False,
    repairs: Iterable[str] = (),
) -> ParsedFile[Conversation]:
    """Read a JSON list or JSON Lines (gzip if named .gz) of questions and answers; no text is changed.

    Each row is an object in one of the formats `qa` (question, answer), `alpaca` (instruction, input, output),
    `sharegpt` (conversations of from and value) and `messages` (messages of role and content). In a good row an
    optional system message is followed by turns of user and assistant, from a user to an assistant, and no text is
    blank. The fields id, source, licence and category are kept.

    Args:
        format: one of `FORMATS`; recognised by the fields if None.
        source: source of rows that name none; the file's name by default.
        licence: licence of rows that name none.
        drop_bad: drop bad rows and list them; otherwise they are refused.
        repairs: of rows of `sharegpt` and `messages`, see `yukawa.data.repairs`.

    Raises:
        InputError: the file cannot be read or holds no rows, the format is unknown or not recognised, or rows are
            bad; the message names the first of them by number.
    """
    return _read(path, format, source, licence, drop_bad, Conversation, Repairs(repairs))


def read_preferences(
    path: Path, *, source: str | None = None, licence: str | None = None, drop_bad: bool = False
) -> ParsedFile[Preference]:
    """Read prompts with a chosen and a rejected reply, as `read_conversations` reads.

    Prompt and replies are texts, or lists of messages (role and content). With lists the prompt may be omitted: it
    is then what `chosen` and `rejected` have in common before their last message.

    Raises:
        InputError: as for `read_conversations`; also if both replies are the same.
    """
    return _read(path, "preference", source, licence, drop_bad, Preference, Repairs())


def detect_format(path: Path) -> str:
    """The format of a file's rows, recognised by the fields of the first row that has those of a format.

    Raises:
        InputError: the file cannot be read or holds no rows, or no row has the fields of a format.
    """
    return _detect(path, _rows(path))


def read_objects(path: Path) -> Iterator[Any]:
    """The values of a JSON list, or of JSON Lines, of a plain or gzip file.

    Raises:
        InputError: the file cannot be read or is neither; the message names file and line.
    """
    path = Path(path)
    if not _is_list(path):
        yield from read_jsonl(path)
        return
    try:
        with _open(path) as handle:
            data = handle.read(_LARGEST_LIST + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise unreadable(path, error) from None
    if len(data) > _LARGEST_LIST:
        raise InputError(
            f"{path} holds a list of more than {_LARGEST_LIST >> 30} GiB", hint="write it as JSON Lines"
        )
    yield from parse_json(data.removeprefix(b"\xef\xbb\xbf"), str(path))


_LARGEST_LIST = 2 << 30  # bytes, of what is read as a whole


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    with open_file(path) as raw, gzip.open(raw) if path.suffix == ".gz" else raw as handle:
        yield handle


def _is_list(path: Path) -> bool:
    try:
        with _open(path) as handle:
            return bool(handle.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["))
    except (EOFError, OSError, zlib.error):
        return False  # read_jsonl says what is wrong with it


def _rows(path: Path) -> list[Any]:
    rows = list(read_objects(path))
    if not rows:
        raise InputError(f"{path} holds no rows")
    return rows


def _detect(path: Path, rows: Sequence[Any]) -> str:
    for row in rows:
        for name, fields in FORMATS.items():
            if isinstance(row, dict) and all(field in row for field in fields):
                return name
    found = f"fields {', '.join(rows[0])}" if isinstance(rows[0], dict) else type(rows[0]).__name__
    known = "; ".join(f"{name}: {', '.join(fields)}" for name, fields in FORMATS.items())
    raise InputError(f"{path} is not in a known format: its first row has {found}", hint=f"known are {known}")


def _read(
    path: Path, format_: str | None, source: str | None, licence: str | None, drop_bad: bool, kind: type[Talk],
    repairs: Repairs,
) -> ParsedFile[Talk]:  # fmt: skip
    """Read and check one file of questions and answers or of preferences.

    Raises:
        InputError: the format is unknown or of the other kind, or a row is bad and bad rows are not dropped.
    """
    path = Path(path)
    raw = _rows(path)
    found = format_ or _detect(path, raw)
    check_name("format of questions and answers", found, FORMATS)
    if (found == "preference") is not (kind is Preference):
        raise InputError(f"{path} holds rows of the format {found}, not {kind.__name__.lower()}s")
    if source is not None and not source.strip():
        raise InputError("the source is empty", hint="name one, or omit it for the file's name")
    parser = _RowParser(found, source or path.name, licence, path.name.partition(".")[0], repairs)
    rows: list[Talk] = []
    bad: list[BadRow] = []
    for number, values in enumerate(raw, start=1):
        try:
            rows.append(kind.model_validate(parser.parse(number, values)))
        except _BadRowError as error:
            bad.append(BadRow(number, str(error)))
    if bad and not drop_bad:
        raise InputError(_complaint(path, bad, len(raw)), hint="correct them, or drop them with --drop-bad")
    return ParsedFile(path, found, tuple(rows), tuple(bad), tuple(sorted(parser.ignored)), +repairs.counts)


def _complaint(path: Path, bad: Sequence[BadRow], total: int) -> str:
    shown = "; ".join(f"row {row.number}: {row.reason}" for row in bad[:_SHOWN])
    more = f"; and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
    return f"{path} has {len(bad)} bad of {total} rows: {shown}{more}"


class _BadRowError(Exception):
    """A row cannot be used; never leaves this module."""


class _RowParser:
    """Makes rows of one format, and remembers which fields it did not read."""

    def __init__(self, format_: str, source: str, licence: str | None, stem: str, repairs: Repairs) -> None:
        self._repair = repairs
        self._format, self._source, self._licence, self._stem = format_, source, licence, stem
        self._read_fields = {*FORMATS[format_], *_OPTIONAL.get(format_, ()), *_PROVENANCE}
        if format_ == "preference":
            self._read_fields.discard("category")
        self._ids: dict[str, int] = {}
        self.ignored: set[str] = set()

    def parse(self, number: int, values: Any) -> dict[str, Any]:
        """Parse the row with this number in the file into its fields.

        Raises:
            _BadRowError: it is not a row of the format.
        """
        if not isinstance(values, dict):
            raise _BadRowError(f"it is {type(values).__name__}, not an object")
        for name in FORMATS[self._format]:
            if values.get(name) is None:
                raise _BadRowError(f"it has no {name!r}")
        content = self._content(values)
        provenance = self._provenance(number, values)
        self.ignored |= values.keys() - self._read_fields
        return {**provenance, **content}

    def _content(self, values: Values) -> dict[str, Any]:
        match self._format:
            case "preference":
                return self._preference(values)
            case "messages":
                messages = self._messages(values["messages"], "messages")
            case "sharegpt":
                turns = self._messages(values["conversations"], "conversations", "from", "value")
                messages = [*_system(values), *turns]
            case "alpaca":
                messages = [*_system(values), *_pair(_instruction(values), values["output"])]
            case _:
                messages = _pair(values["question"], values["answer"])
        _check_turns(messages, last="assistant")
        return {"messages": tuple(messages)}

    def _provenance(self, number: int, values: Values) -> dict[str, Any]:
        given = {"source": self._source, "licence": self._licence}
        for name in _PROVENANCE:
            value = values.get(name)
            if value is None or name not in self._read_fields:
                continue
            if name == "id" and isinstance(value, int):
                value = str(value)
            if not isinstance(value, str) or not value.strip():
                raise _BadRowError(f"its {name} is {value!r}, not a text")
            given[name] = value
        name = given.setdefault("id", f"{self._stem}:{number}") or ""
        if self._ids.setdefault(name, number) != number:
            raise _BadRowError(f"its id {name!r} is that of row {self._ids[name]}")
        return given

    def _messages(self, turns: Any, field: str, role: str = "role", text: str = "content") -> list[Turn]:
        if not isinstance(turns, list) or not turns:
            raise _BadRowError(f"{field!r} must be a list of messages, it is {reprlib.repr(turns)}")
        said: list[Message] = []
        for turn in turns:
            if not isinstance(turn, dict) or role not in turn or text not in turn:
                raise _BadRowError(f"a message of {field!r} has no {role!r} or no {text!r}")
            said.append((turn[role], turn[text]))
            self.ignored |= {f"{field}.{name}" for name in turn.keys() - {role, text}}
        return [_message(*one) for one in self._repair(said)]

    def _preference(self, values: Values) -> dict[str, Any]:
        prompt = self._side(values["prompt"], "prompt", "user") if values.get("prompt") is not None else []
        chosen, rejected = (self._side(values[name], name, "assistant") for name in ("chosen", "rejected"))
        shared = len(chosen) - 1
        if chosen[:-1] != rejected[:-1]:
            raise _BadRowError("'chosen' and 'rejected' differ before their last message")
        # Some files repeat the prompt within both replies, some give it there alone.
        if shared and prompt and prompt != chosen[:-1]:
            raise _BadRowError("'chosen' begins with another prompt than 'prompt'")
        prompt = prompt or chosen[:-1]
        for name, messages in (("chosen", chosen), ("rejected", rejected)):
            if messages[-1].role != "assistant":
                raise _BadRowError(f"{name!r} ends with a {messages[-1].role} message, not the assistant's")
        _check_turns(prompt, last="user")
        if chosen[-1].content == rejected[-1].content:
            raise _BadRowError("'chosen' and 'rejected' are the same")
        return {"prompt": tuple(prompt), "chosen": chosen[-1].content, "rejected": rejected[-1].content}

    def _side(self, value: Any, field: str, role: str) -> list[Turn]:
        return [_message(role, value)] if isinstance(value, str) else self._messages(value, field)


def _pair(question: Any, answer: Any) -> list[Turn]:
    return [_message("user", question), _message("assistant", answer)]


def _instruction(values: Values) -> Any:
    instruction, further = values["instruction"], values.get("input") or ""
    if not isinstance(further, str):
        raise _BadRowError(f"its input is {reprlib.repr(further)}, not a text")
    if isinstance(instruction, str) and instruction.strip() and further.strip():
        return f"{instruction}\n\n{further}"
    return instruction


def _system(values: Values) -> list[Turn]:
    """The system message of a row that has one beside its turns; an empty one does not count."""
    text = values.get("system")
    return [_message("system", text)] if text is not None and text != "" else []


def _message(role: Any, text: Any) -> Turn:
    known = _ROLES.get(role) if isinstance(role, str) else None
    if known is None:
        raise _BadRowError(f"unknown role {reprlib.repr(role)} (allowed: {', '.join(_ROLES)})")
    if not isinstance(text, str):
        raise _BadRowError(f"the text of the {known} is {reprlib.repr(text)}, not a text")
    if not text.strip():
        raise _BadRowError(f"the text of the {known} is empty")
    return Turn(role=known, content=text)  # type: ignore[arg-type]  # one of the three


def _check_turns(messages: Sequence[Turn], last: str) -> None:
    turns = messages[1:] if messages and messages[0].role == "system" else messages
    for number, (message, expected) in enumerate(zip(turns, cycle(("user", "assistant")), strict=False)):
        if message.role == "system":
            raise _BadRowError("a system message is not the first")
        if message.role != expected:
            before = "it begins with" if number == 0 else "two in a row are from"
            raise _BadRowError(f"{before} the {message.role}")
    if not turns:
        raise _BadRowError("it has no message of a user")
    if turns[-1].role != last:
        raise _BadRowError(
            "it has no answer" if last == "assistant" else "its prompt ends with the assistant"
        )
