"""Detectors of vehicles: their identification numbers and number plates (``pii.vehicle``)."""

from __future__ import annotations

import re

from engine.content import codes
from engine.content.detectors import Entity, Pattern, alone
from engine.content.naming import BEGIN, CAPITALS, NAMED

_apart = alone()
_dashed = alone(b"-")

CAPITAL = r"[A-Z\x{c4}\x{d6}\x{dc}]"
LETTERS_AND_DIGITS = r"[A-Z]{2}[ \-]?[0-9]{1,2}[ \-]?[A-Z]"
"""Occurs in British and Indian plates."""
VIN_SHAPE = r"[A-HJ-NPR-Z0-9]{13}[0-9]{4}"
VIN_NAMES = (
    r"vin|vehicle id(?:entification)?|ch(?:â|a)ssis|fahrgestell|fahrzeug-?ident\w{0,10}|telaio"
    r"|bastidor"
)
VIN_WORDS = (
    "vin", "vehicle id", "chassis", "châssis", "fahrgestell", "fahrzeug", "telaio", "bastidor",
)  # fmt: skip

UK_REGION = "[A-HK-PRSV-Y]"
"""First letter of a British plate since 2001 (DVLA, INF104)."""
UK_AGE = "(?:0[2-9]|[12][0-9]|5[1-9]|[67][0-9])"
UK_LETTER = "[A-HJ-PR-Z]"
UK_MARK = rf"{UK_REGION}[A-HJ-PR-Y]{UK_AGE}"

IN_STATES = (
    "AN|AP|AR|AS|BR|CG|CH|DD|DL|DN|GA|GJ|HP|HR|JH|JK|KA|KL|LA|LD|MH|ML|MN|MP|MZ|NL|OD|OR|PB|PY|RJ"
    "|SK|TN|TR|TS|TG|UA|UK|UP|WB"
)
"""States of India, by the first letters of plates (Central Motor Vehicles Rules, Form 20)."""

