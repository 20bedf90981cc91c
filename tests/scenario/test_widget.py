"""A visitor in a real browser asks the real server through the demo page and the widget."""

from __future__ import annotations

import csv
import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.scenario.browser import PATIENCE_MS, Chat, Watch, launched
from tests.scenario.conftest import Start
from tests.scenario.server import Server

ANSWERS = Path(__file__).parents[2] / "knowledge" / "answers"
PARCEL = "where is my parcel?"
RETURN_ZH = "我想退货，怎么操作？"
# Short enough to mean several things; one of them makes the bot ask back.
VAGUE = ("delivery", "refund", "my order", "return", "invoice", "password", "payment", "discount")
VERDICTS = ("helpful", "not_helpful")
LOST_CONNECTION = "net::ERR_"

Visit = Callable[..., tuple[Chat, Watch]]

expect.set_options(timeout=PATIENCE_MS)


def approved(file: str, answer_id: str, lang: str) -> str:
    """The beginning of an approved answer, up to its first comma."""
    with (ANSWERS / file).open(encoding="utf-8-sig", newline="") as rows:
        for row in csv.DictReader(rows):
            if (row["id"], row["lang"]) == (answer_id, lang):
                return re.split("[,，]", row["answer"])[0]
    raise AssertionError(f"no answer {answer_id}/{lang} in {file}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    """Come as a new visitor; afterwards nothing may have gone wrong in the browser."""
    opened: list[Watch] = []

    def visit(
        path: str = "/", *, origins: Sequence[str] = (), locale: str = "en-GB", **context: object
    ) -> tuple[Chat, Watch]:
        page = browser.new_context(locale=locale, **context).new_page()  # type: ignore[arg-type]
        url = path if path.startswith("http") else server.url + path
        watch = Watch(page, url, *origins)
        opened.append(watch)
        chat = Chat(page)
        page.goto(url)
        return chat, watch

    yield visit
    for context in browser.contexts:
        context.close()
    for watch in opened:
        watch.check()


def test_answer_in_english(visit: Visit) -> None:
    chat, _ = visit()
    chat.shot("page-en")
    chat.open()
    assert approved("delivery.csv", "track_how", "en") in chat.ask(PARCEL)
    expect(chat.input).to_be_focused()
    chat.shot("answer-en")


def test_answer_and_interface_in_chinese(visit: Visit) -> None:
    chat, _ = visit(locale="zh-CN", color_scheme="dark")
    chat.shot("page-zh-dark")
    expect(chat.launcher).to_have_text("在线咨询")
    chat.open()
    assert approved("returns.csv", "return_how", "zh") in chat.ask(RETURN_ZH)
    expect(chat.panel).to_contain_text("您正在与智能助手对话")
    expect(chat.input).to_have_attribute("placeholder", "请输入您的问题…")
    expect(chat.status).to_have_text("在线")
    chat.shot("answer-zh-dark")


def test_an_answer_is_rated_and_the_mark_outlives_a_reload(visit: Visit) -> None:
    chat, _ = visit()
    chat.open()
    chat.ask(PARCEL)
    up, down = (chat.page.locator(f'#frontdesk [data-verdict="{v}"]') for v in VERDICTS)
    expect(up).to_have_attribute("aria-label", "Helpful")
    up.click()
    expect(chat.panel).to_contain_text("Thank you!")
    down.focus()
    chat.page.keyboard.press("Enter")
    expect(down).to_have_attribute("aria-pressed", "true")
    expect(up).to_have_attribute("aria-pressed", "false")
    chat.shot("rated-en")
    chat.page.reload()
    chat.open()
    expect(down).to_have_attribute("aria-pressed", "true")


def test_an_answer_is_rated_in_chinese_and_a_greeting_is_not(visit: Visit) -> None:
    chat, _ = visit(locale="zh-CN", color_scheme="dark")
    chat.open()
    chat.ask("你好")
    expect(chat.page.locator("#frontdesk .thumb")).to_have_count(0)
    chat.ask(RETURN_ZH)
    chat.page.get_by_role("button", name="没有帮助").click()
    expect(chat.panel).to_contain_text("谢谢您的反馈！")
    chat.shot("rated-zh-dark")


def test_a_rating_that_is_not_kept_is_said_to_be_so(visit: Visit) -> None:
    chat, watch = visit()
    watch.expect(LOST_CONNECTION)
    chat.open()
    chat.ask(PARCEL)
    chat.page.route("**/v1/feedback", lambda route: route.abort())
    up = chat.page.get_by_role("button", name="Helpful", exact=True)
    up.click()
    expect(chat.panel).to_contain_text("Not saved")
    expect(up).to_have_attribute("aria-pressed", "false")


def test_language_toggle_is_remembered(visit: Visit) -> None:
    chat, _ = visit()
    chat.open()
    chat.page.get_by_role("button", name="切换到中文").click()
    expect(chat.panel).to_contain_text("您正在与智能助手对话")
    chat.page.reload()
    expect(chat.panel).to_contain_text("您正在与智能助手对话")


def test_on_a_phone_it_fills_the_screen_and_keeps_the_focus(visit: Visit) -> None:
    chat, _ = visit(locale="zh-CN", viewport={"width": 390, "height": 780})
    chat.open()
    chat.ask(RETURN_ZH)
    box = chat.panel.bounding_box()
    assert box is not None
    assert (round(box["width"]), round(box["height"])) == (390, 780)
    for _ in range(12):
        chat.page.keyboard.press("Tab")
        assert chat.panel.evaluate("panel => panel.contains(panel.getRootNode().activeElement)")
    chat.shot("phone-zh")


def test_keyboard_only(visit: Visit) -> None:
    chat, _ = visit()
    chat.launcher.wait_for()
    chat.press_until("Tab", "launcher")
    chat.page.keyboard.press("Enter")
    expect(chat.input).to_be_focused()
    chat.page.keyboard.type("where is")
    chat.page.keyboard.press("Shift+Enter")
    chat.page.keyboard.type("my parcel?")
    assert chat.rows("visitor").count() == 0
    chat.page.keyboard.press("Enter")
    assert approved("delivery.csv", "track_how", "en") in chat.answer(0)
    assert chat.said()[0] == "visitor: where is\nmy parcel?"
    chat.page.keyboard.press("Escape")
    expect(chat.panel).to_be_hidden()
    expect(chat.launcher).to_be_focused()


def test_enter_of_an_input_method_does_not_send(visit: Visit) -> None:
    chat, _ = visit(locale="zh-CN")
    chat.open()
    chat.input.fill("tuihuo")
    chat.input.evaluate(
        "input => input.dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'Enter', isComposing: true, bubbles: true, cancelable: true}))"
    )
    assert chat.said() == []
    expect(chat.input).to_have_value("tuihuo")


def test_example_question_of_the_page(visit: Visit) -> None:
    chat, _ = visit()
    chat.page.get_by_role("button", name="Where is my parcel?").first.click()
    assert approved("delivery.csv", "track_how", "en") in chat.answer(0)
    chat.page.locator("#language").click()
    expect(chat.page).to_have_title(re.compile("柳叶商店"))
    expect(chat.panel).to_contain_text("您正在与智能助手对话")


def test_history_after_reload_and_in_a_second_tab(visit: Visit, server: Server) -> None:
    chat, _ = visit()
    chat.open()
    chat.ask(PARCEL)
    chat.ask(RETURN_ZH)
    said = chat.said()
    assert len(said) == 4
    chat.page.reload()
    expect(chat.rows("bot")).to_have_count(2)
    assert chat.said() == said

    other = Chat(chat.page.context.new_page())
    other.page.goto(server.url)
    other.open()
    expect(other.rows("bot")).to_have_count(2)
    other.ask(PARCEL)
    expect(chat.rows("bot")).to_have_count(3)  # the first tab sees it too
    assert chat.said() == other.said()


def test_unread_messages_are_counted_while_closed(visit: Visit, server: Server) -> None:
    chat, _ = visit()
    chat.open()
    chat.ask(PARCEL)
    chat.page.keyboard.press("Escape")
    expect(chat.launcher).to_have_accessible_name("Open chat")
    other = Chat(chat.page.context.new_page())
    other.page.goto(server.url)
    other.launcher.wait_for()
    # Answered in one tab, so read there: the badge of the other comes and goes.
    chat.page.evaluate("() => { window.frontdesk.ask('refund'); window.frontdesk.close(); }")
    expect(other.launcher).to_have_accessible_name("Open chat, 1 unread")
    other.open()
    expect(chat.launcher).to_have_accessible_name("Open chat")


def test_choice_of_a_clarification_by_keyboard(visit: Visit) -> None:
    chat, _ = visit()
    chat.open()
    for text in VAGUE:
        chat.ask(text)
        if chat.choices.count():
            break
    assert chat.choices.count() >= 2, f"none of {VAGUE} made the bot ask back"
    chat.shot("choices-en")
    title = chat.choices.last.inner_text()
    before = chat.rows("bot").count()
    chat.press_until("Shift+Tab", "choice")
    chat.page.keyboard.press("Enter")
    chat.answer(before)
    expect(chat.rows("visitor").last).to_have_text(title)
    expect(chat.choices.filter(has_text=title)).to_have_count(0)
    expect(chat.input).to_be_focused()


def test_nothing_is_lost_or_doubled_when_the_server_is_killed(visit: Visit, server: Server) -> None:
    chat, watch = visit()
    watch.expect(LOST_CONNECTION, "503")
    chat.open()
    chat.ask(PARCEL)
    chat.connected()
    restart = threading.Thread(target=server.restart)
    restart.start()
    expect(chat.status).not_to_have_attribute("data-state", "online")
    chat.input.fill(RETURN_ZH)
    chat.input.press("Enter")
    while restart.is_alive():
        chat.page.wait_for_timeout(200)
    expect(chat.unsent.filter(has_text="Sending")).to_have_count(0)
    if chat.retry.is_visible():
        chat.retry.click()
    assert approved("returns.csv", "return_how", "zh") in chat.answer(1)
    chat.connected()
    chat.ask("thanks")
    said = chat.said()
    assert [line for line in said if line.startswith("visitor")] == [
        f"visitor: {PARCEL}",
        f"visitor: {RETURN_ZH}",
        "visitor: thanks",
    ]
    assert len(said) == 6
    chat.page.reload()
    expect(chat.rows("bot")).to_have_count(3)
    assert chat.said() == said


def test_failed_message_is_marked_survives_reload_and_goes_on_retry(visit: Visit) -> None:
    chat, watch = visit()
    watch.expect(LOST_CONNECTION)
    chat.open()
    chat.connected()
    chat.page.route("**/v1/messages", lambda route: route.abort())
    chat.input.fill(PARCEL)
    chat.input.press("Enter")
    chat.retry.wait_for()
    chat.shot("failed-en")
    chat.page.unroute("**/v1/messages")
    chat.page.reload()
    chat.retry.click()
    chat.answer(0)
    assert chat.unsent.count() == 0
    assert chat.rows("visitor").count() == 1


def test_answer_lost_on_its_way_is_not_doubled(visit: Visit) -> None:
    """The server has the message, the reply to the POST is lost: the stream brings it."""
    chat, watch = visit()
    watch.expect(LOST_CONNECTION)

    def swallow(route: Route) -> None:
        route.fetch()
        route.abort()

    chat.open()
    chat.connected()
    chat.page.route("**/v1/messages", swallow)
    chat.ask(PARCEL)
    expect(chat.unsent).to_have_count(0)
    chat.page.wait_for_timeout(4000)  # the widget has sent it again by itself meanwhile
    assert len(chat.said()) == 2


def test_unknown_token_opens_a_new_conversation(visit: Visit) -> None:
    chat, watch = visit()
    watch.expect("401")
    chat.open()
    chat.ask(PARCEL)
    chat.page.evaluate(
        "() => Object.keys(localStorage).filter(key => key.endsWith(' token'))"
        ".forEach(key => localStorage.setItem(key, 'expired'))"
    )
    chat.page.reload()
    chat.connected()
    assert approved("delivery.csv", "track_how", "en") in chat.ask(PARCEL)
    assert len(chat.said()) == 2


def test_html_is_shown_as_text(visit: Visit) -> None:
    chat, _ = visit()
    chat.open()
    attack = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    chat.ask(attack)
    assert chat.said()[0] == f"visitor: {attack}"
    reply = {
        "id": 10**9,
        "from": "bot",
        "text": f"{attack} https://shop.example/a?b=1). javascript:alert(3)",
        "buttons": [{"title": attack, "payload": "/x"}],
        "at": "2026-11-23T21:00:00Z",
        "client_id": None,
        "outcome": "answer",
    }
    body = json.dumps({"turn_id": "t", "messages": [reply]})
    chat.page.route("**/v1/messages", lambda route: route.fulfill(body=body))
    before = chat.rows("bot").count()
    chat.input.fill("again")
    chat.input.press("Enter")
    assert chat.answer(before) == reply["text"]
    expect(chat.choices.last).to_have_text(attack)
    assert chat.panel.locator("img, script").count() == 0
    links = chat.panel.locator("a")
    assert links.evaluate_all("all => all.map(a => [a.getAttribute('href'), a.rel])") == [
        ["https://shop.example/a?b=1", "noopener"]
    ]


def test_too_long_text_is_counted_and_not_sent(visit: Visit) -> None:
    chat, _ = visit()
    chat.open()
    chat.input.fill("退" * 2001)
    expect(chat.panel).to_contain_text("Too long: 2001 of 2000 characters")
    chat.input.press("Enter")
    assert chat.said() == []
    expect(chat.page.get_by_role("button", name="Send", exact=True)).to_be_disabled()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def other_site(start: Start, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Address of a page of another origin that carries the one tag, and of its own server."""
    folder = tmp_path / "site"
    folder.mkdir()
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        origin = f"http://127.0.0.1:{site.server_port}"
        server = start(FRONTDESK_SERVER__ALLOWED_ORIGINS=json.dumps([origin]))
        tag = f'<script src="{server.url}/widget.js" defer data-accent="#ffd400"></script>'
        page = f'<!doctype html><title>Shop</title><link rel="icon" href="data:,">{tag}'
        (folder / "index.html").write_text(page, encoding="utf-8")
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        yield f"{origin}/", server.url
        site.shutdown()
        thread.join()


def test_works_on_another_site(other_site: tuple[str, str], visit: Visit) -> None:
    site, url = other_site
    chat, _ = visit(site, origins=[url])
    chat.open()
    assert approved("delivery.csv", "track_how", "en") in chat.ask(PARCEL)
    chat.shot("other-site")
