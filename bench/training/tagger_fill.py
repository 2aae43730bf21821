"""A random source in, made-up persons, companies, places and addresses of many countries out."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.training.gazetteer import census, cities, of_languages, regions, world_given

LATIN = ("cs da de de-at de-ch en en-au en-ca en-gb es es-mx et fi fr hr hu is it nl nl-be no pl pt"
         " pt-br sk sv tr").split()  # fmt: skip
FULL = re.compile(r"[^\W\d_][^\W\d_ .'’-]*(?:[ '’-][^\W\d_]+)*")


@dataclass
class Land:
    """How addresses are written in a country, and what its names are."""

    given: list[str]
    surnames: list[str]
    towns: list[str]
    streets: list[str]
    write: list[str]
    """Formats of the street line: N number, S street, T and U generated names, c a letter."""
    units: list[str]
    town_line: list[str]
    made: list[str]
    """Formats of generated streets: T a surname, G a given name, P a town."""
    firms: list[str]


US_UNITS = [
    "Apt. #",
    "Suite #",
    "Apt #",
    "Unit #",
    "Ste. #",
    "Floor #",
    "#A",
    "Apartment #",
    "Bldg. #",
]
US_STATES = ("AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ"
             " NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC PR GU VI").split()  # fmt: skip
ENGLISH = [
    "T Street", "T St", "T St.", "T Avenue", "T Ave", "T Ave.", "T Road", "T Rd", "T Rd.", "T Lane",
    "T Drive", "T Dr.", "T Court", "T Ct", "T Way", "G Street", "G Road", "P Road", "T Boulevard",
    "T Blvd", "G Plaza", "T Terrace", "North T Street", "W T Ave", "East G Lane", "T Hill", "T Square",
    "T Circle", "T Trail", "T Parkway", "T Highway", "T Crescent", "T Close", "T Gardens", "T Mews",
    "Old T Road", "T Park", "T Ridge", "T Meadows", "G Port", "G Mountain", "T Springs", "T Harbors",
    "G Crossing", "T Islands", "T Throughway", "T Field", "G Grove", "T Rapid", "T Row", "T Walk",
    "#th Street", "#nd Avenue", "T View", "T Green", "T Point", "T Branch", "T Burgs", "G Key", "T Track",
]  # fmt: skip
PLAIN_FIRMS = [
    "T Inc", "T Ltd", "T LLC", "T PLC", "T Group", "T and Sons", "T-T", "T, T and T", "T & T", "T & Co",
    "T Corporation", "T Corp.", "T Technologies", "T Systems", "T Consulting", "T, T & T", "T and T",
    "T Holdings", "T Industries", "T Partners", "T Bank", "T University", "P University",
    "University of P", "P City Council", "T Hospital", "St. G's Hospital", "T Foundation", "T Institute",
    "W W Inc", "W W Ltd", "W W Solutions", "W Labs", "The T Group", "Bank of P", "P College",
    "P General Hospital", "Museum of P", "T High School", "P United", "T Brothers", "W & T", "T T Ltd",
    "T T", "T T Inc.", "W W", "W W Society", "National W Agency", "P Airlines", "P Institute of W",
]  # fmt: skip

FORMATS: dict[str, tuple[list[str], list[str], list[str], list[str], list[str]]] = {
    # street line, units, town line, generated streets, firms
    "en": (
        ["N S", "N S", "N S", "N S U"],
        US_UNITS,
        ["P, X 5", "P, X 5", "P X 5", "P, X", "P", "P, Y 5", "P\n X 5", "P, 5", "P 5"],
        ENGLISH,
        PLAIN_FIRMS,
    ),
    "en-gb": (
        ["N S", "N S", "U\nN S", "U N S", "Nc S"],
        ["Flat #", "Flat #A", "Studio #", "Unit #", "Apartment #"],
        ["P", "P\nZ", "P, Z", "P Z", "\nP\nZ"],
        ENGLISH,
        [*PLAIN_FIRMS, "T Ltd", "T plc"],
    ),
    "en-au": (
        ["N S", "U N S", "#/N S", "U\nN S"],
        ["Unit #", "Flat #", "Apt. #", "Level #", "Suite #"],
        ["P, V, 4", "P VIC 4", "P, NSW, 4", "P QLD 4"],
        ENGLISH,
        [*PLAIN_FIRMS, "T Pty Ltd"],
    ),
    "en-ca": (
        ["N S", "N S U", "N S"],
        US_UNITS,
        ["P, C K", "P, ON K", "P C K"],
        ENGLISH,
        PLAIN_FIRMS,
    ),
    "de": (
        ["S N", "S N", "S Nc", "S N/#"],
        ["Wohnung #", "Haus #"],
        ["5 P", "5 P", "D-5 P"],
        [
            "Tstraße",
            "Tstr.",
            "Tweg",
            "Tgasse",
            "T-Straße",
            "G-T-Straße",
            "G-T-Weg",
            "Tplatz",
            "Tallee",
            "Tring",
            "Am T",
            "Pr Straße",
            "An der T",
            "Tstrasse",
            "Gstr.",
            "G-T-Ring",
            "Tufer",
        ],
        [
            "T GmbH",
            "T AG",
            "T KG",
            "T OHG mbH",
            "T GmbH & Co. KG",
            "T Stiftung & Co. KG",
            "T AG & Co. KGaA",
            "Pr Stadtwerke",
            "T e.V.",
            "T GbR",
            "Sparkasse P",
            "Universität P",
            "T & Söhne",
        ],
    ),
    "fr": (
        ["N, S", "N S", "N S", "N bis, S", "S N"],
        ["Appt #", "Bâtiment A", "Étage #"],
        ["5 P", "5 P", "5 P CEDEX"],
        [
            "rue de T",
            "rue G T",
            "avenue G T",
            "boulevard de T",
            "rue T",
            "chemin de T",
            "place de P",
            "Rue de T",
            "Rue G T",
            "Avenue de T",
            "Boulevard T",
            "impasse T",
            "quai de T",
            "rue de la W",
            "chemin G T",
            "allée des T",
            "avenue de P",
        ],
        [
            "T SA",
            "T SARL",
            "T et Fils",
            "T S.A.",
            "T S.A.R.L.",
            "T SAS",
            "Groupe T",
            "T",
            "Banque de P",
            "Mairie de P",
            "Lycée T",
            "T T SA",
            "Association T",
        ],
    ),
    "nl": (
        ["S N", "S N", "Sc N", "S N-#"],
        ["bus #"],
        ["4 AB P", "4AB P", "P, 4 AB", "4AB\nP"],
        [
            "Tstraat",
            "Glaan",
            "Tlaan",
            "Tweg",
            "Tplein",
            "Ggracht",
            "Tkade",
            "Tdreef",
            "Gstraat",
            "Tpad",
            "Thof",
            "Gring",
            "Tboulevard",
            "Gweg",
            "Gsteeg",
            "Tbaan",
        ],
        ["T BV", "T B.V.", "T & Zonen", "T Groep", "T en T", "T NV", "Stichting T", "T Holding"],
    ),
    "nl-be": (
        ["S N", "S N", "S N bus #"],
        ["bus #"],
        ["4 P", "4 P", "P, 4"],
        ["Tstraat", "Rue de T", "Rue G T", "Tlaan", "Avenue T", "Gstraat", "Tsteenweg"],
        ["T NV", "T BVBA", "T SPRL", "T VOF", "T VZW"],
    ),
    "es": (
        ["S N", "S, N", "S nº N", "S N, #", "S de T N", "S N U"],
        ["Piso #", "Puerta #", "Apt. #", "#º A", "Bajo", "Esc. #"],
        ["P, 5", "5 P", "P\n5", "Y, 5", "5, P"],
        [
            "Calle T",
            "Calle de T",
            "C/ T",
            "Avenida de P",
            "Avda. T",
            "Plaza de T",
            "Paseo de T",
            "Calle G T",
            "Ronda de T T",
            "Pasaje de G T",
            "Cuesta G T",
            "Callejón de G T",
            "Camino de T",
            "Vial T",
            "Glorieta G T",
            "Via G T",
            "Rambla de T",
            "Acceso G T",
            "Urbanización T",
            "Cañada de G",
            "Alameda de T",
        ],
        [
            "T S.A.",
            "T S.L.",
            "T y T S.L.",
            "T S.L.U.",
            "Grupo T",
            "T e Hijos",
            "T S.Coop.",
            "T y asociados S.A.",
            "Banco T",
            "Hermanos T",
            "T S.A.T.",
            "Universidad de P",
            "Ayuntamiento de P",
            "Club T y T",
            "T, T y T S.A.",
            "T-T",
        ],
    ),
    "es-mx": (
        ["S N", "S # N", "S N U", "S No. N"],
        ["Interior #", "Depto. #", "Edif. #", "Int. #"],
        ["P, C 5", "P\nC, 5", "Col. T, P, C 5", "P, MEX 5"],
        [
            "Calle T",
            "Avenida T",
            "Av. G T",
            "Calzada T",
            "Boulevard T",
            "Privada T",
            "Prolongación P",
            "Andador T",
            "Circuito P",
            "Periférico P",
            "Cerrada T",
            "Eje vial T",
            "Corredor P",
            "Retorno T",
        ],
        [
            "T S.A. de C.V.",
            "T y Asociados",
            "Grupo T",
            "T-T",
            "T e Hijos",
            "Corporación T",
            "Laboratorios T",
            "Club T y T",
        ],
    ),
    "it": (
        ["S, N", "S N", "S N", "S, N U"],
        ["Appartamento #", "Piano #", "Scala A", "Interno #"],
        ["5 P", "P, 5 P (XX)", "5, P (XX)", "5 P XX", "P, 5 (XX)"],
        [
            "Via T",
            "Via G T",
            "Viale T",
            "Piazza T",
            "Corso G T",
            "Vicolo T",
            "Via di P",
            "Strada T",
            "Contrada G",
            "Borgo T",
            "Rotonda T",
            "Canale G",
            "Incrocio T",
            "Stretto G",
            "Largo T",
            "via G",
            "via T",
        ],
        [
            "T SPA",
            "T S.p.A.",
            "T SRL",
            "T S.r.l.",
            "T s.r.l.",
            "T-T SPA",
            "T e figli",
            "T, T e T SPA",
            "Gruppo T",
            "T Group",
            "Banca di P",
            "Comune di P",
        ],
    ),
    "pt": (
        ["S, N", "S N", "S, N, #º", "S, nº N"],
        ["Apto #", "#º Dto", "#º Esq"],
        ["4-3 P", "4-3 P", "4 P"],
        [
            "Rua T",
            "Rua G T",
            "Av. de T",
            "Avenida G T",
            "Travessa T",
            "Praça T",
            "Largo de T",
            "R. G T",
            "Alameda T",
            "Av G T",
            "R. de T",
            "Estrada de P",
        ],
        ["T Lda", "T S.A.", "T e Filhos", "T & T Lda.", "Grupo T", "Universidade de P"],
    ),
    "pt-br": (
        ["S, N", "S N", "S de T, N", "S, N, U"],
        ["Apto #", "Bloco #", "Casa #"],
        ["P - XX", "5-3 P / XX", "P\n5-3 P / XX", "P, XX", "5-3 - P"],
        [
            "Rua T",
            "Rua G T",
            "Avenida T",
            "Travessa T",
            "Praça de T",
            "Alameda G T",
            "Viela T",
            "Vila G T",
            "Largo de T",
            "Residencial de T",
            "Parque T",
            "Estrada de T",
            "Morro de T",
            "Recanto T",
            "Setor T",
            "Rodovia G",
            "Condomínio T",
            "Conjunto G",
            "Jardim de T",
            "Ladeira T",
            "Loteamento T",
            "Núcleo T",
            "Passarela de T",
            "Quadra T",
        ],
        ["T Ltda.", "T S.A.", "T - ME", "T - EI", "T e Filhos", "T S/A", "T & Filhos"],
    ),
    "sv": (
        ["S N", "S N", "S Nc", "S N lgh #"],
        ["lgh #", "c/o T"],
        ["5 P", "3 2 P", "SE-3 2 P", "5 P"],
        [
            "Tvägen",
            "Tgatan",
            "Ggatan",
            "Gvägen",
            "Storgatan",
            "Tgränd",
            "Tstigen",
            "Tallén",
            "Pvägen",
            "Björkgatan",
            "Skolvägen",
            "Industrigatan",
            "Kyrkvägen",
            "Tstråket",
            "Ggränden",
            "Aspgatan",
            "Järnvägsgatan",
            "Granstigen",
            "Ektorget",
        ],
        [
            "T AB",
            "T & T AB",
            "T HB",
            "T KB",
            "T och Söner",
            "T T AB",
            "AB T",
            "T Ekonomisk Förening",
            "T Fastigheter",
        ],
    ),
    "da": (
        ["S N", "S N, #. tv", "S N, #. th", "S Nc", "S N, st."],
        ["#. tv", "#. th", "#. mf"],
        ["4 P", "4 P", "DK-4 P"],
        [
            "Tvej",
            "Tgade",
            "Gsvej",
            "Tstræde",
            "Gs Allé",
            "Tvænget",
            "Tparken",
            "Ts Allé",
            "Ps Torv",
            "Gstien",
            "Tbakken",
            "Møllevej",
            "Kirkegade",
            "Strandvejen",
            "Ahornstien",
            "Fasanvænget",
            "Perlestien",
            "Vestergade",
            "Tervej",
            "Tkajen",
        ],
        ["T A/S", "T ApS", "T I/S", "T & Søn", "T, T & T A/S", "T K/S", "T Entreprise ApS"],
    ),
    "no": (
        ["S N", "S N", "S Nc"],
        ["leilighet #", "H0#"],
        ["4 P", "4 P", "N-4 P"],
        [
            "Tveien",
            "Tvegen",
            "Tgata",
            "Gs vei",
            "Tgaten",
            "Gs gate",
            "Tstien",
            "Tsvingen",
            "Ts plass",
            "Gjordet",
            "Gfaret",
            "Tlia",
            "Tbakken",
            "Gtunet",
            "Kirkeveien",
            "Storgata",
            "Gmoen",
            "Tringen",
            "Thaugen",
            "Gtoppen",
            "Tstubben",
        ],
        ["T AS", "T ASA", "T-T", "T & Sønner", "T, T og T", "T og T ANS", "T T AS", "T og Sønner"],
    ),
    "fi": (
        ["S N", "S N A #", "S N", "S N as #"],
        ["as. #", "A #"],
        ["5 P", "5 P", "FI-5 P"],
        [
            "Tkatu",
            "Gnkatu",
            "Tntie",
            "Gntie",
            "Tnkuja",
            "Tpolku",
            "Koulukatu",
            "Asematie",
            "Gn polku",
            "Tnraitti",
            "G T katu",
            "Kauppakatu",
            "Rantatie",
            "Kirkkotie",
            "Metsäkuja",
            "Tn kuja",
            "Gn puistokatu",
            "Mäntytie",
            "Koivukuja",
            "Tin tie",
        ],
        [
            "T Oy",
            "T Oyj",
            "T Tmi",
            "T Ky",
            "T T Osk",
            "Oy T Ab",
            "T & T Oy",
            "T Avoin yhtiö",
            "T ja T Oy",
            "T Osuuskunta",
        ],
    ),
    "pl": (
        [
            "ul. S N",
            "ul. S N/#",
            "S N/#",
            "al. S N",
            "S N",
            "ulica S N/#",
            "pl. S N",
            "os. S N",
            "S N m. #",
        ],
        ["m. #", "lok. #"],
        ["2-3 P", "2-3 P", "2-3 P"],
        [
            "Tego",
            "Ta",
            "Wa",
            "G Tego",
            "Zielona",
            "Kwiatowa",
            "Szkolna",
            "Polna",
            "Ogrodowa",
            "Lipowa",
            "Krótka",
            "Leśna",
            "Słoneczna",
            "Kościelna",
            "Brzozowa",
            "Ta",
            "Jasna",
            "Wiśniowa",
            "Makowa",
            "Cicha",
            "Porzeczkowa",
        ],
        [
            "T Sp. z o.o.",
            "T S.A.",
            "T sp. j.",
            "Fundacja T",
            "Grupa T",
            "T i Synowie",
            "T-T s.c.",
            "PPUH T Sp.k.",
            "Spółdzielnia T",
            "Gabinety T",
        ],
    ),
    "cs": (
        ["S N", "S N/#", "S #/N"],
        ["byt #"],
        ["3 2 P", "5 P", "P 3 2", "3 2 P #"],
        [
            "Tova",
            "Wská",
            "U T",
            "Na T",
            "Pražská",
            "Nádražní",
            "Husova",
            "Zahradní",
            "K T",
            "Školní",
            "Tovo náměstí",
            "Lipová",
            "Pod T",
        ],
        ["T s.r.o.", "T a.s.", "T v.o.s.", "T o.s.", "T a synové", "T k.s."],
    ),
    "hu": (
        [
            "S utca N.",
            "S út N.",
            "S tér N.",
            "S u. N",
            "S utca N. #. em. #",
            "S köz N.",
            "S sor N",
            "S sétány N",
            "S fasor N.",
        ],
        ["#. em. #.", "#. ajtó"],
        ["4 P", "4 P,", "P 4", "P, 4"],
        ["T", "T G", "G", "Kossuth Lajos", "Petőfi", "Fő", "Rákóczi", "Árpád", "Szent G", "T"],
        ["T Kft.", "T Zrt.", "T Bt.", "T és Társa Kft.", "T Nyrt.", "T és Fia Bt."],
    ),
    "hr": (
        ["S N", "Ulica S N", "S ulica N"],
        ["stan #"],
        ["5 P", "HR-5 P"],
        ["Tova", "Tova ulica", "Ulica G T", "Wska", "G T", "Trg G T", "Tova cesta"],
        ["T d.o.o.", "T d.d.", "T j.d.o.o.", "T obrt", "T grupa"],
    ),
    "tr": (
        [
            "S Sok. No: N",
            "S Cad. No:N",
            "S Caddesi N",
            "S Sokak No N/#",
            "S Mah. S Sok. N",
            "S Cd. N",
        ],
        ["Daire #", "D: #", "Kat #"],
        ["5 P", "P", "T/P", "P, 5", "5 P/P"],
        ["T", "G", "Atatürk", "Cumhuriyet", "Yıldız", "G T", "Gül", "Lale"],
        ["T A.Ş.", "T Ltd. Şti.", "T Holding", "T Ticaret", "T İnşaat", "T-T A.Ş."],
    ),
}
FORMATS |= {
    "de-at": FORMATS["de"],
    "de-ch": FORMATS["de"],
    "et": FORMATS["fi"],
    "is": FORMATS["no"],
    "sk": FORMATS["cs"],
}
SWISS = ["4 P", "CH-4 P"]
AUSTRIAN = ["4 P", "A-4 P"]
ROMANIAN = [
    "Str. G T Nr. N",
    "Strada T nr. N, bl. #, ap. #",
    "Bd. T Nr. N",
    "Bulevardul T nr. N",
    "Aleea T Nr. N Bl. A Sc. # Ap. #",
    "Calea P nr. N",
    "Intrarea T N",
]
MILITARY = [
    "PSC #5, Box 5\nAPO AE 6",
    "Unit 5 Box 5\nDPO AE 6",
    "USS T\nFPO AP 6",
    "USNV T\nFPO AE 6",
    "USCGC T\nFPO AA 6",
    "PSC 5 Box 5\nAPO AP 6",
    "P.O. Box 5",
    "PO Box 5, P",
    "Postfach 5, 6 P",
    "BP 5, 6 P",
]
FAMOUS_FIRMS = """Microsoft|Google|Apple|Amazon|Meta|IBM|Oracle|SAP|Siemens|Bosch|Toyota|Honda|Nissan|Ford Motor Company|General Electric|General Motors|Boeing|Airbus|Lufthansa|Delta Air Lines|British Airways|Emirates|Walmart|Target|Costco|IKEA|Nestlé|Unilever|Procter & Gamble|Coca-Cola|PepsiCo|McDonald's|Starbucks|Nike|Adidas|Sony|Samsung|LG Electronics|Huawei|Nokia|Ericsson|Intel|AMD|NVIDIA|Cisco|Dell|HP|Netflix|Disney|Warner Bros|Spotify|Uber|Airbnb|PayPal|Visa Inc|Mastercard|JPMorgan Chase|Goldman Sachs|Morgan Stanley|Citigroup|HSBC|Barclays|Deutsche Bank|BNP Paribas|Credit Suisse|UBS|Santander|Allianz|AXA|Pfizer|Novartis|Roche|Bayer|Merck|Johnson & Johnson|AstraZeneca|Shell|BP|ExxonMobil|Chevron|Gazprom|United Nations|UNICEF|World Health Organization|World Bank|European Union|European Commission|NATO|Red Cross|Amnesty International|Greenpeace|FBI|CIA|NASA|IRS|Congress|Senate|Harvard University|Stanford University|MIT|Oxford University|Yale|Cambridge University|BBC|CNN|Reuters|The New York Times|The Guardian|Washington Post|Associated Press|FIFA|UEFA|Real Madrid|Manchester United|Chelsea|Bayern Munich|Federal Reserve|Supreme Court|Department of Justice|Ministry of Finance|Home Office|NHS|Salvation Army|Rotary Club|Accenture|Deloitte|KPMG|PwC|McKinsey|Verizon|AT&T|Vodafone|T-Mobile|Orange|Telefonica|FedEx|UPS|DHL|Hilton|Marriott|Volkswagen|BMW|Mercedes-Benz|Renault|Peugeot|Fiat|Ferrari|Tesla|SpaceX|Twitter|Facebook|YouTube|LinkedIn|Salesforce|Adobe|Mozilla|Wikipedia|OpenAI|Anthropic|Tata Consultancy Services|Infosys|Reliance Industries|State Bank of India|Petrobras|Alibaba|Tencent|Baidu|Lenovo|Ryanair|easyJet|Air France|KLM|Tesco|Sainsbury's|Aldi|Lidl|Carrefour|Best Buy|Home Depot|CVS Pharmacy|Walgreens|Kaiser Permanente|Mayo Clinic|Blue Cross""".split(
    "|"
)  # noqa: E501
WORDS = """Green Blue Silver Golden Global Bright North Summit Pioneer Alpha Omega Delta Quantum Digital Solar Urban Modern
Royal Liberty Eagle River Mountain Ocean Crystal Diamond Horizon Vertex Apex Prime Smart Rapid Fresh Pure Evergreen Heritage
Community Education Health Energy Research Development Engineering Technology Environmental Marine Nuclear Transport Food Housing
Sky Star Moon Sun Lake Forest Stone Iron Copper Cedar Maple Oak Red White Black Clear Open Next First United General National""".split()
COUNTRY_FORMS = ["the United States", "USA", "United States", "UK", "United Kingdom", "U.S.", "U.K.", "the UK", "the US", "England", "Scotland",
                 "Wales", "Northern Ireland", "the Netherlands", "South Korea", "North Korea", "Russia", "Czech Republic", "Ivory Coast"]  # fmt: skip
AREAS = """Europe|Asia|Africa|South America|North America|Middle East|the Alps|Rocky Mountains|Silicon Valley|Bavaria|Tuscany|Provence|Andalusia|Catalonia|Sicily|Sardinia|Normandy|Brittany|Cornwall|Yorkshire|Kent|Sussex|Devon|Ontario|Quebec|British Columbia|Alberta|Queensland|Victoria|New South Wales|Tasmania|Kerala|Punjab|Gujarat|Maharashtra|Lake Michigan|the Thames|the Danube|the Rhine|the Nile|Mount Everest|Kilimanjaro|Long Island|Manhattan|Brooklyn|Queens|Bronx|Harlem|Soho|Notting Hill|Hollywood|Beverly Hills|Central Park|Times Square|Wall Street|Downing Street|Hyde Park|Heathrow|JFK Airport|Golden Gate Bridge|Eiffel Tower|the Balkans|Scandinavia|the Baltics|Latin America|Southeast Asia|Hokkaido|Okinawa|Bali|Java|Sumatra|Crete|Corsica|Mallorca|Ibiza|Tenerife|Hawaii|Alaska|Florida|Texas|California|Zanzibar|Siberia|Crimea|Kashmir|Tibet|Hong Kong|Macau|Taiwan""".split(
    "|"
)


PARTS = re.compile(
    r"#|(?<![\w.])[TGPW](?=(?:n?katu|n?tie|n?kuja|polku|n?raitti|n|in|stra(?:ße|sse|at)|str\.|weg|gasse|platz"
    r"|allee|ring|ufer|laan|plein|gracht|kade|dreef|pad|hof|boulevard|steeg|baan|steenweg|vägen|gatan|gränd(?:en)?"
    r"|stigen|allén|stråket|s?vej|gade|stræde|vænget|parken|stien|bakken|kajen|veien|vegen|gata|gaten|svingen"
    r"|faret|lia|tunet|moen|ringen|haugen|toppen|stubben|ego|a|ov[ao]|ská|s|r)?(?!\w))"
)
TOWN_PARTS = re.compile(r"XX|(?<![A-Za-z])[PXYZKVC](?![A-Za-z])|(?<!\d)[2-6](?!\d)")


@dataclass
class Fill:
    """Makes names of people, firms, places and addresses from lists; *rng* decides."""

    rng: random.Random
    lands: dict[str, Land] = field(default_factory=dict)
    world: list[str] = field(default_factory=list)
    census: list[str] = field(default_factory=list)
    towns: list[str] = field(default_factory=list)
    large: list[str] = field(default_factory=list)
    countries: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)

    def land(self) -> tuple[str, Land]:
        """Return one of the countries; those of English are likelier."""
        name = self.rng.choice(LATIN if self.rng.random() < 0.7 else ["en", "en", "en-gb"])
        return name, self.lands[name]

    def given(self, land: Land) -> str:
        """Return a given name."""
        chosen = self.rng.choice(land.given)
        return self.rng.choice(self.world).title() if self.rng.random() < 0.12 else chosen

    def surname(self, land: Land) -> str:
        """Return a surname, now and then a double one."""
        if self.rng.random() < 0.15:
            one = self.rng.choice(self.census).title()
        else:
            one = self.rng.choice(land.surnames)
        if self.rng.random() < 0.03:
            one += "-" + self.rng.choice(land.surnames)
        elif self.rng.random() < 0.02:
            one = (
                self.rng.choice(
                    [
                        "van ",
                        "de ",
                        "von ",
                        "da ",
                        "di ",
                        "van der ",
                        "De ",
                        "Di ",
                        "O'",
                        "Mc",
                        "al-",
                        "El ",
                    ]
                )
                + one
            )
        return one

    def person(self) -> str:
        """Return the full name of a person."""
        _, land = self.land()
        first, last = self.given(land), self.surname(land)
        form = self.rng.random()
        if form < 0.70:
            return f"{first} {last}"
        if form < 0.78:
            return f"{first} {self.given(land)} {last}"
        if form < 0.84:
            return f"{first} {self.rng.choice('ABCDEFGHJKLMNPRSTVW')}. {last}"
        if form < 0.90:
            return f"{first} {last} {self.surname(land)}"
        if form < 0.93:
            return f"{first}-{self.given(land)} {last}"
        if form < 0.95:
            return f"{first[0]}. {last}"
        if form < 0.957:
            return f"{last}, {first}"
        return f"{first} {last} {self.rng.choice(['Jr.', 'III', 'Sr.', 'y ' + self.surname(land), 'de ' + self.surname(land)])}"

    def first(self) -> str:
        """Return a given name alone."""
        return self.given(self.land()[1])

    def last(self) -> str:
        """Return a surname alone."""
        return self.surname(self.land()[1])

    def town(self, land: Land | None = None) -> str:
        """Return the name of a town."""
        if land is not None and self.rng.random() < 0.55:
            return self.rng.choice(land.towns)
        if self.rng.random() < 0.12:
            base = self.rng.choice(
                [self.rng.choice(self.census).title(), self.rng.choice(self.world).title()]
            )
            return (
                self.rng.choice(
                    ["North ", "South ", "East ", "West ", "New ", "Lake ", "Port ", ""]
                )
                + base
                + self.rng.choice(
                    [
                        "ville",
                        "ton",
                        "burgh",
                        "mouth",
                        "shire",
                        "side",
                        "bury",
                        "view",
                        "fort",
                        "haven",
                        "chester",
                        "land",
                        "stad",
                        "berg",
                    ]
                )
            )
        if self.rng.random() < 0.06:
            return self.rng.choice(
                [
                    "San ",
                    "Santa ",
                    "Saint-",
                    "Sankt ",
                    "Bad ",
                    "Los ",
                    "Sant'",
                    "Villa ",
                    "St. ",
                    "Nueva ",
                    "Vecchia ",
                ]
            ) + self.rng.choice(
                [
                    self.first(),
                    self.last(),
                    self.first()
                    + " "
                    + self.rng.choice(
                        ["del Mar", "laguna", "degli Alti", "los altos", "los bajos", "a mare"]
                    ),
                ]
            )
        return self.rng.choice(self.large if self.rng.random() < 0.6 else self.towns)

    def country(self) -> str:
        """Return a country."""
        return self.rng.choice(
            COUNTRY_FORMS if self.rng.random() < 0.25 else self.countries
        ).removeprefix("the ")

    def place(self) -> str:
        """Return a place of any kind: a town, a country, a state, a region."""
        form = self.rng.random()
        if form < 0.5:
            return self.town(self.land()[1] if self.rng.random() < 0.5 else None)
        if form < 0.78:
            return self.country()
        if form < 0.88:
            return self.rng.choice(self.states)
        return self.rng.choice(AREAS).removeprefix("the ")

    def org(self) -> str:
        """Return the name of a company or another organisation."""
        if self.rng.random() < 0.18:
            return self.rng.choice(FAMOUS_FIRMS)
        _, land = self.land()
        return self.spelled(
            self.rng.choice(land.firms if self.rng.random() < 0.75 else PLAIN_FIRMS), land
        )

    def spelled(self, form: str, land: Land) -> str:
        """Fill a format of firms or streets: T surname, G given name, P town, W word, # number."""
        parts: dict[str, Callable[[], str]] = {
            "T": lambda: self.surname(land), "G": lambda: self.given(land), "P": lambda: self.town(land),
            "W": lambda: self.rng.choice(WORDS), "#": lambda: str(self.rng.randint(1, 99)),
        }  # fmt: skip
        return PARTS.sub(lambda match: parts[match[0]](), form)

    def street(self, land: Land) -> str:
        """Return the name of a street."""
        if land.streets and self.rng.random() < 0.45:
            return self.rng.choice(land.streets)
        return self.spelled(self.rng.choice(land.made), land)

    def street_line(self, land: Land) -> str:
        """Return a street with a number."""
        number = str(
            self.rng.choice(
                [self.rng.randint(1, 30), self.rng.randint(1, 300), self.rng.randint(1, 99999)]
            )
        )
        form = self.rng.choice(land.write)
        made = ""
        for sign in form:
            if sign == "N":
                made += number
            elif sign == "S":
                made += self.street(land)
            elif sign == "U":
                made += self.unit(land)
            elif sign == "#":
                made += str(self.rng.randint(1, 99))
            elif sign == "c" and made[-1:].isdigit():
                made += self.rng.choice("abcdABC")
            elif sign == "T":
                made += self.surname(land)
            else:
                made += sign
        return made

    def unit(self, land: Land) -> str:
        """Return a flat, suite or floor."""
        form = self.rng.choice(land.units)
        return form.replace("#", str(self.rng.randint(1, 999))).replace("T", self.surname(land))

    def town_line(self, name: str, land: Land) -> str:
        """Return a town with its postcode."""
        forms = SWISS if name == "de-ch" else AUSTRIAN if name == "de-at" else land.town_line

        def fill(match: re.Match[str]) -> str:
            sign = match[0]
            if sign == "P":
                return self.town(land)
            if sign.isdigit():
                return self._digits(int(sign), name)
            if sign == "Z":
                return self._british()
            if sign == "K":
                return self._canadian()
            if sign == "Y":
                return self.rng.choice(self.states)
            if sign == "XX":
                return self.rng.choice(
                    "RM MI NA TO PA GE BO FI BA CT SP RJ MG BA RS PR PE CE".split()
                )
            kinds = {
                "X": US_STATES,
                "V": "VIC NSW QLD WA SA TAS ACT NT".split(),
                "C": ["ON", "QC", "BC", "AB", "MB", "Jalisco", "Puebla", "Jal.", "N.L.", "CDMX"],
            }
            return self.rng.choice(kinds[sign])

        return TOWN_PARTS.sub(fill, self.rng.choice(forms))

    def _digits(self, size: int, name: str) -> str:
        if self.rng.random() < 0.1:
            return "0" + str(self.rng.randint(10 ** (size - 2), 10 ** (size - 1) - 1))
        made = str(self.rng.randint(10 ** (size - 1), 10**size - 1))
        if name == "en" and size == 5 and self.rng.random() < 0.15:
            made += f"-{self.rng.randint(1000, 9999)}"
        return made

    def _canadian(self) -> str:
        def letter() -> str:
            return self.rng.choice("ABCEGHJKLMNPRSTVXYZ")

        def digit() -> int:
            return self.rng.randint(0, 9)

        return (
            f"{letter()}{digit()}{letter()}{self.rng.choice([' ', ''])}{digit()}{letter()}{digit()}"
        )

    def _british(self) -> str:
        area = self.rng.choice(
            "SW NW SE E W N EC WC M B L G BS LS S CF EH OX CB BN GU RG NG DE ST CV".split()
        )
        letters = "ABDEFGHJLNPQRSTUWXYZ"
        return f"{area}{self.rng.randint(1, 29)}{self.rng.choice([' ', ' ', ''])}{self.rng.randint(0, 9)}{self.rng.choice(letters)}{self.rng.choice(letters)}"

    def address(self) -> str:
        """Return an address: a street line at least, mostly more, on one line or several."""
        form = self.rng.random()
        if form < 0.05:
            made = self.rng.choice(MILITARY)
            land = self.lands["en"]
            for sign, fill in (("T", lambda: self.surname(land)), ("P", lambda: self.town(land))):
                made = re.sub(rf"(?<![A-Z]){sign}(?![A-Z.O])", fill(), made)
            return re.sub(
                "[56]",
                lambda match: str(self.rng.randint(1000, 99999 if match[0] == "6" else 9999)),
                made,
            )
        name, land = self.land()
        if form < 0.09:
            return re.sub(
                "[N#]",
                lambda _: str(self.rng.randint(1, 400)),
                self.spelled(self.rng.choice(ROMANIAN).replace("Nr", "nr").replace("N", "#"), land),
            )
        line = self.street_line(land)
        if form < 0.42:
            return line
        joint = self.rng.choice([", ", ", ", "\n", "\n ", "\n", ",\n", " ", ",\n  ", "\n    "])
        parts = [line]
        if self.rng.random() < 0.25:
            parts.insert(self.rng.choice([0, 1, 1, 1]), self.unit(land))
        if self.rng.random() < 0.93:
            parts.append(self.town_line(name, land))
        if self.rng.random() < 0.22:
            parts.append(self.country())
        return joint.join(parts).replace("\n\n", "\n")

    def street_only(self) -> str:
        """Return the name of a street without a number."""
        return self.street(self.land()[1])


