"""How far an item is trusted and who may do what: by the path on which an item came, never by what its text says of itself.

Only `KnowledgeBase.build` writes what a source states, and only a reviewer's agreement, which the ledger keeps, makes a
person's word 'reviewed'. Author, label and address are words that anybody can type: they raise nothing.
"""

import re
from collections.abc import Collection
from typing import Literal
from urllib.parse import unquote

from yukawa.core.errors import InputError
from yukawa.knowledge.texts import looks_like, plain_label

# From the highest to the lowest: written by a built source, agreed to by a reviewer, said by a person who gave a name,
# said by nobody who did.
Trust = Literal["built source", "reviewed", "taught", "anonymous"]
TRUST: tuple[Trust, ...] = ("built source", "reviewed", "taught", "anonymous")
NOBODY = ("", "unknown")
_LABELS = ("pdg", "codata")  # of built sources: 'PDG 2026: Z mass (S044M)'
_SCHEME = re.compile(r"\s*([a-z][a-z0-9+.-]*):(?!\d)")
_SCHEMES = ("http", "https", "ftp", "doi", "arxiv", "hep-ex", "urn", "isbn", "hdl")
_HOSTS = ("pdglive.lbl.gov", "physics.nist.gov")


def trust_of(kind: str, author: str, *, reviewed: bool) -> Trust:
    """The trust in an item of this kind, which the build alone sets to 'data', by this author."""
    if kind == "data":
        return "built source"
    if reviewed:
        return "reviewed"
    return "anonymous" if author in NOBODY else "taught"


def outranks(one: Trust, other: Trust) -> bool:
    """Whether `one` is trusted at least as far as `other`."""
    return TRUST.index(one) <= TRUST.index(other)


# ---- what only a source may say -------------------------------------------------------------------


def check_kind(kind: str, item_id: str | None = None) -> None:
    """Refuse what only the build of a source may write.

    Raises:
        InputError: the kind is 'data', or the id is one that sources give.
    """
    if kind == "data" or (item_id is not None and ":" in item_id):
        what = "items of the kind 'data'" if kind == "data" else f"items with ids such as {item_id}"
        raise InputError(
            f"{what} are written by built sources alone", hint="allowed: statement, qa, document, correction"
        )


def check_claims(source: str, url: str | None) -> None:
    """Refuse a label or an address that only a built source may bear, and an address that no text has.

    Raises:
        InputError: it is one, in whatever spelling.
    """
    words = _plain(source).replace(":", " : ").split()
    if len(words) > 2 and words[0] in _LABELS and words[1].isdigit() and words[2] == ":":
        raise InputError(
            f"the label {source!r} is that of a built source",
            hint="say who read it where, such as: --source 'my reading of the PDG'",
        )
    address = unquote(_plain(url or ""))
    if (scheme := _SCHEME.match(address)) and scheme[1] not in _SCHEMES:
        raise InputError(
            f"the address {url} cannot be the source of a text",
            hint="give a URL (http or https), a DOI or an arXiv id",
        )
    if any(host in address for host in _HOSTS):
        raise InputError(
            f"the address {url} is that of a built source",
            hint="give the address of the text that you teach from, or none",
        )


def _plain(text: str) -> str:
    return looks_like(text).lower()


# ---- what only a reviewer may do ------------------------------------------------------------------


def check_reviewer(actor: str, reviewers: Collection[str], what: str, own: Collection[str] = ()) -> None:
    """Refuse what needs a reviewer to anybody else, and to the reviewer who wrote it.

    A reviewer agrees to items, takes that back, settles conflicts that involve a source's data or a reviewed item other
    than by giving way to them, and withdraws or erases a source's data.

    Args:
        actor: who wants to.
        reviewers: names from the setting `knowledge.reviewers`.
        what: the action, as 'Li cannot …' continues.
        own: authors, and those who typed it in, of the item in question.

    Raises:
        InputError: `actor` may not.
    """
    if actor in NOBODY or actor not in reviewers:
        known = (
            f"reviewers here are {', '.join(sorted(reviewers))}" if reviewers else "no reviewers are named"
        )
        raise InputError(
            f"{actor or 'nobody'} cannot {what}: {known}",
            hint='reviewers are named in yukawa.toml, under [knowledge]: reviewers = ["NAME"]',
        )
    if plain_label(actor) in set(map(plain_label, own)):  # names are kept as labels are
        raise InputError(f"{actor} cannot {what}: {actor} wrote it", hint="let another reviewer do it")
