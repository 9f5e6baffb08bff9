"""The report in a real browser: offline, from a file, by mouse and by keyboard.

Needs playwright and a Chromium (`apt-get install chromium`, or `playwright install chromium`); else skipped.
"""

import io
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.records.record import Record, write_record

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

INTERACTIVE = "a[href], button, select, input, summary, [tabindex='0']"


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    with playwright.sync_playwright() as driver:
        path = next(filter(None, map(shutil.which, BROWSERS)), driver.chromium.executable_path)
        if not Path(path).exists():
            pytest.skip("no Chromium here: apt-get install chromium, or playwright install chromium")
        browser = driver.chromium.launch(executable_path=path)
        yield browser
        browser.close()


Opener = Callable[..., "playwright.Page"]


@pytest.fixture
def open_page(browser: "playwright.Browser") -> Iterator[Opener]:
    """Opens a file; at the end nothing must have been asked of a network or said on the console."""
    complaints: list[str] = []

    def note(request: "playwright.Request") -> None:
        if not request.url.startswith(("data:", "file:")):
            complaints.append(request.url)

    def open_(path: Path, prepare: str = "", **options: object) -> "playwright.Page":
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **options})
        context.set_default_timeout(5000)
        page = context.new_page()
        page.on("request", note)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.add_init_script(prepare)
        page.goto(path.as_uri())
        return page

    yield open_
    for context in browser.contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def report(open_page: Opener, runs: Path, write_report: Callable[[Path], Path]) -> "playwright.Page":
    return open_page(write_report(runs))


def names(page: "playwright.Page") -> list[str]:
    return page.locator(".numbers tbody a").all_inner_texts()


def heading(page: "playwright.Page", name: str) -> "playwright.Locator":
    return page.locator(".numbers thead th").filter(has=page.get_by_role("button", name=name, exact=True))


def test_a_click_on_a_heading_sorts_by_number_and_another_turns_it_round(report: "playwright.Page") -> None:
    assert names(report) == ["block-mean", "none", "lfq", "fsq", "vq"]
    psnr = heading(report, "PSNR ↑")
    psnr.get_by_role("button").click()
    assert psnr.get_attribute("aria-sort") == "descending"
    assert names(report) == ["lfq", "none", "fsq", "block-mean", "vq"]  # 101.25, 20, 18.5, 17, 9.5
    psnr.get_by_role("button").click()
    assert psnr.get_attribute("aria-sort") == "ascending"
    assert names(report) == ["vq", "block-mean", "fsq", "none", "lfq"]
    name = heading(report, "quantizer")
    name.get_by_role("button").click()
    assert names(report) == ["block-mean", "fsq", "lfq", "none", "vq"]
    assert psnr.get_attribute("aria-sort") == "none"


def test_headings_sort_by_keyboard_and_what_is_not_known_comes_last_both_ways(report: "playwright.Page") -> None:
    speed = heading(report, "encode img/s")
    report.locator(".numbers thead button").first.focus()
    while not speed.get_by_role("button").evaluate("button => button === document.activeElement"):
        report.keyboard.press("Tab")
    for key, direction in (("Enter", "ascending"), ("Space", "descending")):
        report.keyboard.press(key)
        assert speed.get_attribute("aria-sort") == direction
        assert names(report)[-1] == "vq"


