"""The phrases of prompt injections in languages other than English: override, exfiltration, role.

They are written as people write them, and brought to the form in which `injection.plain` returns
a text: without accents, Hangul in letters. A language is a list of words that take back, of what
is taken back, and of whether the verb comes last, as in Japanese or Turkish.
"""

# ruff: noqa: RUF001, E501 - letters of other scripts are on purpose

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from engine.content.phrases import Phrase

GAP = r"[^.!?。！？।؟\n]{0,48}"
_literal = re.compile(r"[^-\[\](){}?.,*+:|\0]+")
_group = re.compile(r"\(\?:[^()]*\)\??")


@dataclass(frozen=True, slots=True)
class Language:
    """What is said in one language; each field is a pattern of alternatives.

    *ignore* and *orders*: verbs that take back, and what; *show* and *prompt*: verbs that give
    away, and what; *role*: whole phrases that put the model in another role; *now*: whole phrases
    after which orders for the model itself follow.
    """

    ignore: str
    orders: str
    show: str
    prompt: str
    role: str
    verb_last: bool = False


GERMAN = Language(
    "ignorier|vergiss|missacht|verwirf|beachte nicht|uebergeh|übergeh|setz|umgeh",
    "anweisung|instruktion|vorgaben|bisherigen regeln|alle regeln|deine regeln|sicherheitsregeln"
    "|vorherigen befehle|alle befehle",
    "zeig|verrat|nenn|gib|offenbar|wiederhol|druck|schreib",
    "system-?prompt|systemnachricht|versteckte anweisung|geheime anweisung|systemanweisung"
    "|interne anweisung|ursprüngliche anweisung|ursprünglichen anweisung",
    "du bist (?:jetzt|nun|ab jetzt|ab sofort) |tu so, als (?:ob|wär)|ohne (?:jede |jegliche |alle )?"
    "(?:regeln|einschränkung|beschränkung|filter)|keine (?:regeln|einschränkungen|beschränkungen) mehr",
)  # fmt: skip
FRENCH = Language(
    "ignore[zr]? |ignorons|oublie[zr]? |ne tiens pas compte|ne tenez pas compte|néglige",
    "instructions préc|instructions antér|instructions ci-|instructions que|instructions init"
    "|les instructions|tes instructions|vos instructions|consignes|directives|règles précédentes"
    "|toutes les règles",
    "révèl|montr|affich|donn|répèt|dévoil|écri",
    "prompt système|invite système|instructions système|instructions initiales|instructions cachées"
    "|instructions secrètes|consignes initiales|instructions internes|consignes cachées",
    "tu es (?:maintenant|désormais) |vous êtes (?:maintenant|désormais) |fais semblant d"
    "|sans (?:aucune |aucun )?(?:restriction|limite|filtre|censure)|agis comme si",
)  # fmt: skip
SPANISH = Language(
    "ignor[ae]|olvid[ae]|descart[ae]|haz caso omiso|no sigas|omite ",
    "instrucciones|indicaciones|directrices|reglas anteriores|todas las reglas|órdenes anteriores",
    "revel|muéstra|muestra|imprim|repit|dime|dame|escrib",
    "prompt del sistema|prompt de sistema|instrucciones del sistema|instrucciones iniciales"
    "|instrucciones ocultas|instrucciones secretas|mensaje del sistema|instrucciones internas",
    "(?:ahora|a partir de ahora) eres |finge (?:que eres|ser)|actúa como si"
    "|sin (?:ninguna |ningún )?(?:restricci|límite|filtro|censura)",
)  # fmt: skip
PORTUGUESE = Language(
    "ignor[ae]|esque[çc]a|desconsider|não siga|descarte ",
    "instruções|diretrizes|orientações|regras anteriores|todas as regras|ordens anteriores",
    "revel|mostr|imprim|repit|diga|escrev|exib",
    "prompt do sistema|prompt de sistema|instruções do sistema|instruções iniciais"
    "|instruções ocultas|instruções secretas|mensagem do sistema|instruções internas",
    "(?:agora|a partir de agora) você é |finja (?:que|ser)|aja como se"
    "|sem (?:nenhuma |nenhum |qualquer )?(?:restriç|limite|filtro|censura)",
)  # fmt: skip
ITALIAN = Language(
    "ignor[ai]|dimentic|trascur|non seguire|non tener conto",
    "istruzioni|direttive|indicazioni|regole precedenti|tutte le regole|ordini precedenti",
    "rivel|mostr|stamp|ripet|dimmi|scriv",
    "prompt di sistema|prompt del sistema|istruzioni di sistema|istruzioni iniziali"
    "|istruzioni nascoste|istruzioni segrete|messaggio di sistema|istruzioni interne",
    "(?:ora|adesso|d'ora in poi|da ora in poi) sei |fai finta di|fingi di essere|agisci come se"
    "|senza (?:alcuna |alcun |nessuna )?(?:restrizion|limit|filtr|censur)",
)  # fmt: skip
DUTCH = Language(
    "negeer|vergeet|sla .{0,20}over|houd geen rekening",
    "instructies|aanwijzingen|richtlijnen|vorige regels|alle regels|eerdere opdrachten",
    "toon|onthul|laat .{0,12}zien|geef|herhaal|druk|schrijf",
    "systeemprompt|systeeminstructies|systeembericht|verborgen instructies|geheime instructies"
    "|oorspronkelijke instructies|interne instructies",
    "je bent (?:nu|vanaf nu) |doe alsof je|zonder (?:enige )?(?:beperking|regels|filter|censuur)",
)  # fmt: skip
POLISH = Language(
    "zignoruj|ignoruj|zapomnij|pomiń|nie zważaj",
    "instrukcj|polece|wytyczn|poprzednie zasady|wszystkie zasady|wszystkich zasadach",
    "pokaż|ujawnij|wypisz|wyświetl|podaj|powtórz|napisz",
    "prompt systemowy|promptu systemow|instrukcje systemowe|ukryte instrukcje|tajne instrukcje"
    "|początkowe instrukcje|wiadomość systemow",
    "(?:teraz|od teraz) jesteś |udawaj, że|bez (?:żadnych )?(?:ogranicze|filtr|cenzur)",
)  # fmt: skip
RUSSIAN = Language(
    "игнорир|проигнорир|забудь|отбрось|не обращай внимания|не следуй",
    "инструкци|указани|директив|предыдущие правила|все правила|прежние команды",
    "покаж|раскро|выведи|напечатай|повтори|назови|скажи|напиши|сообщи",
    "системный промпт|системного промпта|системные инструкции|скрытые инструкции"
    "|секретные инструкции|начальные инструкции|системное сообщение|свой промпт",
    "(?:теперь|отныне|с этого момента) ты |притворись|без (?:каких-либо |всяких )?(?:ограничени"
    "|правил|фильтр|цензур)",
)  # fmt: skip
CHINESE = Language(
    "忽略|无视|忘记|忘掉|無視|忽視|不要理会|抛开",
    "指令|指示|提示|规则|說明|说明|要求|規則",
    "显示|输出|告诉|透露|打印|重复|展示|說出|说出|顯示",
    "系统提示|系統提示|系统指令|隐藏指令|初始指令|初始提示|内部指令|系统消息",
    "从现在开始|從現在開始|你现在是|你現在是|假装你|假裝你|不受任何限制|没有任何限制|没有限制",
)
JAPANESE = Language(
    "無視し[てろ]|無視せよ|忘れて|忘れろ|破棄|従わない|取り消",
    "指示|命令|プロンプト|ルール|規則|指令",
    "表示|教え|出力|開示|見せ|繰り返",
    "システムプロンプト|システム指示|隠された指示|初期の指示|最初の指示|内部の指示|システムメッセージ",
    "これからあなたは|今からあなたは|のふりをし|制限なし|制限のない|いかなる制限も",
    verb_last=True,
)
KOREAN = Language(
    "무시해|무시하[고라십세]|잊어|잊으|따르지 마|버려",
    "지시|명령|프롬프트|규칙|지침",
    "보여|알려|출력|공개|말해|반복",
    "시스템 프롬프트|시스템 지시|시스템 메시지|숨겨진 지시|초기 지시|내부 지침|숨겨진 프롬프트",
    "지금부터 (?:너는|넌|당신은)|이제부터 (?:너는|넌|당신은)|인 척|제한 없|아무런 제한",
    verb_last=True,
)
TURKISH = Language(
    "yok say|görmezden gel|unut(?:un)?(?:[^a-z]|$)|dikkate alma|göz ardı et|uyma",
    "talimat|yönerge|komutlar|önceki kurallar|tüm kurallar|bütün kurallar",
    "göster|açıkla|yazdır|söyle|paylaş|tekrarla",
    "sistem istemi|sistem talimat|sistem mesaj|gizli talimat|başlangıç talimat|ilk talimat"
    "|sistem prompt",
    "(?:artık|şu andan itibaren|bundan sonra) sen |gibi davran|sınırlama olmadan|hiçbir kısıtlama"
    "|kısıtlama olmadan|hiçbir kural",
    verb_last=True,
)
ARABIC = Language(
    "تجاهل|انس |انسى|تجاوز|لا تتبع",
    "التعليمات|الأوامر|التوجيهات|القواعد|الإرشادات|تعليمات",
    "اعرض|أظهر|اكشف|اطبع|أخبرني|كرر|اكتب",
    "موجه النظام|تعليمات النظام|رسالة النظام|التعليمات المخفية|التعليمات السرية|التعليمات الأولية",
    "أنت الآن|من الآن فصاعدا|تظاهر ب|تظاهر أن|بدون قيود|بدون أي قيود|دون أي قيود",
)
HINDI = Language(
    "अनदेखा|नज़रअंदाज़|नजरअंदाज|भूल जा|उपेक्षा|इग्नोर",
    "निर्देश|आदेश|नियम|प्रॉम्प्ट|हिदायत",
    "दिखा|बता|प्रकट|प्रिंट|दोहरा",
    "सिस्टम प्रॉम्प्ट|सिस्टम निर्देश|छिपे निर्देश|छुपे निर्देश|प्रारंभिक निर्देश|गुप्त निर्देश|सिस्टम संदेश",
    "अब से (?:तुम|आप)|अब (?:तुम|आप) एक |का नाटक कर|बिना किसी (?:प्रतिबंध|रोक|नियम|सीमा)",
    verb_last=True,
)

