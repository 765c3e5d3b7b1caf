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

# Notices. $time is a date and a time in UTC, $factor one of google, sms and email, $left how many codes are left.

notice-factor-enabled-subject = A sign-in method of your { $product } account was turned on
notice-factor-enabled = { $factor ->
    [google] Codes from an authenticator app were turned on for your { $product } account on { $time }.
    [sms] Codes by SMS were turned on for your { $product } account on { $time }.
   *[email] Codes by email were turned on for your { $product } account on { $time }.
}
notice-factor-disabled-subject = A sign-in method of your { $product } account was turned off
notice-factor-disabled = { $factor ->
    [google] Codes from an authenticator app were turned off for your { $product } account on { $time }.
    [sms] Codes by SMS were turned off for your { $product } account on { $time }.
   *[email] Codes by email were turned off for your { $product } account on { $time }.
}
notice-factor-reset-subject = Support has reset a sign-in method of your { $product } account
notice-factor-reset = { $factor ->
    [google] The support of { $product } removed the authenticator app from your account on { $time }. You can set one up again after signing in.
    [sms] The support of { $product } removed codes by SMS from your account on { $time }. You can set them up again after signing in.
   *[email] The support of { $product } removed codes by email from your account on { $time }. You can set them up again after signing in.
}
notice-password-changed-subject = The password of your { $product } account was changed
notice-password-changed = The password of your { $product } account was changed on { $time }. All other sessions were ended.
notice-password-reset-subject = The password of your { $product } account was reset
notice-password-reset = A new password was set for your { $product } account with “forgotten password” on { $time }. All sessions were ended.
notice-password-set-subject = Support has set a new password for your { $product } account
notice-password-set = The support of { $product } set a new password for your account on { $time }.
notice-email-changed-subject = The email address of your { $product } account was changed
notice-email-changed = The email address of your { $product } account was changed on { $time }. From now on, messages about the account go to the new address.
notice-recovery-codes-made-subject = New recovery codes for your { $product } account
notice-recovery-codes-made = New recovery codes were made for your { $product } account on { $time }. The old ones no longer work.
notice-recovery-code-used-subject = A recovery code of your { $product } account was used
notice-recovery-code-used = A recovery code of your { $product } account was used on { $time }. { $left ->
    [0] There are none left: make new ones.
    [one] There is { $left } left.
   *[other] There are { $left } left.
}
notice-device-remembered-subject = A device is now remembered for your { $product } account
notice-device-remembered = Since { $time } a device is remembered for your { $product } account: signing in on it asks for the password only.
notice-device-stolen-subject = A remembered device of your { $product } account may have been copied
notice-device-stolen = On { $time } somebody tried to sign in to your { $product } account with an old copy of what a remembered device keeps. All remembered devices were forgotten, so the next sign-in asks for a code.
notice-session-stolen-subject = A session of your { $product } account may have been copied
notice-session-stolen = On { $time } somebody showed an old copy of the key to a session of your { $product } account. That session was ended.

advice-yours = If this was not you, somebody else may be in your account: change your password, end all other sessions and check your sign-in methods.
advice-lost = If this was not you, somebody else has your account: set a new password with “forgotten password” on the sign-in page at once, and tell the support of { $product }.
advice-support = If you did not ask for this, tell the support of { $product } at once.
advice-recovery = If this was not you, somebody else has your recovery codes: make new ones and change your password.
advice-copied = If you have not moved or restored your browser or app from a backup, somebody else may have a copy of its data: change your password and end all other sessions.
