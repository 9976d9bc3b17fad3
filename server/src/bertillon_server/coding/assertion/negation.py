"""Cues of negation: that the patient does not have what is mentioned."""

from __future__ import annotations

from bertillon_server.coding.assertion.cues import Chain, Cue, CueTable, Direction, Stop
from bertillon_server.coding.vocabulary import Assertion

_NEGATED = Assertion.NEGATED
# "No" governs a whole list; eight tokens is the longest modifier run met in front of a finding.
_LIST = Cue(_NEGATED, Direction.FORWARD, reach=8, chain=Chain.LIST)
# "Not" governs what it stands at: "not anaemic", but "not seen lately for his asthma".
_ADJACENT = Cue(_NEGATED, Direction.FORWARD, reach=3, chain=Chain.OR)
_PREFIX = Cue(_NEGATED, Direction.FORWARD, reach=0)
_PREDICATE = Cue(_NEGATED, Direction.BACKWARD, reach=6, chain=Chain.OR)
_PLURAL = Cue(_NEGATED, Direction.BACKWARD, reach=6, chain=Chain.LIST)
_VALUE = Cue(_NEGATED, Direction.BACKWARD, reach=0, chain=Chain.LIST, closed=True)
# "Snoring no.": the answer to a question that is not spelled out.
_ANSWER = Cue(_NEGATED, Direction.BACKWARD, reach=0)
_EITHER = Cue(_NEGATED, Direction.BOTH, reach=4, chain=Chain.OR)
_DENIED = Cue(_NEGATED, Direction.BACKWARD, reach=4, chain=Chain.LIST, closed=True)
_RESULT = Cue(_NEGATED, Direction.BACKWARD, reach=2, chain=Chain.OR)
_PSEUDO = Cue(None, Direction.NOWHERE)
_AFFIRMED = Cue(None, Direction.NOWHERE, stop=Stop.ALWAYS, stops=frozenset({_NEGATED}))
_NO_CHANGE = Cue(_NEGATED, Direction.FORWARD, reach=8, chain=Chain.LIST, skips_item=True)

