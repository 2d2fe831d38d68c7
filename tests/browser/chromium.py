"""A real Chromium: the one on PATH, else Playwright's own, else the system's package; or why there is none.

``python -m tests.browser.chromium`` looks for one, fetches it where it may, and says which it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from playwright.sync_api import Browser, Error, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Containers have neither a sandbox for an administrator nor a GPU.
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--hide-scrollbars")
FETCH_S = 180.0


class NoBrowser(Exception):
    """There is none, and none could be had."""


def on_path() -> str | None:
    """A browser that the system has."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def of_playwright(playwright: Playwright) -> str | None:
    """The one that Playwright fetched."""
    path = Path(playwright.chromium.executable_path)
    return str(path) if path.is_file() else None


def fetch_by_playwright() -> None:
    """Playwright's own download, without the system's libraries."""
    _run(sys.executable, "-m", "playwright", "install", "chromium")


def fetch_by_system() -> None:
    """The system's package, where this process may install one."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _run("apt-get", "update", "--quiet=2")
        _run("apt-get", "install", "--yes", "--quiet=2", "--no-install-recommends", "chromium")


def _run(*words: str) -> None:
    try:
        subprocess.run(words, check=False, timeout=FETCH_S, stdout=sys.stderr, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"{words[0]}: {error}\n")


def executable(
    playwright: Playwright,
    fetches: tuple[Callable[[], None], ...] = (fetch_by_playwright, fetch_by_system),
) -> str:
    """The path of a Chromium. Raises ``NoBrowser``."""
    # Two test processes must not install at the same time.
    with FileLock(Path(tempfile.gettempdir()) / f"chromium-{os.geteuid()}.lock"):
        for fetch in (None, *fetches):
            if fetch is not None:
                fetch()
            if found := on_path() or of_playwright(playwright):
                return found
    raise NoBrowser(
        "no Chromium: neither on PATH nor from Playwright nor from the system's packages; "
        "install chromium, or run: python -m playwright install --with-deps chromium"
    )


@contextmanager
def launched() -> Iterator[Browser]:
    """A running browser. Raises ``NoBrowser``."""
    with sync_playwright() as playwright:
        path = executable(playwright)
        try:
            browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        except Error as error:
            raise NoBrowser(f"{path} does not start: {error.message.splitlines()[0]}") from None
        try:
            yield browser
        finally:
            browser.close()


def main() -> int:
    try:
        with launched() as browser:
            print(f"Chromium {browser.version}")
    except NoBrowser as reason:
        sys.stderr.write(f"error: {reason}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
