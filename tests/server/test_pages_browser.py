"""The pages in a real browser: no violation of axe's rules, nothing that hostile text can do, quick by mouse and keyboard."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator

import pytest
from tests.server.conftest import MASS
from tests.server.hostile import HOSTILE

from yukawa.core.errors import InputError
from yukawa.knowledge import new_item
from yukawa.knowledge.store.reviewing import check_peoples
from yukawa.runs.run import Run
from yukawa.server.services import OWNER

NAMES = ("chromium", "chromium-browser", "google-chrome")
FOUND = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(FOUND is None, reason="no Chromium is installed: apt-get install chromium")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=FOUND, args=options)
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(chromium, **options) -> Iterator[object]:
    """A page of a new window, whose errors are collected."""
    context = chromium.new_context(**options)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("dialog", lambda dialog: (page.problems.append("dialog"), dialog.dismiss()))
    page.on("request", lambda request: page.problems.append(request.url) if away(request.url) else None)
    try:
        yield page
    finally:
        context.close()


def away(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "data:", "about:", "blob:"))


# ---- axe ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lived_in(_base_folder, tmp_path_factory):
    """A server on which people asked, corrected, contradicted each other and trained; and the paths of its pages."""
    from tests.server.conftest import running

    root = tmp_path_factory.mktemp("shown") / "runs"
    run = Run.create(root / "tagger", {"task": "jets"}, [])
    for step in range(4):
        run.log(step=step, loss=1 / (step + 1))
    (run.folder / "card.md").write_text(
        "# A tagger\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n$x^2$", encoding="utf-8"
    )
    (run.folder / "roc.svg").write_text(
        "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", encoding="utf-8"
    )
    with (
        running(tmp_path_factory.mktemp("lived") / "home", _base_folder, runs=root) as served,
        served.browser() as browser,
    ):
        asked = browser.send("/ask", question=MASS)
        browser.send("/ask", question="how does the sun shine?", chat=asked.url.path.rpartition("/")[2])
        form = re.search(r'action="(/answers/\w+)/correct"', asked.text)[1]
        corrected = browser.send(
            f"{form}/correct", text="The mass of the tau lepton is 1790 ± 1 MeV.", do="teach"
        )
        item = browser.send(
            "/teach", text="The mass of the tau lepton is 1600 ± 1 MeV. $\\frac{1}{2}$", do="teach"
        ).url.path
        browser.send(
            f"{item}/update", text="The mass of the tau lepton is 1601 ± 1 MeV. $\\frac{1}{2}$", version="1"
        )
        gone = browser.send("/teach", text="The hall has nine doors.", do="teach").url.path
        browser.send(f"{gone}/unload")
        browser.send("/keys", name="A. Reader", role="reader")
        served.paths = {
            "ask": "/", "chat": asked.url.path, "answer": form, "corrected": str(corrected.url.raw_path, "ascii"),
            "knowledge": "/knowledge", "search": "/knowledge?q=tau&kind=statement", "item": item, "withdrawn": gone, "teach": "/teach",
            "conflicts": "/conflicts", "runs": "/runs", "run": "/runs/tagger", "keys": "/keys", "about": "/about", "sign in": "/sign-in",
            "missing": "/nothing",
        }  # fmt: skip
        yield served


def violations(page) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(
        page, options={"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
    )
    return [f"{v['id']}: {node['html'][:160]}" for v in found.response["violations"] for node in v["nodes"]]


def look(page, url: str, width: int) -> list[str]:
    """What is wrong with a page at a width: rules of axe, sideways scrolling, errors."""
    page.goto(url)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    wide = page.evaluate("document.documentElement.scrollWidth")
    found = violations(page) + page.problems
    return [*found, f"{wide} px wide"] if wide > width else found


PAGES = (
    "ask", "chat", "answer", "corrected", "knowledge", "search", "item", "withdrawn", "teach", "conflicts", "runs", "run", "keys", "about",
    "sign in", "missing",
)  # fmt: skip


@pytest.mark.parametrize(
    ("theme", "width", "scripts"),
    [("light", 1280, True), ("dark", 360, True), ("light", 360, False), ("dark", 1280, False)],
)
@pytest.mark.slow
def test_every_page_keeps_the_rules_in_every_theme_and_width(chromium, lived_in, theme, width, scripts):
    with opened(chromium, color_scheme=theme, viewport={"width": width, "height": 900}) as page:
        if not scripts:  # ours alone: axe is one
            page.route("**/yukawa.js*", lambda route: route.fulfill(body="", content_type="text/javascript"))
        wrong = {name: look(page, lived_in.url + lived_in.paths[name], width) for name in PAGES}
    assert not {name: found for name, found in wrong.items() if found}


def test_the_first_pages_keep_the_rules(chromium, lived_in):
    with opened(chromium, color_scheme="dark", viewport={"width": 360, "height": 900}) as page:
        wrong = {
            name: look(page, lived_in.url + lived_in.paths[name], 360)
            for name in ("chat", "item", "conflicts")
        }
    assert not {name: found for name, found in wrong.items() if found}


def test_a_screen_reader_hears_the_formula_and_the_answer(chromium, lived_in):
    with opened(chromium) as page:
        page.goto(lived_in.url + lived_in.paths["chat"])
        heard = page.locator("main").aria_snapshot()
        assert f'heading "{MASS}"' in heard
        assert 'list "Checks"' in heard
        page.goto(lived_in.url + lived_in.paths["item"])
        assert "math" in page.locator("main").aria_snapshot()


# ---- by mouse and by keyboard -----------------------------------------------------------------------


def test_a_question_is_asked_by_keyboard_and_read_out(chromium, lived_in):
    with opened(chromium) as page:
        page.goto(lived_in.url)
        page.keyboard.press("/")
        page.keyboard.type("What is the mass")
        page.keyboard.press("Shift+Enter")
        page.keyboard.type("of the tau lepton?")
        page.keyboard.press("Enter")
        page.locator("article.answer").wait_for()
        page.locator("#status", has_text="answer ready").wait_for(state="attached")
        assert re.search(r"/chats/\w+#\w+$", page.url)
        assert page.evaluate("document.activeElement.id") == "question"
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("?")
        page.locator("dialog", has_text="stop asking").wait_for()
        assert not page.problems


def test_a_slow_question_is_stopped_with_escape(chromium, serving):
    with serving() as served, opened(chromium) as page:
        served.model.pause_s = 5
        page.goto(served.url)
        page.get_by_text("Options").click()
        page.get_by_label("Model").select_option("slow")
        question = page.get_by_label("Your question")
        question.fill("Why is the sky blue over the counting room?")
        question.press("Enter")  # to it, wherever the focus is by then
        page.get_by_role("button", name="Stop").wait_for()
        page.keyboard.press("Escape")
        page.locator(".progress", has_text="stopped").wait_for()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_a_correction_takes_three_clicks(chromium, serving, scripts):
    with serving() as served, opened(chromium, java_script_enabled=scripts) as page:
        page.goto(served.url)
        page.get_by_label("Your question").fill(MASS)
        page.get_by_role("button", name="Ask", exact=True).click()
        page.get_by_text("Correct this").click()
        page.get_by_label("What the answer should say").fill("The mass of the tau lepton is 1790 ± 1 MeV.")
        page.get_by_role("button", name="Check it").click()
        page.get_by_text("Nothing that is known here contradicts it").wait_for()
        page.get_by_role("button", name="Teach it").click()
        page.locator("article.answer", has_text="1790 ± 1 MeV").wait_for()
        page.get_by_role("button", name="Take it back").click()
        page.get_by_text("Withdrawn: no answer uses it.").wait_for()
        assert not page.problems


@pytest.mark.slow
def test_a_check_comes_while_one_writes(chromium, serving):
    with serving() as served, opened(chromium) as page:
        page.goto(f"{served.url}/teach")
        page.get_by_label("Text").fill("The mass of the tau lepton is 1600 MeV.")
        page.get_by_text("It would contradict 1 item").first.wait_for()
        assert not page.problems


# ---- hostile text ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile(_base_folder, tmp_path_factory):
    """A server all of whose fields hold hostile text, and the paths of the pages that show it."""
    from tests.server.conftest import running

    root = tmp_path_factory.mktemp("hostile") / "runs"
    for number, text in enumerate(HOSTILE[::10]):
        run = Run.create(root / f"{number} {text.replace('/', '∕')[:120]}", {"task": text}, [])
        run.log(step=1, loss=1.0, **{text: 1.0})
        run.log(step=2, loss=0.5, **{text: 0.5})
    (run.folder / "card.md").write_text("\n\n".join(HOSTILE[:100]), encoding="utf-8")
    (run.folder / "report.md").write_text("\n\n".join(HOSTILE[100:]), encoding="utf-8")
    (run.folder / "report.html").write_text("\n\n".join(HOSTILE), encoding="utf-8")
    (run.folder / "bad.svg").write_text(
        f"<svg xmlns='http://www.w3.org/2000/svg' onload='{HOSTILE[0]}'/>".replace("<script>", "")
    )
    with running(tmp_path_factory.mktemp("hostile") / "home", _base_folder, runs=root) as served:
        base, tables = served.services.base, served.services.tables
        items = [item for number, text in enumerate(HOSTILE) for item in hostile_items(number, text)]
        ids = [item.id for item in base.teach_many(items, actor=HOSTILE[1], reason=HOSTILE[0])]
        for first in range(0, len(HOSTILE), 5):
            some = " ".join(HOSTILE[first : first + 5]).replace("\u202e", "")
            base.update(ids[-1], f"{some} changed", author=some, reason=some)
            with contextlib.suppress(InputError):  # which says that the name cannot be used
                served.services.keys.add(some[:70], "reader", actor=some)
        for number, text in enumerate(HOSTILE):
            base.keep_answer(f"a{number}", text, hostile_answer(number, text))
            tables.add_turn(f"c{number // 100}", "local", text, f"a{number}", new=number % 100 == 0)
        for text in HOSTILE[::4]:
            tables.add_turn(f"d{text}", "local", text, "a0", new=True)
        served.paths = [
            "/", "/chats/c0", "/chats/c1", "/knowledge?limit=1000", f"/knowledge/{ids[-1]}", f"/knowledge/{ids[0]}", "/conflicts",
            "/keys", "/runs", "/answers/a0?before=a1", "/runs/" + run.folder.name,
        ]  # fmt: skip
        served.files = [f"/files/{run.folder.name}/report.html", f"/files/{run.folder.name}/bad.svg"]
        yield served


def hostile_items(number, text):
    """What can be taught with a text in every field; some labels and addresses are refused, which is fine too."""
    texts: list[dict[str, str]] = [
        {"text": f"{text} {number}", "question": text, "licence": text},
        {"text": f"{text} in {number}", "url": text},
    ]
    if number % 10 == 3:  # each contradicts all others
        texts.append({"text": f"The mass of the tau lepton is {1000 + 9 * number} MeV. {text}"})
    for given in texts:
        for labels in ({"source": text, "author": text}, {}):
            with contextlib.suppress(InputError):
                made = new_item(**given, **labels)
                check_peoples([made])
                yield made
                break


def hostile_answer(number, text):
    """An answer all of whose fields hold a text."""
    names = ("id", "label", "quote", "url", "author", "licence", "kind")
    source = dict.fromkeys(names, text) | {"marker": 1, "trust": "taught"}
    linked = source | {"url": f"https://example.org/{text}", "marker": 2}
    return {
        "id": f"a{number}", "question": text, "answer": f"{text} [1]", "abstained": False, "sources": [source, linked], "results": [],
        "conflicts": [text], "checks": [{"name": text, "passed": False, "detail": text}], "model": ("plan", "quote", text)[number % 3],
        "reading": [text], "timings_ms": {"plan": 1.0}, OWNER: "local",
    }  # fmt: skip


def provoke(page, url: str) -> list[str]:
    """Open a page, touch everything on it, and see what it did."""
    page.goto(url)
    page.evaluate(
        """() => { for (const e of document.querySelectorAll("*")) {
            if (e.tagName === "DETAILS") e.open = true;
            for (const name of ["mouseover", "pointerenter", "focus", "error", "toggle"]) e.dispatchEvent(new Event(name));
            if (e.href && String(e.href).startsWith("javascript:")) document.title = "pwned";
        } }"""
    )
    page.wait_for_timeout(60)
    return [*page.problems, *(["pwned"] if page.title() == "pwned" else [])]


@pytest.mark.slow
@pytest.mark.parametrize("policy", [True, False], ids=["with the policy", "without the policy"])
def test_hostile_text_is_shown_and_does_nothing(chromium, hostile, policy):
    assert len(HOSTILE) == len(set(HOSTILE)) == 200
    with opened(chromium, bypass_csp=not policy) as page:
        wrong = {path: provoke(page, hostile.url + path) for path in hostile.paths}
        for text in HOSTILE[::20]:
            with contextlib.suppress(Exception):
                page.goto(
                    f"{hostile.url}/knowledge?q="
                    + re.sub(r"\W", lambda m: "".join(f"%{b:02x}" for b in m[0].encode()), text)
                )
        assert not page.problems
    assert not {path: found for path, found in wrong.items() if found}


@pytest.mark.slow
def test_a_hostile_report_is_in_a_sandbox(chromium, hostile):
    with opened(chromium) as page:
        for path in hostile.files:
            page.goto(hostile.url + path)
            page.wait_for_timeout(60)
        ran = [problem for problem in page.problems if problem == "dialog"]
        assert not ran
        assert page.title() != "pwned"


@pytest.mark.slow
def test_the_test_would_see_a_script(chromium, hostile):
    """A page without the function that shows text, whose payloads do run."""
    with opened(chromium) as page:
        page.route(
            "**/bare", lambda route: route.fulfill(body="<body>" + HOSTILE[5], content_type="text/html")
        )
        page.goto(f"{hostile.url}/bare")
        assert "dialog" in page.problems
