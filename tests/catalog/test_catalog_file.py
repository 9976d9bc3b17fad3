import datetime as dt
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from bertillon_server.catalog import schema
from bertillon_server.catalog.codes import CatalogError
from bertillon_server.catalog.listing import Listing
from bertillon_server.catalog.store import Catalog


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be read: No such file"):
        Catalog.open(tmp_path / "none.sqlite")


@pytest.mark.parametrize("kept", [0, 10, 100, 5_000, -1])
def test_a_truncated_file_is_refused(small_file: Path, kept: int) -> None:
    small_file.write_bytes(small_file.read_bytes()[:kept])
    with pytest.raises(CatalogError, match="incomplete or damaged"):
        Catalog.open(small_file)


@pytest.mark.parametrize("place", [0, 0.3, 0.7, 0.999])
def test_one_flipped_bit_anywhere_is_noticed(small_file: Path, place: float) -> None:
    content = bytearray(small_file.read_bytes())
    content[int(place * len(content))] ^= 1
    small_file.write_bytes(content)
    with pytest.raises(CatalogError, match="incomplete or damaged"):
        Catalog.open(small_file)


def test_a_file_of_another_schema_is_refused_and_the_message_names_both(
    tmp_path: Path, tabular: bytes, listing: Callable[..., Listing], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "later.sqlite"
    with monkeypatch.context() as patch:
        patch.setattr(schema, "SCHEMA_VERSION", 99)
        schema.write_catalog(path, [listing(tabular, "x", dt.date(2030, 1, 1), None)])
    with pytest.raises(
        CatalogError, match=f"has schema 99, this server reads schema {schema.SCHEMA_VERSION}"
    ):
        Catalog.open(path)


def test_a_foreign_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (a)")
    connection.commit()
    connection.close()
    with pytest.raises(CatalogError, match="incomplete or damaged"):
        Catalog.open(path)


def test_an_unwritable_place_is_an_error_of_the_catalog(
    tmp_path: Path, tabular: bytes, listing: Callable[..., Listing]
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogError, match="cannot be written"):
        schema.write_catalog(
            tmp_path / "file" / "c.sqlite", [listing(tabular, "x", dt.date(2030, 1, 1), None)]
        )


def test_the_same_sources_make_the_same_bytes(
    tmp_path: Path, tabular: bytes, listing: Callable[..., Listing]
) -> None:
    one, other = tmp_path / "one.sqlite", tmp_path / "other.sqlite"
    for path in (one, other):
        schema.write_catalog(path, [listing(tabular, "x", dt.date(2030, 1, 1), None)])
    assert one.read_bytes() == other.read_bytes()


def test_a_closed_catalog_says_so(small: Catalog) -> None:
    small.close()
    with pytest.raises(CatalogError, match="closed"):
        small.get("icd-10-cm", "small", "A00")


def test_a_path_with_characters_that_mean_something_in_a_uri_opens(small_file: Path) -> None:
    odd = small_file.rename(small_file.with_name("a?b#c %20.sqlite"))
    with Catalog.open(odd) as catalog:
        assert catalog.systems() == ("icd-10-cm",)