_districts = """
A AA AB ABG ABI AC AE AH AIB AIC AK ALF ALZ AM AN ANA ANG ANK AÖ AP APD ARN ART AS ASL ASZ AT AU
AUR AW AZ AZE B BA BAD BAR BB BBG BBL BC BCH BD BE BED BER BF BGD BGL BH BI BID BIN BIR BIT BIW
BK BKS BL BLB BLK BM BN BNA BO BÖ BOG BOH BOR BOT BRA BRB BRG BRK BRL BRV BS BSB BSK BT BTF BÜD
BÜR BÜS BÜZ BW BWL BYL BZ BZA C CA CAS CB CE CHA CLP CLZ CO COC COE CR CUX CW D DA DAH DAN DAU
DB DBR DD DE DEG DEL DGF DH DI DIL DIN DIZ DKB DL DLG DM DN DO DON DU DUD DÜW DW DZ E EA EB EBE
EBN EBS ECK ED EE EF EG EH EI EIC EIH EIL EIN EIS EL EM EMD EMS EN ER ERB ERH ERK ERZ ES ESB ESW
EU EUT EW F FB FD FDB FDS FEU FF FFB FG FH FI FKB FL FLÖ FN FO FOR FR FRG FRI FRW FS FT FTL FÜ
FÜS FW FZ G GA GAN GAP GC GD GDB GE GEL GEM GEO GER GF GG GHA GHC GI GK GL GLA GM GMN GN GNT GÖ
GOA GOH GP GR GRA GRH GRI GRM GRS GRZ GS GT GTH GÜ GUB GUN GV GVM GW GZ H HA HAB HAL HAM HAS HB
HBN HBS HC HCH HD HDH HDL HE HEB HEF HEI HEL HER HET HF HG HGN HGW HH HHM HI HIG HIP HK HL HM
HMÜ HN HO HOG HOH HOL HOM HOR HÖS HOT HP HR HRO HS HSK HST HU HV HVL HWI HX HY HZ IGB IK IL ILL
IN IS IZ J JE JEV JL JÜL K KA KB KC KE KEH KEL KEM KF KG KH KI KIB KK KL KLE KLZ KM KN KO KÖN
KÖT KÖZ KR KRU KS KT KU KÜN KUS KW KY KYF L LA LAN LAU LB LBS LBZ LC LD LDK LDS LEO LER LEV LF
LG LH LI LIB LIF LIN LIP LL LM LN LÖ LÖB LOS LP LR LRO LSA LSN LSZ LU LÜN LUP LWL M MA MAB MAI
MAK MAL MAR MB MC MD ME MED MEG MEI MEK MEL MER MET MG MGH MGN MH MHL MI MIL MK MKK ML MM MN MO
MOD MOL MON MOS MQ MR MS MSE MSH MSP MST MTK MTL MÜ MÜB MÜL MÜN MÜR MVL MW MY MYK MZ MZG N NAB
NAI NAU NB ND NDH NE NEA NEB NEC NEN NES NEW NF NH NI NK NL NM NMB NMS NÖ NOH NOL NOM NOR NP NR
NRÜ NRW NT NU NVP NW NWM NY NZ OA OAL OB OBB OBG OC OCH OD OE OF OG OH OHA ÖHR OHV OHZ OK OL OP
OPR OS OSL OTW OVI OVL OVP OZ P PA PAF PAN PAR PB PCH PE PEG PER PF PI PIR PL PLÖ PM PN PR PRÜ
PS PW PZ QFT QLB R RA RC RD RDG RE REG REH REI RG RH RI RID RIE RL RM RN RO ROD ROF ROH ROK ROL
ROS ROT ROW RPL RS RSL RT RU RÜD RÜG RV RW RZ S SAB SAD SAL SÄK SAN SAW SB SBG SBK SC SCZ SDH
SDL SDT SE SEB SEE SEF SEL SFB SFT SG SGH SH SHA SHG SHK SHL SI SIG SIM SK SL SLE SLF SLG SLK
SLN SLS SLÜ SLZ SM SMÜ SN SNH SO SOB SOG SOK SÖM SON SP SPB SPN SR SRB SRO ST STA STB STD STE
STH STL STO SU SUL SÜW SW SWA SY SZ SZB TBB TDO TE TET TF TG THL THW TIR TO TÖL TP TR TS TT TÜ
TUT ÜB UE UEM UER UFF UH UL UM UN USI V VAI VB VEC VER VG VIB VIE VIT VK VOH VR VS W WA WAF WAK
WAN WAR WAT WB WBS WDA WE WEL WEN WER WES WF WG WHV WI WIL WIS WIT WIZ WK WL WLG WM WMS WN WND
WO WOB WOH WOL WOR WOS WR WRN WS WSF WST WSW WT WTL WTM WÜ WUG WÜM WUN WUR WW WZ WZL X Y Z ZE
ZEL ZI ZIG ZP ZR ZW ZZ
"""
DE_DISTRICTS = frozenset(_districts.split())
"""Districts by the first letters of German plates (FZV, Anlage 1)."""
NO_PLATES = frozenset({
    ("DIN", "EN"), ("HP", "UX"), ("OS", "X"), ("MS", "IE"), ("HD", "TV"), ("PC", "XT"),
    ("PC", "AT"), ("GT", "I"), ("GT", "R"), ("GT", "S"),
})  # fmt: skip
"""What looks like a plate, and is a standard or a product."""

PLATE_NAMES = (
    r"(?:licen[cs]e|number|registration|vehicle|car|reg)[ _\-]?plates?"
    r"|(?:vehicle|car)[ _]reg(?:istration)?(?:[ _]mark)?|kennzeichen|immatriculation|targa"
    r"|matrícula|kenteken|numer rejestracyjny|registreringsnummer"
)
PLATE_WORDS = (
    "plate", "reg", "kennzeichen", "immatriculation", "targa", "matr\u00edcula", "kenteken",
    "rejestracyjny", "registreringsnummer",
)  # fmt: skip
PLATE = r"[A-Z\x{c4}\x{d6}\x{dc}0-9]{1,4}(?:[ \-\x{b7}]{1,3}[A-Z0-9]{1,5}){0,3}"
PLATE_CHARACTERS = range(4, 10)
LONGEST = 8

