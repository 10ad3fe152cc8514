"""Pages of knowledge: search and lists, an item with its history and differences, teaching, changing, contradictions."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Query
from starlette.responses import Response

from yukawa.core.errors import Changed, NotFound
from yukawa.knowledge.records import DOMAINS, KINDS, Event, Item
from yukawa.server.answer_pages import word_difference
from yukawa.server.knowledge_api import AsOf, ReasonForm, ResolveForm, ReviewForm, TeachForm, UpdateForm
from yukawa.server.pages import chosen, field, leads_to, page, read_form
from yukawa.server.problems import Refusal
from yukawa.server.rendering import to_html
from yukawa.server.services import Called, ServerCall

_SHOWN = 50
_MOST = 1_000
Text = Annotated[str | None, Query(max_length=20_000)]
_DONE = {
    "taught": "Taught: the next answer uses it.", "known": "The base holds this already: here it is.",
    "updated": "The new version is current.", "unchanged": "Nothing was changed.", "unloaded": "Withdrawn: no answer uses it.",
    "restored": "It is current again.", "reviewed": "Your agreement is noted.", "review retracted": "Your agreement is taken back.",
}  # fmt: skip


# ---- lists ----------------------------------------------------------------------------------------


async def knowledge_page(
    call: Called, q: Text = None, domain: Text = None, kind: Text = None, author: Text = None, source: Text = None,
    state: Text = None, as_of: AsOf = None, limit: Annotated[int, Query(ge=1, le=_MOST)] = _SHOWN,
) -> Response:  # fmt: skip
    """Items that match, by their words and meaning or newest first, now or at a moment in the past."""
    fields = {"domain": domain, "kind": kind, "author": author, "source": source}
    filters: dict[str, Any] = {name: chosen(value) for name, value in fields.items()}
    words, moment, unloaded = chosen(q), chosen(as_of), state == "unloaded"

    def look() -> dict[str, Any]:
        """The best passages where there are words to search for, else the newest items."""
        if words is not None and not unloaded:
            return {
                "hits": call.base.search(words, k=limit, as_of=moment, **filters),
                "items": [],
                "more": False,
            }
        found = call.base.list(**filters, unloaded=unloaded, as_of=moment, limit=limit + 1)
        return {"hits": None, "items": found[:limit], "more": len(found) > limit}

    given = {name: value or "" for name, value in (fields | {"q": q, "as_of": as_of, "state": state}).items()}
    kept = "&".join(f"{name}={quote(value)}" for name, value in given.items() if value)
    return page(
        call, "knowledge.html", given=given, domains=DOMAINS, kinds=KINDS, limit=limit, kept=kept,
        further=min(_MOST, limit * 4), **await call.work(look),
    )  # fmt: skip


# ---- an item --------------------------------------------------------------------------------------


async def item_page(call: Called, item_id: str, as_of: AsOf = None, done: str = "") -> Response:
    """An item now or at a moment in the past, its versions with what changed between them, and who did what when."""
    moment = chosen(as_of)
    shown = await call.work(_item, call, item_id, moment)
    return page(call, "item.html", as_of=moment or "", done=_DONE.get(done, ""), yours=None, **shown)


def _item(call: ServerCall, item_id: str, moment: str | None) -> dict[str, Any]:
    item = call.base.show(item_id, as_of=moment)
    versions, events = call.base.history(item_id)
    return {
        "item": item, "text": to_html(item.text), "versions": list(reversed(_differences(versions))),
        "events": list(reversed(events)), "agreed": _agreed(events, call.who.name),
        "own": item.provenance.author == call.who.name, "latest": max((v.version for v in versions), default=item.version),
    }  # fmt: skip


def _differences(versions: list[Item]) -> list[tuple[Item, Any]]:
    """Versions, oldest first, each with what changed since the one before it."""
    before = [None, *versions[:-1]]
    return [
        (new, word_difference(old.text, new.text) if old is not None and old.text != new.text else None)
        for old, new in zip(before, versions, strict=True)
    ]


def _agreed(events: list[Event], name: str) -> bool:
    """Whether a person's last word on an item was to agree to it."""
    said = [event.verb for event in events if event.actor == name and event.verb in ("review", "retract")]
    return bool(said) and said[-1] == "review"