def load(folder: Path, rng: random.Random) -> Fill:
    """Return a filler with the lists in *folder* (see gazetteer.py)."""
    given, surnames = (
        of_languages(folder, "person", "names"),
        of_languages(folder, "person", "surnames"),
    )
    streets = of_languages(folder, "address", "street", "name")
    suffixes = of_languages(folder, "address", "street", "suffix")
    towns = of_languages(folder, "address", "city")
    fill = Fill(rng)
    for name in LATIN:
        base = name.split("-")[0]
        write, units, town_line, made, firms = FORMATS[name]
        roads = [one.strip() for one in streets.get(name) or streets.get(base, []) if len(one) > 3]
        if name.startswith("en"):
            roads = [f"{one} {rng.choice(suffixes['en'])}" for one in roads]
        elif base in ("fr", "it"):
            roads = [f"{rng.choice(suffixes[base])} {one}" for one in roads]
        elif base in ("hu", "tr", "pl"):
            roads = [re.sub(r"\s+(utca|út|tér|Sokak|Caddesi)$", "", one) for one in roads]
        fill.lands[name] = Land(
            _full(given.get(name) or given[base]), _full(surnames.get(name) or surnames[base]),
            towns.get(name) or towns[base], roads, write, units, town_line, made, firms,
        )  # fmt: skip
    fill.world = [one for one in world_given(folder) if len(one) > 2]
    fill.census = census(folder, "census_2010", 30_000)
    small, large = cities(folder)
    fill.towns = [one for one in small if one.isascii() or rng.random() < 0.7][:40_000]
    fill.large = large
    fill.countries, fill.states = regions(folder)
    return fill


def _full(names: Sequence[str]) -> list[str]:
    return [one for one in names if FULL.fullmatch(one)]
