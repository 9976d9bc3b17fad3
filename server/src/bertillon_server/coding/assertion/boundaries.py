"""Words that end the scope of a cue: conjunctions, predicates, a change of subject."""

from __future__ import annotations

from bertillon_server.coding.assertion.cues import Cue, CueTable, Direction, Stop
from bertillon_server.coding.vocabulary import Assertion

_NEG, _POSS, _HYP = Assertion.NEGATED, Assertion.POSSIBLE, Assertion.HYPOTHETICAL
_HIST, _FAM, _OTHER = Assertion.HISTORICAL, Assertion.FAMILY, Assertion.OTHER_PERSON


def _ends(*assertions: Assertion, stop: Stop = Stop.ALWAYS) -> Cue:
    return Cue(None, Direction.NOWHERE, stop=stop, stops=frozenset(assertions))


_EVERYTHING = _ends(*Assertion)
_CLAUSE = _ends(_NEG, _POSS, _HIST, _HYP)
_SUBJECT = _ends(_NEG, _POSS, _HIST, _FAM, _OTHER)

TABLES: tuple[CueTable, ...] = (
    CueTable(
        _EVERYTHING,
        (
            "but {the|} {patient|pt|he|she}",
            "{and|,|while|whereas} {the|} patient",
        ),
    ),
    CueTable(
        _CLAUSE,
        (
            "{but|however|nevertheless|nonetheless|whereas|otherwise}",
            "{except|except for|aside from|apart from|other than|besides|excepting|save for|with the exception of}",
            "{all|} other {systems|ros} {reviewed|} {and|} {are|were|} {negative|normal}",
        ),
    ),
    CueTable(
        _ends(_NEG, _POSS, _HIST),
        (
            "{although|though|yet|still|despite|even though|in spite of}",
            (
                "{and|,|, and} {is|was|are|were|has|had|have|does|did|do|then|there|now|who|will|continues|remains|"
                "presents|presented|the|his|her|their|this|also has|also had|also reports}"
            ),
            "{and|,|, and} {he|she|they|it|we|i}",
            "{who|which} {is|was|has|had|have|presents|presented|comes|came|now|}",
            "{presents|presented|presenting|comes in|came in|coming in|here|admitted|seen|evaluated}",
            "{now|today|currently} {with|has|having|presents|presenting|complaining|here|reports|p / w|}",
            (
                "{complains|complaining|complained|c / o|p / w|reports|reported|reporting|endorses|endorsed|admits|"
                "states|stated|notes|describes} {of|to|that|having|}"
            ),
            (
                "{was|were|is|are} {found|noted|admitted|started|given|seen|treated|brought} {to have|with|on|for|"
                "to be|}"
            ),
            "{showing|revealing|demonstrating|making}",
            "{developed|develops|shows|showed|reveals|revealed|demonstrates|demonstrated|remains|continues}",
            "{positive|pos} {for|of|:|}",
            "( + )",
            "+",
            "{in|for} {this|a|an|the|} {patient|pt|gentleman|woman|man|lady|male|female} with",
            "{there|it} {is|was|are|were|has|have|remains}",
            "{: yes|: positive|: present}",
        ),
    ),
    CueTable(
        _ends(_NEG),
        (
            (
                ", {some|occasional|mild|moderate|trace|minimal|stable|improved|improving|ongoing|persistent|"
                "continued|"
                "known|chronic|baseline|positive|with|just|only|intermittent}"
            ),
            "{is|are|was|were|has|have|had|will|would|being|been}",
            "{since|until|before|after|while|during|when|then|therefore|so|thus}",
            "{caused by|related to|attributed to|attributable to|as a result of|from}",
            "{started|start|continue|treated|treat|on|plan}",
        ),
    ),
    CueTable(
        _ends(_POSS),
        (
            (
                "{will|would|because|since|started|start|starting|plan|treat|treated|treating|ordered|order|"
                "obtain|check|"
                "continue|send|sent|admit|refer|referred|get|ordering}"
            ),
        ),
    ),
    CueTable(
        _ends(_HYP),
        (
            "{then|otherwise|currently}",
            (
                "{,|, please|, then|, will|, we will|, would|, she will|, he will|, patient should|"
                ", she should|, he "
                "should|please} {call|return|go|take|use|stop|contact|seek|consider|proceed|continue|start|"
                "increase|"
                "decrease|hold|obtain|order|follow|schedule|refer}"
            ),
        ),
    ),
    CueTable(
        _ends(_NEG, _POSS, _HYP, stop=Stop.AFTER_ITEM),
        ("{due to|secondary to|given|because of|because|in the setting of|in setting of}",),
    ),
    CueTable(
        _SUBJECT, ("{and|,|;} he {has|reports|presents}", "{the|} patient {has|is|with|presents|now|himself}")
    ),
    CueTable(
        _ends(_NEG, _POSS, _HIST, stop=Stop.AFTER_ITEM),
        ("{with|w /|for|on}", "{associated|along|together} with"),
    ),
)