async def update_form(call: Called, item_id: str) -> Response:
    """Replace an item by a new version; who comes second sees both texts and decides."""
    form = read_form(call, UpdateForm)
    version = field(call, "version")
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        raise Refusal(400, "the field 'version' is missing or is not a number", param="version")
    given = form.model_dump()
    try:
        found = await call.work(
            lambda: call.base.update(
                item_id, given.pop("text"), author=call.who.name, version=int(version), **given
            )
        )
    except Changed:
        shown = await call.work(_item, call, item_id, None)
        difference = word_difference(shown["item"].text, form.text)
        yours = {"text": form.text, "reason": form.reason, "difference": difference}
        return page(call, "item.html", 409, as_of="", done="", yours=yours, **shown)
    return _back_to(call, found)


def _back_to(call: ServerCall, item: Item) -> Response:
    return leads_to(call, f"/knowledge/{quote(item.id, safe='')}?done={quote(item.status)}")


async def unload_form(call: Called, item_id: str) -> Response:
    """Withdraw an item."""
    reason = read_form(call, ReasonForm).reason
    return _back_to(
        call, await call.work(lambda: call.base.unload(item_id, actor=call.who.name, reason=reason))
    )


async def restore_form(call: Called, item_id: str) -> Response:
    """Make an unloaded item current again."""
    reason = read_form(call, ReasonForm).reason
    return _back_to(
        call, await call.work(lambda: call.base.restore(item_id, actor=call.who.name, reason=reason))
    )


async def review_form(call: Called, item_id: str) -> Response:
    """Agree to what another person taught, or take that back."""
    form = read_form(call, ReviewForm)
    found = await call.work(
        lambda: call.base.review(item_id, agree=form.agree, actor=call.who.name, reason=form.reason)
    )
    return _back_to(call, found)


async def purge_form(call: Called, item_id: str) -> Response:
    """Erase an item for good, if the person ticked that this is meant."""
    if field(call, "sure") != "yes":
        raise Refusal(
            400, "tick that the item is to be erased for good; it cannot be brought back", param="sure"
        )
    reason = read_form(call, ReasonForm).reason
    left = await call.work(call.services.purge, item_id, call.who, reason)
    if lines := left.lines():
        return page(call, "erased.html", 202, lines=lines, item_id=item_id)
    return leads_to(call, "/knowledge")


# ---- teaching -------------------------------------------------------------------------------------


async def teach_page(call: Called) -> Response:
    """Where something is taught."""
    return page(call, "teach.html", form=None, foreseen=None, shown=None, domains=DOMAINS)


async def teach_form(call: Called) -> Response:
    """Show what a text would contradict, or teach it."""
    form = read_form(call, TeachForm)
    if field(call, "do") == "teach":
        given = form.model_dump()
        found = await call.work(lambda: call.base.teach(given.pop("text"), author=call.who.name, **given))
        return _back_to(call, found)
    found_sides = await call.work(lambda: call.base.foresee(form.text, question=form.question))
    return page(
        call, "teach.html", form=form, foreseen=found_sides, shown=to_html(form.text), domains=DOMAINS
    )


# ---- contradictions -------------------------------------------------------------------------------


async def conflicts_page(call: Called, as_of: AsOf = None) -> Response:
    """Contradictions that nobody has settled, both texts side by side."""
    moment = chosen(as_of)
    found = await call.work(lambda: call.base.conflicts(as_of=moment))
    pairs = [(one, word_difference(one.texts[0], one.texts[1])) for one in found]
    return page(call, "conflicts.html", conflicts=pairs, as_of=moment or "")


async def resolve_form(call: Called, conflict_id: int) -> Response:
    """Settle a contradiction: one item is kept, or both."""
    form = read_form(call, ResolveForm)
    if conflict_id >= 1 << 63:
        raise NotFound(f"there is no open conflict {conflict_id}")
    await call.work(
        lambda: call.base.resolve(conflict_id, keep=form.keep, actor=call.who.name, reason=form.reason)
    )
    return leads_to(call, "/conflicts")
