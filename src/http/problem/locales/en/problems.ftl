# What a refused request is told. The id is the problem's code; the code itself is never translated.

malformed_body = Malformed body
    .detail = The body is not a well-formed JSON object or form.
invalid_request = Invalid request
    .detail = A part of the request is missing or not of the right form; see errors.
unsupported_grant_type = Unknown grant type
    .detail = The grant type must be Password, Mfa or Refresh_token.
body_too_slow = Body too slow
    .detail = The body did not arrive in time.
body_too_large = Body too large
    .detail = The body is larger than this server reads.
unsupported_media_type = Unsupported media type
    .detail = Send JSON as application/json.
unauthorized = Not signed in
    .detail = The access token is missing, not valid, or its session is over. Sign in again.
forbidden = Not allowed
    .detail = You are not allowed to do this.
workflow_disabled = Switched off
    .detail = The operator has switched this off.
wizard_not_found = No such wizard
    .detail = The wizard is unknown or has expired. Begin again.
not_found = Not found
    .detail = There is nothing here.
step_not_allowed = Not at this step
    .detail = The wizard waits for something else.
wizard_changed = Changed in between
    .detail = Another step came first. See where the wizard stands now.
method_already_enabled = Already on
    .detail = This method is on already.
method_not_enabled = Not on
    .detail = This method is not on for this account.
mfa_disallowed = Not allowed here
    .detail = This method cannot be turned on for this account.
enrolment_required = A second factor must be turned on first
    .detail = This account may sign in only with a second factor. Turn one on by signing in on the web.
step_up_required = Confirm that it is you
    .detail = A second factor must be confirmed first; see next.
invalid_success_token = Confirmation not valid
    .detail = The success token is unknown, used, expired, or meant for something else.
invalid_password = Password not accepted
    .detail = This password cannot be used; see errors.
password_kept_elsewhere = Kept elsewhere
    .detail = The passwords of this service are kept in another system. Change it there.
already_taken = Already taken
    .detail = Another account has this value.
invalid_credentials = Wrong email or password
    .detail = The email and the password do not belong together.
invalid_code = Wrong code
    .detail = The code is not right.
code_expired = Code expired
    .detail = The code is no longer valid. Ask for a new one.
code_used = Code already used
    .detail = Each code works once. Wait for the next one.
invalid_phone = Phone not accepted
    .detail = This phone number cannot be used.
idempotency_key_reused = Key used for another request
    .detail = This Idempotency-Key was sent with a different request.
too_many_attempts = Too many attempts
    .detail = Wait, then begin again.
account_locked = Locked
    .detail = Too many wrong codes. Wait, then begin again.
resend_too_soon = Too soon
    .detail = Wait before asking for another code.
too_many_sends = Too many codes
    .detail = No further code can be sent now.
internal = Something went wrong
    .detail = Please try again.
delivery_failed = Code not sent
    .detail = The code could not be sent. Ask for it again.
unavailable = Temporarily unavailable
    .detail = Please try again in a moment.
overloaded = Too busy
    .detail = Too many people are signing in. Please try again in a moment.

# What is wrong with a field.

field-missing = Is required.
field-twice = Must be given once only.
field-type = Must be { $expected }.
field-invalid = Cannot be used.
field-digits = Must be exactly { $digits } digits.
field-range = Must be a whole number from { $least } to { $most }.
field-email = Must be an email address of at most 254 characters.
field-username = Must be 1 to 64 letters, digits, dots, underscores or hyphens.
field-phone = Must be a valid phone number in international form, such as +420601123456.
field-phone-not-allowed = No messages are sent to this country.
field-uuid = Must be a uuid such as 36f59381-5b54-48bd-a0c7-3b908c476732.
field-factor = Must be one of google, sms, email.
field-taken = Another account has this value.
field-key = Is not the key of this wizard.
field-password-hash = Must be a hash of Argon2, scrypt or PBKDF2 in PHC form, or of bcrypt, and not too costly to check.
field-password-length = Must be 8 to 128 characters long.
field-password-weak = Is too easy to guess. Use more words, or words that do not go together.
field-password-common = Is one of the passwords that everybody tries first.
field-passwords-differ = Is not the same as the password.
field-recovery-code = Must be a recovery code such as ABCDE-FGHIJ, or eight digits.
field-purpose = Must be 1 to 64 small letters, digits, dots, underscores or hyphens.
field-locale = Must be one of en, cs, pt-BR, ru.
field-time = Must be an ISO 8601 time such as 2022-12-01T07:23:59+00:00.

# What a method is called in lists.

caption-google = Google Authenticator
caption-sms = SMS Confirmation
caption-email = Email Confirmation

# What the operator's panel is told, by its own numbers.

panel-4 = The user or session key is not known, or the session is over.
panel-5 = Wrong format of the request: send JSON or a form.
panel-6 = Unexpected error.
panel-7 = Invalid parameters.
panel-8 = Busy. Please try again later.
panel-9 = The request is too large.
panel-11 = A second factor is wanted: send its code with this token.
panel-13 = Operation not permitted.
panel-14 = The database is not available. Please try again later.
panel-15 = Too many requests. Please wait.
panel-102 = Wrong login or password.
panel-201 = Not found in the database.
panel-215 = The code could not be sent.
panel-282 = Wrong authentication code.

# What the ABRA Flexi surface says.

flexi-enabled = Two-factor authentication was set up successfully.
flexi-disabled = Two-factor authentication was turned off successfully.
flexi-disabled-one = This method was turned off. Another one is still on, and a one-time password will still be asked for.
flexi-credentials-missing = Sign in with a user name and a password (HTTP Basic).
flexi-credentials-wrong = The user name or the password is not right.
flexi-code-missing = This user has two-factor authentication on. Add the parameter otp with a one-time password.
flexi-code-sent = A one-time password has just been sent. Repeat the request with the parameter otp and with the header Mfa-Token of this answer.
flexi-token-strange = The header Mfa-Token is not valid. Repeat the request without it, and without the parameter otp.
flexi-not-the-caller = user: Must be the user who is signed in.
flexi-already-on = Two-factor authentication is already on.
flexi-not-on = Two-factor authentication is not on.
flexi-not-proved = This method can be turned off only by a code of its own.
flexi-own-name = Your own two-factor authentication can be turned off only with a one-time password, by the request with your own name in its path.
flexi-no-such-user = There is no user of this name.
flexi-unusable = A part of the request cannot be used.
flexi-changed = The account has changed in between. Repeat the request.
flexi-otp-form = Must be a one-time password of digits, or a recovery code.
flexi-secret-form = Must be 16 to 64 bytes in base32.
