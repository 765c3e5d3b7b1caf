# What a refused request is told. The id is the problem's code; the code itself is never translated.

malformed_body = Chybný formát těla požadavku
    .detail = Tělo požadavku není správně vytvořený objekt JSON ani formulář.
invalid_request = Neplatný požadavek
    .detail = Část požadavku chybí nebo nemá správný tvar; viz errors.
unsupported_grant_type = Neznámý typ oprávnění
    .detail = Typ oprávnění musí být Password, Mfa nebo Refresh_token.
door-code-expired = Kód už není platný. Přihlaste se znovu, přijde vám nový.
door-code-unsent = Kód se nepodařilo odeslat. Přihlaste se znovu a odešle se ještě jednou.
oauth-mfa-token = Token MFA je neznámý, použitý, nebo jeho platnost vypršela. Začněte znovu heslem.
oauth-refresh-token = Obnovovací token je neznámý, použitý, nebo jeho platnost vypršela. Přihlaste se znovu.
client-unknown = Uveďte klíče klienta v hlavičkách api-key a access-key, nebo platný přístupový token.
cors-refused = Stránky z tohoto původu toto volat nesmějí, nebo ne touto metodou či s těmito hlavičkami.
body_too_slow = Tělo požadavku přichází příliš pomalu
    .detail = Tělo požadavku nedorazilo včas.
body_too_large = Tělo požadavku je příliš velké
    .detail = Tělo požadavku je větší, než tento server přijímá.
unsupported_media_type = Nepodporovaný typ média
    .detail = Pošlete JSON jako application/json, nebo formulář jako application/x-www-form-urlencoded.
unauthorized = Nejste přihlášeni
    .detail = Přístupový token chybí, není platný nebo jeho relace skončila. Přihlaste se znovu.
forbidden = Nepovoleno
    .detail = K této akci nemáte oprávnění.
workflow_disabled = Vypnuto
    .detail = Provozovatel tuto možnost vypnul.
wizard_not_found = Průvodce nenalezen
    .detail = Průvodce neexistuje nebo jeho platnost vypršela. Začněte znovu.
not_found = Nenalezeno
    .detail = Tady nic není.
step_not_allowed = V tomto kroku nelze
    .detail = Průvodce čeká na něco jiného.
wizard_changed = Mezitím došlo ke změně
    .detail = Jiný krok proběhl dříve. Zkontrolujte aktuální stav průvodce.
method_already_enabled = Již zapnuto
    .detail = Tato metoda už je zapnutá.
method_not_enabled = Není zapnuto
    .detail = Tato metoda není u tohoto účtu zapnutá.
mfa_disallowed = Zde není povoleno
    .detail = Tuto metodu zde nelze u tohoto účtu zapnout ani vypnout.
enrolment_required = Nejdříve zapněte druhý faktor
    .detail = Tento účet se smí přihlašovat jen s druhým faktorem. Zapněte jej při přihlášení na webu.
step_up_required = Potvrďte, že jste to vy
    .detail = Nejprve je třeba potvrdit druhý faktor; viz next.
invalid_success_token = Potvrzení neplatí
    .detail = Token potvrzení je neznámý, použitý, prošlý, nebo určený k něčemu jinému.
invalid_password = Heslo nelze přijmout
    .detail = Toto heslo nelze použít; viz errors.
password_kept_elsewhere = Spravuje se jinde
    .detail = Hesla této služby jsou uložena v jiném systému. Změňte heslo tam.
already_taken = Již obsazeno
    .detail = Tuto hodnotu už používá jiný účet.
already_exists = Již existuje
    .detail = Položka s tímto názvem už existuje.
read_only = Určuje konfigurace
    .detail = Co určuje konfigurace, zde nelze změnit.
too_many_entries = Příliš mnoho
    .detail = Víc jich být nemůže. Nejprve některou položku smažte.
invalid_credentials = Nesprávný e-mail nebo heslo
    .detail = Tato kombinace e-mailu a hesla není platná.
invalid_code = Nesprávný kód
    .detail = Zadaný kód není správný.
code_expired = Platnost kódu vypršela
    .detail = Kód už není platný. Vyžádejte si nový.
code_used = Kód už byl použit
    .detail = Každý kód lze použít jen jednou. Počkejte na další.
invalid_phone = Telefonní číslo nebylo přijato
    .detail = Toto telefonní číslo nelze použít.
idempotency_key_reused = Klíč byl použit pro jiný požadavek
    .detail = Tento Idempotency-Key byl odeslán s jiným požadavkem.
too_many_attempts = Příliš mnoho pokusů
    .detail = Počkejte a pak začněte znovu.
account_locked = Uzamčeno
    .detail = Příliš mnoho nesprávných kódů. Počkejte a pak začněte znovu.
resend_too_soon = Příliš brzy
    .detail = Než si vyžádáte další kód, chvíli počkejte.
too_many_sends = Příliš mnoho kódů
    .detail = Další kód teď nelze odeslat.
internal = Něco se pokazilo
    .detail = Zkuste to prosím znovu.
delivery_failed = Kód nebyl odeslán
    .detail = Kód se nepodařilo odeslat. Vyžádejte si ho znovu.
unavailable = Dočasně nedostupné
    .detail = Zkuste to prosím znovu za chvíli.
overloaded = Příliš velký provoz
    .detail = Právě se přihlašuje příliš mnoho lidí. Zkuste to prosím znovu za chvíli.

# What is wrong with a field.

