"""A headless Chromium to look at pages with; without one the tests that need it skip."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium; skips where there is none."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: Browser, file: Path, width: int = 1280, scheme: Literal["light", "dark"] = "light"
) -> Iterator[tuple[Page, list[str]]]:
    """The page in a window of this width, and all that it said to the console or asked for."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page, heard = context.new_page(), list[str]()
    page.on("console", lambda message: heard.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    page.on("request", lambda request: heard.append(f"request: {request.url}"))
    page.goto(file.as_uri())
    yield page, [told for told in heard if told != f"request: {file.as_uri()}"]
    context.close()


def overflow(page: Page) -> list[str]:
    """What sticks out of the window sideways: the page itself, or the text of an element."""
    found: list[str] = page.evaluate(
        """() => {
            const wide = document.documentElement.clientWidth
            const out = [...document.querySelectorAll('body *')].filter(part => {
                const box = part.getBoundingClientRect()
                return box.width > 0 && (box.right > wide + 1 || box.left < -1)
            })
            const whole = document.documentElement.scrollWidth > wide ? ['the page'] : []
            return [...whole, ...out.map(part => `${part.tagName} ${part.className} ${part.textContent.slice(0, 40)}`)]
        }"""
    )
    return found


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong with the page for people who see, hear or move otherwise."""
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]
