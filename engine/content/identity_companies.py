"""Detectors of the numbers that states give to firms (see `identity_firms` for the checks)."""

from __future__ import annotations

from engine.content.detectors import Entity, Pattern
from engine.content.identity import (
    BARE,
    DAY,
    FAIR,
    MONTH,
    SURE,
    WEAK,
    apart,
    digital,
    lettered,
    signed,
)
from engine.content.identity_america import DATED, cuit, rfc
from engine.content.identity_east import inn
from engine.content.identity_firms import (
    abn,
    acn,
    austrian_vat,
    belgian_firm,
    bn_ca,
    british_vat,
    brn,
    cif,
    cnpj,
    cvr,
    ein,
    french_vat,
    german_vat,
    hojin,
    indian_gstin,
    nip,
    nit_co,
    ogrn,
    orgnr_no,
    orgnr_se,
    partita_iva,
    regon,
    ruc_pe,
    siren,
    siret,
    swiss_uid,
    ubn,
    uscc,
    vkn,
    y_tunnus,
)

COMPANIES = (
    Entity(
        "pii.company_id.at",
        "An Austrian VAT number whose check digit is right.",
        (signed(r"ATU ?[0-9]{8}", FAIR, 8, austrian_vat),),
    ),
    Entity(
        "pii.company_id.ar",
        "An Argentine CUIT of a firm with hyphens, or without near a word for it.",
        (
            digital(r"3[034]-[0-9]{8}-[0-9]", FAIR, 11, cuit),
            digital(r"3[034][0-9]{9}", WEAK, 11, cuit),
        ),
        near=("cuit",),
    ),
    Entity(
        "pii.company_id.au",
        "An Australian ABN whose two check digits are right, or near a word for it an ACN.",
        (
            digital(r"[1-9][0-9](?: ?[0-9]{3}){3}", BARE, 11, abn),
            digital(r"[0-9]{3}(?: ?[0-9]{3}){2}", WEAK, 9, acn),
        ),
        near=("acn ", "australian company"),
    ),
    Entity(
        "pii.company_id.be",
        "A Belgian enterprise or VAT number whose two check digits are right.",
        (
            signed(r"BE ?[01][0-9]{3}\.?[0-9]{3}\.?[0-9]{3}", SURE, 10, belgian_firm),
            digital(r"[01][0-9]{3}\.[0-9]{3}\.[0-9]{3}", FAIR, 10, belgian_firm),
        ),
    ),
    Entity(
        "pii.company_id.br",
        "A Brazilian CNPJ, of digits or with letters, whose two check digits are right.",
        (
            digital(r"[0-9]{2}\.[0-9]{3}\.[0-9]{3}/[0-9]{4}-[0-9]{2}", SURE, 14, cnpj),
            digital(r"[0-9]{14}", BARE, 14, cnpj),
            lettered(
                r"[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-[0-9]{2}",
                SURE,
                r"/[0-9A-Z]{4}-[0-9]{2}",
                cnpj,
            ),
        ),
    ),
    Entity(
        "pii.company_id.ca",
        "A Canadian business number with its account, or without it near a word for it; Luhn.",
        (
            signed(r"[0-9]{9} ?R[CMPTZ] ?[0-9]{4}", FAIR, 9, bn_ca),
            digital(r"[0-9]{9}", WEAK, 9, bn_ca),
        ),
        near=("business number", "bn ", "gst/hst", "numéro d'entreprise"),
    ),
    Entity(
        "pii.company_id.ch",
        "A Swiss UID whose check digit is right.",
        (signed(r"CHE[ \-]?[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}", SURE, 9, swiss_uid),),
    ),
    Entity(
        "pii.company_id.cn",
        "A Chinese unified social credit code whose check character is right.",
        (signed(r"[159][1239][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}", FAIR, 8, uscc),),
    ),
    Entity(
        "pii.company_id.co",
        "A Colombian NIT with its points, or without them near a word for it.",
        (
            digital(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]", FAIR, 10, nit_co),
            digital(r"[0-9]{9}-?[0-9]", WEAK, 10, nit_co),
        ),
        near=("nit ", "n.i.t"),
    ),
    Entity(
        "pii.company_id.de",
        "A number of the German register of firms (HRA, HRB), or a VAT number.",
        (
            Pattern(
                r"(?i)HR ?[AB][ :\-]{0,2}(?:Nr\.? {0,2}|Nummer )?[1-9][0-9]{0,5}(?: [BP]\b)?",
                FAIR,
                keywords=("hra", "hrb", "hr a", "hr b"),
                hint=r"(?i)HR ?[AB][ :\-]{0,2}(?:Nr\.? {0,2}|Nummer )?[1-9]",
                guard=apart,
            ),
            signed(r"DE ?[0-9]{9}|DE [0-9]{3} [0-9]{3} [0-9]{3}", FAIR, 9, german_vat),
        ),
    ),
    Entity(
        "pii.company_id.dk",
        "A Danish VAT number, or near a word for it a CVR; its check digit is right.",
        (
            signed(r"DK ?[1-9][0-9]{7}", FAIR, 8, cvr),
            digital(r"[1-9][0-9]{7}", WEAK, 8, cvr),
        ),
        near=("cvr",),
    ),
    Entity(
        "pii.company_id.es",
        "A Spanish CIF whose check is right.",
        (signed(r"[ABCDEFGHJNPQRSUVW]-?[0-9]{7}[0-9A-J]", BARE, 7, cif),),
    ),
    Entity(
        "pii.company_id.fi",
        "A Finnish VAT number, or near a word for it a business id; its check digit is right.",
        (
            signed(r"FI ?[0-9]{8}", FAIR, 8, y_tunnus),
            digital(r"[0-9]{7}-[0-9]", WEAK, 8, y_tunnus),
        ),
        near=("y-tunnus", "business id", "fo-nummer"),
    ),
    Entity(
        "pii.company_id.fr",
        "A French SIRET or VAT number whose checks are right, or near a word for it a SIREN.",
        (
            # 14 digits from 30, 36, 38 and 39 may be a card of Diners Club.
            digital(
                r"(?:[0-24-9][0-9]|3[1-57])[0-9]{12}|[0-9]{3} [0-9]{3} [0-9]{3} [0-9]{5}",
                BARE,
                14,
                siret,
            ),
            digital(r"3[0689][0-9]{12}", WEAK, 14, siret),
            signed(r"FR ?[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}", FAIR, 11, french_vat),
            digital(r"[0-9]{3}(?: ?[0-9]{3}){2}", WEAK, 9, siren),
        ),
        near=("siren", "siret", "rcs"),
    ),
    Entity(
        "pii.company_id.gb",
        "A British VAT number whose two check digits are right.",
        (signed(r"GB ?[0-9]{3} ?[0-9]{4} ?[0-9]{2}", FAIR, 9, british_vat),),
    ),
    Entity(
        "pii.company_id.in",
        "An Indian GSTIN, by its shape and state.",
        (
            lettered(
                r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z]Z[0-9A-Z]",
                SURE,
                r"[A-Z]{5}[0-9]{4}[A-Z]",
                indian_gstin,
            ),
        ),
    ),
    Entity(
        "pii.company_id.it",
        "An Italian VAT number, or near a word for it a partita IVA; its check digit is right.",
        (
            signed(r"IT ?[0-9]{11}", FAIR, 11, partita_iva),
            digital(r"[0-9]{11}", WEAK, 11, partita_iva),
        ),
        near=("partita iva", "p.iva", "p. iva", "piva", "p.i."),
    ),
    Entity(
        "pii.company_id.jp",
        "A Japanese corporate number whose check digit is right, near a word for it.",
        (digital(r"[1-9][0-9]{12}", WEAK, 13, hojin),),
        near=("法人番号", "corporate number"),
    ),
    Entity(
        "pii.company_id.kr",
        "A Korean business number with its hyphens, or without them near a word for it.",
        (
            digital(r"[1-9][0-9]{2}-[0-9]{2}-[0-9]{5}", FAIR, 10, brn),
            digital(r"[1-9][0-9]{9}", WEAK, 10, brn),
        ),
        near=("사업자", "brn", "business registration"),
    ),
    Entity(
        "pii.company_id.mx",
        "The RFC of a Mexican firm whose check character is right.",
        (
            lettered(
                rf"[A-Z&]{{3}}-?[0-9]{{2}}{MONTH}{DAY}-?[0-9A-Z]{{2}}[0-9A]",
                BARE,
                DATED,
                rfc,
            ),
        ),
    ),
    Entity(
        "pii.company_id.nl",
        "A Dutch VAT number, by its shape.",
        (signed(r"NL ?[0-9]{9}B[0-9]{2}", SURE, 9),),
    ),
    Entity(
        "pii.company_id.no",
        "A Norwegian VAT number, or near a word for it a firm's number; its check digit is right.",
        (
            signed(r"[89][0-9]{2} ?[0-9]{3} ?[0-9]{3} ?MVA", FAIR, 9, orgnr_no),
            digital(r"[89][0-9]{2} ?[0-9]{3} ?[0-9]{3}", WEAK, 9, orgnr_no),
        ),
        near=("org.nr", "orgnr", "organisasjonsnummer", "org nr"),
    ),
    Entity(
        "pii.company_id.pe",
        "A Peruvian RUC whose check digit is right, near a word for it.",
        (digital(r"(?:10|1[567]|20)[0-9]{9}", WEAK, 11, ruc_pe),),
        near=("ruc ", "r.u.c"),
    ),
    Entity(
        "pii.company_id.pl",
        "A Polish NIP with hyphens or as VAT number, or near a word for it a NIP or REGON.",
        (
            digital(
                r"[0-9]{3}-[0-9]{3}-[0-9]{2}-[0-9]{2}|[0-9]{3}-[0-9]{2}-[0-9]{2}-[0-9]{3}",
                FAIR,
                10,
                nip,
            ),
            signed(r"PL ?[0-9]{10}", FAIR, 10, nip),
            digital(r"[0-9]{10}", WEAK, 10, nip),
            digital(r"[0-9]{9}", WEAK, 9, regon),
        ),
        near=("nip ", "regon"),
    ),
    Entity(
        "pii.company_id.ru",
        "A Russian INN or OGRN of a firm whose check digit is right, near a word for it.",
        (digital(r"[0-9]{10}", WEAK, 10, inn), digital(r"[15][0-9]{12}", WEAK, 13, ogrn)),
        near=("инн", "огрн", "inn ", "ogrn"),
    ),
    Entity(
        "pii.company_id.se",
        "A Swedish organisation number with its hyphen, or a VAT number; Luhn.",
        (
            digital(r"[125-9][0-9][2-9][0-9]{3}-[0-9]{4}", BARE, 10, orgnr_se),
            signed(r"SE[0-9]{10}01", FAIR, 12, lambda text: orgnr_se(text[2:12])),
        ),
    ),
    Entity(
        "pii.company_id.tr",
        "A Turkish tax number whose check digit is right, near a word for it.",
        (digital(r"[0-9]{10}", WEAK, 10, vkn),),
        near=("vergi", "vkn"),
    ),
    Entity(
        "pii.company_id.tw",
        "A Taiwanese business number whose check is right, near a word for it.",
        (digital(r"[0-9]{8}", WEAK, 8, ubn),),
        near=("統一編號", "統編", "ubn", "business number"),
    ),
    Entity(
        "pii.company_id.us",
        "A US employer identification number (EIN) of a known prefix, near a word for it.",
        (digital(r"[0-9]{2}-?[0-9]{7}", WEAK, 9, ein),),
        near=("ein ", "ein#", "fein ", "employer id", "federal tax", "tax id"),
    ),
)
