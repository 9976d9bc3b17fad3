"""Words of notes that say what titles of ICD-10-PCS say in words of their own: devices, qualifiers, numbers.

Written for this project, after the device key (appendix D) and the guidelines B3.4a (diagnostic), B3.6b (coronary
arteries by number) and B6 (devices).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from bertillon_server.coding.words import canonical

_TABLE = """
biopsy = diagnostic
biopsie = diagnostic
bx = diagnostic
diagnostic = diagnostic
mesh = synthetic substitute
graft = tissue substitute
allograft = nonautologous tissue substitute
cadaver = nonautologous tissue substitute allogeneic
cadaveric = nonautologous tissue substitute allogeneic
donor = nonautologous allogeneic
autograft = autologous tissue substitute
hamstring = autologous tissue substitute
bovine = zooplastic tissue
porcine = zooplastic tissue
bioprosthetic = zooplastic tissue
bioprosthesis = zooplastic tissue
mechanical = synthetic substitute
plate = internal fixation device
screw = internal fixation device
hardware = internal fixation device
orif = internal fixation device
pin = internal fixation device
pinning = internal fixation device
intramedullary = intramedullary internal fixation device
nail = intramedullary internal fixation device
nailing = intramedullary internal fixation device
fixator = external fixation device
stent = intraluminal device
des = drug eluting intraluminal device one
drain = drainage device
pigtail = drainage device
tube = drainage device
catheter = drainage infusion device
cage = interbody fusion device
interbody = interbody fusion device
tlif = interbody fusion device posterior column anterior
acdf = interbody fusion device anterior column
alif = interbody fusion device anterior column
plif = interbody fusion device posterior anterior column
polyethylene = polyethylene
lima = left internal mammary
rima = right internal mammary
svg = autologous venous tissue aorta
saphenou = autologous venous tissue aorta
low transverse = low
ltc = low
classical = high
triple = three
double = two
quadruple = four
x1 = one
x2 = two
x3 = three
x4 = four
single = single one
dual = dual
tunneled = tunneled
contrast = contrast low osmolar
cutaneous = cutaneous
allogeneic = allogeneic
"""


def _read() -> Mapping[str, tuple[tuple[frozenset[str], frozenset[str]], ...]]:
    found: dict[str, list[tuple[frozenset[str], frozenset[str]]]] = {}
    for line in _TABLE.strip().splitlines():
        said, _, meant = line.partition(" = ")
        words = [canonical(word) for word in said.split()]
        entry = (frozenset(words), frozenset(canonical(word) for word in meant.split()))
        found.setdefault(words[0], []).append(entry)
    return MappingProxyType({word: tuple(entries) for word, entries in found.items()})


_MEANT: Final = _read()


def as_titles_say(words: Iterable[str]) -> frozenset[str]:
    """Return words of a text with those that titles have for them."""
    said = frozenset(words)
    found = set(said)
    for word in said:
        for needed, meant in _MEANT.get(word, ()):
            if needed <= said:
                found |= meant
    return frozenset(found)
