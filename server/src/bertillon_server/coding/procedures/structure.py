"""How a code of ICD-10-PCS is built: what its characters say, and the words by which clinicians say the same.

Source: ICD-10-PCS Official Guidelines, A1 to A11 (structure), B3 (root operations), B5 (approaches) and appendix A
(definitions of root operations). Values are those of the sections Medical and Surgical, and Obstetrics; the other
sections name what they do in their titles.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

# Characters that name a table: section, body system, root operation (A7).
TABLE: Final = 3
# Characters that name a table and the body part in it.
PART: Final = 4
# Place of the approach, the device and the qualifier.
APPROACH: Final = 4
DEVICE: Final = 5
QUALIFIER: Final = 6
LENGTH: Final = 7

SURGICAL: Final = "0"
OBSTETRIC: Final = "1"
IMAGING: Final = "B"

OPERATIONS: Final = MappingProxyType(
    {
        "0": "Alteration",
        "1": "Bypass",
        "2": "Change",
        "3": "Control",
        "4": "Creation",
        "5": "Destruction",
        "6": "Detachment",
        "7": "Dilation",
        "8": "Division",
        "9": "Drainage",
        "B": "Excision",
        "C": "Extirpation",
        "D": "Extraction",
        "F": "Fragmentation",
        "G": "Fusion",
        "H": "Insertion",
        "J": "Inspection",
        "K": "Map",
        "L": "Occlusion",
        "M": "Reattachment",
        "N": "Release",
        "P": "Removal",
        "Q": "Repair",
        "R": "Replacement",
        "S": "Reposition",
        "T": "Resection",
        "U": "Supplement",
        "V": "Restriction",
        "W": "Revision",
        "X": "Transfer",
        "Y": "Transplantation",
    }
)
"""Third character of the section Medical and Surgical."""

APPROACHES: Final = MappingProxyType(
    {
        "0": "open approach",
        "3": "percutaneous approach",
        "4": "percutaneous endoscopic approach",
        "7": "via natural or artificial opening",
        "8": "via natural or artificial opening endoscopic",
        "F": "via natural or artificial opening with percutaneous endoscopic assistance",
        "X": "external approach",
    }
)
"""Fifth character of the sections Medical and Surgical, and Obstetrics."""

# Sections whose fifth character is the approach.
WITH_APPROACH: Final = frozenset("01234X78")

IMAGING_TYPES: Final = MappingProxyType(
    {
        "0": "plain radiography",
        "1": "fluoroscopy",
        "2": "computerized tomography",
        "3": "magnetic resonance imaging",
        "4": "ultrasonography",
        "5": "other imaging",
    }
)
"""Third character of the section Imaging."""

# Words that state an approach, the earlier ones first. Endoscopic surgery through ports is percutaneous
# endoscopic; an open operation that an endoscope assists is open (B5.2a), and so is one that was converted (B3.2d).
APPROACH_WORDS: Final = (
    ("0", "converted to open|conversion to open|convert to open|hand assisted laparoscopic converted"),
    (
        "4",
        (
            "laparoscopic|laparoscopically|laparoscopy|lap|laparoscope|arthroscopic|arthroscopically|arthroscopy"
            "|thoracoscopic|thoracoscopically|vats|robotic|robotically|robot|robot assisted|da vinci|trocar|trocars"
            "|pneumoperitoneum|arthroscope|thoracoscope|mediastinoscopic|percutaneous endoscopic|peritoneoscopic"
        ),
    ),
    (
        "8",
        (
            "endoscopic|endoscopically|cystoscopic|cystoscopically|hysteroscopic|hysteroscopically|bronchoscopic"
            "|bronchoscopically|colonoscopic|transurethral|ureteroscopic|gastroscopic|endobronchial|egd|colonoscope"
            "|gastroscope|cystoscope|bronchoscope|hysteroscope|resectoscope|ureteroscope|duodenoscope|ercp"
        ),
    ),
    ("7", "transvaginal|vaginal|vaginally|transanal|per rectum|transoral|per os"),
    (
        "3",
        (
            "percutaneous|percutaneously|needle|transcatheter|endovascular|fine needle|fna|core needle|ct guided"
            "|ultrasound guided|image guided|seldinger|perc|guidewire|transarterial|through a sheath"
        ),
    ),
    (
        "0",
        (
            "open|laparotomy|thoracotomy|sternotomy|craniotomy|incision|median sternotomy|midline incision"
            "|pfannenstiel|dissected|arthrotomy"
        ),
    ),
    ("X", "external|closed|closed reduction|manual|manually"),
)
# Of them, what the description of an operation says on the way and what tells nothing by itself elsewhere.
ONLY_NEARBY: Final = frozenset(
    {"incision", "needle", "guidewire", "closed", "manual", "manually", "external", "dissected"}
)
