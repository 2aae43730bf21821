"""The phrases of prompt injections in languages that fewer people write to models in.

They are written as people write them (see `phrases_language`). Attackers choose such languages
since filters do not know them.
"""

# ruff: noqa: RUF001, E501 - letters of other scripts are on purpose

from __future__ import annotations

from engine.content.phrases_language import Language

SWEDISH = Language(
    "ignorera|glöm|bortse från|strunta i|åsidosätt",
    "instruktioner|anvisningar|riktlinjer|tidigare regler|alla regler",
    "visa|avslöja|skriv ut|berätta|upprepa|ge mig",
    "systemprompt|systeminstruktion|systemmeddelande|dolda instruktioner|hemliga instruktioner",
    "du är (?:nu|från och med nu) |låtsas (?:att du|vara)|utan (?:några )?(?:begränsningar|regler|filter|censur)",
    "lägg till|inkludera|skriv|svara|avsluta|börja", "ditt svar|din sammanfattning|dina svar",
    "vad är|säg|berätta|avslöja|ge mig", "lösenord|hemlig kod|hemliga koden|åtkomstkod",
    "inte för användaren|utan att informera användaren|säg inget till användaren|berätta inte för någon",
)  # fmt: skip
DANISH = Language(
    "ignorer|glem|se bort fra|tilsidesæt",
    "instruktioner|instrukser|anvisninger|retningslinjer|tidligere regler|alle regler",
    "vis|afslør|udskriv|fortæl|gentag|giv mig",
    "systemprompt|systeminstruk|systembesked|skjulte instruk|hemmelige instruk",
    "du er (?:nu|fra nu af) |lad som om du|uden (?:nogen )?(?:begrænsninger|regler|filtre|censur)",
    "tilføj|inkluder|skriv|svar|afslut|begynd", "dit svar|din opsummering|dine svar",
    "hvad er|sig|fortæl|afslør|giv mig", "adgangskode|kodeord|hemmelig kode",
    "ikke til brugeren|uden at informere brugeren|sig intet til brugeren",
)  # fmt: skip
NORWEGIAN = Language(
    "ignorer|glem|se bort fra|overse",
    "instruksjon|instrukser|anvisninger|retningslinjer|tidligere regler|alle regler",
    "vis|avslør|skriv ut|fortell|gjenta|gi meg",
    "systemprompt|systeminstruks|systemmelding|skjulte instruks|hemmelige instruks",
    "du er (?:nå|fra nå av) |lat som (?:om )?du|uten (?:noen )?(?:begrensninger|regler|filtre|sensur)",
    "legg til|inkluder|skriv|svar|avslutt|begynn", "svaret ditt|ditt svar|oppsummeringen din",
    "hva er|si|fortell|avslør|gi meg", "passord|hemmelig kode|tilgangskode",
    "ikke til brukeren|uten å informere brukeren|si ingenting til brukeren",
)  # fmt: skip
FINNISH = Language(
    "unohda|sivuuta|älä välitä|jätä huomiotta|älä noudata",
    "ohjeet|ohjeista|ohjeita|säännöt|määräykset",
    "näytä|paljasta|tulosta|kerro|toista",
    "järjestelmäkehot|järjestelmäohje|piilotetut ohjeet|salaiset ohjeet|järjestelmäviesti",
    "olet (?:nyt|tästä lähtien) |teeskentele olevasi|ilman (?:mitään )?(?:rajoituksia|sääntöjä|suodattimia)",
    "lisää|sisällytä|kirjoita|vastaa|lopeta|aloita", "vastaukse|vastauksee",
    "mikä on|kerro|paljasta|anna", "salasana|salainen koodi|pääsykoodi",
    "älä kerro käyttäjälle|kertomatta käyttäjälle",
)  # fmt: skip
CZECH = Language(
    "ignoruj|zapomeň|zapomeňte|nedbej|přehlížej|neřiď se",
    "instrukce|pokyny|pokynů|příkazy|předchozí pravidla|všechna pravidla",
    "zobraz|ukaž|odhal|vypiš|prozraď|zopakuj",
    "systémový prompt|systémového promptu|systémové instrukce|skryté instrukce|skryté pokyny|tajné pokyny",
    "(?:nyní|od nynějška|teď) jsi |předstírej, že|bez (?:jakýchkoli |jakýchkoliv )?(?:omezení|pravidel|filtrů|cenzury)",
    "přidej|zahrň|vlož|napiš|odpověz|začni|ukonči", "své odpovědi|svou odpověď|tvé odpovědi|svého shrnutí",
    "jaké je|řekni|prozraď|sděl|ukaž", "heslo|tajný kód|přístupový kód",
    "neříkej uživateli|bez vědomí uživatele|neinformuj uživatele",
)  # fmt: skip
HUNGARIAN = Language(
    "hagyd figyelmen kívül|felejtsd el|ne vedd figyelembe|ne kövesd",
    "utasítás|irányelv|szabály|parancs",
    "mutasd meg|fedd fel|írd ki|áruld el|ismételd meg|add meg",
    "rendszerprompt|rendszerutasítás|rejtett utasítás|titkos utasítás|rendszerüzenet",
    "(?:mostantól|most) te |tegyél úgy, mintha|korlátozások nélkül|szabályok nélkül|szűrők nélkül",
    "add hozzá|írd|illeszd|válaszolj|kezdd|fejezd", "válaszod|a válaszodhoz|összefoglalód",
    "mi a|mondd|áruld el|add meg", "jelszó|jelszava|titkos kód|hozzáférési kód",
    "ne mondd el a felhasználónak|a felhasználó tudta nélkül",
)  # fmt: skip
ROMANIAN = Language(
    "ignoră|ignorați|uită|uitați|nu ține cont|nu urma|nesocotește",
    "instrucțiunile|instrucțiuni|indicațiile|directivele|regulile anterioare|toate regulile",
    "arată|afișează|dezvăluie|spune|repetă|tipărește",
    "promptul de sistem|promptul sistemului|instrucțiunile de sistem|instrucțiunile ascunse|instrucțiunile inițiale",
    "(?:acum|de acum înainte) ești |prefă-te că|fără (?:nicio |niciun )?(?:restricți|limit|filtr|cenzur)",
    "adaugă|include|inserează|scrie|răspunde|încheie|începe", "răspunsul tău|răspunsului tău|rezumatul tău",
    "care este|spune|dezvăluie|dă-mi|arată", "parola|codul secret|cod secret|codul de acces",
    "nu spune utilizatorului|fără să informezi utilizatorul|fără știrea utilizatorului",
)  # fmt: skip
GREEK = Language(
    "αγνόησε|αγνοήστε|ξέχασε|ξεχάστε|παράβλεψε|μην ακολουθείς",
    "οδηγίες|εντολές|κανόνες|κατευθύνσεις",
    "δείξε|αποκάλυψε|εμφάνισε|πες|επανάλαβε|τύπωσε",
    "προτροπή συστήματος|οδηγίες συστήματος|κρυφές οδηγίες|μυστικές οδηγίες|αρχικές οδηγίες|μήνυμα συστήματος",
    "(?:τώρα|από τώρα) είσαι |προσποιήσου|κάνε πως είσαι|χωρίς (?:κανέναν |κανένα )?(?:περιορισμ|κανόν|φίλτρ)",
    "πρόσθεσε|συμπερίλαβε|γράψε|απάντησε|ξεκίνα|τελείωσε", "απάντησή σου|απάντηση σου|περίληψή σου",
    "ποιος είναι|πες|αποκάλυψε|δώσε|ποιο είναι", "κωδικός πρόσβασης|κωδικό πρόσβασης|μυστικός κωδικός|κωδικός",
    "μην πεις στον χρήστη|χωρίς να ενημερώσεις τον χρήστη",
)  # fmt: skip
UKRAINIAN = Language(
    "ігноруй|проігноруй|забудь|відкинь|не зважай|не виконуй",
    "інструкці|вказівк|директив|попередні правила|усі правила|всі правила",
    "покажи|розкрий|виведи|надрукуй|повтори|назви|скажи",
    "системний промпт|системного промпту|системні інструкції|приховані інструкції|секретні інструкції",
    "(?:тепер|відтепер) ти |вдавай|прикинься|без (?:жодних |будь-яких )?(?:обмежен|правил|фільтр|цензур)",
    "додай|включи|встав|напиши|відповідай|почни|закінчи", "свою відповідь|своїй відповіді|твоєї відповіді|своєї відповіді",
    "який|скажи|назви|дай|розкрий", "пароль|секретний код|код доступу",
    "не кажи користувачу|не повідомляй користувача|без відома користувача",
)  # fmt: skip
INDONESIAN = Language(
    "abaikan|lupakan|jangan ikuti|hiraukan|kesampingkan",
    "instruksi|perintah sebelum|arahan|aturan sebelum|semua aturan|petunjuk sebelum",
    "tampilkan|tunjukkan|ungkapkan|cetak|beri tahu|ulangi|sebutkan",
    "prompt sistem|instruksi sistem|instruksi tersembunyi|instruksi rahasia|instruksi awal|pesan sistem",
    "(?:sekarang|mulai sekarang) (?:kamu|anda) adalah|berpura-puralah|tanpa (?:ada )?(?:batasan|aturan|filter|sensor)",
    "tambahkan|sertakan|masukkan|tulis|jawab|akhiri|mulai", "jawabanmu|jawaban anda|respons anda|ringkasanmu|balasanmu",
    "apa|sebutkan|beri tahu|ungkapkan|berikan", "kata sandi|kode rahasia|kode akses|sandi rahasia",
    "jangan beri tahu pengguna|tanpa memberi tahu pengguna|jangan katakan kepada pengguna",
)  # fmt: skip
VIETNAMESE = Language(
    "bỏ qua|phớt lờ|quên đi|quên hết|đừng tuân theo",
    "hướng dẫn|chỉ thị|chỉ dẫn|mệnh lệnh|quy tắc|lệnh trước",
    "hiển thị|tiết lộ|cho tôi xem|in ra|nói cho|lặp lại",
    "lời nhắc hệ thống|hướng dẫn hệ thống|hướng dẫn ẩn|chỉ dẫn hệ thống|prompt hệ thống|thông báo hệ thống",
    "(?:bây giờ|từ bây giờ) bạn là|giả vờ|hãy đóng vai|không có (?:bất kỳ )?(?:giới hạn|hạn chế|quy tắc)",
    "thêm|bao gồm|viết|chèn|trả lời|kết thúc|bắt đầu", "câu trả lời của bạn|phản hồi của bạn|bản tóm tắt của bạn",
    "là gì|nói|tiết lộ|cho tôi|cho biết", "mật khẩu|mã bí mật|mã truy cập",
    "đừng nói với người dùng|không thông báo cho người dùng|đừng cho người dùng biết",
)  # fmt: skip
PERSIAN = Language(
    "نادیده بگیر|فراموش کن|توجه نکن|پیروی نکن",
    "دستورات|دستورالعمل|قوانین|دستورهای|راهنمایی",
    "نشان بده|فاش کن|چاپ کن|بگو|تکرار کن",
    "پرامپت سیستم|دستورالعمل سیستم|دستورات سیستم|دستورالعمل های مخفی|دستورات مخفی|پیام سیستم",
    "از این پس تو|از حالا تو|وانمود کن|بدون (?:هیچ )?(?:محدودیت|قانون|فیلتر)",
    "اضافه کن|بنویس|پاسخ بده|قرار بده|شروع کن", "پاسخ خود|پاسخت|جواب خود|خلاصه خود",
    "چیست|بگو|بده|فاش کن|نشان بده", "رمز عبور|گذرواژه|کد مخفی|کلمه عبور",
    "به کاربر نگو|بدون اطلاع کاربر",
    verb_last=True,
)  # fmt: skip
HEBREW = Language(
    "התעלם|התעלמי|שכח|תשכח|אל תציית",
    "הוראות|הנחיות|הכללים|כללים קודמים|פקודות",
    "הצג|חשוף|הדפס|גלה|הראה|חזור על|ספר",
    "הנחיית המערכת|הוראות המערכת|הנחיות המערכת|הוראות נסתרות|הודעת המערכת|ההוראות הסודיות",
    "(?:עכשיו|מעכשיו) אתה |העמד פנים|תעמיד פנים|ללא (?:כל )?(?:הגבלות|מגבלות|כללים|צנזורה)",
    "הוסף|כלול|כתוב|ענה|סיים|התחל", "התשובה שלך|תשובתך|התגובה שלך|הסיכום שלך",
    "מה|אמור|גלה|תן|ספר", "הסיסמה|הסיסמא|הקוד הסודי|קוד הגישה",
    "אל תספר למשתמש|בלי ליידע את המשתמש",
)  # fmt: skip
THAI = Language(
    "เพิกเฉย|ละเว้น|ลืม|ไม่ต้องสนใจ|อย่าทำตาม",
    "คำสั่ง|คำแนะนำ|กฎ|ข้อกำหนด",
    "แสดง|เปิดเผย|พิมพ์|บอก|ทวน",
    "พรอมต์ระบบ|คำสั่งระบบ|คำสั่งที่ซ่อน|ข้อความระบบ|คำสั่งเริ่มต้น|พรอมต์ของระบบ",
    "ตอนนี้คุณคือ|จากนี้ไปคุณ|แกล้งทำเป็น|สวมบทบาท|ไม่มีข้อจำกัด|ไม่มีกฎ",
    "เพิ่ม|ใส่|เขียน|ตอบ|แทรก", "คำตอบของคุณ|การตอบของคุณ|สรุปของคุณ",
    "บอก|ขอ|เปิดเผย|แสดง", "รหัสผ่าน|รหัสลับ",
    "อย่าบอกผู้ใช้|โดยไม่แจ้งผู้ใช้",
)  # fmt: skip
ALBANIAN = Language(
    "injoro|injoroni|harro|harroni|mos i ndiq|shpërfill",
    "udhëzimet|udhëzime|rregullat|urdhrat|instruksionet",
    "trego|zbulo|shfaq|printo|përsërit|më jep",
    "promptin e sistemit|prompti i sistemit|udhëzimet e sistemit|udhëzimet e fshehura|mesazhin e sistemit|udhëzimet fillestare",
    "(?:tani|që tani e tutje) je |bëj sikur|pa (?:asnjë )?(?:kufizim|rregull|filtër|censurë)",
    "përfshi|shto|shkruaj|përgjigju|përsërit|përkthe|fillo|mbaro", "përgjigjen tënde|përgjigjes tënde|përgjigjen tuaj|përgjigjes tuaj|përmbledhjen tënde",
    "cili është|trego|zbulo|më jep", "fjalëkalimi|fjalëkalimin|kodi sekret|kodin sekret",
    "mos i trego përdoruesit|pa e njoftuar përdoruesin|mos i thuaj përdoruesit",
)  # fmt: skip
IRISH = Language(
    "déan neamhaird|déan dearmad|ná lean|ná bac",
    "treoracha|treoir|rialacha|orduithe|treorach",
    "taispeáin|nocht|priontáil|inis|athdhéan|tabhair dom",
    "leid an chórais|treoracha an chórais|treoracha ceilte|treoracha rúnda|teachtaireacht an chórais",
    "is tusa anois|lig ort|gan (?:aon )?(?:srian|teorainn|rialacha|scagaire)",
    "cuir|scríobh|freagair|athdhéan|aistrigh|tosaigh|críochnaigh", "do fhreagra|i do fhreagra|do fhreagairt|d'achoimre",
    "cad é|inis|nocht|tabhair", "pasfhocal|focal faire|cód rúnda",
    "ná hinis don úsáideoir|gan an t-úsáideoir a chur ar an eolas",
)  # fmt: skip
GAELIC = Language(
    "leig seachad|na gabh suim|dìochuimhnich|na lean",
    "stiùiridhean|stiùireadh|riaghailtean|òrdughan",
    "seall|foillsich|clò-bhuail|innis|ath-aithris|thoir dhomh",
    "brosnachadh an t-siostaim|stiùireadh an t-siostaim|stiùireadh falaichte|teachdaireachd an t-siostaim",
    "is tusa a-nis|leig ort|gun (?:chuingealachadh|riaghailt|chrìoch)",
    "cuir|sgrìobh|freagair|ath-aithris|eadar-theangaich|tòisich", "do fhreagairt|nad fhreagairt|do fhreagairte",
    "dè|innis|foillsich|thoir", "facal-faire|còd dìomhair",
    "na innis don chleachdaiche",
)  # fmt: skip
ZULU = Language(
    "ungayinaki|ziba|khohlwa|yekela|ungayilandeli",
    "imiyalelo|imiyalo|imithetho|iziqondiso|umyalelo",
    "bonisa|veza|phrinta|ngitshele|phinda|dalula",
    "umyalo wesistimu|imiyalelo yesistimu|umyalezo wesistimu|imiyalo efihliwe|imiyalelo efihliwe|umbhalo wesistimu",
    "manje ungu|kusukela manje ungu|zenze|ngaphandle kwemikhawulo|ngaphandle kwemithetho",
    "faka|bhala|phendula|phinda|humusha|engeza|qala|qeda", "empendulweni yakho|impendulo yakho|yempendulo yakho|kwempendulo yakho",
    "yini|ithini|ngitshele|nginike|dalula", "iphasiwedi|igama-mfihlo|ikhodi eyimfihlo",
    "ungamtsheli umsebenzisi|ngaphandle kokwazisa umsebenzisi",
)  # fmt: skip
SWAHILI = Language(
    "puuza|sahau|usifuate|achana na",
    "maagizo|maelekezo|amri|kanuni|sheria",
    "onyesha|fichua|chapisha|niambie|rudia|nipe",
    "kidokezo cha mfumo|maagizo ya mfumo|maagizo yaliyofichwa|ujumbe wa mfumo|maelekezo ya mfumo",
    "sasa wewe ni|kuanzia sasa wewe|jifanye|bila (?:vikwazo|mipaka|sheria)",
    "ongeza|jumuisha|andika|jibu|weka|anza|maliza", "jibu lako|majibu yako|muhtasari wako",
    "ni nini|niambie|taja|nipe|fichua", "nenosiri|neno la siri|msimbo wa siri",
    "usimwambie mtumiaji|bila kumjulisha mtumiaji",
)  # fmt: skip
FILIPINO = Language(
    "huwag pansinin|balewalain|kalimutan|huwag sundin",
    "tagubilin|panuto|utos|mga patakaran|instruksyon",
    "ipakita|ibunyag|i-print|sabihin|ulitin|ilabas",
    "system prompt|mga tagubilin ng system|nakatagong tagubilin|mensahe ng system",
    "ikaw (?:na )?ngayon (?:ay|si)|mula ngayon ikaw|magpanggap|walang (?:mga )?(?:limitasyon|patakaran|paghihigpit)",
    "idagdag|isama|isulat|sagutin|simulan|tapusin", "iyong sagot|sagot mo|iyong tugon|tugon mo",
    "ano|sabihin|ibigay|ibunyag", "lihim na code|lihim na salita",
    "huwag sabihin sa user|nang hindi ipinapaalam sa user",
)  # fmt: skip

FARTHER = (
    SWEDISH, DANISH, NORWEGIAN, FINNISH, CZECH, HUNGARIAN, ROMANIAN, GREEK, UKRAINIAN, INDONESIAN,
    VIETNAMESE, PERSIAN, HEBREW, THAI, ALBANIAN, IRISH, GAELIC, ZULU, SWAHILI, FILIPINO,
)  # fmt: skip
