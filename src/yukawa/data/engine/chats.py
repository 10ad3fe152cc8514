"""Conversations that people had with a model become training rows: personal data out first, then what is of physics and of use.

Exports are read as their programs write them, along the branch that the user saw last. Nothing of the original is written: turns
are redacted before anything else looks at them, and what is kept of the values that were removed is their number.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError, check_name
from yukawa.core.files import check_new_folder, hash_file
from yukawa.core.reports import markdown_table
from yukawa.data.conversation_sets import FRACTIONS, split_conversations
from yukawa.data.conversations import read_objects
from yukawa.data.dataset import DatasetManifest, write_dataset
from yukawa.data.engine.likeness import Known, features
from yukawa.data.engine.personal import KINDS, Redaction
from yukawa.data.rows import Conversation, Turn
from yukawa.embedding.registry import open_embedder
from yukawa.knowledge.routing import field_of
from yukawa.llm.base import Role

# The steps of the funnel, in order, with the reason for which each drops a conversation.
REASONS = {
    "unreadable": "it is damaged, or its branches form a circle",
    "no consent": "its user did not agree",
    "no answer": "it has no question with an answer",
    "not physics": "it is of none of the eight fields",
    "refusal": "the model refuses or says what it is",
    "cut": "the answer was cut",
    "repetition": "the answer repeats itself",
    "contradicted": "the user says next that it is wrong",
    "repeated": "it asks what another conversation asks",
}
Said = tuple[Role, str]
_ROLES: Mapping[str, Role] = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "system": "system",
}
_REFUSES = re.compile(
    r"^(?:i'?m sorry|sorry|i apologi[sz]e|as an ai|i am an ai|as a language model"
    r"|i cannot (?:help|assist|answer)|i can'?t (?:help|assist)|对不起|抱歉|作为一个)",
    re.IGNORECASE,
)
_WRONG = re.compile(
    r"^(?:no[,.! ]|nope|wrong|that'?s (?:not (?:right|correct|true)|wrong|incorrect)|this is (?:wrong|incorrect|not (?:right|correct))"
    r"|you(?:'re| are) wrong|incorrect|not (?:right|correct)|it doesn'?t work|不对|错了|不正确)",
    re.IGNORECASE,
)
_ENDS = re.compile(r"[.!?。！？:;)\]}\"'`*|>$%~…]\s*$|\d\s*$|```\s*$")
_LONG = 400  # characters of an answer that should end like one
_GRAM, _REPEATED = 6, 0.3  # words, and the share of them that repeats an earlier run of words
_DEEPEST = 10_000  # messages on a branch


@dataclass(frozen=True)
class Talk:
    """One conversation of an export: its id, its turns, and what the export says of its user and quality."""

    id: str
    turns: tuple[Said, ...]
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Chats:
    """A set that was made.

    Attributes:
        manifest: of the data set.
        read: conversations in the export.
        dropped: how many were dropped at each step of `REASONS`.
        removed: how many values of each kind of `KINDS` were replaced.
        repaired: how many conversations were mended, by what was done.
    """

    manifest: DatasetManifest
    read: int
    dropped: Mapping[str, int]
    removed: Mapping[str, int]
    repaired: Mapping[str, int]


def build_chats(
    path: Path, folder: Path, *, layout: str | None = None, names: Sequence[str] = (), consent: str | None = None,
    licence: str = "private", keep_all: bool = False, shares: Mapping[str, float] = FRACTIONS, seed: int = 42, suffix: str = ".parquet",
) -> Chats:  # fmt: skip
    """Make a data set of an export of conversations.

    Args:
        path: the export, JSON or JSON Lines.
        layout: a key of `LAYOUTS`; recognised by default.
        names: names that are replaced wherever they occur.
        consent: the field of the export that says that the user agreed; without it the set is private.
        licence: of the set.
        keep_all: keep conversations of other fields too.

    Raises:
        InputError: the export cannot be read, its layout is not known, a licence is given without consent, or nothing remains.
        StoreError: the disk refuses; nothing is left behind.
    """
    check_new_folder(Path(folder))
    if consent is None and licence != "private":
        raise InputError(
            f"a set of chats under {licence} needs the consent of the users",
            hint="name the field that has it with --consent",
        )
    dropped: Counter[str] = Counter(dict.fromkeys(REASONS, 0))
    removed: Counter[str] = Counter()
    repaired: Counter[str] = Counter()
    known = Known(open_embedder("none"))
    rows: list[Conversation] = []
    read = 0
    for talk in read_export(path, layout):
        read += 1
        row, reason = _row(talk, path.name, licence, names, consent, keep_all, removed, repaired)
        question = row.messages[0].content if row else ""
        if row is not None and known.find(question) is not None:
            row, reason = None, "repeated"
        if row is None:
            dropped[reason] += 1
            continue
        known.add(question, read)
        rows.append(row)
    if not rows:
        why = ", ".join(f"{count:,} {reason}" for reason, count in dropped.items() if count)
        raise InputError(f"no conversation remains of {read:,}: {why or 'the export is empty'}")
    made = {
        "input": {"name": path.name, "sha256": hash_file(path)}, "consent": consent, "read": read, "dropped": dict(dropped),
        "removed": dict(removed), "repaired": dict(repaired), "seed": seed, "shares": dict(shares),
    }  # fmt: skip
    manifest = write_dataset(
        folder, split_conversations(rows, shares, seed), Conversation, title=f"Conversations of {path.name}", made=made, suffix=suffix,
        sections=_sections(made),
    )  # fmt: skip
    return Chats(manifest, read, {r: n for r, n in dropped.items() if n}, dict(removed), dict(repaired))


def _row(
    talk: Talk, name: str, licence: str, names: Sequence[str], consent: str | None, keep_all: bool, removed: Counter[str],
    repaired: Counter[str],
) -> tuple[Conversation | None, str]:  # fmt: skip
    """The row of a conversation, or the reason why it has none; `removed` and `repaired` are counted up."""
    if not talk.turns:
        return None, "unreadable"
    if consent is not None and talk.about.get(consent) is not True:
        return None, "no consent"
    redact = Redaction(frozenset(names))
    turns = _mended([(role, redact(text)) for role, text in talk.turns], repaired)
    removed.update(redact.counts)
    turns, contradicted = _without_contradicted(turns)
    if len(turns) < 2:
        return None, "contradicted" if contradicted else "no answer"
    questions = " ".join(text for role, text in turns if role == "user")
    guess = field_of(questions)
    if not keep_all and not guess.known and not features(turns[0][1][:500]).keys:
        return None, "not physics"
    if reason := _fault(turns):
        return None, reason
    messages = tuple(Turn(role=role, content=text) for role, text in turns)
    field_ = guess.field if guess.known else None
    return Conversation(id=talk.id, messages=messages, source=name, licence=licence, category=field_), ""


def _mended(turns: Sequence[Said], repaired: Counter[str]) -> list[Said]:
    """Turns of user and assistant in alternation: empty ones dropped, neighbours of one role joined, the ends trimmed."""
    found: list[Said] = []
    for role, text in turns:
        if role == "system" or not text.strip():
            repaired["empty or of the system"] += not text.strip()
        elif found and found[-1][0] == role:
            found[-1] = role, f"{found[-1][1]}\n\n{text.strip()}"
            repaired["two in a row joined"] += 1
        else:
            found.append((role, text.strip()))
    while found and found[0][0] != "user":
        found.pop(0)
        repaired["began with the assistant"] += 1
    while found and found[-1][0] != "assistant" and not _WRONG.match(found[-1][1]):
        found.pop()
        repaired["ended without an answer"] += 1
    return found


def _without_contradicted(turns: Sequence[Said]) -> tuple[list[Said], bool]:
    """The turns before the first answer that the user calls wrong in the next turn, and whether there is one."""
    for place, (role, text) in enumerate(turns):
        if role == "user" and place > 1 and _WRONG.match(text):
            return list(turns[: place - 2]), True
    return list(turns), False


def _fault(turns: Sequence[Said]) -> str:
    """What is wrong with the answers of a conversation, as a key of `REASONS`, or ''."""
    for role, text in turns:
        if role != "assistant":
            continue
        if _REFUSES.match(text):
            return "refusal"
        if text.count("```") % 2 or (len(text) > _LONG and not _ENDS.search(text)):
            return "cut"
        words = text.lower().split()
        grams = [tuple(words[n : n + _GRAM]) for n in range(len(words) - _GRAM + 1)]
        if len(grams) > 20 and 1 - len(set(grams)) / len(grams) > _REPEATED:
            return "repetition"
    return ""


# ---- exports -----------------------------------------------------------------------------------------


def read_export(path: Path, layout: str | None = None) -> Iterator[Talk]:
    """The conversations of an export.

    Raises:
        InputError: the file cannot be read, or its layout is not known.
    """
    if layout is not None:
        check_name("layout of an export", layout, LAYOUTS)
    for number, value in enumerate(read_objects(Path(path)), start=1):
        inside = value.get("entities") if isinstance(value, dict) else None
        values = inside if isinstance(inside, list) else [value]
        for place, one in enumerate(values):
            if not isinstance(one, dict):
                yield Talk(f"{path.stem}:{number}", ())
                continue
            chosen = layout or next(
                (name for name, (_, marks) in LAYOUTS.items() if all(_at(one, m) is not None for m in marks)),
                None,
            )
            if chosen is None:
                raise InputError(
                    f"{path}: entry {number} has fields {', '.join(list(one)[:6])}, which no known export has",
                    hint=f"name the layout with --from: {', '.join(LAYOUTS)}",
                )
            identity = f"{path.stem}:{number}.{place}" if len(values) > 1 else f"{path.stem}:{number}"
            yield Talk(identity, tuple(LAYOUTS[chosen][0](one)), one)


def _at(value: Any, path: str) -> Any:
    """What an export holds at a path of fields with dots between; None where one is missing or no table."""
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _tables(value: Any) -> list[Mapping[str, Any]]:
    """The tables of a list; none of anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _branch(nodes: Any, last: Any, parent: str) -> list[Mapping[str, Any]]:
    """The nodes from the root to `last` along their parents; none where they form a circle or there is no table of nodes."""
    found: list[Mapping[str, Any]] = []
    seen: set[str] = set()
    while isinstance(last, str) and isinstance(nodes, dict) and isinstance(nodes.get(last), dict):
        if last in seen or len(seen) > _DEEPEST:
            return []
        seen.add(last)
        found.append(nodes[last])
        last = nodes[last].get(parent)
    return found[::-1]


