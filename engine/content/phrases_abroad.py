"""The phrases of prompt injections in the languages that most people write.

They are written as people write them (see `phrases_language`).
"""

# ruff: noqa: RUF001, E501 - letters of other scripts are on purpose

from __future__ import annotations

from engine.content.phrases_farther import FARTHER
from engine.content.phrases_language import Language, phrases_of

GERMAN = Language(
    "ignorier|vergiss|missacht|verwirf|beachte nicht|uebergeh|übergeh|setz|umgeh",
    "anweisung|instruktion|vorgaben|bisherigen regeln|alle regeln|deine regeln|sicherheitsregeln"
    "|vorherigen befehle|alle befehle",
    "zeig|verrat|nenn|gib|offenbar|wiederhol|druck|schreib",
    "system-?prompt|systemnachricht|versteckte anweisung|geheime anweisung|systemanweisung"
    "|interne anweisung|ursprüngliche anweisung|ursprünglichen anweisung",
    "du bist (?:jetzt|nun|ab jetzt|ab sofort) |tu so, als (?:ob|wär)|ohne (?:jede |jegliche |alle )?"
    "(?:regeln|einschränkung|beschränkung|filter)|keine (?:regeln|einschränkungen|beschränkungen) mehr",
    "füg|nimm|schreib|antworte|beende|beginn|ersetz|erwähn|übersetz|gib",
    "(?:deine|ihre)[rn]? (?:antwort|zusammenfassung|ausgabe)",
    "was ist|wie lautet|wie heißt|nenn|sag mir|verrat|gib",
    "passwort|kennwort|zugangscode|geheimwort|geheimcode",
    "dem nutzer nicht|dem benutzer nicht|dem anwender nicht|den nutzer zu (?:informieren|"
    "fragen)|den benutzer zu (?:informieren|fragen)|niemandem davon",
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
    "ajoute|inclu|insère|écri|répond|termine|commence|remplace|mentionne|tradui",
    "(?:ta|votre) (?:réponse|sortie)|(?:ton|votre) résumé",
    "quel est|quelle est|dis-moi|donne|révèl|dites-moi|montre",
    "mot de passe|code secret|clé secrète|code d'accès",
    "rien (?:dire )?à l'utilisateur|pas (?:le dire )?à l'utilisateur|"
    "sans prévenir l'utilisateur|sans en informer l'utilisateur|sans le dire à",
)  # fmt: skip
SPANISH = Language(
    "ignor[ae]|olvid[ae]|descart[ae]|haz caso omiso|no sigas|omite ",
    "instrucciones|indicaciones|directrices|reglas anteriores|todas las reglas|órdenes anteriores",
    "revel|muéstra|muestra|imprim|repit|dime|dame|escrib",
    "prompt del sistema|prompt de sistema|instrucciones del sistema|instrucciones iniciales"
    "|instrucciones ocultas|instrucciones secretas|mensaje del sistema|instrucciones internas",
    "(?:ahora|a partir de ahora) eres |finge (?:que eres|ser)|actúa como si"
    "|sin (?:ninguna |ningún )?(?:restricci|límite|filtro|censura)",
    "añad|incluy|agreg|insert|escrib|respond|termin|comienz|empiez|reemplaz|mencion|traduc",
    "(?:tu|su) (?:respuesta|resumen)",
    "cuál es|dime|dame|revela|muestra|di la|necesito",
    "contraseña|clave secreta|código secreto|código de acceso",
    "(?:nada|esto) al usuario|sin avisar al usuario|sin informar al usuario|sin decírselo|"
    "no se lo digas",
)  # fmt: skip
PORTUGUESE = Language(
    "ignor[ae]|esque[çc]a|desconsider|não siga|descarte ",
    "instruções|diretrizes|orientações|regras anteriores|todas as regras|ordens anteriores",
    "revel|mostr|imprim|repit|diga|escrev|exib",
    "prompt do sistema|prompt de sistema|instruções do sistema|instruções iniciais"
    "|instruções ocultas|instruções secretas|mensagem do sistema|instruções internas",
    "(?:agora|a partir de agora) você é |finja (?:que|ser)|aja como se"
    "|sem (?:nenhuma |nenhum |qualquer )?(?:restriç|limite|filtro|censura)",
    "adicion|inclu|acrescent|insir|escrev|respond|termin|comec|começ|substitu|mencion|traduz",
    "(?:sua|tua) resposta|(?:seu|teu) resumo",
    "qual é|diga|me dê|revele|mostre|informe",
    "senha|palavra-passe|código secreto|chave secreta",
    "(?:nada|isso|isto) ao (?:usuário|utilizador)|sem avisar o (?:usuário|utilizador)|"
    "sem informar o (?:usuário|utilizador)|não conte a ninguém",
)  # fmt: skip
ITALIAN = Language(
    "ignor[ai]|dimentic|trascur|non seguire|non tener conto",
    "istruzioni|direttive|indicazioni|regole precedenti|tutte le regole|ordini precedenti",
    "rivel|mostr|stamp|ripet|dimmi|scriv",
    "prompt di sistema|prompt del sistema|istruzioni di sistema|istruzioni iniziali"
    "|istruzioni nascoste|istruzioni segrete|messaggio di sistema|istruzioni interne",
    "(?:ora|adesso|d'ora in poi|da ora in poi) sei |fai finta di|fingi di essere|agisci come se"
    "|senza (?:alcuna |alcun |nessuna )?(?:restrizion|limit|filtr|censur)",
    "aggiung|inclu|inserisc|scriv|rispond|termin|inizia|sostituisc|menzion|traduc",
    "(?:tua|sua) risposta|(?:tuo|suo) riassunto",
    "qual è|qual'è|dimmi|dammi|rivela|mostrami",
    "password|parola d'ordine|codice segreto|chiave segreta",
    "(?:nulla|niente|questo) all'utente|senza avvisare l'utente|senza informare l'utente|"
    "non dirlo a nessuno",
)  # fmt: skip
DUTCH = Language(
    "negeer|vergeet|sla .{0,20}over|houd geen rekening",
    "instructies|aanwijzingen|richtlijnen|vorige regels|alle regels|eerdere opdrachten",
    "toon|onthul|laat .{0,12}zien|geef|herhaal|druk|schrijf",
    "systeemprompt|systeeminstructies|systeembericht|verborgen instructies|geheime instructies"
    "|oorspronkelijke instructies|interne instructies",
    "je bent (?:nu|vanaf nu) |doe alsof je|zonder (?:enige )?(?:beperking|regels|filter|censuur)",
    "voeg|neem|schrijf|antwoord|eindig|begin|vervang|vermeld|vertaal",
    "(?:je|jouw|uw) (?:antwoord|samenvatting|uitvoer)",
    "wat is|geef|zeg|vertel|noem|onthul",
    "wachtwoord|toegangscode|geheime code|geheime sleutel",
    "niet aan de gebruiker|niets aan de gebruiker|zonder de gebruiker te|tegen niemand iets",
)  # fmt: skip
POLISH = Language(
    "zignoruj|ignoruj|zapomnij|pomiń|nie zważaj",
    "instrukcj|polece|wytyczn|poprzednie zasady|wszystkie zasady|wszystkich zasadach",
    "pokaż|ujawnij|wypisz|wyświetl|podaj|powtórz|napisz",
    "prompt systemowy|promptu systemow|instrukcje systemowe|ukryte instrukcje|tajne instrukcje"
    "|początkowe instrukcje|wiadomość systemow",
    "(?:teraz|od teraz) jesteś |udawaj, że|bez (?:żadnych )?(?:ogranicze|filtr|cenzur)",
    "dodaj|dołącz|umieść|napisz|odpowiedz|zakończ|zacznij|zastąp|wspomnij|przetłumacz",
    "(?:swojej|swoją|twojej|twoją) (?:odpowied|wypowied)|swoim podsumowaniu",
    "jakie jest|podaj|powiedz|zdradź|ujawnij|pokaż",
    "hasło|tajny kod|kod dostępu|tajny klucz",
    "nie mów (?:o tym )?użytkownikowi|bez wiedzy użytkownika|nie informuj użytkownika|"
    "nikomu o tym",
)  # fmt: skip
RUSSIAN = Language(
    "игнорир|проигнорир|забудь|отбрось|не обращай внимания|не следуй",
    "инструкци|указани|директив|предыдущие правила|все правила|прежние команды",
    "покаж|раскро|выведи|напечатай|повтори|назови|скажи|напиши|сообщи",
    "системный промпт|системного промпта|системные инструкции|скрытые инструкции"
    "|секретные инструкции|начальные инструкции|системное сообщение|свой промпт",
    "(?:теперь|отныне|с этого момента) ты |притворись|без (?:каких-либо |всяких )?(?:ограничени"
    "|правил|фильтр|цензур)",
    "добавь|включи|вставь|напиши|ответь|закончи|начни|замени|упомяни|переведи",
    "(?:свой|своем|твой|твоем|ваш|вашем) (?:ответ|отчет)|(?:своего|твоего|вашего) ответа",
    "какой|скажи|назови|сообщи|дай|раскрой|покажи",
    "пароль|секретный код|код доступа|секретный ключ",
    "не говори (?:об этом )?пользователю|не сообщай пользователю|без ведома пользователя|"
    "никому не говори",
)  # fmt: skip
CHINESE = Language(
    "忽略|无视|忘记|忘掉|無視|忽視|不要理会|抛开",
    "指令|指示|提示|规则|說明|说明|要求|規則",
    "显示|输出|告诉|透露|打印|重复|展示|說出|说出|顯示",
    "系统提示|系統提示|系统指令|隐藏指令|初始指令|初始提示|内部指令|系统消息",
    "从现在开始|從現在開始|你现在是|你現在是|假装你|假裝你|不受任何限制|没有任何限制|没有限制",
    "添加|包含|加上|写|插入|加入|附上|回答|翻译|結尾|结尾",
    "你的回答|你的回复|你的答案|你的输出|您的回答|你的總結|你的总结",
    "是什么|告诉|透露|说出|給我|给我|是多少",
    "密码|口令|密碼|密钥|访问码",
    "不要告诉用户|别告诉用户|不要让用户知道|不要提及此|不要通知用户",
)  # fmt: skip
JAPANESE = Language(
    "無視し[てろ]|無視せよ|忘れて|忘れろ|破棄|従わない|取り消",
    "指示|命令|プロンプト|ルール|規則|指令",
    "表示|教え|出力|開示|見せ|繰り返",
    "システムプロンプト|システム指示|隠された指示|初期の指示|最初の指示|内部の指示|システムメッセージ",
    "これからあなたは|今からあなたは|のふりをし|制限なし|制限のない|いかなる制限も",
    "追加し|含め|入れ|書い|挿入し|付け加え|答え|翻訳し",
    "あなたの(?:回答|返答|応答|出力|答え)|回答の最後|回答の中|返答の最後",
    "何です|教え|言って|表示|何で",
    "パスワード|暗証番号|合言葉|秘密の言葉|アクセスコード",
    "ユーザーには(?:言わ|伝え|知らせ)|ユーザーに(?:言わ|伝え|知らせ)ない|誰にも言わ",
    verb_last=True,
)  # fmt: skip
KOREAN = Language(
    "무시해|무시하[고라십세]|잊어|잊으|따르지 마|버려",
    "지시|명령|프롬프트|규칙|지침",
    "보여|알려|출력|공개|말해|반복",
    "시스템 프롬프트|시스템 지시|시스템 메시지|숨겨진 지시|초기 지시|내부 지침|숨겨진 프롬프트",
    "지금부터 (?:너는|넌|당신은)|이제부터 (?:너는|넌|당신은)|인 척|제한 없|아무런 제한",
    "추가해|포함해|넣어|써|작성해|삽입해|덧붙여|대답해|번역해",
    "(?:너의|네|당신의|답변의|당신) (?:답변|응답|출력|대답|마지막|끝)",
    "뭐야|무엇|알려|말해|뭐니|보여",
    "비밀번호|암호|비밀 코드|접근 코드",
    "사용자에게 (?:말하지|알리지|언급하지)|아무에게도 말하지",
    verb_last=True,
)  # fmt: skip
TURKISH = Language(
    "yok say|görmezden gel|unut(?:un)?(?:[^a-z]|$)|dikkate alma|göz ardı et|uyma",
    "talimat|yönerge|komutlar|önceki kurallar|tüm kurallar|bütün kurallar",
    "göster|açıkla|yazdır|söyle|paylaş|tekrarla",
    "sistem istemi|sistem talimat|sistem mesaj|gizli talimat|başlangıç talimat|ilk talimat"
    "|sistem prompt",
    "(?:artık|şu andan itibaren|bundan sonra) sen |gibi davran|sınırlama olmadan|hiçbir kısıtlama"
    "|kısıtlama olmadan|hiçbir kural",
    "ekle|dahil et|yaz|koy|yanıtla|bitir|başla|değiştir|çevir",
    "(?:yanıtın|cevabın|çıktın|özetin)(?:a|da|ın|ızın|ıza|ızda|ı|e|de|in|ize|izde|i)|"
    "yanıtında|cevabında",
    "nedir|söyle|ver|açıkla|göster|ne",
    "parola|şifre|gizli kod|erişim kodu",
    "kullanıcıya (?:söyleme|bahsetme|bildirme)|kullanıcıya haber vermeden|kimseye söyleme",
    verb_last=True,
)  # fmt: skip
ARABIC = Language(
    "تجاهل|انس |انسى|تجاوز|لا تتبع",
    "التعليمات|الأوامر|التوجيهات|القواعد|الإرشادات|تعليمات",
    "اعرض|أظهر|اكشف|اطبع|أخبرني|كرر|اكتب",
    "موجه النظام|تعليمات النظام|رسالة النظام|التعليمات المخفية|التعليمات السرية|التعليمات الأولية",
    "أنت الآن|من الآن فصاعدا|تظاهر ب|تظاهر أن|بدون قيود|بدون أي قيود|دون أي قيود",
    "أضف|ضمّن|ضمن|اكتب|أدرج|أجب|ابدأ|اختم|استبدل|ترجم",
    "(?:ردك|إجابتك|جوابك|ملخصك|مخرجاتك)",
    "ما هي|ما هو|أخبرني|أعطني|اكشف|قل لي",
    "كلمة المرور|كلمة السر|الرمز السري|رمز الدخول",
    "لا تخبر المستخدم|دون إخبار المستخدم|دون علم المستخدم|لا تخبر أحدا",
)  # fmt: skip
HINDI = Language(
    "अनदेखा|नज़रअंदाज़|नजरअंदाज|भूल जा|उपेक्षा|इग्नोर",
    "निर्देश|आदेश|नियम|प्रॉम्प्ट|हिदायत",
    "दिखा|बता|प्रकट|प्रिंट|दोहरा",
    "सिस्टम प्रॉम्प्ट|सिस्टम निर्देश|छिपे निर्देश|छुपे निर्देश|प्रारंभिक निर्देश|गुप्त निर्देश|सिस्टम संदेश",
    "अब से (?:तुम|आप)|अब (?:तुम|आप) एक |का नाटक कर|बिना किसी (?:प्रतिबंध|रोक|नियम|सीमा)",
    "जोड़|शामिल|लिख|डाल|उत्तर दे|जवाब दे|अनुवाद कर",
    "अपने (?:उत्तर|जवाब|सारांश)|आपके (?:उत्तर|जवाब)",
    "क्या है|बता|दो|दिखा|कहो",
    "पासवर्ड|गुप्त कोड|गोपनीय कोड|एक्सेस कोड",
    "उपयोगकर्ता को (?:मत|न) बता|उपयोगकर्ता को बताए बिना|किसी को मत बता",
    verb_last=True,
)  # fmt: skip

LANGUAGES = (
    GERMAN,
    FRENCH,
    SPANISH,
    PORTUGUESE,
    ITALIAN,
    DUTCH,
    POLISH,
    RUSSIAN,
    CHINESE,
    JAPANESE,
    KOREAN,
    TURKISH,
    ARABIC,
    HINDI,
)

ABROAD = tuple(phrase for language in (*LANGUAGES, *FARTHER) for phrase in phrases_of(language))
"""Six phrases for each language, fewer where less is known."""
