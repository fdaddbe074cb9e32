import pytest

from colobus.cluster.codec.filters import NodeFilter, TagFilter, encode_filter
from colobus.cluster.serf.filters import MOST_FILTERS, are_passed

TAGS = {"role": "db-master", "zone": "eu"}
US = encode_filter(NodeFilter(("me", "n1")))
OTHERS = encode_filter(NodeFilter(("n1", "n2")))


@pytest.mark.parametrize(
    ("filters", "is_passed"),
    [
        ([], True),
        ([US], True),
        ([OTHERS], False),
        ([encode_filter(TagFilter("role", "db"))], True),
        ([encode_filter(TagFilter("role", "^db$"))], False),
        ([encode_filter(TagFilter("missing", "^$"))], True),
        ([encode_filter(TagFilter("missing", "."))], False),
        ([US, encode_filter(TagFilter("zone", "us"))], False),
        ([encode_filter(TagFilter("role", "(?=db)"))], False),
        ([b""], False),
        ([b"\x07what"], False),
        ([b"\x00\xc1"], False),
        ([US] * MOST_FILTERS, True),
        ([US] * (MOST_FILTERS + 1), False),
    ],
)
def test_every_filter_must_let_us_pass(filters: list[bytes], is_passed: bool) -> None:
    assert are_passed(filters, "me", TAGS) is is_passed
