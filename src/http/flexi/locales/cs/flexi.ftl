# Co říká rozhraní ABRA Flexi. Obě první věty jsou součástí rozhraní.

enabled = Dvoufázové ověření bylo úspěšně nastaveno.
disabled = Dvoufázové ověření bylo úspěšně vypnuto.
disabled-one = Tento způsob ověření byl vypnut. Další způsob zůstává zapnutý a jednorázové heslo bude dál vyžadováno.

credentials-missing = Přihlaste se uživatelským jménem a heslem (HTTP Basic).
credentials-wrong = Uživatelské jméno nebo heslo není správné.
code-missing = Uživatel má zapnuté dvoufázové ověření. Doplňte parametr otp s jednorázovým heslem.
code-sent = Jednorázové heslo bylo právě odesláno. Zopakujte požadavek s parametrem otp a s hlavičkou Mfa-Token z této odpovědi.
token-strange = Hlavička Mfa-Token neplatí. Zopakujte požadavek bez ní a bez parametru otp.
not-the-caller = user: Musí to být právě přihlášený uživatel.
already-on = Dvoufázové ověření je již zapnuté.
not-on = Dvoufázové ověření není zapnuté.
not-proved = Tento způsob ověření lze vypnout jen jeho vlastním kódem.
own-name = Vlastní dvoufázové ověření lze vypnout jen jednorázovým heslem, požadavkem s vlastním jménem v cestě.
no-such-user = Uživatel tohoto jména neexistuje.
unusable = Část požadavku nelze použít.
changed = Účet se mezitím změnil. Zopakujte požadavek.
otp-form = Musí to být jednorázové heslo z číslic, nebo záložní kód.
secret-form = Musí to být 16 až 64 bajtů v kódování base32.
