"""How far an item is trusted: what a built source wrote is that source, the word of people is theirs."""

import re
from typing import Literal
from urllib.parse import urlsplit

from yukawa.core.errors import InputError

# From the highest to the lowest: written by a built source, agreed to by somebody other than its author, said by a
# person who gave a name, said by nobody who did.
Trust = Literal["built source", "reviewed", "taught", "anonymous"]
TRUST: tuple[Trust, ...] = ("built source", "reviewed", "taught", "anonymous")
_LABEL = re.compile(r"\s*(?:PDG|CODATA)\s*\d{4}\s*:", re.IGNORECASE)
_HOSTS = ("pdglive.lbl.gov", "physics.nist.gov")
NOBODY = ("", "unknown")


def trust_of(kind: str, author: str, *, reviewed: bool) -> Trust:
    """The trust in an item of this kind by this author."""
    if kind == "data":
        return "built source"
    if reviewed:
        return "reviewed"
    return "anonymous" if author in NOBODY else "taught"


def check_claims(kind: str | None, source: str, url: str | None) -> None:
    """Refuse what only a built source may say of itself.

    Raises:
        InputError: the kind is 'data', or label or address are those of a built source.
    """
    if kind == "data":
        raise InputError(
            "items of the kind 'data' are written by built sources alone",
            hint="allowed: statement, qa, document, correction",
        )
    if _LABEL.match(source):
        raise InputError(
            f"the label {source!r} is that of a built source",
            hint="say who read it where, such as: --source 'my reading of the PDG'",
        )
    host = (urlsplit(url).hostname or "") if url else ""
    if any(host == one or host.endswith("." + one) for one in _HOSTS):
        raise InputError(
            f"the address {url} is that of a built source",
            hint="give the address of the text that you teach from, or none",
        )
