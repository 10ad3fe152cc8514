"""The secrets that a hostile server is sent, what it makes of them in its replies, and whether a text gives one of them away."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote

KEY = "sk-hostile-Zx81kQ0pLm7-end"
PASSWORD = "hush/hush&pass w0rd"
USER = "curie"
ECHOES: dict[str, Callable[[str], str]] = {
    "headless": lambda text: text[1:], "endless": lambda text: text[:-1], "without_four": lambda text: text[:-4],
    "upper": str.upper, "lower": str.lower, "swapped": str.swapcase, "reversed": lambda text: text[::-1],
    "spaced": " ".join, "dashed": " - ".join, "lines": "\n".join, "listed": lambda text: json.dumps(list(text)),
    "invisible": "\u200b".join, "halves": lambda text: f"{text[:9]}\n{text[9:]}",
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "bearer_base64": lambda text: base64.b64encode(f"Bearer {text}".encode()).decode()[1:],
    "basic_headless": lambda text: base64.b64encode(f"{USER}:{text}".encode()).decode()[1:],
    "basic_url": lambda text: base64.urlsafe_b64encode(f"{USER}:{text}".encode()).decode().rstrip("="),
    "hex": lambda text: text.encode().hex(), "hex_spaced": lambda text: text.encode().hex(" ").upper(),
    "escaped": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "all_quoted": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "quoted_twice": lambda text: quote(quote(text, safe="")), "html": html.escape,
    "html_numbers": lambda text: "".join(f"&#{byte};" for byte in text.encode()),
    "json_numbers": lambda text: "".join(f"\\u{byte:04x}" for byte in text.encode()),
}  # fmt: skip
_LETTERS = 8  # in a row, of a secret or of one of its codes
_CODED = ("hex", "escaped", "html_numbers", "json_numbers")  # of which a letter takes two or more


def _plain(text: str) -> str:
    return "".join(filter(str.isalnum, text)).lower()


def _pieces() -> dict[str, str]:
    """What gives a secret away, and which one."""
    found: dict[str, str] = {}
    for secret in (KEY, PASSWORD):
        forms = [(secret, _LETTERS), (secret[::-1], _LETTERS), (quote(secret, safe=""), _LETTERS)]
        forms += [
            (base64.b64encode(bytes(n) + secret.encode()).decode()[n + 1 : -4], _LETTERS) for n in range(3)
        ]
        forms += [(ECHOES[name](secret), 2 * _LETTERS) for name in _CODED]
        for form, size in forms:
            text = _plain(form)
            found |= {text[i : i + size]: secret for i in range(len(text) - size + 1)}
    return found


_PIECES = _pieces()


def leaked(text: str) -> list[str]:
    """The secrets of which `text` shows a part, in any case, spacing or code."""
    plain = _plain(text.replace("[secret]", "\0Ω"))
    sizes = set(map(len, _PIECES))
    found = {plain[i : i + size] for size in sizes for i in range(len(plain) - size + 1)} & _PIECES.keys()
    return sorted({_PIECES[piece] for piece in found})
