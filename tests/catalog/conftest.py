import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bertillon_server.catalog.codes import Release
from bertillon_server.catalog.listing import Listing, Source
from bertillon_server.catalog.schema import write_catalog
from bertillon_server.catalog.store import Catalog
from bertillon_server.catalog.tabular import read_tabular

# A tabular list in small: a code of three characters, placeholders, a definition for a whole category, a note
# in words, one with a range, one of the form "X in Y".
TABULAR = b"""<?xml version="1.0" encoding="utf-8"?>
<ICD10CM.tabular><version>2030</version>
<chapter><name>1</name><desc>Fevers and chills (A00-B09)</desc>
 <section id="A00-A09"><desc>Fevers (A00-A09)</desc></section>
 <section id="A00"><desc>Plain fever (A00)</desc>
  <diag><name>A00</name><desc>Plain fever</desc>
   <inclusionTerm><note>Pyrexia NOS</note></inclusionTerm>
   <excludes1><note>chills (B00.-)</note><note>fever, other - code to cause</note></excludes1>
  </diag>
 </section>
 <section id="A01-A09"><desc>Other fevers (A01-A09)</desc>
  <excludes1><note>stupor in chills (B00-B01)</note></excludes1>
  <diag><name>A01</name><desc>Injury of toe</desc>
   <sevenChrNote><note>The appropriate 7th character is to be added</note></sevenChrNote>
   <sevenChrDef><extension char="A">initial encounter</extension>
    <extension char="S">sequela</extension><note>Bruise of toe</note></sevenChrDef>
   <diag><name>A01.0</name><desc>Injury of great toe</desc>
    <diag placeholder="true"><name>A01.0X</name><desc>Injury of great toe</desc>
     <diag><name>A01.0X1</name><desc>Injury of great toe, right</desc></diag>
     <diag><name>A01.0X2</name><desc>Injury of great toe, left</desc></diag>
    </diag>
   </diag>
   <diag><name>A01.9</name><desc>Injury of toe, unspecified</desc>
    <inclusionTerm><note>Toe injury NOS</note></inclusionTerm></diag>
  </diag>
 </section>
 <section id="B00-B09"><desc>Chills (B00-B09)</desc>
  <diag><name>B00</name><desc>Chills</desc>
   <codeFirst><note>underlying fever (A00)</note><note>any other cause</note></codeFirst>
   <diag><name>B00.0</name><desc>Mild chills</desc></diag>
   <diag><name>B00.1</name><desc>Chills with stupor</desc></diag>
  </diag>
  <diag><name>B01</name><desc>Shivers</desc></diag>
 </section>
</chapter></ICD10CM.tabular>
"""


def listing_of(xml: bytes, version: str, valid_from: dt.date, valid_to: dt.date | None) -> Listing:
    release = Release("icd-10-cm", version, valid_from, valid_to)
    return Listing(release, read_tabular(xml), (Source("small.xml", "0" * 64),))


@pytest.fixture(scope="session")
def tabular() -> bytes:
    return TABULAR


@pytest.fixture(scope="session")
def listing() -> Callable[..., Listing]:
    return listing_of


@pytest.fixture(scope="session")
def catalog() -> Iterator[Catalog]:
    with Catalog.open() as opened:
        yield opened


@pytest.fixture
def small_file(tmp_path: Path) -> Path:
    path = tmp_path / "small.sqlite"
    write_catalog(path, [listing_of(TABULAR, "small", dt.date(2030, 1, 1), None)])
    return path


@pytest.fixture
def small(small_file: Path) -> Iterator[Catalog]:
    with Catalog.open(small_file) as opened:
        yield opened
