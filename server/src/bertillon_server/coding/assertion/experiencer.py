"""Cues of who has it: a blood relative, or somebody else altogether; and people who only tell or accompany."""

from __future__ import annotations

from bertillon_server.coding.assertion.cues import Chain, Cue, CueTable, Direction
from bertillon_server.coding.vocabulary import Assertion

_KIN = Cue(Assertion.FAMILY, Direction.FORWARD, reach=10, chain=Chain.LIST)
_KIN_AFTER = Cue(Assertion.FAMILY, Direction.BACKWARD, reach=5, chain=Chain.AND)
_KIN_BETWEEN = Cue(Assertion.FAMILY, Direction.BOTH, reach=5, chain=Chain.LIST)
_OTHER = Cue(Assertion.OTHER_PERSON, Direction.FORWARD, reach=10, chain=Chain.LIST)
_OTHER_AFTER = Cue(Assertion.OTHER_PERSON, Direction.BACKWARD, reach=3, chain=Chain.AND)
_PSEUDO = Cue(None, Direction.NOWHERE)

_PERSON = "{@kin|@other|family|guardian}"
_WHOSE = "{his|the|the patient ' s|patient ' s|both|}"
_TELLS = (
    "{reports|report|reported|states|state|stated|says|said|notes|note|noted|notices|noticed|brought|brings|thinks|"
    "believes|feels|felt|concerned|worried|called|calls|calling|gave|gives|describes|described|observed|found|saw|"
    "witnessed|recalls|endorses|mentions|confirms|confirmed|requests|requested|asks|asked|agrees|wants|"
    "provides|provided|helps|assists|present|"
    "at bedside|in room|at the bedside|complains|complained|tells|told|admits|heard|took|checked|picked|drove|here|"
    "is here|is present|is concerned|is worried|are concerned|is at bedside|is historian|is the historian}"
)

TABLES: tuple[CueTable, ...] = (
    CueTable(
        _PSEUDO,
        (
            "{-|:|} " + _PERSON + " {also|has|then|, who|who|} " + _TELLS + " {that|of|}",
            _PERSON + " ' s {concern|concerns|report|request|arms|lap|milk|house|home}",
            "{per|by|with|from|to|according to|via|w /} " + _WHOSE + " {@kin|@other|family} "
            "{and @kin|or @kin|and @other|}",
            "{primary|his|her|a|the} caregiver {for|of}",
            "{married|engaged|mother|father|parent} {to|of} {#|two|three|four|a|an|one}",
            "{contact|contacts} {number|information|precautions|isolation|dermatitis|lens|lenses}",
            "mother of {#|two|three|four}",
        ),
    ),
    CueTable(
        _KIN,
        (
            (
                "{family history|fhx|fam hx|fmhx|family hx|familial history|family medical history} {is|was|} "
                "{positive|significant|notable|remarkable|strong|} {for|of|includes|include|including|:|-|+ for|+|}"
            ),
            "{strong|positive|significant|known|a|+} {family history|fhx|fh|family hx} {of|for}",
            "family :",
            "{fh|f / h} {is|was|} {positive for|significant for|notable for|of|for|:|+ for|+|-}",
            (
                "{@kin|@kin and @kin|@kin or @kin} {:|-|(|with|w /|has|had|have|died of|died from|died|"
                "deceased|both|"
                "both with|both have|was diagnosed with|were diagnosed with|diagnosed with|recently diagnosed with|"
                "also has|also had|also with|'|s / p|also|is|was|were|are|suffers from|suffered from|suffered|}"
            ),
            (
                "{maternal|paternal|half|biological|identical|older|younger|oldest|youngest|elder} {-|"
                "} @kin {with|has|"
                "had|:|-|died of|}"
            ),
            "family {members|member} {with|have|has|had|}",
        ),
    ),
    CueTable(
        _KIN_AFTER,
        (
            "{in|on|for|affecting} " + _WHOSE + " {maternal|paternal|older|younger|biological|} {@kin|"
            "@kin and @kin|family|family members}",
            "{runs|run|running} in {the|his|her|their|} family",
            (
                "in {a|an|his|her|the|several|multiple|two|one} {maternal|paternal|first degree|first - degree|"
                "second degree|} {@kin|family members|relatives}"
            ),
            "{(|,|, in|in} {maternal|paternal} @kin",
            "( {his|her|} @kin {and|, |/ |} {@kin|} {)|}",
            "on {the|his|her|} {maternal|paternal|@kin ' s} side",
        ),
    ),
    # "Diabetes: mother" and "Family: mother diabetes".
    CueTable(
        _KIN_BETWEEN,
        (
            (
                "{-|:} {his|her|maternal|paternal|} {@kin|@kin and @kin|@kin , @kin|@kin / @kin} "
                "{with|w /|has|had|have|died of|died from|}"
            ),
        ),
    ),
    CueTable(
        _OTHER,
        (
            (
                "{@other|baby ' s father} {:|-|with|has|had|have|who has|who had|was|is|were|are|also|"
                "also has|tested|tested positive for|recently|recently had|recently diagnosed with|"
                "was diagnosed with|"
                "diagnosed with|is sick with|sick with|died of|died from|}"
            ),
            "{exposure|exposures|exposed} {to|from}",
            (
                "{sick|close|household|known|recent|possible|direct|} {contact|contacts} {with|w /|:|-|"
                "who has|who had|"
                "had|have|has}"
            ),
            "{sick|ill} {contacts|contact}",
            "{was|been|} around {people|someone|somebody|others} with",
            (
                "{someone|somebody|a person|people|another patient|other patients|other residents|other children|"
                "a child|kids} {with|has|had|who has|who had|have}"
            ),
        ),
    ),
    CueTable(
        _OTHER_AFTER,
        (
            "in " + _WHOSE + " {@other|household}",
            "{exposure|contact|contacts}",
        ),
    ),
)
