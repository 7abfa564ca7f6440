"""The page for leadership in a browser: quiet, within the window, open to everybody, and running nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

from koers.cli.report.cards import forecast_card
from koers.cli.report.facts import Facts
from tests.cli.browser import chromium, opened, overflow, violations
from tests.cli.leadership import explained, facts_of, facts_of_log, hostile, page_of
from tests.small import AS_OF, demo_events

HIT = "(window.hits=window.hits||[]).push({n})"
ENDS = [
    *("", '">', "'>", '" x="">', "</title>", "</style>", "</text></svg>", "</desc></svg>", "</bdi></h3>", "</a>"),
    *("</p></article>", "-->", "]]>", "</script>", "</textarea>", "`>", "\u2028>", "{{", "&lt;", "\u202e\x1b[0m>"),
]
RUNS = [
    "<script>{hit}</script>",
    "<img src=x onerror={hit}>",
    "<svg onload={hit}></svg>",
    '<iframe srcdoc="<script>with(parent)$HIT</script>"></iframe>'.replace("$HIT", "{hit}"),
    "<details open ontoggle={hit}>x</details>",
]
PAYLOADS = [
    end + run.format(hit=HIT.format(n=n)) for n, (end, run) in enumerate((end, run) for end in ENDS for run in RUNS)
]
CSP = "default-src 'none'; style-src 'unsafe-inline'"
LONG = "Wachttijdverkorting" * 260
TEXTS = [
    "Réduire les délais 🚀👩‍👩‍👧",
    "تقليل وقت الانتظار \u202eabc",
    LONG,
    "a\x1b[31mb\x07\u0000c".replace("\u0000", ""),
    "-",
    "  ",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def staffed_facts(written_staffed: Path) -> Facts:
    return explained(facts_of_log(written_staffed))


@pytest.fixture(scope="module")
def pages(staffed_facts: Facts, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages with capacity and without, of strange text, and with nothing to tell."""
    folder = tmp_path_factory.mktemp("pages")
    told = {
        "staffed": staffed_facts,
        "without capacity": facts_of(demo_events(), AS_OF),
        "strange": hostile(TEXTS),
        "empty": facts_of([]),
    }
    return {name: written(folder / f"{name}.html", page_of(facts)) for name, facts in told.items()}


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("name", ["staffed", "without capacity", "strange", "empty"])
def test_a_page_is_quiet_and_fits_the_window(browser: Browser, pages: dict[str, Path], name: str, width: int) -> None:
    with opened(browser, pages[name], width) as (page, heard):
        assert overflow(page) == []
        assert heard == []


@pytest.mark.parametrize("width", [400, 560, 960])
def test_a_card_of_a_notebook_fits_the_cell_it_stands_in(
    browser: Browser, staffed_facts: Facts, tmp_path: Path, width: int
) -> None:
    card = forecast_card(staffed_facts.forecast, {}).html()
    with opened(browser, written(tmp_path / "card.html", f"<!doctype html>{card}"), width) as (page, heard):
        assert overflow(page) == []
        assert heard == []
        heights = page.evaluate("[...document.querySelectorAll('.rows > *')].map(row => row.offsetHeight)")
        assert heights
        assert max(heights) < 120


def test_what_sticks_out_asks_or_complains_would_be_noticed(browser: Browser, tmp_path: Path) -> None:
    loud = written(tmp_path / "loud.html", "<div style='width:2000px'>x</div><img src=http://127.0.0.1:9/x.png>")
    with opened(browser, loud) as (page, heard):
        assert overflow(page)[0] == "the page"
        assert any(told.startswith("request") for told in heard)
        assert any(told.startswith("console") for told in heard)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["staffed", "without capacity", "strange", "empty"])
def test_axe_finds_nothing_wrong(
    browser: Browser, pages: dict[str, Path], name: str, scheme: Literal["light", "dark"]
) -> None:
    with opened(browser, pages[name], scheme=scheme) as (page, _):
        assert violations(page) == []


def test_axe_would_find_a_picture_without_a_name_and_pale_text(browser: Browser, tmp_path: Path) -> None:
    poor = "<html lang=en><title>x</title><main><h1>x</h1><svg role=img></svg><p style='color:#bbb'>pale</p></main>"
    with opened(browser, written(tmp_path / "poor.html", poor)) as (page, _):
        found = " ".join(violations(page))
        assert "svg-img-alt" in found
        assert "color-contrast" in found


def hits(browser: Browser, file: Path) -> list[int]:
    """Which payloads ran, in their own time."""
    with opened(browser, file) as (page, _):
        page.wait_for_timeout(500)
        found: list[int] = page.evaluate("window.hits || []")
        return sorted(set(found))


@pytest.fixture(scope="module")
def attacked() -> str:
    """A page with a payload in every field that takes text."""
    return page_of(hostile(PAYLOADS))


def test_of_a_hundred_payloads_in_every_field_none_runs(browser: Browser, attacked: str, tmp_path: Path) -> None:
    assert len(PAYLOADS) == 100
    assert CSP in attacked.replace("&#39;", "'")
    assert hits(browser, written(tmp_path / "policy.html", attacked)) == []
    bare = attacked.replace("Content-Security-Policy", "x")
    assert hits(browser, written(tmp_path / "bare.html", bare)) == []


def test_each_of_them_would_run_unescaped_but_not_under_the_policy(
    browser: Browser, attacked: str, tmp_path: Path
) -> None:
    raw = "".join(f"<div>{payload}</div>" for payload in PAYLOADS)
    page = attacked.replace("</main>", f"{raw}</main>")
    assert hits(browser, written(tmp_path / "policy.html", page)) == []
    bare = page.replace("Content-Security-Policy", "x")
    assert hits(browser, written(tmp_path / "bare.html", bare)) == list(range(100))


def test_the_page_prints_its_first_screen_on_one_sheet(browser: Browser, pages: dict[str, Path]) -> None:
    with opened(browser, pages["staffed"], 718) as (page, _):  # A4 within its margins, at 96 dots per inch
        page.emulate_media(media="print")
        last = page.locator(".first").bounding_box()
        assert last is not None
        assert last["y"] + last["height"] < 1017
        assert overflow(page) == []
