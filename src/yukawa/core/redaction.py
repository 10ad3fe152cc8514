"""Keys and passwords that this process has read, kept out of every message, trace and reply.

A server may send back what it was sent, in an error or in an answer: what has been read once is never shown.
"""

import html
import json
import re
from urllib.parse import quote

SHOWN = "[secret]"
"""The text that replaces a secret."""
_SHORTEST = 8  # shorter ones would take ordinary words with them
_READ = 100_000  # characters of a text of which a few hundred are shown
_known: set[str] = set()
# The shapes of API keys: a value that looks like one is never shown, whether it was read here or not.
SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:sk|pk|gsk|hf|xai|nvapi|bearer)[-_ ]\S{1,200}|AIza\S{1,200}|ghp_\S{1,200}",
    re.IGNORECASE,
)


def keep_secret(value: str) -> str:
    """Note a key or password that was just read, and return it."""
    if len(value) >= _SHORTEST:
        # As it is, and as it is written in an address, in JSON and in HTML.
        spaceless = value.replace(" ", "%20")
        _known.update((value, spaceless, quote(value), quote(value, safe="")))
        _known.update((json.dumps(value)[1:-1], html.escape(value)))
    return value


def redacted(text: str) -> str:
    """`text` without the secrets that were noted."""
    for secret in sorted(_known, key=len, reverse=True):
        if secret in text:
            text = text.replace(secret, SHOWN)
    return text


def shortened(text: str, longest: int = 300) -> str:
    """One line of what others wrote: redacted before it is cut, which would leave half a secret."""
    line = " ".join(redacted(text[:_READ]).split())
    return line if len(line) <= longest else f"{line[:longest]}..."


class Redactor:
    """Redacts a text that comes in pieces: a secret may be broken between two of them."""

    def __init__(self) -> None:
        self._held = ""

    def piece(self, text: str) -> str:
        """What can be shown by now."""
        text = redacted(self._held + text)
        begun = next(
            (i for i in range(max(len(text) - _longest(), 0), len(text)) if _may_begin(text[i:])), len(text)
        )
        self._held = text[begun:]
        return text[:begun]

    def rest(self) -> str:
        """What was held back when the text has ended."""
        held, self._held = self._held, ""
        return redacted(held)


def _longest() -> int:
    return max(map(len, _known), default=0)


def _may_begin(tail: str) -> bool:
    return any(secret.startswith(tail) for secret in _known)
