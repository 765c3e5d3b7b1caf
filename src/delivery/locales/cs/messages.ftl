sms-code = { $code } je váš kód pro { $product }. { $minutes ->
    [one] Platí { $minutes } minutu.
    [few] Platí { $minutes } minuty.
    [many] Platí { $minutes } minuty.
   *[other] Platí { $minutes } minut.
}

email-subject = Váš kód pro { $product }
email-lead = Toto je váš kód pro { $product }:
email-lifetime = { $minutes ->
    [one] Platí { $minutes } minutu a lze jej použít jen jednou.
    [few] Platí { $minutes } minuty a lze jej použít jen jednou.
    [many] Platí { $minutes } minuty a lze jej použít jen jednou.
   *[other] Platí { $minutes } minut a lze jej použít jen jednou.
}
email-unasked = Pokud jste o něj nežádali, někdo možná zná vaše heslo. Kód nikomu nesdělujte a heslo si změňte.
