# $code is the code's digits, $minutes how long it lives, $product the name of this service.

sms-code = { $code } is your { $product } code. { $minutes ->
    [one] It is valid for { $minutes } minute.
   *[other] It is valid for { $minutes } minutes.
}

email-subject = Your { $product } code
email-lead = This is your { $product } code:
email-lifetime = { $minutes ->
    [one] It is valid for { $minutes } minute and works once.
   *[other] It is valid for { $minutes } minutes and works once.
}
email-unasked = If you did not ask for it, somebody may know your password. Do not pass the code on, and change your password.
