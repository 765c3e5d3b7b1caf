# What the ABRA Flexi surface says.

enabled = Two-factor authentication was set up successfully.
disabled = Two-factor authentication was turned off successfully.
disabled-one = This method was turned off. Another one is still on, and a one-time password will still be asked for.

credentials-missing = Sign in with a user name and a password (HTTP Basic).
credentials-wrong = The user name or the password is not right.
code-missing = This user has two-factor authentication on. Add the parameter otp with a one-time password.
code-sent = A one-time password has just been sent. Repeat the request with the parameter otp and with the header Mfa-Token of this answer.
token-strange = The header Mfa-Token is not valid. Repeat the request without it, and without the parameter otp.
not-the-caller = user: Must be the user who is signed in.
already-on = Two-factor authentication is already on.
not-on = Two-factor authentication is not on.
not-proved = This method can be turned off only by a code of its own.
own-name = Your own two-factor authentication can be turned off only with a one-time password, by the request with your own name in its path.
no-such-user = There is no user of this name.
unusable = A part of the request cannot be used.
changed = The account has changed in between. Repeat the request.
otp-form = Must be a one-time password of digits, or a recovery code.
secret-form = Must be 16 to 64 bytes in base32.
