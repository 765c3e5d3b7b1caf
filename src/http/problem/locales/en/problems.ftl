# What a refused request is told. The id is the problem's code; the code itself is never translated.

malformed_body = Malformed body
    .detail = The body is not a well-formed JSON object or form.
invalid_request = Invalid request
    .detail = A part of the request is missing or not of the right form; see errors.
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
field-password-hash = Must be an Argon2 hash in PHC form.
field-password-length = Must be 8 to 128 characters long.
field-locale = Must be one of en, cs, pt-BR, ru.
field-time = Must be an ISO 8601 time such as 2022-12-01T07:23:59+00:00.

# What a method is called in lists.

caption-google = Google Authenticator
caption-sms = SMS Confirmation
caption-email = Email Confirmation
