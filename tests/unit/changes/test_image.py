"""The image follows the log, and a list taken from it stays as it was."""

from colobus.changes.image import Image
from colobus.model import APIS, CONSUMERS, PLUGINS, Catalog
from colobus.model.change import Change, Snapshot

CATALOG = Catalog((APIS, CONSUMERS, PLUGINS))


def test_the_image_holds_resident_rows_and_follows_changes() -> None:
    image = Image(CATALOG)
    image.replace(Snapshot(3, {"apis": [{"id": "a", "name": "one"}, {"id": "b", "name": "two"}]}))
    before = image.rows()
    image.apply(
        5,
        [
            Change(4, 0, "apis", "update", "a", {}, {}, {"id": "a", "name": "uno"}, "n", 0),
            Change(4, 1, "consumers", "insert", "c", {}, {}, {"id": "c"}, "n", 0),
            Change(5, 0, "apis", "delete", "b", {}, {}, None, "n", 0),
            Change(5, 1, "apis", "delete", "gone", {}, {}, None, "n", 0),
        ],
    )
    assert image.revision == 5
    assert image.rows() == {"apis": [{"id": "a", "name": "uno"}], "plugins": []}
    assert before["apis"] == [{"id": "a", "name": "one"}, {"id": "b", "name": "two"}]


def test_a_replace_forgets_what_the_snapshot_does_not_have() -> None:
    image = Image(CATALOG)
    image.replace(Snapshot(1, {"apis": [{"id": "a"}]}))
    image.replace(Snapshot(9, {"plugins": [{"id": "p"}]}))
    assert image.rows() == {"apis": [], "plugins": [{"id": "p"}]}
    assert image.revision == 9
