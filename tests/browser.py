"""JupyterLab and a browser for tests, on this machine alone: both start in folders of their own, and end with the test.

Waits are for something that shows, with a limit that a loaded machine keeps; nothing waits for a time.
"""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

#: Seconds for anything to show: JupyterLab's first page takes some on a loaded machine.
PATIENCE = 180
TOKEN = "letmein"
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
#: Where pictures are put, if they are wanted: PICTURES=pictures python -m pytest -m slow tests/test_browser.py
PICTURES = os.environ.get("PICTURES", "")

_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",  # it is small in containers
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1180,960",
    # Nobody but this machine is asked for anything: what a page wants of others is missing, and that at once.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


@contextlib.contextmanager
def chromium(folder):
    """A browser without a window, and with a profile of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    sharpness = f"--force-device-scale-factor={2 if PICTURES else 1}"
    for option in (*_OPTIONS, sharpness, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(option)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        driver.set_page_load_timeout(PATIENCE)
        yield driver
    finally:
        driver.quit()


@contextlib.contextmanager
def jupyterlab(folder, root):
    """A JupyterLab of `root` whose settings are in `folder`; yields its address. RuntimeError if it does not start."""
    settings = {
        "apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
        "apputils-extension/themes": '{"theme": "JupyterLab Light"}',
        # Every cell is in the page, on the screen or not.
        "notebook-extension/tracker": '{"windowingMode": "none"}',
    }
    for name, text in settings.items():
        path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTERLAB_WORKSPACES_DIR")
    environment = {**os.environ, **{name: str(folder / name.lower()) for name in own}}
    environment["JUPYTERLAB_SETTINGS_DIR"] = str(folder / "settings")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0"]
    command += [f"--ServerApp.token={TOKEN}", f"--ServerApp.root_dir={root}", "--LabApp.extension_manager=readonly"]
    process = subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    said = []
    rest = threading.Thread(target=lambda: said.extend(process.stderr), daemon=True)  # or the pipe would fill
    try:
        for line in process.stderr:
            said.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
                break
        else:
            raise RuntimeError("JupyterLab did not start:\n" + "".join(said))
        rest.start()
        yield found[0]
    finally:
        process.terminate()  # which ends its kernels too
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()
            if rest.ident:
                rest.join(PATIENCE)
            process.stderr.close()


class Page:
    """A browser's page, and what a user does with it."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, address):
        self.driver.get(address)

    def until(self, condition, what):
        """Wait until `condition(self)` gives something true; that."""
        wait = WebDriverWait(
            self.driver, PATIENCE, ignored_exceptions=(NoSuchElementException, StaleElementReferenceException)
        )
        return wait.until(lambda _: condition(self), f"after {PATIENCE} s, still waiting for: {what}")

    def all(self, selector, within=None):
        return (within or self.driver).find_elements(By.CSS_SELECTOR, selector)

    def see(self, selector, within=None):
        """The first that shows, as soon as one does."""
        return self.until(
            lambda page: next((each for each in page.all(selector, within) if each.is_displayed()), None), selector
        )

    def show(self, element, block="center"):
        self.driver.execute_script("arguments[0].scrollIntoView({block: arguments[1]})", element, block)

    def click(self, element):
        self.show(element)
        ActionChains(self.driver).move_to_element(element).click().perform()

    def keys(self, *keys, held=None):
        chain = ActionChains(self.driver)
        if held:
            chain.key_down(held)
        chain.send_keys(*keys)
        if held:
            chain.key_up(held)
        chain.perform()

    def insert(self, text):
        """Text as it comes from the clipboard: no editor completes brackets or indents in it."""
        self.driver.execute_cdp_cmd("Input.insertText", {"text": text})


class Notebook(Page):
    """A notebook open in JupyterLab. Cells are counted as in the file, from 0."""

    def __init__(self, driver, address, path, count):
        super().__init__(driver)
        self.open(f"{address}lab/tree/{path}?token={TOKEN}&reset")
        self.until(lambda page: len(page.all(".jp-NotebookPanel .jp-Cell")) == count, f"{count} cells")
        # The kernel is there, and waits.
        self.until(
            lambda page: page.all(".jp-NotebookPanel .jp-Notebook-ExecutionIndicator[data-status=idle]"), "the kernel"
        )

    def cell(self, place):
        return self.all(".jp-NotebookPanel .jp-Cell")[place]

    def edit(self, place, text):
        """Write a code cell anew."""
        self.click(self.see(".cm-content", self.cell(place)))
        self.keys("a", held=Keys.CONTROL)
        self.keys(Keys.DELETE)
        self.insert(text)
        # CodeMirror drops from the page what is off the screen, but for the first lines.
        first = text.splitlines()[0]
        self.until(lambda page: first in page.see(".cm-content", page.cell(place)).text, f"cell {place} reads {first}")

    def run(self, place):
        """Run a code cell, and wait for its end; its output."""
        before = self.prompt(place)
        self.click(self.see(".cm-content", self.cell(place)))
        self.keys(Keys.ENTER, held=Keys.CONTROL)
        self.until(
            lambda page: re.fullmatch(r"\[\d+\]:", page.prompt(place)) and page.prompt(place) != before,
            f"the end of cell {place}",
        )
        return self.cell(place).find_element(By.CSS_SELECTOR, ".jp-Cell-outputArea")

    def prompt(self, place):
        return self.cell(place).find_element(By.CSS_SELECTOR, ".jp-InputPrompt").text

    def answer(self, place, text):
        """Write a markdown cell anew, and show it."""
        self.show(self.cell(place))
        ActionChains(self.driver).double_click(self.see(".jp-MarkdownOutput", self.cell(place))).perform()
        self.edit(place, text)
        self.keys(Keys.ENTER, held=Keys.CONTROL)
        self.see(".jp-MarkdownOutput", self.cell(place))

    def save(self):
        self.keys("s", held=Keys.CONTROL)
        self.until(lambda page: not page.all(".jp-NotebookPanel .jp-mod-dirty, .lm-TabBar .jp-mod-dirty"), "saved")


def picture(name, page, first=None, last=None):
    """Keep a picture of the window, or of what is in it from one element to another, if pictures are wanted."""
    if not PICTURES:
        return
    from PIL import Image  # comes with matplotlib

    if first is not None:
        page.show(first, "start")
    shot = Image.open(io.BytesIO(page.driver.get_screenshot_as_png())).convert("RGB")
    if first is not None:
        scale = shot.width / page.driver.execute_script("return window.innerWidth")
        boxes = [
            page.driver.execute_script("return arguments[0].getBoundingClientRect().toJSON()", each)
            for each in (first, last or first)
        ]
        sides = [min(box[side] for box in boxes) for side in ("left", "top")]
        sides += [max(box[side] for box in boxes) for side in ("right", "bottom")]
        shot = shot.crop(tuple(round(scale * side) for side in sides))
    path = Path(PICTURES) / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    # Letters and flat colours need no more colours, and take a third of the room.
    shot.quantize(128).save(path, optimize=True)