TABLES: tuple[CueTable, ...] = (
    CueTable(
        _PSEUDO,
        (
            "not only",
            "not {just|necessarily|merely}",
            "not without",
            "no longer {on|taking|using|requires|requiring|needs|needing|takes|uses|seeing|sees|seen}",
            (
                "not {well|adequately|optimally|fully|completely|yet|currently|} {controlled|treated|resolved|"
                "healed|"
                "improved|improving|worsened|worsening|changed|better|worse|at goal}"
            ),
            "{not|never} {been|} {treated|hospitalized|admitted|medicated|evaluated|seen|followed|worked up} for",
            "not {currently|presently|been|} {taking|on|using|compliant|adherent|tolerating|receiving}",
            (
                "{did|does|do|has|have|had} not {take|taken|receive|received|use|used|tolerate|tolerated|start|"
                "started|fill|refill|follow|followed|need|require|required|improve|improved|change|changed|worsen|"
                "worsened|resolve|resolved|respond|responded}"
            ),
            (
                "{didn't|doesn't|don't|hasn't|haven't|hadn't} {take|taken|receive|received|use|used|tolerate|start|"
                "started|need|require|improve|improved|change|changed|worsen|worsened|resolve|resolved|respond|"
                "responded}"
            ),
            "no {relief|resolution|response|recovery|benefit} {of|from|to|in|}",
            (
                "no {further|additional|more|other|} {treatment|therapy|medication|medications|meds|antibiotics|"
                "intervention|work - up|work up|workup|evaluation|testing|imaging|surgery|follow - up|follow up|"
                "followup|side effects|problems|issues|difficulty} {for|from|of|with the known|with his|with her|"
                "with their}"
            ),
            "no {need|indication|reason|time|plan|plans|role} {for|to}",
            "{not|never|unable to|cannot|can not|can't} {sure|remember|recall|tell}",
            "{no|without} {further|additional} {workup|work up} of the",
            "no # {is|was|are|were|:}",
            "no . #",
            "no {residua|residual|sequelae|residual effects} {of|from}",
            "gram {-|} negative",
            "{rh|her2|er|pr|double|triple} {-|} negative",
            "negative pressure",
            "false negative",
            (
                "without {difficulty|complication|complications|incident|medication|medications|treatment|"
                "assistance|insurance|contrast}"
            ),
            "if not",
            "why not",
            "or not",
            "not to",
            "with or without",
            "no matter",
            "no - show",
            "no show",
        ),
    ),
    CueTable(
        _AFFIRMED,
        (
            "no doubt",
            "{does|did|do|cannot|can't} not deny",
            "{doesn't|didn't|cannot} deny",
            "not denying",
        ),
    ),
    CueTable(
        _NO_CHANGE,
        (
            (
                "{no|without} {significant|interval|appreciable|acute|further|recent|} {change|changes|increase|"
                "decrease|improvement|worsening|progression|deterioration} {in|of|from|to|with}"
            ),
            "{no|without} {significant|interval|} {increased|decreased|worsened}",
            "no worse",
        ),
    ),
    CueTable(_DENIED, ("{patient|he|@kin|} denies",)),
    CueTable(
        _LIST,
        (
            "no",
            (
                "{no|without|w / o} {any|} {known|} {history|hx|h / o|prior history|past history|personal history|"
                "past medical history} {of|for}"
            ),
            "no known",
            "no {prior|previous|past}",
            (
                "no {|clear |definite |other }{evidence|sign|signs|findings|indication|"
                "suggestion} {to suggest|suggesting|"
                "for|that there is|that he has|that patient has}"
            ),
            "{little|insufficient|scant} evidence {of|for|to suggest}",
            "no family history {of|for}",
            "no {fhx|fh|fam hx|family hx} {of|for|}",
            (
                "{family history|fhx|fh|family hx} {is|was|} {negative|neg|non - contributory|noncontributory} "
                "{for|}"
            ),
            "no {definite|obvious|apparent|gross|overt|suspicious|significant}",
            "without {any|}",
            "w / o {any|}",
            "w o",
            "sans",
            (
                "{deny|denies|denied|denying} {any|having|having any|any history of|history of|hx of|h / o|"
                "a history "
                "of|any recent|recent|any prior|prior|ever having|having had|}"
            ),
            "{denies|denied|denying|deny|negative|neg} {any of|} {the|} {following|} {symptoms|} :",
            "{@kin|@other|family|patient|pt} {also|} {deny|denies|denied} {any|}",
            "{denies|denied} {any|} {family history|fhx|fh|family hx} {of|for}",
            "{negative|neg} {for|of}",
            "- ve {for|}",
            "( - ) for",
            "free {of|from}",
            "clear of",
            "{absence|lack} of {any|}",
            "absent",
            "devoid of",
            (
                "never {had|experienced|developed|been diagnosed with|been told he has|been told she has|"
                "diagnosed with|"
                "used|}"
            ),
            "no longer {has|have|having|experiences|experiencing|complains of|reports|}",
            (
                "{does|has} not {currently|appear to|seem to|} {have|exhibit|experience|experienced|show|"
                "demonstrate|"
                "reveal|identify|endorse|report|complain of|appreciate|note|see|suggest|support|indicate|develop|"
                "developed|manifest|display|describe|meet criteria for|give a history of|give history of|"
                "represent|be|"
                "look like|admit to} {any|evidence of|}"
            ),
            (
                "{doesn't|hasn't} {have|seen|experienced|show|demonstrate|reveal|endorse|report|appreciate|"
                "see|suggest|"
                "support|indicate|develop|developed|appear|look like|appear to have|appear to be|noticed} {any|}"
            ),
            "{with|has|had|have|shows|showed|revealed|reveals} no {evidence of|signs of|}",
            (
                "{does not|doesn't} {think|believe|feel|suspect} {that|} {this|it|he|patient|the patient|} {is|has|"
                "represents|to be|} {having|}"
            ),
            "{low|little|minimal|very low} {suspicion|concern|likelihood|probability} {for|of}",
            "{low|very low} {clinical|index of} suspicion {for|of}",
            "doubt",
            "{doubtful|unlikely} {for|to be|that this is}",
            "{argues|argue|arguing} against",
            "{evidence|point|points} against",
            "{rules|ruled} {him|her|pt|patient|the patient} out {for|}",
            "{is|has|} {rules|ruled} out for",
            "{sufficient|adequate} to rule out",
            "r / o'd",
            (
                "not {suggestive of|consistent with|c / w|compatible with|typical of|typical for|concerning for|"
                "suspicious for|be typical for|indicative of|support a diagnosis of|support|in|known to have|"
                "associated "
                "with|having|have|had|have any|developed|due to|secondary to|complaining of|demonstrate|"
                "characteristic of}"
            ),
            "{be|} {un|} typical for a diagnosis of",
            "{isn't|wasn't|aren't|weren't} {having|in|suggestive of|consistent with}",
            "none",
            "nor {does|has|is|are} {he|patient|it|there|} {have|any|}",
            "neither",
            "nil",
        ),
    ),
    CueTable(
        _ADJACENT,
        (
            "not {a|an|any|} {particularly|terribly|overtly|acutely|at all|}",
            (
                "{isn't|wasn't|aren't|weren't|won't|wouldn't|couldn't|can't|hasn't|haven't|hadn't|doesn't|don't|"
                "didn't}"
            ),
            "{cannot|can not} {see|appreciate|identify|find|palpate}",
            "denies",
        ),
    ),
    CueTable(_PREFIX, ("non -", "non")),
    CueTable(_EITHER, ("{ruled|rules} out", "unlikely")),
    CueTable(
        _PREDICATE,
        (
            (
                "{is|was|has been|had been} {now|again|also|completely|essentially|} {absent|negative|ruled out|"
                "excluded|denied|unlikely|unremarkable for|not present|not seen|not noted|not found|not identified|"
                "not appreciated|not detected|not evident|not visualized|not demonstrated|not observed|"
                "not suspected|"
                "not reported|not likely|not palpable|not palpated|not heard|not felt|not elicited|doubted|"
                "doubtful|"
                "not an issue|not a concern|less likely to be}"
            ),
            "{is|was} not {seen|present|identified|appreciated|noted|found|detected|evident|visualized|suspected}",
            "{isn't|wasn't} {seen|present|identified|appreciated|noted|found|detected|evident|suspected}",
            (
                "not {seen|present|noted|found|identified|appreciated|detected|evident|visualized|observed|"
                "demonstrated|palpable}"
            ),
            "{seems|appears|felt to be|thought to be|very|highly|most|} unlikely",
            "{have|has} not been {seen|noted|found|identified|detected|observed|reported}",
            "r / o ' d",
            "{effectively|} excluded",
            "denied by",
            "cannot be {seen|appreciated|identified|elicited|palpated}",
            "never {happened|occurred|developed|documented|confirmed}",
            "did not {occur|develop|recur}",
        ),
    ),
    CueTable(
        _PLURAL,
        (
            (
                "{are|were|have been|had been} {all|both|also|} {absent|negative|ruled out|excluded|denied|"
                "unlikely|not "
                "present|not seen|not noted|not found|not identified|not appreciated|not detected|not evident|not "
                "visualized|not demonstrated|not observed|not reported}"
            ),
            "{aren't|weren't} {seen|present|identified|appreciated|noted|found|detected|evident}",
            "all {negative|absent|denied}",
        ),
    ),
    CueTable(
        _VALUE,
        (
            (
                "{:|-|=|?} {no|none|not present|denies|denied|deny|negative|neg|absent|nil|never|n|not reported|none "
                "reported|none noted|none known}"
            ),
            "( {no|none|negative|neg|absent|denies|denied} )",
        ),
    ),
    CueTable(
        _ANSWER,
        ("no {.|,}",),
    ),
    CueTable(
        _RESULT,
        (
            "negative",
            "neg",
            (
                "{test|screen|titer|titers|culture|cultures|antibody|pcr|result|results|"
                "serology} {is|was|were|} {negative|neg}"
            ),
            "- ve",
            "{non - reactive|nonreactive}",
        ),
    ),
)
