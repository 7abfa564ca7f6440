"""The page for leadership of the case, and its two screenshots.

    python benchmarks/case_page.py [--out docs]

Writes page.html, page-desktop.png and page-phone.png (its top, 1280 and 360 wide) into a folder. The page tells of two
of the case's scenarios. Needs Chromium, and the packages of the `dev` extra.
"""

from __future__ import annotations

import argparse
import shutil
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from koers import __version__
from koers.cli.report.facts import gather
from koers.cli.report.leadership import leadership_page
from koers.engine.replay import typed
from koers.events.memory import MemoryLog
from koers.events.model import end_of
from koers.scenarios.case.events import AS_OF, case_events
from koers.scenarios.files import load_scenario

SCENARIOS = ("move-two", "hire-in-december")
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
WINDOWS = {"desktop": (1280, 1.0), "phone": (360, 1.5)}
PHONE = 680
"""Height of the picture of the phone, whose first section is longer."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs"), help="a folder for the page and its pictures")
    folder: Path = parser.parse_args().out
    page = folder / "page.html"
    page.write_text(case_page(), encoding="utf-8")
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise SystemExit(f"{page} is written; for pictures install one of {', '.join(NAMES)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        pictures = [page, *(photograph(browser, page, name) for name in WINDOWS)]
        browser.close()
    for path in pictures:
        print(f"{path}: {path.stat().st_size / 1_000:,.0f} kB")


def case_page() -> str:
    log = MemoryLog(clock=lambda: datetime(2026, 11, 13, tzinfo=UTC))
    log.append(case_events())
    scenarios = [load_scenario(name) for name in SCENARIOS]
    rows = list(log.rows())
    notes = {row.position: row.note for row in rows if row.note}
    facts = gather(typed(rows), AS_OF, end_of(AS_OF), scenarios, notes, samples=10_000, seed=0)
    return leadership_page(facts, __version__, "")


def photograph(browser: Browser, page: Path, name: str) -> Path:
    """The page from its top to the end of its first section, as far as PHONE on a phone."""
    width, scale = WINDOWS[name]
    context = browser.new_context(viewport={"width": width, "height": 800}, device_scale_factor=scale)
    sheet = context.new_page()
    sheet.goto(page.resolve().as_uri())
    box = sheet.locator(".first").bounding_box()
    end = box["y"] + box["height"] + 16 if box else 800.0
    height = min(end, PHONE) if name == "phone" else end
    path = page.with_name(f"page-{name}.png")
    sheet.screenshot(path=path, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height})
    context.close()
    return path


if __name__ == "__main__":
    main()
