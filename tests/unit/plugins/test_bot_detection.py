"""bot-detection: who is a robot, and how long it takes to tell."""

from time import process_time
from typing import Any

import pytest

from colobus.errors import SchemaError
from colobus.model.schema import validate
from colobus.plugins.bot_detection import BotDetectionConfig
from colobus.plugins.bot_detection.handler import LONGEST_KEPT, VERDICTS_KEPT
from colobus.plugins.bot_detection.rules import NAMES, VERSIONED, is_known_bot

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/57.0.2987.133 Safari/537.36"
)


@pytest.mark.parametrize(
    "agent",
    [
        CHROME,
        "HelloWorld",
        "curl/7.43.0",
        "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
        "HTTPie/0.9.8",
        "Wget/1.18",
        "Mozilla/5.0 (Linux; Android 5.1; CUBOT X15) AppleWebKit/537.36 Chrome/50.0 Mobile",
        "Mozilla/5.0 (Linux; Android 5.1; CuBot NOTE)",
        "python-requests/2.12",
        "",
        "bot",
        "EDI",
        "my vortex",
    ],
)
def test_people_and_tools_are_no_robots(agent: str) -> None:
    assert not is_known_bot(agent)


@pytest.mark.parametrize(
    "agent",
    [
        "Googlebot/2.1 (+http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)",
        "Twitterbot/1.0",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "ia_archiver (+http://www.alexa.com/site/help/webmasters; crawler@alexa.com)",
        "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
        "Python-urllib/2.7",
        "Scrapy/1.3 (+http://scrapy.org)",
        "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
        "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
        "Apache-HttpClient/4.5.2",
        "Mozilla/5.0 Google (+https://developers.google.com/+/web/snippet/)",
        "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; MSIECrawler)",
        "x/Ant-Nutch 1",
        "x/Tailsweep-2",
        "baiduSpider",
        "MyIndexer/3",
        "Archiver 2",
        "some SPIDER",
        "a cRaWl",
        "Scrape it",
        "a robot",
        "archive-it.org_bot",
        "Accoona-AI-Agent/1.1",
        "IP2MapBot",
        "Microsoft URL Control Bot",
        "YahooFeedSeeker",
        "Y!J-BRW/1.0",
        "NING/1.0",
        "Xenu's Link Sleuth",
        "Mail.RU_Bot",
        "my favicon fetcher",
    ],
)
def test_robots_are_known(agent: str) -> None:
    assert is_known_bot(agent)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_counts_wherever_it_is(name: str) -> None:
    assert is_known_bot(f"x {name}/1.0")
    assert is_known_bot(name)


@pytest.mark.parametrize("name", VERSIONED)
def test_some_names_count_with_a_version(name: str) -> None:
    assert is_known_bot(f"{name}/1")


@pytest.mark.parametrize(
    "piece",
    ["MSIE 1.1; ", "Google ", "Microsoft ", "a", "/a", "archive.", "Yahoo", "; ", "bo", "Ant-"],
)
def test_no_agent_takes_long(piece: str) -> None:
    started = process_time()
    is_known_bot((piece * 8192)[:8192])
    assert process_time() - started < 0.1


def refuses(agent: str, **config: Any) -> bool:
    return validate(BotDetectionConfig, config).agents.refuses(agent)


def test_lists_come_before_what_is_known() -> None:
    assert not refuses("Googlebot/2.1", whitelist=["[Gg]oogle"])
    assert refuses("HelloWorld", blacklist=["World$"])
    assert not refuses("Hello", blacklist=["hello"])
    assert not refuses("Googlebot/2.1", whitelist=["Google"], blacklist=["Google"])
    assert refuses("  HelloWorld  ", blacklist=["^HelloWorld$"])


def test_an_agent_that_takes_too_long_to_judge_is_refused() -> None:
    hostile = "a" * 100 + "!"
    assert refuses(hostile, blacklist=["(?:a|aa)+$"])
    assert not refuses(hostile, whitelist=["(?:a|aa)+$"])


def test_verdicts_are_remembered_within_a_bound() -> None:
    agents = validate(BotDetectionConfig, {}).agents
    for number in range(VERDICTS_KEPT + 5):
        assert not agents.refuses(f"agent {number}")
    assert len(agents._verdicts) == 5
    agents.refuses("x" * (LONGEST_KEPT + 1))
    assert len(agents._verdicts) == 5


@pytest.mark.parametrize("field", ["whitelist", "blacklist"])
def test_what_is_no_pattern_is_named(field: str) -> None:
    with pytest.raises(SchemaError) as failure:
        validate(BotDetectionConfig, {field: ["fine", "["]})
    assert failure.value.fields == {field: "value '[' is not a valid regex"}
