"""The site: built strictly, complete in itself, and readable on a desktop and on a phone."""

import functools
import http.server
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from documentation import ROOT, blocks

pytestmark = pytest.mark.slow

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built by the one command."""
    folder = tmp_path_factory.mktemp("site")
    command = [Path(sys.executable).parent / "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "warning" not in said.lower(), said
    return folder


def _pages(site: Path) -> list[Path]:
    return sorted(path for path in site.rglob("*.html") if path.name != "404.html")


def test_it_fetches_nothing(site: Path) -> None:
    for page in _pages(site):
        text = page.read_text(encoding="utf-8")
        assert re.findall(r"<(?:script|img|iframe)[^>]* src=[\"']?https?:", text) == []
        assert re.findall(r"<link[^>]* rel=[\"']?(?:stylesheet|preconnect|icon)[^>]* href=[\"']?https?:", text) == []


def test_every_page_of_the_repository_is_in_it(site: Path) -> None:
    built = {page.relative_to(site).as_posix() for page in _pages(site)}
    own = {page.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    protocols = {f"protocols/{page.stem}.html" for page in (ROOT / "benchmarks" / "protocols").glob("*.md")}
    others = {"index.html", "results.html", "findings.html", "contributing.html", "changelog.html"}
    assert built == own | protocols | others | {"protocols/token-sets.html"}


def test_equations_are_mathml(site: Path) -> None:
    text = (site / "quantizers.html").read_text(encoding="utf-8")
    assert text.count('<div class="equation"') == len(blocks("math"))
    assert text.count('display="inline"') > 50
    for equation in re.findall(r"<math.*?</math>", text, re.DOTALL):
        assert "\\" not in equation
    article = re.sub(r"<(script|pre|code)\b.*?</\1>", "", text, flags=re.DOTALL)
    assert "$" not in article


def test_an_equation_that_cannot_be_shown_ends_the_build() -> None:
    sys.path.insert(0, str(ROOT / "docs" / "hooks"))
    try:
        import equations
    finally:
        sys.path.pop(0)
    assert "<mfrac>" in equations.mathml(r"\frac{a}{b}", "block")
    with pytest.raises(ValueError, match="not an equation"):
        equations.mathml(r"\nosuchcommand x", "block")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where the site is served, on this machine alone."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("device", WIDTHS)
def test_every_page_fits_the_screen_and_asks_no_network(site: Path, address: str, device: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    width, height = WIDTHS[device]
    complaints: list[str] = []
    with playwright.sync_playwright() as driver:
        path = next(filter(None, map(shutil.which, BROWSERS)), driver.chromium.executable_path)
        if not Path(path).exists():
            pytest.skip("no Chromium here: apt-get install chromium, or playwright install chromium")
        browser = driver.chromium.launch(executable_path=path)
        page = browser.new_page(viewport={"width": width, "height": height})
        page.on("request", lambda request: request.url.startswith((address, "data:")) or complaints.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for built in _pages(site):
            page.goto(address + built.relative_to(site).as_posix())
            assert page.evaluate("document.documentElement.scrollWidth") <= width, built.name
            cut_off = page.evaluate(
                """() => [...document.querySelectorAll("article table, article .equation > math, article img")]
                    .filter(each => !each.closest(".highlight"))
                    .filter(each => {
                        const box = each.getBoundingClientRect();
                        if (box.right <= innerWidth + 1) return false;
                        for (let parent = each.parentElement; parent; parent = parent.parentElement)
                            if (["auto", "scroll"].includes(getComputedStyle(parent).overflowX)) return false;
                        return true;
                    }).map(each => each.outerHTML.slice(0, 80))"""
            )
            assert cut_off == [], built.name
        page.goto(address + "quantizers.html")
        heights = page.locator(".equation").evaluate_all("all => all.map(each => each.getBoundingClientRect().height)")
        assert min(heights) > 15
        browser.close()
    assert complaints == []