LANGUAGES = (
    GERMAN, FRENCH, SPANISH, PORTUGUESE, ITALIAN, DUTCH, POLISH, RUSSIAN, CHINESE, JAPANESE,
    KOREAN, TURKISH, ARABIC, HINDI,
)  # fmt: skip


def bare(pattern: str) -> str:
    """Return *pattern* without accents: how `injection.plain` leaves a text."""
    made = "".join(
        char for char in unicodedata.normalize("NFD", pattern) if not unicodedata.combining(char)
    )
    return made.translate(str.maketrans("łı", "li"))


def _pair(language: Language, verb: str, noun: str) -> str:
    start = r"\b" if verb[0].isascii() else ""
    ordered = [rf"{start}(?:{verb}){GAP}(?:{noun})"]
    if language.verb_last:
        ordered = [rf"(?:{noun}){GAP}(?:{verb})"]
    return bare(ordered[0])


def _words(pattern: str) -> tuple[str, ...]:
    """Return the literal words of which one is in all that *pattern* matches."""
    return tuple(_longest(bare(part)) for part in pattern.split("|"))


def _longest(part: str) -> str:
    words: list[str] = _literal.findall(part)
    return max(words, key=len)


def _phrases(language: Language) -> tuple[Phrase, ...]:
    override = _pair(language, language.ignore, language.orders)
    reveal = _pair(language, language.show, language.prompt)
    role = bare(language.role)
    roles = _words(_group.sub("\0", language.role))
    return (
        Phrase(
            "override", override, _words(language.orders), 0.88, 0.95, hint=bare(language.orders)
        ),
        Phrase(
            "exfiltration", reveal, _words(language.prompt), 0.82, 0.88, hint=bare(language.prompt)
        ),
        Phrase("roleplay", role, roles, 0.45, 0.55, hint=role),
    )


ABROAD = tuple(phrase for language in LANGUAGES for phrase in _phrases(language))
"""Three phrases for each language."""
