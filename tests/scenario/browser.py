"""Chromium for the scenario tests: find it, start it, and drive the chat widget as a visitor."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, sync_playwright

ARTIFACTS = Path(__file__).parents[2] / "test-artifacts"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
# A shared machine may be slow; nothing is as slow as this.
PATIENCE_MS = 30_000

WATCH_POLICY = """document.addEventListener('securitypolicyviolation', (event) =>
  console.error(`CSP violation: ${event.violatedDirective} ${event.blockedURI}`));"""


def executable() -> str:
    """Path of a Chromium on this machine.

    Raises:
        RuntimeError: there is none; the message says what to install.
    """
    for name in NAMES:
        if path := shutil.which(name):
            return path
    msg = (
        f"no browser found (looked for {', '.join(NAMES)}): install one with "
        "'apt-get install -y chromium' (Debian), or put Google Chrome on the PATH"
    )
    raise RuntimeError(msg)


@contextmanager
def launched() -> Iterator[Browser]:
    """A headless browser, closed at the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=list(ARGS))
        try:
            yield browser
        finally:
            browser.close()


class Watch:
    """Writes down whatever a page should not do."""

    def __init__(self, page: Page, *origins: str) -> None:
        self.complaints: list[str] = []
        self.expected: tuple[str, ...] = ()
        self._origins = {urlsplit(origin).netloc for origin in origins}
        page.add_init_script(WATCH_POLICY)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        page.on("request", self._request)
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))

    def expect(self, *parts: str) -> None:
        """Complaints that contain one of `parts` belong to the test."""
        self.expected = parts

    def check(self) -> None:
        """Fail when the page did something unexpected."""
        rest = [c for c in self.complaints if not any(part in c for part in self.expected)]
        assert not rest, "\n".join(rest)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"console {message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme != "data" and address.netloc not in self._origins:
            self.complaints.append(f"request to {request.url}")


class Chat:
    """The widget on a page, as its visitor sees it."""

    def __init__(self, page: Page) -> None:
        page.set_default_timeout(PATIENCE_MS)
        self.page = page
        self.launcher = page.locator("#frontdesk .launcher")
        self.panel = page.locator("#frontdesk .panel")
        self.input = page.locator("#frontdesk .input")
        self.status = page.locator("#frontdesk .status")
        self.choices = page.locator("#frontdesk .choice")
        self.retry = page.locator("#frontdesk .retry")
        self.unsent = page.locator("#frontdesk .row[data-state]")

    def rows(self, sender: str) -> Locator:
        """Messages from "visitor" or "bot", oldest first, without the welcome."""
        return self.page.locator(
            f'#frontdesk .row[data-from="{sender}"]:not(.welcome) .bubble span[lang]'
        )

    def said(self) -> list[str]:
        """All messages in the order shown, each as "sender: text"."""
        rows = self.page.locator("#frontdesk .row:not(.welcome)")
        script = """rows => rows.map(row => row.dataset.from + ': '
                    + row.querySelector('.bubble span[lang]').textContent)"""
        said: list[str] = rows.evaluate_all(script)
        return said

    def open(self) -> None:
        """Open the panel, unless it is open."""
        self.launcher.wait_for()
        if not self.panel.is_visible():
            self.launcher.click()
        self.panel.wait_for()

    def connected(self) -> None:
        """Wait until the event stream is there."""
        self.page.locator('#frontdesk .status[data-state="online"]').wait_for()

    def ask(self, text: str) -> str:
        """Send `text` by the Enter key and give the text of the next message of the bot."""
        before = self.rows("bot").count()
        self.input.fill(text)
        self.input.press("Enter")
        return self.answer(before)

    def answer(self, before: int) -> str:
        """The message of the bot after the first `before`, once it is there."""
        row = self.rows("bot").nth(before)
        row.wait_for()
        return row.inner_text()

    def focused(self) -> str:
        """Class of the element that has the focus, inside the widget or on the page."""
        script = """() => (document.activeElement.shadowRoot?.activeElement
                    ?? document.activeElement).className"""
        name: str = self.page.evaluate(script)
        return name

    def press_until(self, key: str, name: str) -> None:
        """Press `key` until the element of class `name` has the focus."""
        for _ in range(60):
            if self.focused().split()[:1] == [name]:
                return
            self.page.keyboard.press(key)
        raise AssertionError(f"{key} never reached .{name}; the focus is on {self.focused()!r}")

    def shot(self, name: str) -> None:
        """Save a screenshot for people to look at."""
        ARTIFACTS.mkdir(exist_ok=True)
        self.page.wait_for_timeout(300)  # let the animation end
        self.page.screenshot(path=ARTIFACTS / f"widget-{name}.png")
