"""A random source in, made-up persons, companies, places and addresses of many countries out."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.training.gazetteer import census, cities, of_languages, regions, world_given

HERE = Path(__file__).parent
LANDS: dict[str, dict[str, list[str]]] = tomllib.loads(
    (HERE / "tagger_lands.toml").read_text("utf-8")
)
WORDS: dict[str, list[str]] = tomllib.loads((HERE / "tagger_words.toml").read_text("utf-8"))
FULL = re.compile(r"[^\W\d_][^\W\d_ .'\u2019-]*(?:[ '\u2019-][^\W\d_]+)*")
PARTS = re.compile(
    r"#|(?<![\w.])[TGPW](?=(?:n?katu|n?tie|n?kuja|polku|n?raitti|n|in|stra(?:ße|sse|at)|str\.|weg"
    r"|gasse|platz|allee|ring|ufer|laan|plein|gracht|kade|dreef|pad|hof|boulevard|steeg|baan"
    r"|steenweg|vägen|gatan|gränd(?:en)?|stigen|allén|stråket|s?vej|gade|stræde|vænget|parken|stien"
    r"|bakken|kajen|veien|vegen|gata|gaten|svingen|faret|lia|tunet|moen|ringen|haugen|toppen"
    r"|stubben|ego|a|ov[ao]|ská|s|r)?(?!\w))"
)
"""Where a format of a street or firm takes a name: also before endings such as ``straße``."""
LINE_PARTS = re.compile(r"#|(?<![A-Za-z])(?:Nc|[NSU])(?![A-Za-z])")
TOWN_PARTS = re.compile(r"XX|(?<![A-Za-z])[PXYZKVC](?![A-Za-z])|(?<!\d)[2-6](?!\d)")
PREFIXES = ("van ", "de ", "von ", "da ", "di ", "van der ", "De ", "Di ", "O'", "Mc", "al-", "El ")
TOWN_ENDS = ("ville", "ton", "burgh", "mouth", "shire", "side", "bury", "view", "fort", "haven",
             "chester", "land", "stad", "berg")  # fmt: skip
TOWN_HEADS = ("North ", "South ", "East ", "West ", "New ", "Lake ", "Port ", "")
SAINTS = ("San ", "Santa ", "Saint-", "Sankt ", "Bad ", "Los ", "Sant'", "Villa ", "St. ", "Nueva ",
          "Vecchia ")  # fmt: skip
SAINT_ENDS = ("", "", " del Mar", " laguna", " degli Alti", " los altos", " los bajos", " a mare")
JOINTS = (", ", ", ", "\n", "\n ", "\n", ",\n", " ", ",\n  ", "\n    ")


@dataclass(frozen=True, slots=True)
class Land:
    """How addresses are written in a country, and what its names are (see tagger_lands.toml)."""

    given: list[str]
    surnames: list[str]
    towns: list[str]
    streets: list[str]
    forms: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Fill:
    """Makes names of people, firms, places and addresses from lists; *rng* decides."""

    rng: random.Random
    lands: dict[str, Land]
    world: list[str]
    census: list[str]
    towns: list[str]
    large: list[str]
    countries: list[str]
    states: list[str]

    def land(self) -> tuple[str, Land]:
        """Return one of the countries; those of English are likelier."""
        names = tuple(self.lands) if self.chance(0.7) else ("en", "en", "en-gb")
        name = self.rng.choice(names)
        return name, self.lands[name]

    def chance(self, share: float) -> bool:
        """Return true in *share* of all cases."""
        return self.rng.random() < share

    def given(self, land: Land) -> str:
        """Return a given name."""
        if self.chance(0.12):
            return self.rng.choice(self.world).title()
        return self.rng.choice(land.given)

    def surname(self, land: Land) -> str:
        """Return a surname, now and then a double one."""
        one = self.rng.choice(land.surnames)
        if self.chance(0.15):
            one = self.rng.choice(self.census).title()
        if self.chance(0.03):
            return one + "-" + self.rng.choice(land.surnames)
        return self.rng.choice(PREFIXES) + one if self.chance(0.02) else one

    def person(self) -> str:
        """Return the full name of a person."""
        _, land = self.land()
        first, last = self.given(land), self.surname(land)
        letter = self.rng.choice("ABCDEFGHJKLMNPRSTVW")
        ways = {
            f"{first} {last}": 72, f"{first} {self.given(land)} {last}": 8,
            f"{first} {letter}. {last}": 6, f"{first} {last} {self.surname(land)}": 6,
            f"{first}-{self.given(land)} {last}": 3, f"{first[0]}. {last}": 2,
            f"{last}, {first}": 1,
            f"{first} {last} {self.rng.choice(['Jr.', 'III', 'Sr.'])}": 1,
            f"{first} {last} {self.rng.choice(['y', 'de'])} {self.surname(land)}": 1,
        }  # fmt: skip
        return self.rng.choices(list(ways), list(ways.values()))[0]

    def first(self) -> str:
        """Return a given name alone."""
        return self.given(self.land()[1])

    def last(self) -> str:
        """Return a surname alone."""
        return self.surname(self.land()[1])

    def town(self, land: Land | None = None) -> str:
        """Return the name of a town, of *land* if it is given; some are made up."""
        if land is not None and self.chance(0.55):
            return self.rng.choice(land.towns)
        if self.chance(0.12):
            base = self.rng.choice(self.rng.choice((self.census, self.world))).title()
            return self.rng.choice(TOWN_HEADS) + base + self.rng.choice(TOWN_ENDS)
        if self.chance(0.06):
            base = self.rng.choice((self.first(), self.last()))
            return self.rng.choice(SAINTS) + base + self.rng.choice(SAINT_ENDS)
        return self.rng.choice(self.large if self.chance(0.6) else self.towns)

    def country(self) -> str:
        """Return a country."""
        names = WORDS["countries"] if self.chance(0.25) else self.countries
        return self.rng.choice(names).removeprefix("the ")

    def place(self) -> str:
        """Return a place of any kind: a town, a country, a state, a region."""
        kind = self.rng.choices(("town", "country", "state", "area"), (50, 28, 10, 12))[0]
        if kind == "town":
            return self.town(self.land()[1] if self.chance(0.5) else None)
        if kind == "country":
            return self.country()
        names = self.states if kind == "state" else WORDS["areas"]
        return self.rng.choice(names).removeprefix("the ")

    def org(self) -> str:
        """Return the name of a company or another organisation."""
        if self.chance(0.18):
            return self.rng.choice(WORDS["famous_firms"])
        _, land = self.land()
        if self.chance(0.10):
            return self.spelled(self.rng.choice(("T", "T", "T-T", "T, T and T", "T and T")), land)
        forms = land.forms["firms"] if self.chance(0.75) else WORDS["firms"]
        return self.spelled(self.rng.choice(forms), land)

    def spelled(self, form: str, land: Land) -> str:
        """Fill a format of firms or streets: T surname, G given name, P town, W word, # number."""
        parts: dict[str, Callable[[], str]] = {
            "T": lambda: self.surname(land),
            "G": lambda: self.given(land),
            "P": lambda: self.town(land),
            "W": lambda: self.rng.choice(WORDS["firm_words"]),
            "#": lambda: str(self.rng.randint(1, 99)),
        }
        return PARTS.sub(lambda match: parts[match[0]](), form)

    def street(self) -> str:
        """Return the name of a street without a number."""
        return self.street_of(self.land()[1])

    def street_of(self, land: Land) -> str:
        """Return the name of a street in *land*."""
        if land.streets and self.chance(0.45):
            return self.rng.choice(land.streets)
        return self.spelled(self.rng.choice(land.forms["streets"]), land)

    def street_line(self, land: Land) -> str:
        """Return a street with a number."""
        number = str(self.rng.randint(1, self.rng.choice((30, 300, 99_999))))
        parts: dict[str, Callable[[], str]] = {
            "N": lambda: number,
            "Nc": lambda: number + self.rng.choice("abcdABC"),
            "S": lambda: self.street_of(land),
            "U": lambda: self.unit(land),
            "#": lambda: str(self.rng.randint(1, 99)),
        }
        return LINE_PARTS.sub(lambda match: parts[match[0]](), self.rng.choice(land.forms["lines"]))

    def unit(self, land: Land) -> str:
        """Return a flat, suite or floor."""
        form = self.rng.choice(land.forms["units"])
        return re.sub(
            r"\bT\b", self.surname(land), form.replace("#", str(self.rng.randint(1, 999)))
        )

    def town_line(self, name: str, land: Land) -> str:
        """Return a town with its postcode."""
        forms = {"de-ch": WORDS["swiss"], "de-at": WORDS["austrian"]}.get(name, land.forms["towns"])
        return TOWN_PARTS.sub(
            lambda match: self._town_part(match[0], name, land), self.rng.choice(forms)
        )

    def _town_part(self, sign: str, name: str, land: Land) -> str:
        if sign.isdigit():
            return self._digits(int(sign), name)
        if sign == "P":
            return self.town(land)
        if sign == "Z":
            letters = "ABDEFGHJLNPQRSTUWXYZ"
            inward = f"{self.rng.randint(0, 9)}{self.rng.choice(letters)}{self.rng.choice(letters)}"
            area = self.rng.choice(WORDS["british_areas"])
            return f"{area}{self.rng.randint(1, 29)}{self.rng.choice(('', ' ', ' '))}{inward}"
        if sign == "K":
            one = [self.rng.choice("ABCEGHJKLMNPRSTVXYZ") for _ in range(3)]
            two = [str(self.rng.randint(0, 9)) for _ in range(3)]
            middle = self.rng.choice((" ", ""))
            return one[0] + two[0] + one[1] + middle + two[1] + one[2] + two[2]
        names = {
            "X": WORDS["states"], "Y": self.states, "XX": WORDS["provinces"],
            "V": WORDS["australian_states"], "C": WORDS["american_regions"],
        }  # fmt: skip
        return self.rng.choice(names[sign])

    def _digits(self, size: int, name: str) -> str:
        if self.chance(0.1):
            return "0" + str(self.rng.randint(10 ** (size - 2), 10 ** (size - 1) - 1))
        made = str(self.rng.randint(10 ** (size - 1), 10**size - 1))
        if name == "en" and size == 5 and self.chance(0.15):
            made += f"-{self.rng.randint(1000, 9999)}"
        return made

    def address(self) -> str:
        """Return an address: a street line at least, mostly more, on one line or several."""
        name, land = self.land()
        if self.chance(0.05):
            return self._boxed(self.lands["en"])
        if self.chance(0.04):
            made = self.spelled(self.rng.choice(WORDS["romanian"]), land)
            return re.sub(r"\bN\b", str(self.rng.randint(1, 400)), made)
        parts = [self.street_line(land)]
        if self.chance(0.36):
            return parts[0]
        if self.chance(0.25):
            parts.insert(self.rng.choice((0, 1, 1, 1)), self.unit(land))
        if self.chance(0.93):
            parts.append(self.town_line(name, land))
        if self.chance(0.22):
            parts.append(self.country())
        return self.rng.choice(JOINTS).join(parts).replace("\n\n", "\n")

    def _boxed(self, land: Land) -> str:
        made = self.spelled(self.rng.choice(WORDS["military"]), land)
        return re.sub("[56]", lambda match: self._digits(int(match[0]) - 1, ""), made)