def middle(page: "playwright.Page") -> tuple[int, ...]:
    """The colour in the middle of the comparison, a little right of the divider."""
    with Image.open(io.BytesIO(page.locator(".stage").screenshot())) as picture:
        return picture.convert("RGB").getpixel((picture.width // 2 + 20, picture.height // 2))


def test_the_slider_uncovers_the_original_by_keyboard_and_by_dragging(report: "playwright.Page") -> None:
    report.get_by_role("combobox", name="Quantizer").select_option("lfq, 10 bits")
    slider = report.get_by_role("slider", name="Uncover the original")
    black, white = (0, 0, 0), (255, 255, 255)
    assert middle(report) == black
    slider.focus()
    for key, colour in (("End", white), ("Home", black)):
        report.keyboard.press(key)
        assert middle(report) == colour
    for _ in range(80):
        report.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "80 % original, 20 % reconstruction"
    assert middle(report) == white
    stage = report.locator(".stage").bounding_box()
    report.mouse.move(stage["x"] + 0.9 * stage["width"], stage["y"] + 30)
    report.mouse.down()
    report.mouse.move(stage["x"] + 0.25 * stage["width"], stage["y"] + 60)
    report.mouse.up()
    assert 24 <= int(slider.input_value()) <= 26
    assert middle(report) == black


def test_quantizer_and_picture_are_chosen_by_keyboard_and_by_a_click_on_the_grid(report: "playwright.Page") -> None:
    quantizer, picture = (report.get_by_role("combobox", name=name) for name in ("Quantizer", "Picture"))
    caption, shown = report.locator(".caption"), report.locator(".stage .reconstruction")
    assert caption.inner_text() == "picture 1, lfq, 10 bits, PSNR 10.00 dB"  # the first that is no baseline
    quantizer.focus()
    report.keyboard.press("ArrowDown")
    picture.focus()
    report.keyboard.press("ArrowDown")
    assert caption.inner_text() == "picture 2, fsq, 10 bits, PSNR 11.00 dB"
    assert shown.get_attribute("src") == report.get_by_title("picture 2, fsq").get_attribute("src")
    assert shown.get_attribute("alt") == caption.inner_text()
    report.get_by_title("picture 3, none").click()
    assert caption.inner_text() == "picture 3, none, PSNR 12.00 dB"
    assert (quantizer.input_value(), picture.input_value()) == ("none", "3")


def test_the_tab_key_reaches_everything_in_order_and_one_sees_where(report: "playwright.Page") -> None:
    report.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    expected = report.evaluate(
        "what => [...document.querySelectorAll(what)].map((each, number) => (each.dataset.number = number, number))",
        INTERACTIVE,
    )
    reached = []
    for _ in expected:
        report.keyboard.press("Tab")
        number, outline = report.evaluate(
            "() => [document.activeElement.dataset.number, getComputedStyle(document.activeElement).outlineStyle]"
        )
        reached.append(int(number))
        assert outline == "solid"
    assert reached == expected


def test_a_name_in_the_table_leads_to_its_command(report: "playwright.Page") -> None:
    report.get_by_role("link", name="fsq").focus()
    report.keyboard.press("Enter")
    row = report.locator("details.row[open]")
    assert re.findall(r"--seed (\d)", row.inner_text()) == ["0", "1", "2"]
    assert report.evaluate("document.activeElement.innerText").startswith("fsq, 10 bits")


@pytest.mark.parametrize("allowed", [True, False])
def test_a_command_is_copied_or_else_selected(
    open_page: Opener, runs: Path, write_report: Callable[[Path], Path], allowed: bool
) -> None:
    prepare = "" if allowed else "Object.defineProperty(navigator, 'clipboard', { value: undefined });"
    page = open_page(write_report(runs), prepare, permissions=["clipboard-read", "clipboard-write"])
    page.locator("summary", has_text="fsq").click()
    button = page.get_by_role("button", name="Copy the command of fsq, 10 bits, seed 1")
    button.focus()
    page.keyboard.press("Enter")
    status = page.get_by_text("copied" if allowed else "selected: press Ctrl+C to copy")
    assert status.get_attribute("role") == "status"
    read = "navigator.clipboard.readText()" if allowed else "getSelection().toString()"
    assert page.evaluate(read) == "python -m benchmarks.run --quantizer fsq --seed 1"


def test_what_records_say_is_text_and_never_runs(
    open_page: Opener, tmp_path: Path, make_record: Callable[..., Record], write_report: Callable[[Path], Path]
) -> None:
    evil = "<script>window.ran = 1</script>\"'><img src=x onerror='window.ran = 1'>{{ 7 * 7 }}</style></script><!--"
    record = make_record(
        evil,
        id=evil,
        command=evil,
        preset=evil,
        settings=evil,
        changes={evil: evil},
        data={"name": evil},
        missing={evil: evil},
        notes={evil: evil},
    )
    environment = record.environment.model_copy(update={"commit": evil, "processor": evil})
    write_record(tmp_path / "evil" / "run.json", record.model_copy(update={"environment": environment}), {})
    page = open_page(write_report(tmp_path / "evil"))
    page.locator("summary").first.click()
    assert page.evaluate("window.ran") is None
    assert page.evaluate("[document.scripts.length, document.querySelectorAll('[src=x]').length]") == [1, 0]
    assert page.locator(".command code").first.inner_text() == evil
    assert names(page) == [evil]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault(open_page: Opener, runs: Path, write_report: Callable[[Path], Path], scheme: str) -> None:
    page = open_page(write_report(runs), color_scheme=scheme)
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    found = axe.Axe().run(page)
    assert found.response["passes"]
    assert found.violations_count == 0, found.generate_report()


def test_nothing_sticks_out_on_a_narrow_screen(
    open_page: Opener, runs: Path, write_report: Callable[[Path], Path]
) -> None:
    page = open_page(write_report(runs), viewport={"width": 400, "height": 800})
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    assert page.locator(".stage").bounding_box()["width"] < 400
    table = page.locator(".scroll").first
    table.focus()
    for _ in range(50):  # it moves smoothly
        page.keyboard.press("ArrowRight")
        if moved := table.evaluate("table => table.scrollLeft"):
            break
    assert moved


def test_on_paper_all_stands_open_and_afterwards_as_before(report: "playwright.Page") -> None:
    report.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert report.locator("details:not([open])").count() == 0
    report.evaluate("dispatchEvent(new Event('afterprint'))")
    assert report.locator("details[open]").count() == 0