_hexadecimal = re.compile(r"[A-F]{2} [A-F]{2} [0-9]{2}")


def _german(text: str) -> bool:
    """Return whether *text* begins with the letters of a district, and is no standard's name."""
    district, letters, number = re.split("[ -]", text)
    return (
        district in DE_DISTRICTS
        and (district, letters) not in NO_PLATES
        and ("-" in text or len(number) > 1)
        and not _hexadecimal.fullmatch(text)
        and len(district + letters + number) <= LONGEST + number[-1].isalpha()
    )


def _any_plate(text: str) -> bool:
    """Return whether *text* has letters and digits, and as many as a plate."""
    joined = re.sub(r"\W", "", text)
    return (
        len(joined) in PLATE_CHARACTERS
        and any(map(str.isdigit, joined))
        and any(map(str.isalpha, joined))
    )


VIN = Entity(
    "pii.vehicle.vin",
    "A vehicle identification number (ISO 3779): 17 characters whose check digit is right "
    "(49 CFR 565.15), or any behind a word for it.",
    (
        Pattern(rf"\b{VIN_SHAPE}", 0.8, hint=CAPITALS, guard=_dashed, check=codes.vin),
        Pattern(
            BEGIN + rf"(?i:{VIN_NAMES})" + NAMED + rf"({VIN_SHAPE})",
            0.8,
            keywords=VIN_WORDS,
            before=1,
            hint=rf"(?i){VIN_NAMES}",
            guard=_dashed,
            check=codes.vin_shape,
            aimed="regex",
        ),
    ),
)

UK_PLATE = Entity(
    "pii.vehicle.uk",
    "A British number plate of the form since 2001.",
    (Pattern(rf"\b{UK_MARK} ?{UK_LETTER}{{3}}", 0.6, hint=LETTERS_AND_DIGITS, guard=_dashed),),
)

DE_PLATE = Entity(
    "pii.vehicle.de",
    "A German number plate that begins with the letters of a district.",
    (
        Pattern(
            rf"\b{CAPITAL}{{1,3}}(?:-[A-Z]{{1,2}}[ \-]| [A-Z]{{1,2}} )[1-9][0-9]{{0,3}}[EH]?",
            0.6,
            hint=rf"{CAPITAL}[ \-][A-Z]{{1,2}}[ \-][1-9]",
            guard=_dashed,
            check=_german,
        ),
    ),
)

IN_PLATE = Entity(
    "pii.vehicle.in",
    "An Indian number plate that begins with the letters of a state, or of the series BH.",
    (
        Pattern(
            rf"\b(?:{IN_STATES})[ \-]?[0-9]{{1,2}}[ \-]?[A-Z]{{1,3}}[ \-]?[0-9]{{4}}",
            0.6,
            hint=LETTERS_AND_DIGITS,
            guard=_dashed,
        ),
        Pattern(
            r"\b2[0-9][ \-]?BH[ \-]?[0-9]{4}[ \-]?[A-HJ-NP-Z]{1,2}",
            0.6,
            keywords=("bh",),
            before=3,
            hint=r"\b2[0-9][ \-]?BH[ \-]?[0-9]{4}",
            guard=_dashed,
        ),
    ),
)

OTHER_PLATE = Entity(
    "pii.vehicle.plate",
    "A number plate of any country, behind a word for it.",
    (
        Pattern(
            BEGIN + rf"(?i:{PLATE_NAMES})" + NAMED + rf"((?i:{PLATE}))\b",
            0.7,
            keywords=PLATE_WORDS,
            before=16,
            hint=rf"(?i){PLATE_NAMES}",
            guard=_apart,
            check=_any_plate,
        ),
    ),
)

VEHICLES = (VIN, UK_PLATE, DE_PLATE, IN_PLATE, OTHER_PLATE)
