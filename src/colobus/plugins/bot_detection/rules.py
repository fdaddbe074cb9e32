"""The robots that are known without being told (reference: plugins.md, bot-detection).

The names are those of the ``uap-core`` project's list of its time. Everything is searched anywhere
in the agent and case-sensitively. Agents are chosen by clients, so no rule may take longer than
proportionally: what is open between two words is bounded, or the rule is anchored and does not
look back, and only the beginning of an agent is read.
"""

import re
from typing import Final

__all__ = ["is_known_bot"]

LONGEST: Final = 2048
"""Characters of an agent that are read. Real ones have some hundred."""

SHAPES: Final = (
    r"Pingdom\.com_bot_version_\d+\.\d+",
    r"facebookexternalhit/\d+\.\d+",
    r"^(?>.*?Google)(?>.*?/\+/web/snippet)",
    r"Twitterbot/\d+\.\d+",
    (
        r"/(?:(?:Ant-)?Nutch|[A-Za-z]{0,40}(?:[Bb]ot|[Ss]pider)|Axtaris|fetchurl|Isara|ShopSalad"
        r"|Tailsweep)[ -]\d"
    ),
    r"^(?>.*?MSIE \d+\.\d+)(?>.*?; ).*MSIECrawler",
    (
        r"\b[A-Za-z]{0,40}(?:[Aa]rchiver|[Ii]ndexer|[Ss]craper|[Bb]ot|[Ss]pider"
        r"|[Cc]rawl[a-z]{0,10})[ /]\d"
    ),
    r"(?i:spider|crawl)",
    r"[Ss]crape",
    r"[^C][^Uu][Bb]ot",
)
"""What gives a robot away whatever it is called."""

VERSIONED: Final = (
    *("008", "Altresium", "Argus", "BaiduMobaider", "BoardReader", "DataparkSearch", "DNSGroup"),
    *("EDI", "envolk", "Goodzer", "Grub", "Infohelfer", "INGRID", "LinkedInBot", "LOOQ", "Nutch"),
    *("PathDefender", "Peew", "PostPost", "sproose", "Steeler", "Twitterbot", "VSE", "WebCrunch"),
    *("WebZIP", "wminer", "YahooSeeker"),
)
"""Names that count when a slash and a number follow."""

NAMES: Final = (
    # Libraries and monitors.
    *("Google-HTTP-Java-Client", "Apache-HttpClient", "http%20client", "Python-urllib"),
    *("HttpMonitor", "TLSProber", "WinHTTP", "JNLP"),
    # Robots.
    *("1470.net crawler", "50.nu", "8bo Crawler Bot", "Aboundex", "AdsBot-Google", "altavista"),
    *("favicon", "AppEngine-Google", "archiver", "Ask Jeeves", "bingbot", "BingPreview"),
    *("blitzbot", "BlogBridge", "BoardReader", "boitho.com-dc", "BotSeer", "Catchpoint bot"),
    *("Charlotte", "charlotte", "Checklinks", "clumboot", "Comodo HTTP(S) Crawler"),
    *("Comodo-Webinspector-Crawler", "ConveraCrawler", "CRAWL-E", "CrawlConvera", "Daumoa"),
    *("Feed Seeker Bot", "findlinks", "Flamingo_SearchEngine", "FollowSite Bot", "furlbot"),
    *("Genieo", "gigabot", "GomezAgent", "gonzo1", "Google SketchUp", "grub-client"),
    *("gsa-crawler", "heritrix", "HiddenMarket", "holmes", "HooWWWer", "htdig", "ia_archiver"),
    *("Icarus6j", "ICC-Crawler", "ichiro", "IconSurf", "IlTrovatore", "InfuzApp"),
    *("Innovazion Crawler", "InternetArchive", "KaloogaBot", "Kraken", "Kurzor", "larbin", "LEIA"),
    *("LesnikBot", "Linguee Bot", "LinkAider", "LinkedInBot", "Lite Bot", "Llaut", "lycos"),
    *("Mail.RU_Bot", "masidani_bot", "Mediapartners-Google", "MJ12bot", "mogimogi", "mozDex"),
    *("msnbot", "msrbot", "netresearch", "Netvibes", "NewsGator", "Nutch", "Nymesis"),
    *("ObjectsSearch", "OOZBOT", "Orbiter", "PagePeeker", "PagesInventory", "PaxleFramework"),
    *("Peeplo Screenshot Bot", "PlantyNet_WebRobot", "Pompos", "Googlebot", "Read%20Later"),
    *("Reaper", "RedCarpet", "Retreiver", "Riddler", "Rival IQ", "scooter", "Scrapy", "Scrubby"),
    *("searchsight", "seekbot", "semanticdiscovery", "SEOstats", "SimplePie", "SimpleRSS"),
    *("Simpy", "SiteCon", "Slurp", "snappy", "Speedy Spider", "Squrl Java", "TheUsefulbot"),
    *("Thumbshots.ru", "ThumbShotsBot", "TwitterBot", "URL2PNG", "Vagabondo", "VoilaBot"),
    *("Votay bot", "WASALive.Bot", "Web-sniffer", "WebThumb", "WeSEE:", "WhatWeb", "WIRE"),
    *("WordPress", "Wotbox", "www.almaden.ibm.com", "Xenu Link Sleuth", "Xenu's Link Sleuth"),
    *("Xenu.s Link Sleuth", "yacy", "Yahoo! Slurp", "Yeti", "YodaoBot", "YottaaMonitor"),
    *("Yowedo", "ZeBot_www.ze.bz", "ZooShot", "ZyBorg"),
)
"""Names that count wherever they are."""

OPEN_NAMES: Final = (
    r"Accoona-[A-Za-z]{1,30}-Agent",
    r"archive[A-Za-z0-9._-]{0,30}\.org_bot",
    r"[Bb]ai[Dd]u[Ss]pider",
    r"IP2[A-Za-z]{1,30}Bot",
    r"jbot\b",
    r"Microsoft .{0,80} Bot",
    r"Xerka [A-Za-z]{1,30}Bot",
    r"Xenu(?:.s)? Link Sleuth",
    r"Yahoo[A-Za-z]{0,30}Seeker",
    r"Yandex\w",
    r"Y!J-BR[A-Z]/\d",
    r"^(?:NING|vortex|voyager|Zao)\b",
)
"""Names with something of their own in the middle, or that count only at the start."""

PATTERNS: Final = (
    *(re.compile(pattern) for pattern in (*SHAPES, *OPEN_NAMES)),
    re.compile("(?:" + "|".join(map(re.escape, VERSIONED)) + r")/\d"),
    re.compile("|".join(map(re.escape, NAMES))),
)


def is_known_bot(agent: str) -> bool:
    """Say whether ``agent`` is that of a known robot."""
    beginning = agent[:LONGEST]
    return any(pattern.search(beginning) is not None for pattern in PATTERNS)
