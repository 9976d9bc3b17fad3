"""Cues of uncertainty: what is considered, not established.

They include the wording that the Official Guidelines (sections II.H and IV.H) name as uncertain: "probable",
"suspected", "likely", "questionable", "possible", "still to be ruled out", "compatible with" and "consistent
with". What follows for the code depends on the setting and is not decided here.
"""

from __future__ import annotations

from bertillon_server.coding.assertion.cues import Chain, Cue, CueTable, Direction
from bertillon_server.coding.vocabulary import Assertion

_POSSIBLE = Assertion.POSSIBLE
_ADJECTIVE = Cue(_POSSIBLE, Direction.FORWARD, reach=4, chain=Chain.OR)
_VERB = Cue(_POSSIBLE, Direction.FORWARD, reach=6, chain=Chain.LIST)
_PREFIX = Cue(_POSSIBLE, Direction.FORWARD, reach=0)
_PREDICATE = Cue(_POSSIBLE, Direction.BACKWARD, reach=7, chain=Chain.OR)
_EITHER = Cue(_POSSIBLE, Direction.BOTH, reach=4, chain=Chain.OR)
_BETWEEN = Cue(_POSSIBLE, Direction.BOTH, reach=3, chain=Chain.LIST)
_SUFFIX = Cue(_POSSIBLE, Direction.BACKWARD, reach=0, closed=True)

TABLES: tuple[CueTable, ...] = (
    CueTable(
        Cue(None, Direction.NOWHERE),
        (
            (
                "{here|presents|presented|seen|came in|comes in|presenting|referred|admitted} {today|"
                "} for {further|} {evaluation|eval} {for|of}"
            ),
        ),
    ),
    CueTable(
        _SUFFIX,
        (
            "?",
            "? ?",
            "( ? )",
            "{more|most|less} likely",
            "{, |}{suspected|possible|probable|likely|questionable|presumed|rule out|r / o}",
        ),
    ),
    CueTable(
        _VERB,
        (
            "{r / o|rule out|rule - out|ruling out|to rule out|r / i|rule in}",
            (
                "{suspect|suspects|suspecting|suspicion|suspicions|suspicious|suspicious appearance} "
                "{for|of|that this is|that he has|that she has|this is|}"
            ),
            "{high|moderate|strong|some|clinical|raises|raising|raise|index of|} suspicion {for|of}",
            "{some|high|possible|there is|} concern {for|of|about|that this is|regarding possible}",
            "{concerning|concerned|worrisome|worried|suspicious} {for|about|of}",
            "{consistent|c / w|compatible|in keeping|keeping} with",
            "c / w",
            "consistent w /",
            "most {consistent|c / w|compatible} with",
            "{suggestive|suggests|suggest|suggesting|suggested} {of|that|a diagnosis of|}",
            (
                "{cannot|can not|can't|could not|couldn't|unable to|difficult to|does not|not able to|did not} "
                "{completely|entirely|definitively|fully|} {rule out|r / o|exclude|excluded}"
            ),
            "not {rule out|exclude}",
            (
                "{evaluate|evaluating|evaluation|eval|assess|work up|workup|work - up|w / u|investigate|"
                "working up|look|looking|being worked up|test|testing} for {possible|}"
            ),
            "{to|} evaluate for",
            (
                "{differential|differential diagnosis|ddx|dd x|dd} {includes|include|included|including|is|of|"
                "considerations include|would include|remains|:|-|} {:|}"
            ),
            "{considerations|possibilities|etiologies|consideration} {include|includes|including|are|of|:}",
            "considering",
            "consider",
            (
                "{question|questionable|question of|possibility of|possibility that this is|likelihood of|"
                "probability "
                "of}"
            ),
            (
                "{unclear|uncertain|unknown|unsure|not clear|not sure|not certain|question} {if|"
                "whether} {this is|he has|"
                "she has|it is|patient has|pt has|there is|}"
            ),
            (
                "{may|might|could|can} {have|represent|reflect|be|be due to|be related to|be secondary to|indicate|"
                "suggest|also represent|still have|also have|well be|well have|be from|be having} {developed|"
                "had|a|}"
            ),
            (
                "{thought|felt|believed|presumed|considered|suspected} to {be|have|represent|reflect} {due to|"
                "secondary "
                "to|related to|from|}"
            ),
            "{equivocal|indeterminate|borderline} {for|findings for}",
            (
                "{likely|probably|possibly|presumably|perhaps|potentially} {represents|representing|represent|"
                "reflects|reflecting|reflective of|due to|secondary to|related to|from|because of|consistent with|"
                "caused by|a|an|has|have}"
            ),
            "impression of possible",
            "raises {the possibility|possibility|question} of",
            "{tentative|working|provisional|preliminary} {diagnosis|dx} {of|is|:|}",
            "query",
        ),
    ),
    CueTable(
        _ADJECTIVE,
        (
            (
                "{possible|possibly|probable|probably|likely|suspected|presumed|presumptive|presumably|potential|"
                "questionable|apparent|perhaps|maybe|conceivable|putative|equivocal|poss|prob|susp}"
            ),
            "{most|more|very|highly} {likely|probable|probably|possible}",
            "{likely|probable|possible} {a|an|early|recurrent|acute|underlying}",
        ),
    ),
    CueTable(_PREFIX, ("?", "? ?", "( ? )", "+ / -")),
    CueTable(_EITHER, ("not {entirely|completely|} ruled out", "{less|somewhat less|much less} likely")),
    CueTable(_BETWEEN, ("{vs|versus} {.|}",)),
    CueTable(
        _PREDICATE,
        (
            (
                "{is|are|was|were|remains|remain|seems|appears} {also|still|strongly|clinically|highly|} "
                "{suspected|possible|probable|likely|most likely|more likely|less likely|questioned|considered|"
                "a possibility|a consideration|a concern|in the differential|on the differential|questionable|"
                "uncertain|to be ruled out|still to be ruled out|presumed|being considered|being ruled out|"
                "under consideration|under investigation|not ruled out|not excluded}"
            ),
            "{is|are|was|were} not {entirely|completely|definitively|} {ruled out|excluded}",
            "{has|have} not been {entirely|completely|definitively|} {ruled out|excluded}",
            "not {entirely|completely|} excluded",
            "{cannot|can not|can't|could not} be {completely|entirely|definitively|} {ruled out|excluded}",
            "{still|yet|} to be {ruled out|excluded}",
            "{needs|need} to be {ruled out|excluded}",
            "{in|on} {the|my|our} {differential|ddx}",
            "{suspected|possible|probable|likely|questionable} {, | }{work - up|work up|workup|rule out|r / o}",
            "( {suspected|possible|probable|likely|presumed|questionable|rule out|r / o} )",
        ),
    ),
)