def _text(content: Any) -> str:
    """The words of a message: a text, or a list of parts of which images and calls of tools are passed over."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        return _text(content.get("parts") or content.get("text") or content.get("content") or "")
    if isinstance(content, list):
        return "\n".join(filter(None, map(_text, content)))
    return ""


def _chatgpt(value: Mapping[str, Any]) -> Iterator[Said]:
    nodes = value.get("mapping")
    last = value.get("current_node")
    if isinstance(nodes, dict) and not (isinstance(last, str) and last in nodes):  # the last leaf of the list
        last = next((name for name in reversed(list(nodes)) if not _at(nodes[name], "children")), None)
    for node in _branch(nodes, last, "parent"):
        role = _role(_at(node, "message.author.role"))
        if role and _at(node, "message.recipient") in (None, "all"):
            yield role, _text(_at(node, "message.content"))


def _openwebui(value: Mapping[str, Any]) -> Iterator[Said]:
    nodes, last = _at(value, "chat.history.messages"), _at(value, "chat.history.currentId")
    yield from _plain(_branch(nodes, last, "parentId"))


def _librechat(value: Mapping[str, Any]) -> Iterator[Said]:
    nodes = {str(message.get("messageId")): message for message in _tables(value.get("messages"))}
    parents = {str(message.get("parentMessageId")) for message in nodes.values()}
    last = next((name for name in reversed(list(nodes)) if name not in parents), None)
    for message in _branch(nodes, last, "parentMessageId"):
        mine = message.get("isCreatedByUser")
        yield ("user" if mine else "assistant"), _text(message.get("text") or message.get("content"))


def _haichat(value: Mapping[str, Any]) -> Iterator[Said]:
    yield "user", _text(value.get("question"))
    yield "assistant", _text(value.get("artificial_answer") or value.get("answer"))


def _sharegpt(value: Mapping[str, Any]) -> Iterator[Said]:
    yield from _plain(value.get("conversations"), "from", "value")


def _messages(value: Mapping[str, Any]) -> Iterator[Said]:
    yield from _plain(value.get("messages"))


def _plain(turns: Any, role: str = "role", text: str = "content") -> Iterator[Said]:
    for turn in _tables(turns):
        if known := _role(turn.get(role)):
            yield known, _text(turn.get(text))


def _role(said: Any) -> Role | None:
    return _ROLES.get(said.lower()) if isinstance(said, str) else None


# A reader for each layout, and the fields by which it is recognised.
LAYOUTS: Mapping[str, tuple[Callable[[Mapping[str, Any]], Iterator[Said]], tuple[str, ...]]] = {
    "chatgpt": (_chatgpt, ("mapping",)),
    "openwebui": (_openwebui, ("chat.history.messages",)),
    "librechat": (_librechat, ("messages", "conversationId")),
    "haichat": (_haichat, ("question", "answer")),
    "sharegpt": (_sharegpt, ("conversations",)),
    "messages": (_messages, ("messages",)),
}


def _sections(made: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The sections of the card: the funnel, and what was removed."""
    steps = [
        ("read", f"{made['read']:,}"),
        *((f"dropped: {REASONS[r]}", f"{n:,}") for r, n in made["dropped"].items() if n),
    ]
    steps += [(f"mended: {what}", f"{count:,}") for what, count in made["repaired"].items() if count]
    removed = [(KINDS[kind], f"{count:,}") for kind, count in sorted(made["removed"].items())]
    agreed = (
        f"Kept are conversations whose field `{made['consent']}` is true."
        if made["consent"]
        else "The set is private."
    )
    return [
        ("Funnel", markdown_table(("conversations", "number"), steps)),
        (
            "Personal data replaced by placeholders",
            markdown_table(("kind", "number"), removed or [("none found", "0")]),
        ),
        ("Consent", agreed),
    ]
