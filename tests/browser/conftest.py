"""A served platform and a real browser to look at it."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from aifutures_site.environment import PROJECT
from tests.processes import environment, installed, manage, running, wait_for_start

PASSWORD = "correct horse battery staple"
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
PATIENCE = 60_000
"""Milliseconds that a page may need on a busy machine, where a worker answers first."""
USERS = f"""
from accounts.policies import Role
from accounts.services import user_create
for role in Role:
    user_create(username=role, role=role, password={PASSWORD!r})
"""
SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 360, "height": 740}}
SCHEMES = {"desktop": "light", "phone": "dark"}

expect.set_options(timeout=PATIENCE)


@dataclass(frozen=True)
class Site:
    """Where the served platform is, and who may sign in (with PASSWORD): one user for each role, named like it."""

    url: str


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The whole platform under `serve`, filled as at its first start, with a small run as its baseline."""
    data = installed(tmp_path_factory.mktemp("a site"))
    log, env = data / "log", environment(data)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, str(PROJECT / "manage.py"), "serve", "--port", str(port)]
    with running(*command, env=env, log=log) as process:
        wait_for_start(process, log, lambda: "serve    | open" in log.read_text())
        made = manage("shell", "-v0", "-c", USERS, env=env)
        assert made.returncode == 0, made.stderr
        chosen = ("--iterations", "4096", "--name", "Baseline", "--publish")
        computed = manage("run_analysis", *chosen, env=env)
        assert computed.returncode == 0, computed.stderr
        yield Site(f"http://127.0.0.1:{port}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    assert found, "no Chromium found: install it or set CHROMIUM"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    """`desktop`, then `phone`."""
    return str(request.param)


@pytest.fixture
def scheme(request: pytest.FixtureRequest, size: str) -> str:
    """`light` on the desktop and `dark` on the phone, where a test does not say."""
    return str(getattr(request, "param", SCHEMES[size]))


@pytest.fixture
def page(browser: Browser, site: Site, size: str, scheme: str) -> Iterator[Page]:
    """A fresh page of that size and scheme; nothing may go wrong in it unseen."""
    context = browser.new_context(
        base_url=site.url, viewport=SIZES[size], color_scheme=scheme, is_mobile=size == "phone"
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert not faults


def sign_in(page: Page, name: str, path: str = "/") -> None:
    """Sign in on the sign-in page, on the way to `path`."""
    page.goto(f"/accounts/login?next={path}")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    follow(page.get_by_role("button", name="Sign in"))


def follow(target: Locator) -> None:
    """Click what leads to another page, and wait until that one is loaded: only then do its deferred scripts listen."""
    target.page.wait_for_load_state()
    with target.page.expect_event("load"):
        target.click()


@contextmanager
def written(place: Locator, words: str = "") -> Iterator[None]:
    """In this block, `place` is given a text with these words, however soon another one follows."""
    texts = place.evaluate_handle("""(place) => {
      const texts = [];
      new MutationObserver(() => texts.push(place.textContent)).observe(place, { childList: true });
      return texts;
    }""")
    yield
    place.page.wait_for_function("([texts, words]) => texts.some((each) => each.includes(words))", arg=[texts, words])


def assert_accessible(page: Page, *tags: str) -> None:
    """No violation that axe can find, of the rules with these tags or of all."""
    page.evaluate("document.fonts.ready.then(() => true)")  # before, axe takes icons for words
    found = Axe().run(page, options={"runOnly": list(tags)} if tags else None)
    assert found.violations_count == 0, found.generate_report()


def assert_fits(page: Page) -> None:
    """Nothing makes the page wider than the window (whose innerWidth grows with the page on a phone)."""
    assert page.viewport_size is not None
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
