"""Take pictures of the page at three widths for docs/serving.md, with a synthetic voice.

    python scripts/page_screenshots.py --study runs/embedded [--out docs/page] [--dark]

It needs Chromium and its driver (Debian: chromium, chromium-driver), and the extras `serve` and `dev`.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import soundfile
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from asheard.phones.espeak import Voice, render_phonemes

WIDTHS: Final = (375, 768, 1280)
TABS: Final = ("transcribe", "compare", "score", "models", "results")
TEXT: Final = "I think the moon is very big"
SAID: Final = "aI t'INk D@ m'u:n Iz b'Eri b'Ik@"  # t for θ, b for v, k for g, and a vowel at the end
WAIT_S: Final = 60


def main() -> None:
    """Start the service, open the page, and take a picture of every tab at every width."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--study", type=Path, required=True, help="folder of a finished study")
    parser.add_argument("--out", type=Path, default=Path("docs/page"))
    parser.add_argument("--dark", action="store_true")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, serving(args.study) as url:
        wav = Path(folder) / "learner.wav"
        speech = render_phonemes(SAID, Voice("en-us+m3"), seed=1)
        soundfile.write(wav, speech.samples, speech.sample_rate_hz)
        driver = chromium(args.dark)
        try:
            for width in WIDTHS:
                photograph(driver, url, wav, width, args.out)
        finally:
            driver.quit()


@contextmanager
def serving(study: Path) -> Iterator[str]:
    """Run the service in a process; yield its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "asheard", "serve", "--port", str(port), "--study", str(study)]
    process = subprocess.Popen([*command, "--preload", "asheard-tiny"], env=os.environ)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def chromium(dark: bool) -> webdriver.Chrome:
    """Start headless Chromium."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    scheme = "dark" if dark else "light"
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    return driver


def photograph(driver: webdriver.Chrome, url: str, wav: Path, width: int, out: Path) -> None:
    """Take a picture of every tab, from top to bottom, at one width."""
    wait = WebDriverWait(driver, WAIT_S, 0.2, ignored_exceptions=(WebDriverException,))
    resize(driver, width, 900)
    for _ in range(WAIT_S):
        try:
            driver.get(url)
            break
        except WebDriverException:  # the service is not up yet
            time.sleep(1)
    wait.until(lambda _: driver.find_elements(By.CSS_SELECTOR, "#transcribe option"))
    driver.find_element(By.ID, "file").send_keys(str(wav))
    wait.until(lambda _: "ready" in driver.find_element(By.ID, "status").text)
    for tab in TABS:
        driver.find_element(By.ID, f"tab-{tab}").click()
        if tab == "models":
            wait.until(lambda _: driver.find_elements(By.CSS_SELECTOR, "#models article"))
        elif tab == "results":
            wait.until(lambda _: driver.find_elements(By.CSS_SELECTOR, "#results summary"))[0].click()
            wait.until(lambda _: driver.find_elements(By.CSS_SELECTOR, "#results table"))
        else:
            if tab == "score":
                Select(driver.find_element(By.CSS_SELECTOR, "#score [name=l1]")).select_by_value("Spanish")
            for field in driver.find_elements(By.CSS_SELECTOR, f"#{tab} [name=text]"):
                field.send_keys(TEXT)
            driver.find_element(By.CSS_SELECTOR, f"#{tab} form .fields button").click()
            wait.until(lambda _: driver.find_element(By.ID, "status").text == "Done.")
        tall = driver.execute_script("return document.documentElement.scrollHeight")
        resize(driver, width, min(tall, 1100 if tab == "results" else 2600))
        driver.execute_script("scrollTo(0, 0)")
        driver.save_screenshot(str(out / f"{tab}-{width}.png"))
        shrink(out / f"{tab}-{width}.png")
        resize(driver, width, 900)


def resize(driver: webdriver.Chrome, width: int, height: int) -> None:
    """Give the browser the size of the page, which may exceed that of a window."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def shrink(png: Path) -> None:
    """Reduce a picture to 128 colours."""
    from PIL import Image

    Image.open(png).convert("RGB").quantize(128).save(png, optimize=True)


if __name__ == "__main__":
    main()
