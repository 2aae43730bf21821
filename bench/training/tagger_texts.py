"""Templates in, labelled texts out: the sentences that the tagger learns from."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path

from bench.training.tagger_fill import Fill

TEMPLATES = Path(__file__).with_name("tagger_templates.txt")
SLOT = re.compile(r"\{(\w+)\}")
LABELLED = {
    "person": "person", "first": "person", "last": "person", "place": "location", "town": "location",
    "country": "location", "org": "organization", "address": "address", "street": "address",
}  # fmt: skip
JOBS = """accountant|teacher|nurse|software engineer|senior developer|chief executive|CEO|CFO|sales manager|project manager|designer|
data scientist|driver|chef|lawyer|Engineer|Manager|Director|Product Manager|Account Executive|journalist|singer|painter|guitarist|
head of marketing|Head of Research|vice president|Vice President|analyst|Consultant|secretary|electrician|plumber|actor|pilot""".replace(
    "\n", ""
).split("|")
HONORIFICS = "Mr. Mrs. Ms. Dr. Mr Mrs Ms Dr Prof. Professor Miss Sir Judge Officer Captain Senator President Herr Frau Mme M. Señor Sra. Sr. Doctor Rev. Sgt. Nurse Uncle Aunt".split()
NATIONS = "French German English American Italian Spanish Chinese Japanese Indian Mexican Swedish Danish Polish Turkish Greek Irish Dutch Russian Canadian Brazilian Korean Egyptian Portuguese Thai Vietnamese Lebanese Moroccan Ethiopian Peruvian Cuban Hungarian Czech Finnish Norwegian Swiss Austrian Belgian Scottish Welsh Ukrainian Romanian Croatian Serbian Iranian Pakistani Nepali Filipino Indonesian Malaysian Australian African Asian European Arab Catholic Protestant Muslim Jewish Hindu Sikh Buddhist Christian Democrat Republican Conservative Socialist".split()
PRODUCTS = """iPhone 15|Galaxy S24|ThinkPad|MacBook Pro|PlayStation 5|Xbox Series X|Kindle Paperwhite|Model 3|Mustang|Corolla|Civic|Office 365|Photoshop|Windows 11|
washing machine|blender|headphones|Ibuprofen|Aspirin|Metformin|Lisinopril|Bluetooth speaker|AirPods|Fire TV Stick|Surface Laptop|Pixel 8|Roomba|GoPro Hero|Air Jordan|Whopper|Nutella|LEGO set|Monopoly""".replace(
    "\n", ""
).split("|")
TECH = """Kubernetes|Docker|Terraform|Ansible|Jenkins|Redis|Postgres|PostgreSQL|MySQL|MongoDB|Kafka|RabbitMQ|Elasticsearch|Grafana|Prometheus|Nginx|Apache Spark|Hadoop|Django|Flask|FastAPI|React|
Angular|Vue|Svelte|Node.js|TypeScript|JavaScript|Python|Java|Kotlin|Scala|Rust|Go|Ruby on Rails|Swift|Haskell|Lua|Julia|Perl|Pascal|Ada|Fortran|TensorFlow|PyTorch|Pandas|NumPy|Jupyter|Spark|Airflow|
Snowflake|BigQuery|Lambda|CloudFormation|EC2|S3|Azure Functions|GitHub Actions|GitLab CI|Jira|Confluence|Slack|Notion|Figma|Bash|PowerShell|Ubuntu|Debian|Fedora|CentOS|Vim|Emacs|Eclipse|Maven|Gradle|
Selenium|Cypress|Playwright|GraphQL|OAuth|Keycloak|Vault|Consul|Istio|Helm|Linkerd|Envoy|Cassandra|Neo4j|Sentry|Datadog|Splunk|Tableau|Power BI|Excel|Word|Outlook|Teams|Zoom|Flink|Hive|Oracle Database|Cordova|Phoenix|Elixir|Erlang|Clojure|Groovy|Solidity|Ethereum|Bitcoin|Celery|Hugo|Jekyll|Cassini|Hibernate|Spring Boot|Quarkus|Micronaut|Laravel|Symfony|Magento|Drupal|Joomla""".replace(
    "\n", ""
).split("|")
CODE = """Xml Http Tcp Json Server Client Reader Writer Stream Handle Id User Order Item List Map Node Tree Event Queue Task Job Service
Factory Builder Manager Handler Listener Parser Token Cache Buffer Config Option Result Error Type Value Key String File Path Loader Mark Grant Page Price""".split()
ACRONYMS = """API HTTP HTTPS SQL XML JSON CSV PDF HTML CSS URL URI TCP UDP SSH SSL TLS AES RSA SHA MD5 JWT DNS VPN LAN CPU GPU RAM SSD USB HDMI FAQ CEO CFO HR IT
PIN ATM IBAN ETF IRA IPO GDP VAT PNG JPG GIF MP3 BMP ZIP BAM FFT CNN RNN LLM OWASP CVE XSS CSRF SDK IDE ORM MVC REST SOAP CRUD ASAP FYI TBD DIY NGO PhD""".split()
VENUES = "country club|golf club|stadium|train station|airport|city hall|conference center|main square|public library".split(
    "|"
)
KEPT = 0.80


@dataclass(frozen=True, slots=True)
class Sample:
    """A text and its names: (start, end, kind)."""

    text: str
    spans: tuple[tuple[int, int, str], ...]


def templates() -> list[str]:
    """Return all templates."""
    lines = TEMPLATES.read_text("utf-8").splitlines()
    return [one.replace("\\n", "\n") for one in lines if one and not one.startswith("#")]


def _plain(slot: str, fill: Fill) -> str:
    rng = fill.rng
    choices = {
        "job": JOBS,
        "hon": HONORIFICS,
        "nat": NATIONS,
        "product": PRODUCTS,
        "tech": TECH,
        "venue": VENUES,
        "pron": ["him", "her", "them"],
        "pron2": ["he", "she", "they"],
    }
    if slot in choices:
        return rng.choice(choices[slot])
    if slot == "n":
        return str(rng.choice([rng.randint(1, 12), rng.randint(10, 99), rng.randint(100, 5000)]))
    if slot == "code":
        return "".join(
            rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ0123456789") for _ in range(rng.randint(5, 16))
        )
    if slot == "hex":
        return "".join(
            rng.choice("0123456789abcdef") for _ in range(rng.choice([7, 12, 16, 32, 40]))
        )
    if slot == "ident":
        letters = "".join(rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(rng.randint(1, 4)))
        return rng.choice(
            [
                f"{letters}-{rng.randint(1, 9999)}",
                f"{letters}{rng.randint(1, 9)}-{letters[0]}-{rng.randint(0, 99):05}",
                f"{letters}/{rng.randint(1, 999)}",
                f"{letters}{rng.randint(10, 9999)}",
                f"{rng.randint(1, 99)}-{letters}-{rng.randint(1, 99)}",
            ]
        )
    if slot == "camel":
        return "".join(rng.choice(CODE) for _ in range(rng.randint(2, 3)))
    if slot == "acro":
        return rng.choice(ACRONYMS)
    if slot == "phone":
        return rng.choice(["+1 555 {} {}", "({}) 555-{}", "0{}-{}", "{}-{}"]).format(
            rng.randint(100, 999), rng.randint(1000, 9999)
        )
    if slot == "email":
        return f"{fill.first().lower()}.{rng.choice('abcdefg')}@{rng.choice(['mail', 'example', 'corp'])}.{rng.choice(['com', 'org', 'de'])}".replace(
            " ", ""
        )
    months = "January February March April May June July August September October November December".split()
    return rng.choice(
        [
            f"{rng.choice(months)} {rng.randint(1, 28)}, 20{rng.randint(10, 26)}",
            f"{rng.randint(1, 28)}/{rng.randint(1, 12)}/19{rng.randint(40, 99)}",
            f"20{rng.randint(10, 26)}-0{rng.randint(1, 9)}-{rng.randint(10, 28)}",
            f"{rng.choice(months)} {rng.randint(1, 28)}",
            f"last {rng.choice(['week', 'Monday', 'Friday'])}",
        ]
    )


def make(template: str, fill: Fill) -> Sample:
    """Return *template* with its slots filled, and where the names are."""
    text, spans, last = "", [], 0
    for match in SLOT.finditer(template):
        text += template[last : match.start()]
        slot = match[1]
        kind = LABELLED.get(slot)
        value = (
            str(getattr(fill, "street_only" if slot == "street" else slot)())
            if kind
            else _plain(slot, fill)
        )
        value = value.strip()
        if kind:
            spans.append((len(text), len(text) + len(value), kind))
        text += value
        last = match.end()
    return Sample(text + template[last:], tuple(spans))


def varied(sample: Sample, rng: random.Random) -> Sample:
    """Return *sample* as some people would write it: in lower case, in capitals, without accents."""
    text = sample.text
    way = rng.random()
    if way < 0.13:
        changed = text.lower()
    elif way < 0.15:
        changed = text.upper()
    elif way < 0.19:
        changed = text
        for start, end, _ in sample.spans:
            changed = changed[:start] + text[start:end].lower() + changed[end:]
    elif way < 0.21:
        changed = text
        for start, end, _ in sample.spans:
            changed = changed[:start] + text[start:end].upper() + changed[end:]
    else:
        return sample
    return Sample(changed, sample.spans) if len(changed) == len(text) else sample


def samples(fill: Fill, count: int) -> list[Sample]:
    """Return *count* texts; some are two or three sentences."""
    rng = fill.rng
    every = templates()
    made = []
    for at in range(count):
        sample = make(every[at % len(every)], fill)
        while rng.random() < 0.2:
            other = make(rng.choice(every), fill)
            joint = rng.choice([" ", ". ", "\n", "\n\n", "! "])
            shift = len(sample.text) + len(joint)
            sample = Sample(
                sample.text + joint + other.text,
                sample.spans + tuple((a + shift, b + shift, k) for a, b, k in other.spans),
            )
        made.append(varied(sample, rng))
    return made