def load(folder: Path, rng: random.Random) -> Fill:
    """Return a filler with the lists in *folder* (see gazetteer.py)."""
    given = of_languages(folder, "person", "names")
    surnames = of_languages(folder, "person", "surnames")
    towns = of_languages(folder, "address", "city")
    lands = {}
    for name, forms in LANDS.items():
        base = name.partition("-")[0]
        lands[name] = Land(
            _full(given.get(name) or given[base]),
            _full(surnames.get(name) or surnames[base]),
            towns.get(name) or towns[base],
            _streets(folder, name, rng),
            LANDS[str(forms["like"])] if "like" in forms else forms,
        )
    small, large = cities(folder)
    world = [one for one in world_given(folder) if len(one) > 2]
    return Fill(
        rng, lands, world, census(folder, "census_2010", 30_000), small, large, *regions(folder)
    )


def _streets(folder: Path, name: str, rng: random.Random) -> list[str]:
    """Return names of streets of a country, as they are written there."""
    base = name.partition("-")[0]
    names = of_languages(folder, "address", "street", "name")
    kinds = of_languages(folder, "address", "street", "suffix")
    roads = [one.strip() for one in names.get(name) or names.get(base, []) if len(one) > 3]
    if base == "en":
        return [f"{one} {rng.choice(kinds['en'])}" for one in roads]
    if base in ("fr", "it"):
        return [f"{rng.choice(kinds[base])} {one}" for one in roads]
    if base in ("hu", "tr", "pl"):
        return [re.sub(r"\s+(utca|út|tér|Sokak|Caddesi)$", "", one) for one in roads]
    return roads


def _full(names: Sequence[str]) -> list[str]:
    return [one for one in names if FULL.fullmatch(one)]
