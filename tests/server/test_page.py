"""The page in headless Chromium: a file, the microphone, each tab, the keyboard, both themes."""

import json
import shutil

import httpx
import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from support.processes import serving
from support.recordings import MOON, wav_bytes

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (shutil.which("chromium") and shutil.which("chromedriver")),
        reason="needs Debian's chromium, chromium-driver",
    ),
]
WAIT_S = 60
WIDTHS = (375, 768, 1280)
HOSTILE = '<img src="x" onerror="document.title = 1">'
FORMS = ("transcribe", "compare", "score")
TABS = (*FORMS, "models", "results")


@pytest.fixture(scope="module")
def files(tmp_path_factory, moon):
    """A recording, another one for the fake microphone, and a registry with a program that always writes the same."""
    root = tmp_path_factory.mktemp("page")
    (root / "moon.wav").write_bytes(wav_bytes(moon, 22_050))
    (root / "microphone.wav").write_bytes(wav_bytes(np.tile(moon, 4), 22_050))
    (root / "mine.toml").write_text(
        '[transcribers.echo]\nkind = "command"\ncommand = "echo S IY D AH M UW N AH"\n'
        f"limitations = ['{HOSTILE}']\n"
        '[transcribers.gone]\nkind = "model"\npath = "/no/such/folder"\n'
    )
    return root


@pytest.fixture(scope="module")
def hostile_study(files):
    """The name of a study whose report attacks the page."""
    folder = files / "hostile"
    folder.mkdir()
    (folder / "verdict.json").write_text('{"faithful": "GO", "l1": "nowhere", "reasons": []}')
    (folder / "study.json").write_text('{"corpus": "embedded"}')
    attacks = ("<script>document.title = 1</script>", "[x](javascript:alert(1))", "![y](//x.test/a.png)")
    (folder / "RESULTS.md").write_text("\n\n".join([f"# {HOSTILE}", HOSTILE, *attacks]))
    return folder.name


@pytest.fixture(scope="module")
def url(files, quick_study, hostile_study, wav):
    arguments = ("--registry", files / "mine.toml", "--study", quick_study, "--study", files / hostile_study)
    with serving(*arguments, "--preload", "asheard-tiny") as (_, url):
        httpx.post(f"{url}/transcribe", files={"audio": wav}, data={"model": "gone"}, timeout=WAIT_S)
        yield url


