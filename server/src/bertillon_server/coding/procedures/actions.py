"""Words that say what is done, and the root operations that they mean.

Source: ICD-10-PCS Official Guidelines B3.1 to B3.16 and the definitions of appendix A. It is the coder who turns a
clinician's word into a root operation (A11): a "resection" of a lesion is an excision, an "-ectomy" of a whole
organ a resection (B3.8), a biopsy an excision with the qualifier diagnostic (B3.4a). Written for this project.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Action:
    """Root operations (third characters), best first, and words that are as good as said."""

    operations: str
    implied: frozenset[str] = frozenset()


def _table(text: str) -> Mapping[str, Action]:
    found = {}
    for line in text.strip().splitlines():
        operations, words, *implied = (field.strip() for field in line.split("|"))
        action = Action(operations, frozenset(implied[0].split()) if implied else frozenset())
        for word in words.split():
            found[word] = action
    return MappingProxyType(found)


# Operations | words in canonical form | what they imply.
ACTIONS: Final = _table("""
B | excision excised excise exeresis polypectomy snare shave enucleation lumpectomy exerese
B | biopsy biopsied bx biopsie | diagnostic
TB | resection resected resect removal removed remove ectomy exenteration extirpation
9 | drainage drained drain aspiration aspirated evacuation evacuated tap paracentesis thoracentesis
D | extraction extracted avulsion curettage stripping
Q | repair repaired suture sutured suturing closure rrhaphy herniorrhaphy hernioplasty reconstruction laceration
N | release released decompression lysis adhesiolysis neurolysis lysed arthrolysis
5 | ablation ablated fulguration fulgurated cauterization cauterized cautery cryotherapy cryoablation
5 | electrocoagulation photocoagulation coagulation vaporization sclerotherapy destruction
7 | dilation dilatation dilated angioplasty ballooning probing
L | ligation ligated clipping occlusion embolization embolisation embolized
S | reduction fixation reposition repositioning orif osteosynthesis pinning nailing realignment pexy
6 | amputation amputated disarticulation
1 | bypass shunt anastomosis derivation
Y | transplant transplantation
H | insertion inserted placement placed implantation implanted implant
R | replacement replaced arthroplasty prosthesis keratoplasty
2 | exchange exchanged
W | revision revised
X | transfer transposition flap
M | reattachment replantation
G | fusion arthrodesis desis fused spondylodesis
J | exploration exploratory explored
8 | division transection osteotomy
C | thrombectomy embolectomy thromboendarterectomy endarterectomy lithotomy litholapaxy
F | lithotripsy
K | mapping
U | augmentation
""")

# Objects that are a part of a body part: what takes them out is an excision (B3.8).
LESIONS: Final = frozenset(
    "lesion mass neoplasm polyp cyst nodule metastasis adenoma papilloma wart lipoma fibroma fragment portion margin"
    " tissue specimen tumor carcinoma melanoma nevus keratosis hemangioma meningioma glioma schwannoma".split()
)
# Objects that lie in a body part and are no part of it: what takes them out is an extirpation.
MATTER: Final = frozenset(
    "calculus clot thrombosis foreign embolism plaque bolus hematoma debris cerumen fecaloma".split()
)
# Devices, which are removed.
DEVICES: Final = frozenset(
    "hardware stent catheter pacemaker generator tube drain implant screw plate pin wire rod nail lead port prosthesi"
    " iud device defibrillator shunt filter pump electrode fixator expander".split()
)
# What makes an operation on an organ one on a portion of it.
PARTIAL: Final = frozenset(
    "partial subtotal wedge segmental portion limited atypical nonanatomic transurethral tur"
    " metastasectomy tumorectomy marginal local".split()
)
# What makes it one on the whole.
WHOLE: Final = frozenset("total radical complete entire completion".split())

# Beginnings of Greek and Latin compounds, longest first choice: what they name, in words of body parts.
STEMS: Final = MappingProxyType(
    {
        stem.strip(): frozenset(words.split())
        for stem, _, words in (
            pair.partition("=")
            for pair in """
            append=appendix;cholecyst=gallbladder;gastr=stomach;esophag=esophagus;oesophag=esophagus
            duoden=duodenum;jejun=jejunum;ile=ileum;col=large intestine;hemicol=large intestine
            sigmoid=sigmoid colon;proct=rectum;rect=rectum;hepat=liver;pancreat=pancreas;splen=spleen
            nephr=kidney;ureter=ureter;cyst=bladder;urethr=urethra;prostat=prostate;orchi=testis;orchid=testis
            epididym=epididymis;vas=vas deferens;hyster=uterus;salping=fallopian tube;oophor=ovary;ovari=ovary
            vulv=vulva;vagin=vagina;colp=vagina;trachel=cervix;mast=breast;thyroid=thyroid gland
            hemithyroid=thyroid gland lobe;parathyroid=parathyroid gland;adrenal=adrenal gland;thym=thymus
            parotid=parotid gland;sialoaden=submaxillary gland;tonsill=tonsil;adenoid=adenoid;gloss=tongue
            laryng=larynx;pharyng=pharynx;trache=trachea;bronch=bronchus;pneumon=lung;lob=lung lobe
            pleur=pleura;pericardi=pericardium;valv=valve;aort=aorta;phleb=vein;safen=saphenous vein
            saphen=saphenous vein;lymphaden=lymphatic;crani=skull;lamin=vertebra;disc=vertebra disc;disk=vertebra disc
            microdisc=vertebra disc;vertebr=vertebra;rachi=vertebra;cost=rib;patell=patella;menisc=knee joint
            synov=joint;burs=bursa ligament;ten=tendon;tenon=tendon;fasci=subcutaneous tissue fascia
            myo=muscle;blephar=eyelid;dacryocyst=lacrimal duct;kerat=cornea;vitr=vitreous;irid=iris
            trabecul=chamber;phac=lens;stapes=auditory ossicle;tympan=tympanic membrane;myring=tympanic membrane
            mastoid=mastoid sinus;sept=nasal septum;turbin=turbinate;ethmoid=ethmoid sinus;rhin=nasal
            ot=external ear;omphal=abdominal wall;oment=omentum;hemorrhoid=hemorrhoidal plexus
            circumcis=prepuce;pen=penis;scrot=scrotum;maxill=maxilla;mandibul=mandible;metatars=metatarsal
            enter=small intestine;pyel=kidney pelvis;cec=cecum;fistul=subcutaneous;omentum=omentum
            hypophys=pituitary gland;pituitar=pituitary gland;sympath=sympathetic nerve;vag=vagus nerve
            """.replace("\n", ";").split(";")
            if pair.strip()
        )
    }
)

# Endings of compounds, longest first: what they do.
ENDINGS: Final = MappingProxyType(
    {
        "ectomy": Action("TB"),
        "ectomie": Action("TB"),
        "otomy": Action("98"),
        "orrhaphy": Action("Q"),
        "rrhaphy": Action("Q"),
        "oplasty": Action("QU"),
        "plasty": Action("QU"),
        "opexy": Action("S"),
        "pexy": Action("S"),
        "olysis": Action("N"),
        "lysis": Action("N"),
        "oscopy": Action("J"),
        "scopy": Action("J"),
        "ocentesis": Action("9"),
        "centesis": Action("9"),
        "odesis": Action("G"),
        "odese": Action("G"),
        "ostomy": Action("19"),
    }
)


def compound(form: str) -> tuple[frozenset[str], Action] | None:
    """Return what a compound such as "cholecystectomy" works on and does, None where it is no such word."""
    for ending, action in ENDINGS.items():
        if form.endswith(ending):
            stem = form[: -len(ending)]
            for cut in (stem, stem.rstrip("o"), stem.rstrip("i")):
                if cut in STEMS:
                    return STEMS[cut], action
            return None
    return None
