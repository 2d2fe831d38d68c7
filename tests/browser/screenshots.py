"""``python -m tests.browser.screenshots FOLDER``: pictures of every page, in both themes and widths.

From a home that the command seeds itself. ``--readme`` takes the three of the README instead.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from tests.browser.chromium import NoBrowser, launched
from tests.browser.pages import EMPTY_PAGES, THEMES, WIDTHS, Shown, look_at, pages_of
from tests.browser.seeded import Told, tell
from tests.browser.service import Served

HEIGHTS = {1440: 900, 390: 844}
IMAGES = Path(__file__).parents[2] / "docs" / "images"
#: Page, and how much of its height in CSS pixels.
README = {"search-completed": 1000, "equation": 1180, "leaderboard-search": 760}
README_WIDTH = 1200


@contextmanager
def served(seeded: bool) -> Iterator[tuple[Served, Told | None]]:
    """A service over a home of its own."""
    with tempfile.TemporaryDirectory(prefix="screenshots-") as folder:
        service = Served(Path(folder))
        try:
            told = tell(service.store) if seeded else None
            service.start()
            yield service, told
        finally:
            service.stop()


def take(browser: Browser, url: str, pages: Mapping[str, Shown], folder: Path) -> None:
    """One file a page, theme and width."""
    for width in WIDTHS:
        for theme in THEMES:
            viewport = {"width": width, "height": HEIGHTS[width]}
            context = browser.new_context(viewport=viewport, color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
            page = context.new_page()
            for name, shown in pages.items():
                look_at(page, url, shown)
                page.screenshot(path=folder / f"{name}-{width}-{theme}.png", full_page=True)
            context.close()


def take_for_readme(browser: Browser, url: str, pages: Mapping[str, Shown], folder: Path) -> None:
    """As lossy WebP, at twice the resolution of a page."""
    context = browser.new_context(viewport={"width": README_WIDTH, "height": 1000}, device_scale_factor=1.5)
    page = context.new_page()
    for name, height in README.items():
        look_at(page, url, pages[name])
        raw = folder / f"{name}.png"
        page.screenshot(
            path=raw, clip={"x": 0, "y": 0, "width": README_WIDTH, "height": height}, full_page=True
        )
        with Image.open(raw) as image:
            image.save(folder / f"{name.partition('-')[0]}.webp", quality=82, method=6)
        raw.unlink()
    context.close()


def _chosen(pages: Mapping[str, Shown], names: list[str]) -> Mapping[str, Shown]:
    if unknown := [name for name in names if name not in pages]:
        raise SystemExit(f"no page is called {', '.join(unknown)}; known: {', '.join(pages)}")
    return {name: pages[name] for name in names} if names else pages


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="where the pictures go")
    parser.add_argument("--only", nargs="+", default=[], metavar="PAGE", help="these pages, by name")
    parser.add_argument(
        "--readme", action="store_true", help="the README's three, into docs/images by default"
    )
    asked = parser.parse_args(words)
    folder = asked.folder or (IMAGES if asked.readme else Path("build/screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with launched() as browser:
            with served(seeded=True) as (service, told):
                assert told is not None
                chosen = _chosen(pages_of(told), asked.only)
                (take_for_readme if asked.readme else take)(browser, service.url, chosen, folder)
            if not asked.readme and not asked.only:
                with served(seeded=False) as (service, _):
                    take(browser, service.url, EMPTY_PAGES, folder)
    except NoBrowser as reason:
        sys.stderr.write(f"error: {reason}\n")
        return 2
    print(f"{len(list(folder.iterdir()))} files in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
