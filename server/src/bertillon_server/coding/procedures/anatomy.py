"""Everyday names of body parts in the words of ICD-10-PCS.

Source: the body part key (appendix C of ICD-10-PCS), which says in which body part a named structure is coded, and
guideline B4; a selection in words of our own. An index that is imported beside the codes adds its own entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from bertillon_server.coding.words import canonical

# What an everyday name counts for against the official one.
EVERYDAY: Final = 0.9

_TABLE = """
colon = large intestine
bowel = large small intestine
small bowel = small intestine
hemicolon = large intestine
forearm = lower arm
upper arm = humerus
thigh = upper leg
calf = lower leg
shin = lower leg
neck femur = upper femur
femoral neck = upper femur
hip = upper femur hip joint
intertrochanteric = upper femur
subtrochanteric = upper femur
trochanteric = upper femur
proximal femur = upper femur
distal femur = lower femur
femoral shaft = femoral shaft
supracondylar femur = lower femur
distal radius = radius
wrist fracture = radius
colles = radius
proximal humerus = humeral head
surgical neck humerus = humeral head
olecranon = ulna
malleolus = tibia fibula
malleolar = tibia fibula
bimalleolar = tibia fibula
trimalleolar = tibia fibula
ankle fracture = tibia fibula
ankle = ankle joint
tibial plateau = tibia
tibial shaft = tibia
pilon = tibia
knee = knee joint
shoulder = shoulder joint
elbow = elbow joint
wrist = wrist joint
rotator cuff = shoulder tendon
supraspinatus = shoulder tendon
biceps tendon = upper arm tendon
achilles = lower leg tendon
quadriceps tendon = upper leg tendon
patellar tendon = knee tendon
acl = knee bursa ligament
anterior cruciate = knee bursa ligament
meniscus = knee joint
meniscal = knee joint
labrum = shoulder joint
carpal tunnel = median nerve
cubital tunnel = ulnar nerve
womb = uterus
cervical os = cervix
endocervical = cervix
endometrium = endometrium
endometrial = endometrium
adnexa = ovary fallopian tube
testicle = testis
foreskin = prepuce
bile duct = common bile duct
cbd = common bile duct
papilla = ampulla vater
antrum = stomach pylorus
gastric antrum = stomach pylorus
gastroesophageal junction = esophagogastric junction
ge junction = esophagogastric junction
terminal ileum = ileum
hepatic flexure = ascending colon
splenic flexure = transverse colon
sigmoid = sigmoid colon
rectosigmoid = sigmoid colon
lung = lung
lingula = lung lingula
upper lobe = upper lung lobe
lower lobe = lower lung lobe
middle lobe = middle lung lobe
airway = tracheobronchial tree
trachea bronchus = tracheobronchial tree
pleural = pleural cavity
pleural effusion = pleural cavity
hemothorax = pleural cavity
empyema = pleural cavity
pneumothorax = pleural cavity
chest tube = pleural cavity
ascites = peritoneal cavity
abdominal cavity = peritoneal cavity
abdomen = abdomen peritoneal cavity
intra abdominal = peritoneal cavity
pericardial = pericardial cavity
pericardial effusion = pericardial cavity
belly = abdomen
heart = heart
lad = coronary artery one
rca = coronary artery one
circumflex = coronary artery one
coronary = coronary artery one
carotid = common carotid artery
internal carotid = internal carotid artery
sfa = femoral artery
iliac = common iliac artery
ivc = inferior vena cava
saphenous = saphenous vein
subdural = subdural space
epidural = epidural space
subdural hematoma = subdural space
brain = brain
skull = skull
spinal canal = spinal canal
thecal = spinal canal
spinal fluid = spinal canal
csf = spinal canal
lumbar disc = lumbar vertebral disc
cervical disc = cervical vertebral disc
l4 l5 = lumbar vertebral joint
l3 l4 = lumbar vertebral joint
l5 s1 = lumbosacral joint
eardrum = tympanic membrane
middle ear = middle ear
ear = external ear
tonsil = tonsils
voice box = larynx
vocal cord = vocal cord
lens = lens
cataract = lens
retina = retina
eyeball = eye
gum = gingiva
tooth = tooth
teeth = tooth
jaw = mandible
cheek = face skin
facial = face
nasolacrimal = lacrimal duct
c2 = cervical
c3 = cervical
c4 = cervical
c5 = cervical
c6 = cervical
c7 = cervical
t1 = thoracic
t2 = thoracic
t3 = thoracic
t4 = thoracic
t5 = thoracic
t6 = thoracic
t7 = thoracic
t8 = thoracic
t9 = thoracic
t10 = thoracic
t11 = thoracic
t12 = thoracic
l1 = lumbar
l2 = lumbar
l3 = lumbar
l4 = lumbar
l5 = lumbar
nose = nasal
lymph node = lymphatic
node = lymphatic
axillary = axillary lymphatic
axilla = axilla
sentinel = lymphatic
inguinal node = inguinal lymphatic
cervical node = neck lymphatic
neck node = neck lymphatic
mediastinal node = thorax lymphatic
bone marrow = bone marrow
iliac crest = iliac bone marrow
abscess = subcutaneous tissue fascia
hematoma = subcutaneous tissue fascia
sebaceous = skin
epidermoid = skin
epidermal = skin
inclusion cyst = skin
basal cell = skin
frontal lobe = cerebral hemisphere
temporal lobe = cerebral hemisphere
parietal lobe = cerebral hemisphere
occipital lobe = cerebral hemisphere
abdominopelvic = abdomen pelvis
thoracoabdominal = chest abdomen
head = brain
lipoma = subcutaneous tissue fascia
laceration = skin
wound = skin
skin lesion = skin
mole = skin
nevus = skin
melanoma = skin
keratosis = skin
decubitus = skin subcutaneous tissue fascia
buttock = buttock
flank = lower back
scalp = scalp
finger = finger
thumb = thumb
great toe = 1st toe
big toe = 1st toe
toe = toe
groin = inguinal region
inguinal = inguinal region
umbilical = abdominal wall
ventral = abdominal wall
incisional = abdominal wall
hernia = inguinal region abdominal wall
diaphragm = diaphragm
hiatal = diaphragm
"""


def read_names(
    pairs: Iterable[tuple[str, str]],
) -> Mapping[str, tuple[tuple[frozenset[str], frozenset[str]], ...]]:
    """Return names by their first word: the words that make a name, and those of the body part it stands for."""
    found: dict[str, list[tuple[frozenset[str], frozenset[str]]]] = {}
    for name, meant in pairs:
        words = [form for word in name.split() if (form := canonical(word))]
        if words:
            entry = (frozenset(words), frozenset(canonical(word) for word in meant.split()))
            found.setdefault(words[0], []).append(entry)
    return MappingProxyType({word: tuple(entries) for word, entries in found.items()})


NAMES: Final = read_names(
    (left.strip(), right.strip())
    for left, _, right in (line.partition("=") for line in _TABLE.strip().splitlines())
)


def with_official_names(
    words: Mapping[str, float],
    *tables: Mapping[str, tuple[tuple[frozenset[str], frozenset[str]], ...]],
) -> dict[str, float]:
    """Return words with their weights, and with those that their everyday names stand for."""
    found = dict(words)
    for table in (NAMES, *tables):
        for word in words:
            for name, meant in table.get(word, ()):
                if name <= words.keys():
                    for official in meant:
                        found.setdefault(official, EVERYDAY)
    return found
