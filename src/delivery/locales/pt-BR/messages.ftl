sms-code = { $code } é o seu código do { $product }. { $minutes ->
    [one] Ele vale por { $minutes } minuto.
   *[other] Ele vale por { $minutes } minutos.
}

email-subject = Seu código do { $product }
email-lead = Este é o seu código do { $product }:
email-lifetime = { $minutes ->
    [one] Ele vale por { $minutes } minuto e só pode ser usado uma vez.
   *[other] Ele vale por { $minutes } minutos e só pode ser usado uma vez.
}
email-unasked = Se você não pediu este código, alguém pode saber a sua senha. Não passe o código a ninguém e troque a senha.
