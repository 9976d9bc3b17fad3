"""What clinicians are asked about, as data: gaps in named conditions, and indicators without a diagnosis.

The topics are those on which ICD-10-CM divides a condition by something that only the clinician can say. Questions
follow the practice brief "Guidelines for Achieving a Compliant Query" (AHIMA and ACDIS): indicators are quoted, no
answer is suggested, the offered answers are clinically supported, and nothing is said of payment or quality scores.
The tables are ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Gap:
    """A condition whose codes leave something open.

    `codes` are beginnings of the codes that leave it open, `settled` of codes that answer it wherever they are
    documented. `indicators` find what to quote beside the mention itself; with `only_with_indicators` no question is
    asked without them. `unless` are words of a note that answer it in words of their own.
    """

    topic: str
    codes: tuple[str, ...]
    question: str
    options: tuple[str, ...]
    settled: tuple[str, ...] = ()
    indicators: re.Pattern[str] | None = None
    only_with_indicators: bool = False
    unless: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Indicator:
    """A drug or a value that points to a condition which no words name.

    `finds` has the group `value` for a number, which must lie within `low` and `high`. `conditions` are beginnings of
    codes of which any documented one, present or past, answers it.
    """

    topic: str
    finds: re.Pattern[str]
    question: str
    options: tuple[str, ...]
    conditions: tuple[str, ...]
    low: float = float("-inf")
    high: float = float("inf")

    @property
    def is_value(self) -> bool:
        """Whether it is an abnormal value, not a drug."""
        return "value" in self.finds.groupindex


def _any(*words: str) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(words) + r")\b[^.;\n]{0,30}", re.IGNORECASE)


def _drug(*names: str) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(names) + r")\b", re.IGNORECASE)


def _value(*names: str, scale: str = r"\d{1,3}(?:\.\d{1,2})?") -> re.Pattern[str]:
    between = r"[\s:=]{0,3}(?:of|is|was|at|down to|up to)?\s{0,2}"
    return re.compile(rf"\b(?:{'|'.join(names)})\b{between}(?P<value>{scale})(?![\d/.-]*\d)", re.IGNORECASE)


_EJECTION = _any(
    r"(?:LV)?EF", "ejection fraction", "BNP", "NT-proBNP", "echo(?:cardiogram)?", "furosemide", "lasix"
)
_KIDNEY = _any("eGFR", "GFR", r"Cr(?:eatinine)?", "albumin(?:uria)?", "UACR")

GAPS: Final[tuple[Gap, ...]] = (
    Gap(
        "heart failure: type",
        ("I50.9",),
        "Please clarify the type of heart failure that is being evaluated or treated.",
        (
            "systolic heart failure (reduced ejection fraction)",
            "diastolic heart failure (preserved ejection fraction)",
            "combined systolic and diastolic heart failure",
        ),
        ("I50.2", "I50.3", "I50.4", "I50.81"),
        _EJECTION,
    ),
    Gap(
        "heart failure: acuity",
        ("I50.20", "I50.30", "I50.40"),
        "Please clarify the acuity of the heart failure at this encounter.",
        ("acute", "chronic", "acute on chronic"),
        ("I50.21", "I50.22", "I50.23", "I50.31", "I50.32", "I50.33", "I50.41", "I50.42", "I50.43"),
        _EJECTION,
    ),
    Gap(
        "diabetes: type",
        ("E11.9",),
        "Please clarify the type of diabetes mellitus.",
        (
            "type 1 diabetes mellitus",
            "type 2 diabetes mellitus",
            "diabetes mellitus due to another condition or to a drug",
        ),
        ("E10", "E08", "E09", "E13", "O24"),
        _any("A1c", "HbA1c", "C-peptide", "GAD"),
        unless=re.compile(
            r"\b(?:type\s*(?:1|2|I{1,2})|T[12]\s?DM|DM\s?(?:type\s*)?-?(?:1|2|II?)|[AN]?IDDM|LADA|[12]DM)\b",
            re.IGNORECASE,
        ),
    ),
    Gap(
        "diabetes: control",
        ("E11.9", "E10.9", "E13.9"),
        "Please clarify how the diabetes mellitus is controlled at this encounter.",
        ("with hyperglycemia", "with hypoglycemia", "without hyperglycemia or hypoglycemia"),
        ("E11.65", "E10.65", "E13.65", "E11.64", "E10.64", "E13.64"),
        re.compile(
            r"\b(?:hgb\s?)?(?:Hb)?A1c\W{0,3}(?:of |is |was |at )?(?:9|1\d)(?:\.\d)?\b%?", re.IGNORECASE
        ),
        only_with_indicators=True,
    ),
    Gap(
        "diabetes: complication",
        ("E11.9", "E10.9", "E13.9"),
        "Please clarify whether the findings quoted are related to the diabetes mellitus.",
        (
            "a complication of the diabetes mellitus, to be named",
            "another condition, to be named",
            "findings without clinical significance",
        ),
        tuple(f"E{kind}.{group}" for kind in (10, 11, 13) for group in "2345"),
        _any(
            "microalbuminuria",
            "UACR",
            r"monofilament\s+(?:reduced|absent|decreased|abnormal)",
            r"(?:numbness|tingling|burning)\s+(?:of|in)\s+(?:both\s+|the\s+)?feet",
            "foot ulcer",
        ),
        only_with_indicators=True,
    ),
    Gap(
        "chronic kidney disease: stage",
        ("N18.9", "N18.30"),
        "Please clarify the stage of the chronic kidney disease.",
        ("stage 1", "stage 2", "stage 3a", "stage 3b", "stage 4", "stage 5", "end stage renal disease"),
        ("N18.1", "N18.2", "N18.31", "N18.32", "N18.4", "N18.5", "N18.6"),
        _KIDNEY,
    ),
    Gap(
        "asthma: severity",
        ("J45.90",),
        "Please clarify the severity of the asthma.",
        ("intermittent", "mild persistent", "moderate persistent", "severe persistent"),
        ("J45.2", "J45.3", "J45.4", "J45.5"),
        _any("FEV1", "peak flow", "albuterol", "inhaled", "ICS", "prednisone", "wheez\\w*"),
    ),
    Gap(
        "asthma: exacerbation",
        ("J45.20", "J45.30", "J45.40", "J45.50", "J45.909"),
        "Please clarify the status of the asthma at this encounter.",
        ("with acute exacerbation", "with status asthmaticus", "stable, without exacerbation"),
        (*(f"J45.{severity}{status}" for severity in "2345" for status in "12"), "J45.901", "J45.902"),
        _any("prednisone burst", "methylprednisolone", "solumedrol", "nebuliz\\w*", "duoneb", "magnesium IV"),
        only_with_indicators=True,
    ),
    Gap(
        "chronic obstructive pulmonary disease: exacerbation",
        ("J44.9",),
        "Please clarify the status of the chronic obstructive pulmonary disease at this encounter.",
        ("with acute exacerbation", "with acute lower respiratory infection", "stable, without exacerbation"),
        ("J44.0", "J44.1"),
        _any(
            "solumedrol",
            "methylprednisolone",
            "prednisone burst",
            "increased (?:sputum|wheez\\w*|dyspnea)",
            "accessory muscle",
        ),
        only_with_indicators=True,
    ),
    Gap(
        "atrial fibrillation: type",
        ("I48.91",),
        "Please clarify the type of the atrial fibrillation.",
        ("paroxysmal", "persistent", "longstanding persistent", "permanent"),
        ("I48.0", "I48.1", "I48.2"),
        _any("rate control\\w*", "rhythm control", "cardioversion", "ablation", "ECG", "EKG", "telemetry"),
    ),
    Gap(
        "anemia: type",
        ("D64.9",),
        "Please clarify the type or cause of the anemia.",
        (
            "iron deficiency anemia",
            "anemia of chronic disease",
            "acute blood loss anemia",
            "vitamin B12 or folate deficiency anemia",
        ),
        ("D50", "D51", "D52", "D53", "D55", "D56", "D57", "D58", "D59", "D60", "D61", "D62", "D63", "D46"),
        _any("Hgb", "Hb", "hemoglobin", "ferritin", "MCV", "transfus\\w+", "iron"),
    ),
    Gap(
        "respiratory failure: acuity and type",
        ("J96.9", "J96.00", "J96.10", "J96.20"),
        "Please clarify the acuity and the type of the respiratory failure.",
        (
            "acute, with hypoxia",
            "acute, with hypercapnia",
            "chronic, with hypoxia",
            "chronic, with hypercapnia",
            "acute on chronic",
        ),
        ("J96.01", "J96.02", "J96.11", "J96.12", "J96.21", "J96.22"),
        _any(
            "SpO2", "O2 sat", "pO2", "PaO2", "pCO2", "PaCO2", "ABG", "BiPAP", "intubat\\w+", "nasal cannula"
        ),
    ),
    Gap(
        "pneumonia: organism",
        ("J18.9",),
        "Please clarify the suspected or confirmed cause of the pneumonia being treated.",
        (
            "bacterial pneumonia, with the organism",
            "viral pneumonia, with the organism",
            "aspiration pneumonia",
        ),
        ("J12", "J13", "J14", "J15", "J16", "J69.0", "A48.1"),
        _any(
            "sputum", "culture", "vancomycin", "piperacillin", "zosyn", "aspirat\\w+", "procalcitonin", "MRSA"
        ),
        only_with_indicators=True,
    ),
    Gap(
        "sepsis: source and organ dysfunction",
        ("A41.9",),
        "Please clarify the source of the sepsis, and whether it caused an organ dysfunction.",
        (
            "sepsis with the source named, without organ dysfunction",
            "sepsis with the source and the organ dysfunction named",
            "localized infection without sepsis",
        ),
        ("R65.20", "R65.21", "A40", "A41.0", "A41.1", "A41.5"),
        _any("lactate", "MAP", "creatinine", "blood cultures?", "WBC", "vasopressors?", "norepinephrine"),
    ),
    Gap(
        "malnutrition: severity",
        ("E46",),
        "Please clarify the severity of the malnutrition.",
        ("mild", "moderate", "severe"),
        ("E43", "E44"),
        _any("BMI", "weight loss", "muscle wasting", "temporal wasting", "intake", "dietitian"),
    ),
    Gap(
        "obesity: class",
        ("E66.9",),
        "Please clarify the class of the obesity.",
        ("class 1", "class 2", "class 3"),
        ("E66.81", "E66.01", "E66.2"),
        _any("BMI", "body mass index"),
    ),
    Gap(
        "obesity: body mass index",
        ("E66.9", "E66.01", "E66.81"),
        "Please document the body mass index at this encounter.",
        ("the value, as measured at this encounter", "not measured at this encounter"),
        ("Z68",),
        _any("weight", "wt", "kg", "lbs?"),
        unless=re.compile(r"\b(?:BMI|body mass index)\b", re.IGNORECASE),
        only_with_indicators=True,
    ),
    Gap(
        "acute kidney injury: cause",
        ("N17.9",),
        "Please clarify the cause of the acute kidney injury.",
        (
            "acute tubular necrosis",
            "prerenal, due to volume depletion or low flow",
            "obstruction",
            "drug toxicity",
        ),
        ("N17.0", "N17.1", "N17.2", "N17.8"),
        _any("muddy brown casts?", "FENa", "hydronephrosis", "contrast", "vancomycin", "urine sediment"),
        only_with_indicators=True,
    ),
    Gap(
        "encephalopathy: type",
        ("G93.40",),
        "Please clarify the type or cause of the encephalopathy.",
        (
            "metabolic encephalopathy",
            "toxic encephalopathy",
            "hepatic encephalopathy",
            "hypertensive encephalopathy",
        ),
        ("G92", "G93.41", "G93.49", "I67.4", "K76.82"),
        _any("confus\\w+", "ammonia", "sodium", "orient\\w+", "mental status"),
    ),
    Gap(
        "depression: episode and severity",
        ("F32.A", "F32.9", "F33.9"),
        "Please clarify the episode and the severity of the depression.",
        (
            "single episode: mild, moderate or severe",
            "recurrent: mild, moderate or severe",
            "in partial or full remission",
        ),
        ("F32.0", "F32.1", "F32.2", "F32.3", "F32.4", "F32.5", "F33.0", "F33.1", "F33.2", "F33.3", "F33.4"),
        _any("PHQ-?9?", "suicid\\w+", "SSRI", "sertraline", "fluoxetine", "escitalopram", "bupropion"),
    ),
    Gap(
        "substance: use, abuse or dependence",
        ("F10.9", "F11.9", "F12.9", "F13.9", "F14.9", "F15.9", "F16.9", "F18.9", "F19.9"),
        "Please clarify the pattern of the substance use.",
        (
            "use, without abuse or dependence",
            "abuse (mild use disorder)",
            "dependence (moderate or severe use disorder)",
            "in remission",
        ),
        (
            "F10.1",
            "F10.2",
            "F11.1",
            "F11.2",
            "F12.1",
            "F12.2",
            "F13.1",
            "F13.2",
            "F14.1",
            "F14.2",
            "F15.1",
            "F15.2",
        ),
        _any("withdrawal", "tolerance", "drinks", "CIWA", "craving", "per day", "daily"),
    ),
    Gap(
        "neoplasm: behavior",
        ("D49",),
        "Please clarify the behavior of the neoplasm, as far as it is known.",
        ("benign", "malignant, primary", "malignant, secondary", "in situ", "of uncertain behavior"),
        (),
        _any("biops\\w+", "patholog\\w+", "mass", "nodule"),
    ),
    Gap(
        "fracture: site",
        (*tuple(f"S{region}2.9" for region in range(10)), "M84.40", "M84.50", "M84.60", "M80.00", "M80.80"),
        "Please clarify which bone is broken, and which part of it.",
        ("a named bone, with the part that is broken", "a fracture of several bones, each with its part"),
        (),
        _any("x-ray", "xray", "XR", "CT", "film", "films", "radiograph", "radiographs"),
    ),
    Gap(
        "pressure ulcer: site",
        ("L89.9",),
        "Please clarify the site of the pressure ulcer.",
        ("sacral region", "heel", "hip", "buttock", "another site, to be named"),
        tuple(f"L89.{region}" for region in range(9)),
        _any("Braden", "wound", "dressing", "turn(?:ed|ing)?"),
    ),
    Gap(
        "pressure ulcer: stage",
        (
            "L89.009",
            "L89.019",
            "L89.029",
            "L89.109",
            "L89.119",
            "L89.129",
            "L89.139",
            "L89.149",
            "L89.159",
            "L89.209",
            "L89.219",
            "L89.229",
            "L89.309",
            "L89.319",
            "L89.329",
            "L89.509",
            "L89.519",
            "L89.529",
            "L89.609",
            "L89.619",
            "L89.629",
            "L89.819",
            "L89.899",
            "L89.9",
        ),
        "Please clarify the site and the stage of the pressure ulcer.",
        ("stage 1", "stage 2", "stage 3", "stage 4", "unstageable", "deep tissue injury"),
        (),
        _any("wound", "eschar", "slough", "tunnel\\w+", "depth", r"\d+ ?x ?\d+ ?cm"),
    ),
)

INDICATORS: Final[tuple[Indicator, ...]] = (
    Indicator(
        "metformin",
        _drug(
            "metformin",
            "glucophage",
            "semaglutide",
            "ozempic",
            "empagliflozin",
            "jardiance",
            "glipizide",
            "sitagliptin",
        ),
        "Please document the condition that is treated with this drug.",
        ("type 2 diabetes mellitus", "prediabetes", "polycystic ovary syndrome", "overweight or obesity"),
        ("E08", "E09", "E10", "E11", "E13", "R73", "E28.2", "E66", "O24", "I50", "N18"),
    ),
    Indicator(
        "insulin",
        _drug(
            "glargine",
            "lantus",
            "lispro",
            "humalog",
            "novolog",
            "insulin (?:aspart|detemir|degludec|NPH|pump)",
        ),
        "Please document the condition that is treated with this drug.",
        ("type 1 diabetes mellitus", "type 2 diabetes mellitus", "hyperglycemia without diabetes"),
        ("E08", "E09", "E10", "E11", "E13", "R73", "O24", "E87.5"),
    ),
    Indicator(
        "levothyroxine",
        _drug("levothyroxine", "synthroid"),
        "Please document the condition that is treated with this drug.",
        ("hypothyroidism", "hypothyroidism after a procedure", "goiter or thyroid nodule"),
        ("E00", "E01", "E02", "E03", "E04", "E05", "E06", "E89.0", "C73", "Z85.850", "E23", "O99.28"),
    ),
    Indicator(
        "anticoagulant",
        _drug("apixaban", "eliquis", "rivaroxaban", "xarelto", "warfarin", "coumadin", "dabigatran"),
        "Please document the condition for which the anticoagulant is given.",
        (
            "atrial fibrillation or flutter",
            "venous thromboembolism",
            "mechanical heart valve",
            "other thrombosis",
        ),
        (
            "I48",
            "I26",
            "I82",
            "I80",
            "I81",
            "Z86.71",
            "Z95.2",
            "D68",
            "I51.3",
            "I63",
            "Z86.73",
            "I74",
            "I27",
            "I23",
            "I24",
            "I21",
        ),
    ),
    Indicator(
        "antiepileptic",
        _drug("levetiracetam", "keppra", "phenytoin", "dilantin", "lacosamide"),
        "Please document the condition that is treated with this drug.",
        ("epilepsy", "seizure, not epilepsy", "prophylaxis after an injury or operation"),
        ("G40", "R56", "S06", "I60", "I61", "I62", "C71", "D32", "D33", "D43", "G41", "O15"),
    ),
    Indicator(
        "dementia drug",
        _drug("donepezil", "aricept", "memantine", "namenda", "rivastigmine"),
        "Please document the condition that is treated with this drug.",
        ("dementia, with its type", "mild cognitive impairment"),
        ("F01", "F02", "F03", "G30", "G31", "R41", "G20"),
    ),
    Indicator(
        "urate-lowering drug",
        _drug("allopurinol", "febuxostat"),
        "Please document the condition that is treated with this drug.",
        ("gout", "hyperuricemia without gout", "uric acid kidney stones", "prevention of tumor lysis"),
        ("M10", "M1A", "E79", "N20", "C8", "C9", "E88.3", "Z87.442"),
    ),
    Indicator(
        "hemoglobin",
        _value("Hgb", "Hb", "hemoglobin"),
        "Please document the clinical significance of this value, if there is one.",
        ("anemia, with its type or cause", "expected finding without clinical significance"),
        ("D5", "D6", "D46", "C9", "O99.0", "R71"),
        low=3.0,
        high=9.9,
    ),
    Indicator(
        "sodium",
        _value("Na", "sodium", scale=r"1\d\d"),
        "Please document the clinical significance of this value, if there is one.",
        ("hyponatremia", "finding without clinical significance"),
        ("E87", "E22.2"),
        low=100,
        high=129,
    ),
    Indicator(
        "potassium",
        _value("K", "potassium", scale=r"\d\.\d"),
        "Please document the clinical significance of this value, if there is one.",
        ("hypokalemia", "finding without clinical significance"),
        ("E87", "E26", "N25"),
        low=1.5,
        high=3.1,
    ),
    Indicator(
        "potassium",
        _value("K", "potassium", scale=r"\d\.\d"),
        "Please document the clinical significance of this value, if there is one.",
        ("hyperkalemia", "finding without clinical significance"),
        ("E87", "N17", "N18", "E27"),
        low=5.8,
        high=9.5,
    ),
    Indicator(
        "hemoglobin A1c",
        _value("A1c", "HbA1c", "Hgb A1c"),
        "Please document the clinical significance of this value, if there is one.",
        ("type 2 diabetes mellitus", "other diabetes mellitus", "finding without clinical significance"),
        ("E08", "E09", "E10", "E11", "E13", "O24", "R73"),
        low=6.5,
        high=20,
    ),
    Indicator(
        "glomerular filtration rate",
        _value("eGFR", "GFR", scale=r"\d{1,3}"),
        "Please document the clinical significance of this value, if there is one.",
        (
            "chronic kidney disease, with its stage",
            "acute kidney injury",
            "finding without clinical significance",
        ),
        (
            "N17",
            "N18",
            "N19",
            "E10.2",
            "E11.2",
            "E13.2",
            "I12",
            "I13",
            "Z94.0",
            "R94.4",
            "D63.1",
            "N04",
            "N05",
            "N03",
            "M32",
        ),
        low=5,
        high=44,
    ),
    Indicator(
        "body mass index",
        _value("BMI", "body mass index"),
        "Please document the weight diagnosis that belongs to this value, if there is one.",
        ("overweight", "obesity, with its class", "finding without clinical significance"),
        ("E66", "Z68", "R63.5", "O99.21"),
        low=35,
        high=90,
    ),
    Indicator(
        "body mass index",
        _value("BMI", "body mass index"),
        "Please document the nutritional diagnosis that belongs to this value, if there is one.",
        ("malnutrition, with its severity", "underweight", "finding without clinical significance"),
        ("E40", "E41", "E42", "E43", "E44", "E45", "E46", "R63", "R64", "F50", "Z68"),
        low=9,
        high=17.9,
    ),
    Indicator(
        "oxygen saturation",
        _value("SpO2", "O2 sat(?:uration)?", "sat", "sats", scale=r"\d{2}"),
        "Please document the condition that explains this value, if there is one.",
        ("acute respiratory failure with hypoxia", "hypoxemia", "chronic respiratory failure with hypoxia"),
        ("J96", "R09.02", "J80", "J95", "P28", "I26", "J44", "J84", "U07.1", "R06.03"),
        low=50,
        high=87,
    ),
    Indicator(
        "ejection fraction",
        _value("LVEF", "EF", "ejection fraction", scale=r"\d{2}"),
        "Please document the condition that belongs to this finding, if there is one.",
        (
            "systolic heart failure",
            "cardiomyopathy without heart failure",
            "finding without clinical significance",
        ),
        ("I50", "I11.0", "I13", "I42", "I43", "I25.5", "I51.8", "I21", "I51.9"),
        low=10,
        high=40,
    ),
    Indicator(
        "platelets",
        _value("plt", "plts", "platelets", scale=r"\d{1,3}"),
        "Please document the clinical significance of this value, if there is one.",
        ("thrombocytopenia, with its cause", "finding without clinical significance"),
        ("D69", "D65", "D61", "C9", "D46", "K74", "K70", "M31.1", "D75.82", "O99.11"),
        low=5,
        high=89,
    ),
)
