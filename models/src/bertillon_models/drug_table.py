"""Reads the Table of Drugs and Chemicals: what notes call an adverse effect or an underdosing, by substance.

Source: the table that CDC/NCHS publish with ICD-10-CM as XML, in the public domain. Of its six columns the last two
are read: adverse effect and underdosing. Poisonings depend on intent, which is for the note to say.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

from bertillon_models.terms import Term

SOURCE = "drug_table"
_ADVERSE, _UNDERDOSING = "6", "7"
_CODE = re.compile(r"T\d\d\.[0-9A-Z]{3,4}")
_BRACKETED = re.compile(r"\s*[\[(][^\])]*[\])]|\b(?:NEC|NOS)\b")
# How notes say that a drug did it. The first two name an adverse effect whatever the substance is.
_SAYING = ("adverse effect of {}", "ae {}")
# "Due to" is not among them: the term index leaves out these words, and all that would be left is the drug.
_CAUSING = ("secondary to {}", "{} induced", "from {}")
_LACKING = ("underdosing of {}", "underdosed {}")
# Substances that conditions are due to without being drugs then: "due to iron deficiency", "from oxygen".
_ALSO_IN_THE_BODY = frozenset(
    """
    acid air alcohol aluminum amino antigen bile blood calcium carbon carotene chlorine chloride cholesterol cocaine
    copper cortisol dust dye enzyme estrogen ethanol fluid fluoride folate gas glucose gold growth heat hemoglobin
    hormone iodine iron lead lipid magnesium mercury metal milk nitrogen oil oxygen phosphate phosphorus plasma poison
    potassium progesterone protein salt silver smoke sodium sugar testosterone thyroid toxin vaccine venom vitamin
    water zinc
    """.split()
)
# What the table does not list under the name that notes use: classes, and drugs that are newer than it; with the code
# of the table that they belong to, but for its last character. Ours.
_ALSO = MappingProxyType(
    {
        "T36.0X": "penicillins beta lactam",
        "T36.1X": "cephalosporins",
        "T36.8X": "fluoroquinolone quinolone",
        "T36.7X": "amphotericin",
        "T38.0X": "steroid corticosteroid glucocorticoid pred",
        "T38.3X": "sglt2_inhibitor sglt2i sulfonylurea glp1 glp-1 glp-1_agonist semaglutide tirzepatide "
        "empagliflozin dapagliflozin canagliflozin dulaglutide liraglutide",
        "T38.6X": "aromatase_inhibitor anastrozole letrozole exemestane",
        "T39.39": "nsaid nsaids",
        "T40.2X": "opioid opiate narcotic",
        "T42.4X": "benzo benzodiazepines",
        "T42.6X": "levetiracetam keppra gabapentin pregabalin lamotrigine topiramate",
        "T43.01": "tca",
        "T43.21": "snri duloxetine venlafaxine",
        "T43.22": "ssri escitalopram",
        "T43.59": "antipsychotic lithium aripiprazole quetiapine",
        "T44.7X": "beta_blocker bb",
        "T45.1X": "chemo chemotherapy antineoplastic antimetabolite oxaliplatin capecitabine gemcitabine pemetrexed "
        "irinotecan bevacizumab bev trastuzumab rituximab imatinib tki mycophenolate tacrolimus",
        "T45.51": "anticoagulant anticoagulation doac apixaban eliquis rivaroxaban xarelto dabigatran",
        "T45.52": "antiplatelet ticagrelor prasugrel",
        "T45.AX": "ici checkpoint_inhibitor immune_checkpoint_inhibitor immunotherapy pembrolizumab nivolumab "
        "ipilimumab atezolizumab durvalumab",
        "T46.1X": "ccb calcium_channel_blocker",
        "T46.4X": "ace_inhibitor acei",
        "T46.5X": "arb",
        "T46.6X": "statin statins rosuvastatin",
        "T47.1X": "ppi",
        "T48.6X": "beta_agonist albuterol",
        "T50.1X": "loop_diuretic",
        "T50.2X": "thiazide hctz",
        "T50.8X": "contrast iv_contrast",
    }
)


def read_drugs(folder: Path) -> Iterator[Term]:
    """Yield the terms of the table in a folder, `icd10cm-drug-*.xml`, the newest by name; none without a table."""
    files = sorted(folder.glob("icd10cm-drug-*.xml"))
    if not files:
        return
    columns = {substance.lower(): codes for substance, codes in _substances(files[-1])}
    for substance, codes in columns.items():
        yield from _terms(substance, codes)
    for stem, names in _ALSO.items():
        for name in names.split():
            yield from _terms(name.replace("_", " "), {_ADVERSE: f"{stem}5", _UNDERDOSING: f"{stem}6"})


def _terms(substance: str, codes: dict[str, str]) -> Iterator[Term]:
    adverse, lacking = codes.get(_ADVERSE), codes.get(_UNDERDOSING)
    if adverse is not None:
        causing = _CAUSING if _ALSO_IN_THE_BODY.isdisjoint(substance.split()) else ()
        for pattern in (*_SAYING, *causing):
            yield Term(pattern.format(substance), adverse, SOURCE, vector=False)
    if lacking is not None:
        for pattern in _LACKING:
            yield Term(pattern.format(substance), lacking, SOURCE, vector=False)


def _substances(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield substances with the codes of their columns; of the terms below a main term the first level."""
    # The file is one that the person who runs the command has fetched from its publisher.
    for main in ET.parse(path).getroot().iter("mainTerm"):  # noqa: S314
        name = _plain(main.findtext("title", ""))
        yield name, _codes(main)
        for term in main.findall("term"):
            below = _plain(term.findtext("title", ""))
            if below and not below.startswith(("specified", "other")):
                yield f"{below} {name}", _codes(term)


def _plain(title: str) -> str:
    return " ".join(_BRACKETED.sub(" ", title).replace(",", " ").split())


def _codes(entry: ET.Element) -> dict[str, str]:
    return {
        column: cell.text
        for cell in entry.findall("cell")
        if (column := cell.get("col", "")) and cell.text and _CODE.fullmatch(cell.text)
    }
