"""Cues of what might come: conditions of advice, risks, screening, prevention, side effects."""

from __future__ import annotations

from bertillon_server.coding.assertion.cues import Chain, Cue, CueTable, Direction
from bertillon_server.coding.vocabulary import Assertion

_HYPOTHETICAL = Assertion.HYPOTHETICAL
# Advice lists many symptoms with long modifiers ("new onset of ...", "weight gain greater than ...").
_ADVICE = Cue(_HYPOTHETICAL, Direction.FORWARD, reach=14, chain=Chain.LIST)
_PURPOSE = Cue(_HYPOTHETICAL, Direction.FORWARD, reach=6, chain=Chain.LIST)
_NEAR = Cue(_HYPOTHETICAL, Direction.FORWARD, reach=3, chain=Chain.AND)
_COMPOUND = Cue(_HYPOTHETICAL, Direction.BACKWARD, reach=0, chain=Chain.AND)
_PREDICATE = Cue(_HYPOTHETICAL, Direction.BACKWARD, reach=3, chain=Chain.LIST)
_PSEUDO = Cue(None, Direction.NOWHERE)

_SUBJECT = "{he|she|they|you|the patient|patient|pt|it|there|symptoms|any|}"

TABLES: tuple[CueTable, ...] = (
    CueTable(
        _PSEUDO,
        (
            "as if",
            "even if",
            "if {needed|necessary|able|possible|tolerated|indicated|desired|any|so|applicable|available}",
            "fall risk",
            "high risk {patient|for surgery|medication}",
            "call {back|in} {for|with} results",
            "follow - up for",
        ),
    ),
    CueTable(
        _ADVICE,
        (
            "if "
            + _SUBJECT
            + " {develops|develop|has|have|experiences|experience|notices|notice|gets|is having|"
            "are|is|any|occurs|}",
            (
                "{return|come back|present|go|follow up|call|contact|notify|seek care|seek medical attention|"
                "rtc|rtn|"
                "return to ed|return to er|return to clinic|return to the emergency department|call us|call back|"
                "call clinic|call the office|call office|call our office|call the clinic|call doctor|call md|"
                "call your doctor|call 911} "
                "{immediately|sooner|promptly|also|} {for|if|with|should}"
            ),
            "{return|er|ed} precautions {for|including|given for|discussed including|:}",
            "should " + _SUBJECT + " {develop|experience|have|notice|get|begin to have}",
            (
                "{monitor|watch|observe|monitoring|watching|look out|observed|monitored|watch out|"
                "surveillance|on the "
                "lookout|vigilant|alert|follow} {closely|carefully|her|him|patient|} for {any|}"
            ),
            "in case of {any|}",
            "in the event of {any|}",
            "{any|} of the following {are|is|occur|occurs|noted|are noted|develop|symptoms|} {:|}",
            "unless {he|she|they|you|the patient|patient|pt|there is|}",
            "whenever",
            "in case {he|she|you|they|of|}",
            (
                "{educated|education|instructed|taught|counseled|counselled|advised|warned|cautioned|discussed|"
                "reviewed} {on|about|regarding|} {the|} {signs|symptoms|signs and symptoms|s / s|risk|risks|"
                "side effects|"
                "possibility|potential} {of|for|}"
            ),
            "{educated|education|educate} {on|about|regarding}",
            "{warned|cautioned} {about|of|regarding}",
            (
                "{side effects|adverse effects|complications|risks|potential complications|possible complications|"
                "potential side effects|possible side effects|adverse reactions|risks and benefits} {include|"
                "includes|"
                "included|including|such as|of|to include|:|which include|were discussed including|}"
            ),
            "{red flags|warning signs|red flag symptoms} {such as|including|include|of|for|:|}",
        ),
    ),
    CueTable(
        _PURPOSE,
        (
            "{risk|risks|danger|chance|likelihood of developing|risk factor|risk factors} {of|for}",
            "{screen|screening|screened|screens} {for|of}",
            "{prevent|prevents|preventing|avoid|avoiding|preclude} {any|further|}",
            "{prevention|avoidance} of {any|further|}",
            "{prophylaxis|prophylactic|ppx|prophylactically|chemoprophylaxis} {for|against|of|to prevent}",
            (
                "{protect|protection|protects|vaccine|vaccination|immunization|immunized|vaccinated|"
                "immunize} {against|"
                "for}"
            ),
            "{prn|as needed|as necessary|p . r . n .} {for|if|} {any|}",
            (
                "{may|can|could|might|will|would} {also|potentially|} {cause|lead to|result in|develop|precipitate|"
                "worsen|trigger|progress to|predispose to}"
            ),
            "susceptible to",
            "{predisposed|predisposes|predisposition} {to|for}",
            "{precautions|preparation} {for|against}",
            "{fear|fears|afraid|anxious about|worry} of {having|developing|}",
        ),
    ),
    CueTable(
        _COMPOUND,
        (
            (
                "{- |}{prophylaxis|ppx|precautions|precaution|screening|screen|vaccine|vaccination|vaccinations|"
                "vaccines|immunization|shot|prevention|risk|risks|risk assessment|risk factors|risk score|"
                "risk reduction|booster|jab|px}"
            ),
        ),
    ),
    CueTable(
        _PREDICATE,
        (
            "{occurs|occur|develops|develop|recurs|recur|arises|arise} , {call|return|go|seek|stop|contact}",
            "{were|was|are|is} discussed as {possible|potential} {complications|risks|side effects}",
        ),
    ),
    CueTable(_NEAR, ("{anti - |}{preventive|preventative} {therapy|treatment|measures} for",)),
)
