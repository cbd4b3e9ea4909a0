"""A headless Chromium that is logged in to a running Airflow."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
MISSING = (
    ""
    if CHROMIUM and DRIVER
    else "chromium and chromedriver are not installed (apt-get install chromium chromium-driver)"
)


@contextmanager
def open_browser(*, width: int = 1400, height: int = 1000, dark: bool = False) -> Iterator[Any]:
    """A browser with a console log; closed at the end."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        # Chromium's own calls to the internet only fail where there is none, many at a time.
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        f"--window-size={width},{height}",
        *(("--force-dark-mode", "--blink-settings=preferredColorScheme=0") if dark else ()),
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    try:
        browser.set_page_load_timeout(60)
        yield browser
    finally:
        browser.quit()


def load(browser: Any, url: str) -> None:
    """Load one of the review's pages with its style sheet.

    Chromium shows a page whose style sheet it did not get, for example because it noticed a change of the machine's
    network meanwhile (ERR_NETWORK_CHANGED). Such a page says nothing about its layout, so it is loaded again.
    """
    seen = []
    for _ in range(3):
        browser.get(url)
        if browser.execute_script("return [...document.styleSheets].some(sheet => sheet.cssRules.length)"):
            return
        seen += errors(browser)
    raise AssertionError(f"{url} has no style sheet: {seen}")


def log_in(browser: Any, url: str, user: str, password: str) -> None:
    """Through the login form of Airflow's simple auth manager."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(f"{url}/auth/login")
    wait = WebDriverWait(browser, 60)
    wait.until(lambda page: page.find_elements(By.NAME, "username"))
    browser.find_element(By.NAME, "username").send_keys(user)
    browser.find_element(By.NAME, "password").send_keys(password)
    browser.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
    wait.until(lambda page: "/auth/login" not in page.current_url)
    browser.get("about:blank")  # Airflow's first page would be drawn again and again, half a core, until a test looks


def errors(browser: Any) -> list[str]:
    """What the console has complained of since it was last asked."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def broken_images(browser: Any) -> list[str]:
    """Addresses of images that have not loaded."""
    found: list[str] = browser.execute_script(
        "return [...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
    )
    return found