@pytest.fixture(scope="module")
def chromium(files, tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
        "--autoplay-policy=no-user-gesture-required",
        f"--use-file-for-fake-audio-capture={files / 'microphone.wav'}",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


@pytest.fixture
def page(chromium, url):
    """The page, freshly loaded. At the end the console must be empty."""
    chromium.set_window_size(1280, 900)
    chromium.get(url)
    chromium.execute_script("sessionStorage.clear(); localStorage.clear()")
    chromium.get_log("browser")
    chromium.refresh()
    wait(chromium, lambda: chromium.find_elements(By.CSS_SELECTOR, "#transcribe option"))
    yield chromium
    assert [entry["message"] for entry in chromium.get_log("browser")] == []


def wait(driver, condition):
    return WebDriverWait(driver, WAIT_S, 0.1).until(lambda _: condition())


def css(driver, selector):
    return driver.find_element(By.CSS_SELECTOR, selector)


def texts(driver, selector):
    return [element.text for element in driver.find_elements(By.CSS_SELECTOR, selector)]


def choose(driver, files):
    css(driver, "#file").send_keys(str(files / "moon.wav"))
    wait(driver, lambda: css(driver, "#status").text == "The recording is ready.")


def ask(driver, tab):
    css(driver, f"#tab-{tab}").click()
    css(driver, f"#{tab} form .fields button").click()
    wait(driver, lambda: css(driver, "#status").text == "Done.")


def test_transcribe_a_file(page, files):
    choose(page, files)
    assert "moon.wav" in css(page, "#about").text
    ask(page, "transcribe")
    chips = texts(page, "#transcribe .chips button")
    assert len(chips) > 4
    assert texts(page, "#phone-track span") == chips
    lefts = [element.rect["x"] for element in page.find_elements(By.CSS_SELECTOR, "#phone-track span")]
    assert lefts == sorted(lefts)
    assert "asheard-tiny" in css(page, "#transcribe .about").text
    assert page.find_elements(By.CSS_SELECTOR, "#transcribe .about li")
    inked = page.execute_script(
        "const c = document.getElementById('spectrogram'); const d = c.getContext('2d').getImageData(0, 0, c.width, "
        "c.height).data; return d.filter((v, i) => i % 4 === 3 && v > 64).length / (c.width * c.height)"
    )
    assert 0.02 < inked < 0.7


def test_transcribe_click_plays_a_phone(page, files):
    page.execute_script(
        "window.played = []; const start = AudioBufferSourceNode.prototype.start;"
        "AudioBufferSourceNode.prototype.start = function (...a) { played.push(a); return start.apply(this, a); }"
    )
    choose(page, files)
    ask(page, "transcribe")
    before = page.execute_script("return played.length")
    page.find_elements(By.CSS_SELECTOR, "#transcribe .chips button")[1].click()
    (_, start, length), *_ = page.execute_script("return played")[before:]
    assert 0 <= start < 2
    assert 0.05 <= length < 0.7


def test_record_with_the_microphone(page):
    css(page, "#record").click()
    wait(page, lambda: "recording, 1." in css(page, "#about").text)
    assert css(page, "#record").text == "Stop"
    css(page, "#record").click()
    wait(page, lambda: "recorded here" in css(page, "#about").text)
    ask(page, "transcribe")
    assert len(texts(page, "#transcribe .chips button")) > 2


def test_compare_models(page, files):
    choose(page, files)
    css(page, "#tab-compare").click()
    boxes = {box.get_attribute("value"): box for box in page.find_elements(By.NAME, "models")}
    assert not boxes["gone"].is_enabled()
    for name, box in boxes.items():
        if box.is_enabled() and box.is_selected() != (name in ("asheard-tiny", "echo")):
            box.click()
    css(page, "#compare [name=text]").send_keys(MOON)
    ask(page, "compare")
    assert texts(page, "#compare tbody th") == ["dictionary", "asheard-tiny", "echo", "differs"]
    assert "≠" in texts(page, "#compare .mark")
    assert "d" in texts(page, "#compare td.other")
    assert len(page.find_elements(By.CSS_SELECTOR, "#compare .about")) == 2


def test_score_a_text_with_and_without_l1(page, files):
    choose(page, files)
    css(page, "#tab-score").click()
    css(page, "#score [name=text]").send_keys(MOON)
    Select(css(page, "#score [name=model]")).select_by_value("echo")
    ask(page, "score")
    assert texts(page, "#score .spelling")[:3] == ["see", "the", "moon"]
    assert texts(page, "#score .chips .added") == ["+ʌ"]
    assert 'The ð of "the" was heard as d.' in texts(page, "#score .sentences li") or page.find_elements(
        By.CSS_SELECTOR, "#score .chips .variant"
    )
    Select(css(page, "#score [name=l1]")).select_by_value("Hindi")
    ask(page, "score")
    assert "What knowing Hindi changed" in texts(page, "#score h4")
    assert "L2-ARCTIC" in css(page, "#score .prior").text
    assert "common for Hindi speakers" in css(page, "#score .sentences").text


def test_results_show_a_study(page):
    css(page, "#tab-results").click()
    wait(page, lambda: texts(page, "#results h3"))
    assert "synthetic speech" in css(page, "#results h3").text
    css(page, "#results summary").click()
    wait(page, lambda: page.find_elements(By.CSS_SELECTOR, "#results table"))
    wait(page, lambda: page.execute_script("return [...document.images].some((image) => image.naturalWidth > 0)"))
    assert page.find_elements(By.CSS_SELECTOR, "#results .report h3")
    assert "|" not in css(page, "#results .report table").text
    page.execute_script(
        "HTMLAnchorElement.prototype.click = function () { window.saved = [this.download, this.href]; };"
    )
    page.find_element(By.XPATH, "//button[.='differences.csv']").click()
    wait(page, lambda: page.execute_script("return window.saved"))
    name, url = page.execute_script("return window.saved")
    assert (name, url.partition(":")[0]) == ("differences.csv", "blob")


def test_keyboard_alone(page, files):
    choose(page, files)
    css(page, "#tab-transcribe").send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    active = page.switch_to.active_element
    assert active.get_attribute("id") == "tab-score"
    css(page, "#score [name=text]").send_keys(MOON, Keys.ENTER)
    wait(page, lambda: css(page, "#status").text == "Done.")
    chips = page.find_elements(By.CSS_SELECTOR, "#score .chips button")
    assert [chip.get_attribute("tabindex") for chip in chips] == ["0"] + ["-1"] * (len(chips) - 1)
    chips[0].send_keys(Keys.ARROW_RIGHT)
    assert page.switch_to.active_element == chips[1]
    assert chips[1].get_attribute("aria-label")
    assert page.execute_script("return getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_errors_are_the_sentences_of_the_service(page, files):
    css(page, "#transcribe form button").click()
    assert "Record something first" in css(page, "#error").text
    choose(page, files)
    css(page, "#tab-score").click()
    css(page, "#score [name=text]").send_keys("东西")
    css(page, "#score form .fields button").click()
    wait(page, lambda: "not a Latin letter" in css(page, "#error").text)
    assert css(page, "#error").get_attribute("role") == "alert"
    page.get_log("browser")  # Chromium logs every answer of 4xx


def hold_back(driver, path):
    """Delay the answers of one route until `release()` is called in the page, or their request is cancelled."""
    driver.execute_script(
        """
        const [path] = arguments, ask = window.fetch, waiting = [];
        window.release = () => waiting.splice(0).forEach((go) => go());
        window.held = () => waiting.length;
        window.fetch = async (url, options = {}) => {
          const answer = await ask(url, { ...options, signal: undefined });
          if (url === path) await new Promise((go, stop) => {
            waiting.push(go);
            options.signal?.addEventListener("abort", () => stop(new DOMException("", "AbortError")));
          });
          return answer;
        };
        """,
        path,
    )


def test_request_can_be_stopped(page, files):
    choose(page, files)
    hold_back(page, "/transcribe")
    css(page, "#transcribe form button").click()
    css(page, "#status button").click()
    wait(page, lambda: css(page, "#status").text == "Stopped.")
    assert not css(page, "#error").is_displayed()
    assert texts(page, "#transcribe .answer *") == []
    assert not page.find_elements(By.CSS_SELECTOR, "[aria-busy]")


def test_request_replaces_an_earlier_one(page, files):
    choose(page, files)
    hold_back(page, "/transcribe")
    for _ in range(2):
        css(page, "#transcribe form button").click()
    wait(page, lambda: page.execute_script("return held()") >= 1)
    assert css(page, "#status button").text == "Stop"
    assert css(page, "#transcribe .answer").get_attribute("aria-busy") == "true"
    wait(page, lambda: page.execute_script("release()") or css(page, "#status").text == "Done.")


def test_request_of_an_earlier_recording_shows_nothing(page, files):
    choose(page, files)
    hold_back(page, "/transcribe")
    css(page, "#transcribe form button").click()
    wait(page, lambda: page.execute_script("return held()"))
    css(page, "#file").send_keys(str(files / "microphone.wav"))
    wait(page, lambda: "microphone.wav" in css(page, "#about").text)
    page.execute_script("release()")
    page.execute_async_script("setTimeout(arguments[0], 200)")
    assert texts(page, "#transcribe .answer *") == []
    assert css(page, "#status").text == "The recording is ready."


def test_record_two_clicks_open_one_microphone(page):
    page.execute_script(
        "window.opened = 0; const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
        "navigator.mediaDevices.getUserMedia = (wanted) => { opened += 1; return open(wanted); };"
        "const button = document.getElementById('record'); button.click(); button.click();"
    )
    wait(page, lambda: "recording" in css(page, "#about").text)
    assert page.execute_script("return opened") == 1
    css(page, "#record").click()
    wait(page, lambda: "recorded here" in css(page, "#about").text)


def test_picture_follows_theme_and_window(page, files):
    choose(page, files)
    ink = """
        const waveform = document.getElementById("waveform"), copy = new OffscreenCanvas(1, 1).getContext("2d");
        copy.drawImage(waveform, -(waveform.width >> 1), -(waveform.height >> 1));
        return copy.getImageData(0, 0, 1, 1).data[0];
    """
    light = page.execute_script(ink)
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    try:
        wait(page, lambda: page.execute_script(ink) > light + 100)
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    page.set_window_size(600, 900)
    fits = """
        const frame = document.getElementById("canvas-frame");
        return Math.abs(frame.clientWidth - frame.parentElement.clientWidth);
    """
    wait(page, lambda: page.execute_script(fits) < 2)


def test_picture_click_leaves_the_focus(page, files):
    """An element that is hidden from screen readers must not take the focus."""
    choose(page, files)
    ask(page, "transcribe")
    page.find_elements(By.CSS_SELECTOR, "#phone-track > *")[2].click()
    assert not page.execute_script("return document.activeElement.closest('[aria-hidden]')")


def test_theme_switch(page, files):
    choose(page, files)
    grounds = []
    for _ in range(2):
        grounds.append(page.execute_script("return getComputedStyle(document.body).backgroundColor"))
        css(page, "#theme").click()
    assert len(set(grounds)) == 2


def test_registry_texts_are_shown_as_text(page, files):
    choose(page, files)
    Select(css(page, "#transcribe [name=model]")).select_by_value("echo")
    ask(page, "transcribe")
    assert HOSTILE in css(page, "#transcribe .about").text
    css(page, "#tab-models").click()
    assert HOSTILE in css(page, "#models .answer").text
    assert not page.find_elements(By.CSS_SELECTOR, "main .answer img")


def test_models_tab_describes_all_models(page):
    css(page, "#tab-models").click()
    assert "asheard-tiny" in texts(page, "#models h3")[0]
    disabled = next(article for article in texts(page, "#models article") if article.startswith("gone"))
    assert "/no/such/folder" in disabled


def test_results_hostile_report_is_text(page, hostile_study):
    """Markdown that tries HTML, a script link and a picture from elsewhere: its text is shown, and nothing else."""
    css(page, "#tab-results").click()
    wait(page, lambda: texts(page, "#results h3"))
    article = next(one for one in page.find_elements(By.CSS_SELECTOR, "#results article") if hostile_study in one.text)
    article.find_element(By.TAG_NAME, "summary").click()
    wait(page, lambda: article.find_elements(By.CSS_SELECTOR, ".report p"))
    report = article.find_element(By.CLASS_NAME, "report")
    assert HOSTILE in report.text
    assert report.find_elements(By.CSS_SELECTOR, "img, script, iframe, a[href^=javascript]") == []
    assert page.title == "AsHeard"


CONTRAST = """
    const parts = (colour) => {
      const context = new OffscreenCanvas(1, 1).getContext("2d");
      context.fillStyle = colour;
      context.fillRect(0, 0, 1, 1);
      return [...context.getImageData(0, 0, 1, 1).data].map((part) => part / 255);
    };
    const over = ([...top], under) => top.slice(0, 3).map((part, i) => part * top[3] + under[i] * (1 - top[3]));
    const ground = (element) => {
      if (!element) return [1, 1, 1];
      return over(parts(getComputedStyle(element).backgroundColor), ground(element.parentElement));
    };
    const luminance = (rgb) => rgb.map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
      .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
    const fading = (element) => element ? getComputedStyle(element).opacity * fading(element.parentElement) : 1;
    const ratios = {};
    for (const element of document.querySelectorAll("body *")) {
      const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
      if (!own || !element.checkVisibility() || element.closest(":disabled, .skip, canvas")) continue;
      const under = ground(element), ink = parts(getComputedStyle(element).color);
      ink[3] *= fading(element);
      const [dark, light] = [luminance(over(ink, under)), luminance(under)].sort((one, other) => one - other);
      const ratio = (light + 0.05) / (dark + 0.05);
      if (ratio < 4.5) ratios[`${element.tagName}.${element.className} ${element.textContent.slice(0, 20)}`] = ratio;
    }
    return ratios;
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast_of_text(page, files, theme):
    """WCAG 2.2, 1.4.3 (AA): 4.5 to 1, on every tab, with results."""
    for _ in range(3):
        if page.execute_script("return document.documentElement.dataset.theme") != theme:
            css(page, "#theme").click()
    choose(page, files)
    for tab in TABS:
        css(page, f"#tab-{tab}").click()
        if tab in ("compare", "score"):
            css(page, f"#{tab} [name=text]").send_keys(MOON)
        if tab in FORMS:
            ask(page, tab)
        assert page.execute_script(CONTRAST) == {}, tab


@pytest.mark.parametrize("width", WIDTHS)
def test_layout_never_scrolls_sideways(page, files, width):
    page.set_window_size(width, 900)
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    choose(page, files)
    for tab in TABS:
        css(page, f"#tab-{tab}").click()
        if tab == "score":
            css(page, "#score [name=text]").send_keys(MOON)
        if tab in FORMS:
            ask(page, tab)
        over = page.execute_script("return document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, (tab, over)
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_requests_go_to_the_service_only(chromium, url):
    """All requests of all tests above."""
    asked = [json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")]
    urls = {one["params"]["request"]["url"] for one in asked if one["method"] == "Network.requestWillBeSent"}
    assert urls
    assert {one for one in urls if one.startswith(("http", "ws")) and not one.startswith(url)} == set()


def test_token_form(chromium, files):
    with serving(ASHEARD_TOKEN="sesame") as (_, url):
        chromium.get(url)
        wait(chromium, lambda: css(chromium, "#token-form").is_displayed())
        css(chromium, "#token").send_keys("sesame", Keys.ENTER)
        wait(chromium, lambda: chromium.find_elements(By.CSS_SELECTOR, "#transcribe option"))
        assert not css(chromium, "#token-form").is_displayed()
        chromium.get_log("browser")
