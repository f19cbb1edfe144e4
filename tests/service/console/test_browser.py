"""The console in a real browser: every page, light and dark, wide and narrow, by axe and by hand.

Chromium is Debian's, driven by Playwright; axe-core looks for what shuts people out.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from service.domain.exchanges import NewExchange, RunState
from service.domain.signals import parse_signals
from service.store import ImportRow, ImportTarget, Role

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.service.conftest import Pictures, Served

sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

pytestmark = pytest.mark.slow

ADMIN_KEY = "an admin key for tests"
Scheme = Literal["light", "dark"]

PAGES = (
    "",
    "/banks",
    "/banks/hotline-a",
    "/exchanges",
    "/exchanges/shrinking",
    "/match",
    "/keys",
    "/login",
)
WIDTHS = (360, 1600)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for the module."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium: install Debian's package to test on it")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages that end with the test."""
    contexts = []

    def open_it(url: str, width: int, scheme: Scheme, scripts: bool = True) -> Page:
        context = chromium.new_context(
            base_url=url,
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            java_script_enabled=scripts,
        )
        contexts.append(context)
        return context.new_page()

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture
def filled(served: Served, pictures: Pictures) -> Served:
    """A server with a bank, a list of two versions, an entry made of an image, and keys."""
    for version, count in (("2026-11-01", 3), ("2026-11-20", 4)):
        rows = [
            ImportRow(n, parse_signals({"sha256": f"{n:064x}"}), f"item-{n}", ("A",))
            for n in range(count)
        ]
        target = ImportTarget("hotline-a", "hotline", "images", version, create_bank=True)
        served.store.apply_import(target, rows)
    with served.client() as client:
        file = pictures.png(pictures.photo)
        answer = client.post("/v1/banks/hotline-a/entries", files={"file": ("a.png", file)})
        answer.raise_for_status()
    served.client_with(Role.MATCHER).close()
    exchanges = served.store.exchanges
    for name in ("shrinking", "sound"):
        settings = {"path": "/srv/lists"}
        new = NewExchange(name, "folder", "hotline-a", "folder", name, settings, enabled=False)
        record = exchanges.create(new)
        run = exchanges.begin(record)
        said = "this version would remove 9 of the list's 12 entries, more than 20%"
        shrunk = replace(run, state=RunState.NEEDS_REVIEW, code="list_shrinks", said=said)
        done = replace(run, state=RunState.DONE, added=3, bytes=1234567)
        ended = shrunk if name == "shrinking" else done
        exchanges.end(record, ended, timedelta(hours=1))
    exchanges.update("sound", lambda was: replace(was, max_rejected=1))
    return served


def log_in(page: Page, key: str = ADMIN_KEY) -> None:
    page.goto("/console/login")
    page.get_by_label("Key", exact=True).fill(key)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/console")


def violations(page: Page) -> list[str]:
    found: dict[str, Any] = axe.Axe().run(page).response
    return [
        f"{page.url} {one['id']}: {node['html'][:120]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(
    scheme: Scheme, filled: Served, open_page: Callable[..., Page]
) -> None:
    found = []
    folder = os.environ.get("LOOKALIKE_SCREENSHOTS")
    for width in WIDTHS:
        page = open_page(filled.url, width, scheme)
        page.goto("/console/login")
        found += violations(page)
        log_in(page)
        for path in PAGES:
            page.goto(f"/console{path}")
            found += violations(page)
            # A page is never wider than the window: tables scroll by themselves.
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            if folder:
                name = f"{path.strip('/').replace('/', '-') or 'overview'}-{scheme}-{width}.png"
                page.screenshot(path=Path(folder) / name, full_page=True)
    assert found == []


def test_a_newcomer_lists_a_bank_and_tries_a_match_by_keyboard(
    served: Served, open_page: Callable[..., Page], tmp_path: Path, pictures: Pictures
) -> None:
    """No mouse: every step is a key."""
    page = open_page(served.url, 1280, "light")
    page.goto("/console")
    page.keyboard.type(ADMIN_KEY)  # the field has the focus
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Overview").wait_for()
    page.keyboard.press("Tab")
    sync_api.expect(page.locator(".skip")).to_be_focused()
    page.goto("/console/banks")
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.type("mine")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/banks/mine?said=bank-made")
    assert page.get_by_role("status").inner_text() == "The bank was made."
    file = tmp_path / "a.png"
    file.write_bytes(pictures.png(pictures.photo))
    with served.client() as client:
        answer = client.post("/v1/banks/mine/entries", files={"file": ("a.png", file.read_bytes())})
        answer.raise_for_status()
    page.goto("/console/match")
    page.get_by_label("Image", exact=True).set_input_files(file)
    page.get_by_role("button", name="Match").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Answer").wait_for()
    assert page.locator(".verdict strong").inner_text() == "block"
    assert page.locator("img").count() == 0
    assert violations(page) == []


def test_every_page_can_be_read_without_scripts(
    filled: Served, open_page: Callable[..., Page]
) -> None:
    page = open_page(filled.url, 800, "light", scripts=False)
    log_in(page)
    for path in PAGES:
        page.goto(f"/console{path}")
        assert page.locator("h1").count() == 1
    page.goto("/console/banks/hotline-a")
    page.get_by_role("button", name="Disable").first.click()
    page.wait_for_url("**said=entry-disabled")


def test_nothing_is_reported_to_the_console_of_the_browser(
    filled: Served, open_page: Callable[..., Page]
) -> None:
    """The policy for content refuses nothing that a page needs."""
    page = open_page(filled.url, 1280, "light")
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    log_in(page)
    for path in PAGES:
        page.goto(f"/console{path}")
    assert said == []


def test_deleting_asks_first(filled: Served, open_page: Callable[..., Page]) -> None:
    page = open_page(filled.url, 1280, "light")
    log_in(page)
    page.goto("/console/banks/hotline-a")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Delete e_").first.click()
    assert filled.store.entries.count("hotline-a") == 5
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete e_").first.click()
    page.wait_for_url("**said=entry-deleted")
    assert filled.store.entries.count("hotline-a") == 4


def test_an_exchange_is_synced_and_switched(
    served: Served, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    """From its page; without scripts."""
    served.store.banks.create("mine")
    settings = {"path": str(tmp_path)}
    new = NewExchange("drop", "folder", "mine", "folder", "drop", settings, enabled=False)
    served.store.exchanges.create(new)
    page = open_page(served.url, 1280, "light", scripts=False)
    log_in(page)
    page.get_by_role("link", name="Exchanges").click()
    page.get_by_role("link", name="drop").click()
    page.get_by_role("button", name="Sync now").click()
    page.wait_for_url("**/console/exchanges/drop?said=sync-asked")
    page.get_by_role("button", name="Enable").click()
    page.wait_for_url("**/console/exchanges/drop?said=exchange-enabled")
    assert served.store.exchanges.get("drop").new.enabled