field-missing = Povinný údaj.
field-twice = Lze zadat pouze jednou.
field-type = Je vyžadováno: { $expected }.
field-invalid = Tuto hodnotu nelze použít.
field-digits =
    { $digits ->
        [one] Zadejte přesně { $digits } číslici.
        [few] Zadejte přesně { $digits } číslice.
        [many] Zadejte přesně { $digits } číslice.
       *[other] Zadejte přesně { $digits } číslic.
    }
field-some-digits = Zadejte { $least } až { $most } číslic.
field-range = Zadejte celé číslo od { $least } do { $most }.
field-email = Zadejte e-mailovou adresu o délce nejvýše 254 znaků.
field-username = Zadejte 1 až 64 písmen, číslic, teček, podtržítek nebo spojovníků.
field-phone = Zadejte platné telefonní číslo v mezinárodním tvaru, například +420601123456.
field-phone-not-allowed = Do této země se zprávy neposílají.
field-uuid = Zadejte uuid, například 36f59381-5b54-48bd-a0c7-3b908c476732.
field-factor = Zadejte jednu z hodnot: google, sms, email.
field-taken = Tuto hodnotu už používá jiný účet.
field-exists = Tato hodnota se už používá.
field-unknown = Nic takového tu není.
field-client-key = Musí to být klíč registrovaného klienta.
field-key = Klíč nepatří k tomuto průvodci.
field-password-hash = Zadejte hash Argon2, scrypt nebo PBKDF2 ve formátu PHC, nebo hash bcrypt, jehož ověření není příliš náročné.
field-password-length = Délka musí být 8 až 128 znaků.
field-password-weak = Je příliš snadné uhodnout. Použijte více slov, nebo slova, která k sobě nepatří.
field-password-common = Patří k heslům, která se zkoušejí nejdříve.
field-passwords-differ = Neshoduje se s heslem.
field-recovery-code = Zadejte záložní kód, například ABCDE-FGHIJ, nebo osm číslic.
field-purpose = Zadejte 1 až 64 malých písmen, číslic, podtržítek nebo pomlček; password_reset je vyhrazeno.
field-locale = Zadejte jednu z hodnot: en, cs, pt-BR, ru.
field-time = Zadejte čas ve formátu ISO 8601, například 2022-12-01T07:23:59+00:00.
field-policy-id = Zadejte 1 až 64 malých písmen a až z, číslic, teček, podtržítek nebo spojovníků.
field-issuer = Zadejte 1 až 40 znaků bez dvojtečky.
field-domain = Zadejte e-mailovou doménu, například example.com.
field-name = Zadejte 1 až 64 znaků.
field-one-of = Zadejte jednu z hodnot: { $expected }.

# What a method is called in lists.

caption-google = Google Authenticator
caption-sms = Potvrzení přes SMS
caption-email = Potvrzení e-mailem

# Co se dozví panel provozovatele, podle jeho vlastních čísel.

panel-4 = Uživatel ani klíč relace nejsou známi, nebo relace skončila.
panel-5 = Nesprávný formát požadavku: pošlete JSON nebo formulář.
panel-5-json = Nesprávný formát požadavku: pošlete JSON.
panel-6 = Neočekávaná chyba.
panel-7 = Neplatné parametry.
panel-8 = Server je vytížen. Zkuste to později.
panel-9 = Požadavek je příliš velký.
panel-11 = Je potřeba druhý faktor: pošlete jeho kód s tímto tokenem.
panel-13 = Tato operace není povolena.
panel-step-up = Tato operace není povolena. Nejprve se znovu přihlaste se svým druhým faktorem.
panel-14 = Databáze není dostupná. Zkuste to později.
panel-15 = Příliš mnoho požadavků. Počkejte.
panel-102 = Nesprávné přihlašovací jméno nebo heslo.
panel-201 = V databázi nenalezeno.
panel-215 = Kód se nepodařilo odeslat.
panel-282 = Nesprávný ověřovací kód.

# What the ABRA Flexi surface says. The first two are part of it, word by word.

flexi-enabled = Dvoufázové ověření bylo úspěšně nastaveno.
flexi-disabled = Dvoufázové ověření bylo úspěšně vypnuto.
flexi-disabled-one = Tento způsob ověření byl vypnut. Další způsob zůstává zapnutý a jednorázové heslo bude dál vyžadováno.
flexi-credentials-missing = Přihlaste se uživatelským jménem a heslem (HTTP Basic).
flexi-credentials-wrong = Uživatelské jméno nebo heslo není správné.
flexi-code-missing = Uživatel má zapnuté dvoufázové ověření. Doplňte parametr otp s jednorázovým heslem.
flexi-code-sent = Jednorázové heslo bylo právě odesláno. Zopakujte požadavek s parametrem otp a s hlavičkou Mfa-Token z této odpovědi.
flexi-token-strange = Hlavička Mfa-Token neplatí. Zopakujte požadavek bez ní a bez parametru otp.
flexi-not-the-caller = user: Musí to být právě přihlášený uživatel.
flexi-already-on = Dvoufázové ověření je již zapnuté.
flexi-not-on = Dvoufázové ověření není zapnuté.
flexi-not-proved = Tento způsob ověření lze vypnout jen jeho vlastním kódem.
flexi-own-name = Vlastní dvoufázové ověření lze vypnout jen jednorázovým heslem, požadavkem s vlastním jménem v cestě.
flexi-no-such-user = Uživatel tohoto jména neexistuje.
flexi-unusable = Část požadavku nelze použít.
flexi-changed = Účet se mezitím změnil. Zopakujte požadavek.
flexi-otp-form = Musí to být jednorázové heslo z číslic, nebo záložní kód.
flexi-secret-form = Musí to být 16 až 64 bajtů v kódování base32.
