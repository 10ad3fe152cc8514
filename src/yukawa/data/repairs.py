"""Declared repairs of conversations whose roles and turns are not those of training; each one is counted."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from yukawa.core.errors import check_name

Message = tuple[object, object]  # a role and a text, as a file has them

_ALIASES = {
    "chatgpt": "assistant", "bing": "assistant", "bard": "assistant", "claude": "assistant", "model": "assistant",
    "bot": "assistant", "ai": "assistant", "prompter": "user",
}  # fmt: skip
_SPEAKERS = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "system": "system",
}
_TOOLS = {
    "tool",
    "function",
    "function_call",
    "function_response",
    "tool_call",
    "tool_response",
    "observation",
}


class Repairs:
    """The repairs that were declared, in the order in which they are made.

    Args:
        wanted: names of `REPAIRS`, or `all`.

    Attributes:
        counts: by each repair, the number of rows that it changed.

    Raises:
        InputError: a name is unknown.
    """

    def __init__(self, wanted: Iterable[str] = ()) -> None:
        names = set(wanted)
        for name in names:
            check_name("repair", name, [*REPAIRS, "all"])
        self._wanted = [name for name in REPAIRS if name in names or "all" in names]
        self.counts: Counter[str] = Counter()

    def __call__(self, messages: Sequence[Message]) -> list[Message]:
        """The messages of a row, repaired."""
        found = list(messages)
        for name in self._wanted:
            after = REPAIRS[name][0](found)
            self.counts[name] += after != found
            found = after
        return found


def _alias(messages: list[Message]) -> list[Message]:
    return [
        (_ALIASES.get(role.lower(), role) if isinstance(role, str) else role, text) for role, text in messages
    ]


def _drop_tools(messages: list[Message]) -> list[Message]:
    return [one for one in messages if not (isinstance(one[0], str) and one[0].lower() in _TOOLS)]


def _drop_empty(messages: list[Message]) -> list[Message]:
    return [
        one for one in messages if not (one[1] is None or (isinstance(one[1], str) and not one[1].strip()))
    ]


def _merge(messages: list[Message]) -> list[Message]:
    merged: list[Message] = []
    for role, text in messages:
        same = merged and _speaker(merged[-1][0]) == _speaker(role) is not None
        if same and isinstance(text, str) and isinstance(merged[-1][1], str):
            merged[-1] = (merged[-1][0], f"{merged[-1][1]}\n\n{text}")
        else:
            merged.append((role, text))
    return merged


def _trim(messages: list[Message]) -> list[Message]:
    """Without the assistant's words before the first user, and the user's after the last assistant."""
    system = [one for one in messages[:1] if _speaker(one[0]) == "system"]
    turns = messages[len(system) :]
    while turns and _speaker(turns[0][0]) == "assistant":
        turns = turns[1:]
    while turns and _speaker(turns[-1][0]) == "user":
        turns = turns[:-1]
    return [*system, *turns]


def _speaker(role: object) -> str | None:
    return _SPEAKERS.get(role) if isinstance(role, str) else None


REPAIRS: dict[str, tuple[Callable[[list[Message]], list[Message]], str]] = {
    "alias": (_alias, "roles by other names, such as chatgpt, bing or prompter"),
    "tools": (_drop_tools, "calls of tools and what they returned are omitted"),
    "empty": (_drop_empty, "messages without text are omitted"),
    "merge": (_merge, "messages in a row from one side become one"),
    "trim": (_trim, "what the assistant says first and what the user says last is omitted"),
}
