"""Cues of the past, and the words that look like them but introduce the present."""

from __future__ import annotations

from bertillon_server.coding.assertion.cues import Chain, Cue, CueTable, Direction, Stop
from bertillon_server.coding.vocabulary import Assertion

_HISTORICAL = Assertion.HISTORICAL
_LIST = Cue(_HISTORICAL, Direction.FORWARD, reach=8, chain=Chain.LIST, soft=True)
_PAST_LIST = Cue(_HISTORICAL, Direction.FORWARD, reach=8, chain=Chain.LIST)
_ADJECTIVE = Cue(_HISTORICAL, Direction.FORWARD, reach=3, chain=Chain.AND)
_RESOLVED = Cue(_HISTORICAL, Direction.BOTH, reach=2, chain=Chain.AND)
_EVENT = Cue(_HISTORICAL, Direction.FORWARD, reach=5, chain=Chain.AND)
_PREDICATE = Cue(_HISTORICAL, Direction.BACKWARD, reach=6, chain=Chain.AND)
_DATE = Cue(_HISTORICAL, Direction.BACKWARD, reach=4, chain=Chain.AND)
# A course of illness: the history is the present complaint's.
_PRESENTING = Cue(None, Direction.NOWHERE, stop=Stop.ALWAYS, stops=frozenset({_HISTORICAL}))
_PSEUDO = Cue(None, Direction.NOWHERE)
_CURRENT = Cue(None, Direction.BACKWARD, reach=6, chain=Chain.LIST, current=True)

_COUNT = "{#|# . #|# - #}"

