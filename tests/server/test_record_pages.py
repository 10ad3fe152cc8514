"""Runs, their files in a sandbox and their curves; keys and the chain of what was done."""

from __future__ import annotations

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.runs.run import Run
from yukawa.server.record_pages import curve, curves, shown_folders, ticks


@pytest.fixture
def runs(tmp_path):
    root = tmp_path / "runs"
    run = Run.create(root / "jets" / "first", {"task": "jets", "seed": 1}, [])
    for step in range(5):
        run.log(step=step, loss=1 / (step + 1), note="text")
    (run.folder / "card.md").write_text(
        "# A tagger\n\n**Trained** on <script>alert(1)</script> $x^2$", encoding="utf-8"
    )
    evaluation = run.folder / "evaluation"
    evaluation.mkdir()
    (evaluation / "report.md").write_text("# Evaluation\n\n| a | b |\n|---|---|\n| 1 | 2 |", encoding="utf-8")
    (evaluation / "report.html").write_text("<script>alert(1)</script>", encoding="utf-8")
    for name in ("roc.png", "roc.svg", "only.svg", "weights.bin"):
        (evaluation / name).write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "secret.md").write_text("secret", encoding="utf-8")
    (run.folder / "link.md").symlink_to(tmp_path / "secret.md")
    Run.create(tmp_path / "outside", {"task": "jets"}, [])
    (root / "away").symlink_to(tmp_path / "outside")
    return root


def test_runs_and_reports_are_shown_with_curves_plots_and_pages(serving, runs):
    with serving(runs=runs) as served, served.browser() as browser:
        listed = browser.get("/runs").text
        assert 'href="/runs/jets/first"' in listed
        assert 'href="/runs/jets/first/evaluation"' in listed
        page = browser.get("/runs/jets/first").text
        assert '<svg class="curve"' in page
        assert "<strong>Trained</strong>" in page
        assert "<msup>" in page
        assert "<script>alert" not in page
        assert "seed: 1" in page
        assert 'src="/files/jets/first/evaluation/roc.png"' in page
        assert "roc.svg" not in page.partition("<summary>Files")[0]
        assert 'src="/files/jets/first/evaluation/only.svg"' in page
        assert "<td>2</td>" in browser.get("/runs/jets/first/evaluation").text


def test_a_file_is_seen_and_does_nothing_else(serving, runs):
    with serving(runs=runs) as served, served.browser() as browser:
        report = browser.get("/files/jets/first/evaluation/report.html")
        assert report.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert report.headers["content-type"] == "text/html; charset=utf-8"
        assert browser.get("/files/jets/first/evaluation/only.svg").headers["content-type"] == "image/svg+xml"
        assert browser.get("/files/jets/first/card.md").headers["content-type"].startswith("text/plain")
        for path in ("jets/first/link.md", "jets/first/evaluation/weights.bin", "jets/first/../../../secret.md", "away/recipe.yaml",
                     "jets/first/%2e%2e/%2e%2e/%2e%2e/secret.md", "jets/first", "/etc/passwd"):  # fmt: skip
            assert browser.get(f"/files/{path}").status_code == 404, path


def test_a_folder_outside_is_not_a_run(runs):
    assert {row["name"] for row in shown_folders(runs)} == {"jets/first", "jets/first/evaluation"}


def test_a_damaged_run_is_shown_with_what_is_wrong(serving, runs):
    (runs / "jets" / "first" / "metrics.jsonl").write_text("{\n{}\n", encoding="utf-8")
    (runs / "jets" / "first" / "card.md").write_bytes(b"\xff")
    with serving(runs=runs) as served, served.browser() as browser:
        page = browser.get("/runs/jets/first")
    assert page.status_code == 200
    assert "banner bad" in page.text


FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(st.lists(st.tuples(FINITE, FINITE), min_size=2, max_size=20))
def test_a_curve_is_drawn_within_its_picture(points):
    drawn = html5lib.parse(str(curve(points, "<loss>")), namespaceHTMLElements=False)
    line = drawn.find(".//{*}polyline")
    numbers = [float(n) for pair in line.get("points").split() for n in pair.split(",")]
    assert all(0 <= n <= 420 for n in numbers)


@given(FINITE, FINITE)
def test_ticks_are_few_and_within(one, two):
    low, high = sorted((one, two))
    found = ticks(low, high)
    assert 1 <= len(found) <= 7
    assert all(low - (high - low) * 1e-6 <= tick <= high + (high - low) * 1e-6 for tick in found)


def test_curves_are_of_numbers_that_are_finite():
    rows = [
        {"step": 1, "loss": 2.0, "bad": None},
        {"step": 2, "loss": float("nan")},
        {"step": 3, "loss": 1, "flag": True},
    ]
    assert [name for name, _ in curves(rows)] == ["loss"]


def test_a_key_is_made_shown_once_and_revoked(keyed):
    with keyed.browser("admin") as browser:
        made = browser.send("/keys", name="A. Reader", role="reader", expires="30d")
        assert made.status_code == 201
        key = made.text.partition('<code class="secret">')[2].partition("<")[0]
        assert key.startswith("yk-")
        later = browser.get("/keys").text
        assert key not in later
        assert "A. Reader" in later
        with keyed.client(headers={"authorization": f"Bearer {key}"}) as client:
            assert client.get("/api/me").json()["name"] == "A. Reader"
            row = next(row for row in keyed.services.keys.all() if row["name"] == "A. Reader")
            assert "revoked" in browser.send(f"/keys/{row['id']}/revoke").text
            assert client.get("/api/me").status_code == 401
        assert browser.send(f"/keys/{row['id']}/revoke").status_code == 404
        assert browser.send("/keys", name="x", role="king").status_code == 400
        assert "chain of entries is whole" in later