TABLES: tuple[CueTable, ...] = (
    CueTable(
        _PRESENTING,
        (
            "history of {the|} {present|presenting} {illness|complaint|problem} {:|}",
            "{hpi|h p i} :",
            _COUNT + " {-|} {@while|@long} {-|} {history|hx|h / o} {of|}",
            (
                "{long|longstanding|long - standing|lengthy|short|brief|recent|chronic|long - term|lifelong|"
                "ongoing|"
                "extensive} {history|hx} of"
            ),
            "{prior|previous} to",
            (
                "{prior|previous} {to|authorization|records|note|notes|visit|visits|exam|studies|study|"
                "imaging|films|"
                "ct|mri|echo|ekg}"
            ),
        ),
    ),
    CueTable(
        _PSEUDO,
        (
            (
                "{history|hx} {is|was|} {obtained|taken|provided|limited|given|reviewed|unobtainable|unchanged} "
                "{from|by|per|}"
            ),
            "{social|medication|sexual|travel|diet|dietary|surgical|allergy|smoking} {history|hx}",
            "{history|hx} and physical",
            "{history|hx} {concerning|suspicious|suggestive|consistent} {for|of|with}",
            "by {history|hx}",
            "{not|never|has not|have not|had not|un|partially|incompletely} {yet|fully|completely|} resolved",
            "resolving",
            "{diagnosed|dx|dx'd|dxed|onset|began|started|noted|noticed|found|identified|developed} {about|"
            "approximately|over|around|~|} " + _COUNT + " @long {ago|}",
            "{diagnosed|dx|dx'd|dxed|onset|since|began|started} {in|} {@month|} {of|} {#year|childhood}",
            "since {early|} {childhood|adolescence|birth|infancy|college|his|her|age|#year}",
            "since {about|} " + _COUNT + " @long ago",
            # An age, not an old disease: "45-year-old", "3 month old", "2 days old".
            "{@while|@long} {-|} old",
        ),
    ),
    CueTable(
        _LIST,
        (
            (
                "{history|hx|h / o|ho|h . o .} {is|was|} {of|for|significant for|notable for|remarkable for|"
                "positive "
                "for|includes|including|include}"
            ),
            (
                "{known|past|prior|previous|personal|remote|distant|medical|past medical|prior medical|pertinent|"
                "surgical|past surgical|significant past medical|significant|a|reported} {history|hx} {is|was|"
                "} {of|for|"
                "significant for|notable for|remarkable for|positive for|includes|including|include|:}"
            ),
            (
                "{pmh|pmhx|psh|psychiatric history|pmx|phx|pshx} {is|was|} {of|for|significant for|sig for|"
                "notable for|"
                "remarkable for|positive for|includes|including|include|+|}"
            ),
            "{hx|h / o|ho}",
        ),
    ),
    CueTable(
        _PAST_LIST,
        (
            "in the {remote|distant|} past {, |}{he|she|patient|pt|} {has|had|} {had|}",
            "{as a|in} {child|childhood|teenager|infant|infancy|youth|young adult|adolescence} , {he|she} {had|}",
            "{remote|distant|old} {history|hx|h / o} {of|}",
            "{used to|formerly} {have|had|be|smoke|use|abuse|drink|}",
            (
                "{previously|prior} {had|has had|diagnosed with|treated for|hospitalized for|admitted for|"
                "hospitalized "
                "with|documented|known}"
            ),
            "{resolution|clearance} of",
            "in #year {, |}{he|she|patient|pt|} {had|was diagnosed with|underwent|was treated for|developed}",
            "{recovered|recovery} from",
        ),
    ),
    CueTable(
        _ADJECTIVE,
        (
            "{prior|previous|previously|former|remote|old|ex -|past|earlier|childhood|bygone}",
            "{prior|previous|old|remote|past} {episode|episodes|history|bout|bouts} of",
        ),
    ),
    CueTable(_RESOLVED, ("resolved", "healed", "cured")),
    CueTable(
        _PREDICATE,
        (
            (
                "{although|though|but|and} {it|that|this|they|these|which} {has|is|seems to have|seemed to have|"
                "appears to have|appeared to have} {now|since|} resolved"
            ),
        ),
    ),
    CueTable(_EVENT, ("s / p", "status - post", "status post", "sp")),
    CueTable(
        _PREDICATE,
        (
            (
                "{, |- |}{has|have|had|is|are|was|were|now|since|has since|have since|has now|appears to have|"
                "appear to "
                "have|seems to have|seemed to have|appeared to have|appears have|has completely|which has|"
                "which|that "
                "has|( |} {now|since|completely|spontaneously|all|} {resolved|gone|cleared|subsided|abated}"
            ),
            "- resolved",
            ": resolved",
            (
                "{, |}{quit|in the past|in the remote past|in the distant past|previously|"
                "many years ago|years ago|long ago|decades ago|remotely}"
            ),
            ": quit",
            "{about|over|approximately|around|more than|~|at least|a|} "
            + _COUNT
            + " {of|} @long {ago|earlier|"
            "previously|prior}",
            "{a|last} {year|decade} {ago|}",
            (
                "{in|during} {early|late|his|her|} {childhood|infancy|adolescence|youth|teens|twenties|college|"
                "high school|pregnancy}"
            ),
            "as {a|an} {child|teen|teenager|infant|adolescent|young adult|baby|kid|young man|young woman|youth}",
            "{no longer|not} {present|active|an issue|a problem}",
        ),
    ),
    CueTable(
        _DATE, ("{in|( in|, in|, |( |} {@month|} {of|} #year", "{in|} # / #year", "{in|} # / # / #year")
    ),
    CueTable(
        _CURRENT,
        (
            (
                "{and|which|that|} {is|are} {well|poorly|} {on|controlled|treated with|managed with|stable on|"
                "active|"
                "symptomatic|ongoing}"
            ),
            (
                "{currently|presently|still|now|chronically} {on|treated|treated with|managed with|controlled|"
                "taking|"
                "active|symptomatic|stable|requiring}"
            ),
            "{well|poorly} {-|} controlled",
            "{controlled with|controlled on|maintained on|being treated|uncontrolled|ongoing}",
            "{, |}currently",
        ),
    ),
)
