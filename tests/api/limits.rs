//! How many guesses and codes an account is given, whatever way they come, and how long it then waits.

use futures_util::future::join_all;
use serde_json::json;

use crate::guesses::{count, other_than, with_status};
use crate::harness::{Answer, Backend, PASSWORD, Person, Setup, TestApp};

on_every_store_and_with_a_directory!(
    a_hundred_wrong_codes_over_twenty_wizards_lock_the_right_one_out,
    four_wrong_then_a_resend_leaves_one_guess,
    a_resend_kills_the_code_before,
    a_right_password_clears_no_wrong_codes,
    a_right_code_clears_no_wrong_passwords,
    a_proof_of_something_new_clears_no_wrong_codes,
    locks_grow_and_the_wait_never_shrinks,
    a_resend_waits_longer_each_time_and_ends_after_five,
    a_new_wizard_gives_no_new_guesses_at_codes,
    a_new_wizard_gives_no_new_guesses_at_passwords,
    of_two_hundred_parallel_guesses_ten_are_looked_at,
    of_two_hundred_parallel_guesses_in_one_sms_wizard_five_are_looked_at,
    a_hundred_parallel_wizards_share_one_budget,
    wrong_codes_while_turning_on_count_like_all_others,
    wrong_codes_while_turning_off_count_like_all_others,
    nothing_is_sent_while_the_second_factor_is_locked,
    a_locked_password_answers_alike_whether_or_not_it_is_right,
);

/// A4: watches the tally of the second factor, which is the account's and no wizard's: ten guesses are looked at, the
/// right code is refused until the very second at which the lock ends.
async fn a_hundred_wrong_codes_over_twenty_wizards_lock_the_right_one_out(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let wizards = app.waiting_many(&person, 20).await;
    let late = app.waiting_many(&person, 3).await;
    let mut answers = Vec::new();
    for guess in 0..101 {
        answers.push(app.guess_totp(&wizards[guess % 20], &person, 1).await);
    }
    let looked_at = count(&answers, 422, "invalid_code");
    assert_eq!((looked_at, with_status(&answers, 429)), (10, 91));
    let refused = app.code("google", &late[0], &app.totp(person.key())).await.refused(429, "account_locked");
    assert_eq!(refused.retry_after(), 900);
    app.clock.advance(899);
    let refused = app.code("google", &late[1], &app.totp(person.key())).await.refused(429, "account_locked");
    assert_eq!(refused.retry_after(), 1);
    let fresh = app.waiting(&person).await;
    app.clock.advance(1);
    app.code("google", &fresh, &app.totp(person.key())).await.expect(202);
}

/// A5: watches that the guesses of a wizard are counted over all its codes.
async fn four_wrong_then_a_resend_leaves_one_guess(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    let uuid = app.waiting(&person).await;
    let fourth = app.guess_sms(&uuid, &person, 4).await.refused(422, "invalid_code");
    assert_eq!(fourth.body["attemptsLeft"], json!(1));
    app.clock.advance(30);
    app.choose(&uuid, "sms").await.expect(200);
    let fifth = app.guess_sms(&uuid, &person, 1).await.refused(422, "invalid_code");
    assert_eq!(fifth.body["attemptsLeft"], json!(0));
    let right = app.last_code(&person.phone).await;
    app.code("sms", &uuid, &right).await.refused(429, "too_many_attempts");
    app.look(None, &uuid).await.refused(429, "too_many_attempts");
}

/// A5: watches that a wizard has one code at a time.
async fn a_resend_kills_the_code_before(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    let uuid = app.waiting(&person).await;
    let old = app.last_code(&person.phone).await;
    app.clock.advance(30);
    app.choose(&uuid, "sms").await.expect(200);
    app.code("sms", &uuid, &old).await.refused(422, "invalid_code");
    app.code("sms", &uuid, &app.last_code(&person.phone).await).await.expect(202);
}

/// A6: watches that the two doors have a tally each.
async fn a_right_password_clears_no_wrong_codes(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let uuid = app.waiting(&person).await;
    app.guess_totp(&uuid, &person, 9).await.refused(422, "invalid_code");
    let uuid = app.waiting(&person).await;
    let tenth = app.guess_totp(&uuid, &person, 1).await.refused(422, "invalid_code");
    assert_eq!(tenth.body["attemptsLeft"], json!(0));
    let uuid = app.waiting(&person).await;
    app.code("google", &uuid, &app.totp(person.key())).await.refused(429, "account_locked");
}

/// A6: the other way round; the address is given room, so that the account's own tally is what is seen.
async fn a_right_code_clears_no_wrong_passwords(app: TestApp) {
    let app = app.stop().await.with("STEPGATE_LIMITS__ADDRESS__FAILURES", "1000").start().await;
    let person = app.person_with_google("ann").await;
    let waiting = app.waiting(&person).await;
    app.guess_passwords(&person.email, 4).await.refused(422, "invalid_credentials");
    app.code("google", &waiting, &app.totp(person.key())).await.expect(202);
    let fifth = app.guess_passwords(&person.email, 1).await.refused(422, "invalid_credentials");
    assert_eq!(fifth.body["attemptsLeft"], json!(0));
    app.right_password(&person).await.refused(429, "too_many_attempts");
}

/// A6: whoever holds a session could else turn on an authenticator of his own between two rounds of guesses at the
/// factor that he does not have. Watches that the code of a factor that is only being turned on clears nothing.
async fn a_proof_of_something_new_clears_no_wrong_codes(app: TestApp) {
    let (person, token) = app.sms_and_token("ann").await;
    let disabling = app.start_factor(&token, "sms", "disable").await.expect(200).uuid();
    let wrong = other_than(&app.last_code(&person.phone).await);
    for _ in 0..4 {
        app.factor_code(&token, &disabling, &wrong).await.refused(422, "invalid_code");
    }
    let mut person = person;
    app.enable_google(&token, &mut person).await;
    let uuid = app.waiting(&person).await;
    app.choose(&uuid, "google").await.expect(200);
    let fifth = app.guess_totp(&uuid, &person, 1).await.refused(422, "invalid_code");
    assert_eq!(fifth.body["attemptsLeft"], json!(5));
}

/// Seconds that a sign-in with the right code has to wait.
async fn wait_of(app: &TestApp, person: &Person) -> u64 {
    let uuid = app.waiting(person).await;
    app.code("google", &uuid, &app.totp(person.key())).await.refused(429, "account_locked").retry_after()
}

/// A7: watches that only a success clears the ladder, that guesses during a lock neither shorten nor lengthen it, and
/// that both ladders end at their longest rung.
async fn locks_grow_and_the_wait_never_shrinks(app: TestApp) {
    let app = app.stop().await.with("STEPGATE_LIMITS__ADDRESS__FAILURES", "1000").start().await;
    let person = app.person_with_google("ann").await;
    let mut waits = Vec::new();
    for _ in 0..9 {
        let (guessing, guessing_on) = (app.waiting(&person).await, app.waiting(&person).await);
        app.guess_totp(&guessing, &person, 10).await.refused(422, "invalid_code");
        waits.push(wait_of(&app, &person).await);
        app.guess_totp(&guessing_on, &person, 1).await.refused(429, "account_locked");
        assert_eq!(wait_of(&app, &person).await, waits[waits.len() - 1]);
        app.clock.advance(waits[waits.len() - 1].cast_signed());
    }
    assert_eq!(waits, [900, 1_800, 3_600, 7_200, 14_400, 28_800, 57_600, 86_400, 86_400]);
    // A success begins the ladder anew.
    let uuid = app.waiting(&person).await;
    app.code("google", &uuid, &app.totp(person.key())).await.expect(202);
    let uuid = app.waiting(&person).await;
    app.guess_totp(&uuid, &person, 10).await.refused(422, "invalid_code");
    assert_eq!(wait_of(&app, &person).await, 900);

    let mut waits = Vec::new();
    for _ in 0..5 {
        app.guess_passwords(&person.email, 5).await.refused(422, "invalid_credentials");
        let refused = app.guess_passwords(&person.email, 1).await.refused(429, "too_many_attempts");
        waits.push(refused.retry_after());
        assert_eq!(
            app.right_password(&person).await.refused(429, "too_many_attempts").retry_after(),
            waits[waits.len() - 1]
        );
        app.clock.advance(waits[waits.len() - 1].cast_signed());
    }
    assert_eq!(waits, [600, 1_200, 2_400, 3_600, 3_600]);
}

/// A7: the same for a client address that tries one password on many names. Watches `fail_address`, also for names that
/// nobody has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_tries_many_names_waits_longer_each_time() {
    for backend in [Backend::Embedded, Backend::Redis] {
        let app = Setup::on(backend).start().await;
        let person = app.person("ann").await;
        let mut waits = Vec::new();
        for rung in 0..5 {
            for name in 0..5 {
                let answer = app.guess_passwords(&format!("nobody{rung}-{name}@example.com"), 1).await;
                answer.refused(422, "invalid_credentials");
            }
            waits.push(app.right_password(&person).await.refused(429, "too_many_attempts").retry_after());
            app.clock.advance(waits[rung].cast_signed());
        }
        assert_eq!(waits, [600, 1_200, 2_400, 3_600, 3_600]);
        app.right_password(&person).await.expect(202);
    }
}

/// A7: watches the resend ladder and `sends_per_wizard`, measured where codes arrive.
async fn a_resend_waits_longer_each_time_and_ends_after_five(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    let before = app.outbox(&person.phone).await.len();
    let uuid = app.waiting(&person).await;
    for (sent, wait) in [30, 60, 120, 240].into_iter().enumerate() {
        assert_eq!(app.choose(&uuid, "sms").await.refused(429, "resend_too_soon").retry_after(), wait);
        app.clock.advance(wait.cast_signed() - 1);
        assert_eq!(app.choose(&uuid, "sms").await.refused(429, "resend_too_soon").retry_after(), 1);
        assert_eq!(app.outbox(&person.phone).await.len(), before + sent + 1);
        app.clock.advance(1);
        app.choose(&uuid, "sms").await.expect(200);
        assert_eq!(app.outbox(&person.phone).await.len(), before + sent + 2);
    }
    app.clock.advance(299);
    app.choose(&uuid, "sms").await.refused(429, "too_many_sends");
    assert_eq!(app.outbox(&person.phone).await.len(), before + 5);
    app.code("sms", &uuid, &app.last_code(&person.phone).await).await.expect(202);
}

/// A7, X20: the ladder of an enable wizard, and the budget that the account has over all wizards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_has_one_budget_of_sends_over_all_wizards() {
    for backend in [Backend::Embedded, Backend::Redis] {
        let app = Setup::on(backend).with("STEPGATE_LIMITS__SENDS_PER_ACCOUNT", r#"["3/1h"]"#).start().await;
        let person = app.person_with_email("ann").await;
        app.clock.advance(600);
        for _ in 0..2 {
            app.waiting(&person).await;
        }
        // One code turned the factor on, two went to sign-ins.
        let refused = app.right_password(&person).await.refused(429, "too_many_sends");
        assert_eq!(refused.retry_after(), 3_000);
        assert_eq!(app.outbox(&person.email).await.iter().filter(|sent| sent["code"].is_string()).count(), 3);
        app.clock.advance(3_000);
        app.right_password(&person).await.expect(200);
        assert_eq!(app.outbox(&person.email).await.iter().filter(|sent| sent["code"].is_string()).count(), 4);
        app.right_password(&person).await.refused(429, "too_many_sends");
    }
}

/// X16: watches that the tally of codes is not the wizard's: two wizards use it up, and the third is of no use.
async fn a_new_wizard_gives_no_new_guesses_at_codes(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    for _ in 0..2 {
        let uuid = app.waiting(&person).await;
        let last = app.guess_sms(&uuid, &person, 5).await.refused(422, "invalid_code");
        assert_eq!(last.body["attemptsLeft"], json!(0));
        app.code("sms", &uuid, &app.last_code(&person.phone).await).await.refused(429, "too_many_attempts");
    }
    let sent = app.outbox(&person.phone).await.len();
    let refused = app.right_password(&person).await.refused(429, "too_many_attempts");
    assert_eq!((refused.retry_after(), refused.workflow()), (900, "login"));
    assert_eq!(app.outbox(&person.phone).await.len(), sent);
    app.clock.advance(900);
    let uuid = app.waiting(&person).await;
    app.code("sms", &uuid, &app.last_code(&person.phone).await).await.expect(202);
}

/// X16: watches the same for passwords, with the account's tally alone and with the name in other letters.
async fn a_new_wizard_gives_no_new_guesses_at_passwords(app: TestApp) {
    let app = app.stop().await.with("STEPGATE_LIMITS__ADDRESS__FAILURES", "1000").start().await;
    let person = app.person("ann").await;
    for (guess, name) in
        ["ann@example.com", "ANN@example.com", "Ann@Example.COM", " ann@example.com"].iter().enumerate()
    {
        let refused = app.guess_passwords(name, 1).await.refused(422, "invalid_credentials");
        assert_eq!(refused.body["attemptsLeft"], json!(4 - guess), "{name}");
    }
    app.guess_passwords("aNN@EXAMPLE.com", 1).await.refused(422, "invalid_credentials");
    app.right_password(&person).await.refused(429, "too_many_attempts");
    app.clock.advance(600);
    app.right_password(&person).await.expect(202);
}

/// X15: watches that judging is one atomic call: of all that arrives at once, the budget is looked at and no more.
async fn of_two_hundred_parallel_guesses_ten_are_looked_at(app: TestApp) {
    let person = app.person_with_google("ann").await;
    let wizards = app.waiting_many(&person, 10).await;
    let (wrong, right) = (app.wrong_totp(person.key()), app.totp(person.key()));
    let guesses = (0..200).map(|guess| app.code("google", &wizards[guess % 10], &wrong));
    let answers = join_all(guesses).await;
    let refused = with_status(&answers, 429) + count(&answers, 409, "wizard_changed");
    assert_eq!((count(&answers, 422, "invalid_code"), refused), (10, 190), "{answers:?}");
    let uuid = app.waiting(&person).await;
    app.code("google", &uuid, &right).await.refused(429, "account_locked");
}

/// X15: the same for the guesses that one wizard is given.
async fn of_two_hundred_parallel_guesses_in_one_sms_wizard_five_are_looked_at(app: TestApp) {
    let person = app.person_with_sms("ann").await;
    let uuid = app.waiting(&person).await;
    let right = app.last_code(&person.phone).await;
    let wrong = other_than(&right);
    let answers = join_all((0..200).map(|_| app.code("sms", &uuid, &wrong))).await;
    let refused = count(&answers, 429, "too_many_attempts");
    assert_eq!((count(&answers, 422, "invalid_code"), refused), (5, 195), "{answers:?}");
    app.code("sms", &uuid, &right).await.refused(429, "too_many_attempts");
}

/// X17: a hundred wizards, eighty of them for turning the authenticator off and twenty sign-ins, one guess in each at
/// once. Watches that the tally is the account's over all surfaces.
async fn a_hundred_parallel_wizards_share_one_budget(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    let signing_in = app.waiting_many(&person, 20).await;
    let started = join_all((0..80).map(|_| app.start_factor(&token, "google", "disable"))).await;
    let disabling: Vec<String> = started.into_iter().map(|answer| answer.expect(200).uuid()).collect();
    let wrong = app.wrong_totp(person.key());
    let (one, other) = tokio::join!(
        join_all(signing_in.iter().map(|uuid| app.code("google", uuid, &wrong))),
        join_all(disabling.iter().map(|uuid| app.factor_code(&token, uuid, &wrong))),
    );
    let answers: Vec<Answer> = one.into_iter().chain(other).collect();
    let (looked_at, locked) = (count(&answers, 422, "invalid_code"), count(&answers, 429, "account_locked"));
    assert_eq!((looked_at, locked), (10, 90));
    let uuid = app.waiting(&person).await;
    app.code("google", &uuid, &app.totp(person.key())).await.refused(429, "account_locked");
}

/// X20: watches that the codes of an enrolment are counted, and that a lock holds there and from there.
async fn wrong_codes_while_turning_on_count_like_all_others(app: TestApp) {
    let (person, token) = app.sms_and_token("ann").await;
    let waiting = app.waiting(&person).await;
    let to_sign_in = app.last_code(&person.phone).await;
    let started = app.start_factor(&token, "google", "enable").await.expect(200);
    let (uuid, key) = (started.uuid(), started.str("/data/key").to_owned());
    let wrong = app.wrong_totp(&key);
    for left in (0..10).rev() {
        let refused = app.factor_code(&token, &uuid, &wrong).await.refused(422, "invalid_code");
        assert_eq!(refused.body["attemptsLeft"], json!(left));
    }
    app.factor_code(&token, &uuid, &app.totp(&key)).await.refused(429, "too_many_attempts");
    app.code("sms", &waiting, &to_sign_in).await.refused(429, "account_locked");
    let again = app.start_factor(&token, "google", "enable").await.expect(200);
    let code = app.totp(again.str("/data/key"));
    app.factor_code(&token, &again.uuid(), &code).await.refused(429, "account_locked");
    assert!(!app.is_enabled(&token, "google").await);

    // A phone that is being enrolled: five guesses for the wizard.
    let ben = app.person("ben").await;
    let token = app.sign_in(&ben).await;
    let uuid = app.start_factor(&token, "sms", "enable").await.expect(200).uuid();
    app.factor_step(&token, json!({ "uuid": uuid, "phone": ben.phone })).await.expect(200);
    let right = app.last_code(&ben.phone).await;
    for left in (0..5).rev() {
        let refused = app.factor_code(&token, &uuid, &other_than(&right)).await.refused(422, "invalid_code");
        assert_eq!(refused.body["attemptsLeft"], json!(left));
    }
    app.factor_code(&token, &uuid, &right).await.refused(429, "too_many_attempts");
    assert!(!app.is_enabled(&token, "sms").await);
}

/// X20: the same for turning off.
async fn wrong_codes_while_turning_off_count_like_all_others(app: TestApp) {
    let (person, token) = app.google_and_token("ann").await;
    let waiting = app.waiting(&person).await;
    let uuid = app.start_factor(&token, "google", "disable").await.expect(200).uuid();
    let other = app.start_factor(&token, "google", "disable").await.expect(200).uuid();
    let wrong = app.wrong_totp(person.key());
    for left in (0..10).rev() {
        let refused = app.factor_code(&token, &uuid, &wrong).await.refused(422, "invalid_code");
        assert_eq!(refused.body["attemptsLeft"], json!(left));
    }
    let right = app.totp(person.key());
    app.factor_code(&token, &uuid, &right).await.refused(429, "too_many_attempts");
    app.factor_code(&token, &other, &right).await.refused(429, "account_locked");
    app.code("google", &waiting, &right).await.refused(429, "account_locked");
    assert!(app.is_enabled(&token, "google").await);

    let (ben, token) = app.sms_and_token("ben").await;
    let uuid = app.start_factor(&token, "sms", "disable").await.expect(200).uuid();
    let right = app.last_code(&ben.phone).await;
    for _ in 0..5 {
        app.factor_code(&token, &uuid, &other_than(&right)).await.refused(422, "invalid_code");
    }
    app.factor_code(&token, &uuid, &right).await.refused(429, "too_many_attempts");
    assert!(app.is_enabled(&token, "sms").await);
}

/// X34: watches that a locked second factor costs nobody an SMS: not by asking again in a wizard that is still open, not
/// by a right password, not by turning a factor on or off. A wrong password hears what it always hears.
async fn nothing_is_sent_while_the_second_factor_is_locked(app: TestApp) {
    let (person, token) = app.sms_and_token("ann").await;
    let wizards = app.waiting_many(&person, 3).await;
    let disabling = app.start_factor(&token, "sms", "disable").await.expect(200).uuid();
    let enabling = app.start_factor(&token, "email", "enable").await.expect(200).uuid();
    // All of them may send again, were it not for the lock.
    app.clock.advance(60);
    for uuid in &wizards[..2] {
        app.guess_sms(uuid, &person, 5).await.refused(422, "invalid_code");
    }
    let sent = (app.outbox(&person.phone).await.len(), app.outbox(&person.email).await.len());
    app.choose(&wizards[0], "sms").await.refused(429, "too_many_attempts");
    let refused = app.choose(&wizards[2], "sms").await.refused(429, "account_locked");
    assert_eq!(refused.retry_after(), 900);
    for uuid in [&disabling, &enabling] {
        let refused = app.factor_step(&token, json!({ "uuid": uuid, "action": "resend" })).await;
        assert_eq!(refused.refused(429, "account_locked").retry_after(), 900);
    }
    for (factor, way) in [("sms", "disable"), ("email", "enable")] {
        let refused = app.start_factor(&token, factor, way).await.refused(429, "account_locked");
        assert_eq!(refused.retry_after(), 900);
    }
    let uuid = app.wizard().await;
    app.password(&uuid, &person, "not the password").await.refused(422, "invalid_credentials");
    let refused = app.password(&uuid, &person, PASSWORD).await.refused(429, "too_many_attempts");
    assert_eq!((refused.retry_after(), refused.workflow()), (900, "login"));
    app.look(None, &uuid).await.expect(200);
    assert_eq!((app.outbox(&person.phone).await.len(), app.outbox(&person.email).await.len()), sent);
    app.clock.advance(900);
    let uuid = app.waiting(&person).await;
    app.code("sms", &uuid, &app.last_code(&person.phone).await).await.expect(202);
}

/// A26: watches that a right password on a locked account leaves no other trace than a wrong one: each counts on the
/// client's address, so that the address's block cannot be used to tell them apart.
async fn a_locked_password_answers_alike_whether_or_not_it_is_right(app: TestApp) {
    let app = app.stop().await.with("STEPGATE_LIMITS__ADDRESS__FAILURES", "8").start().await;
    for (name, password) in [("ann", PASSWORD), ("ben", "not the password")] {
        let person = app.person(name).await;
        app.guess_passwords(&person.email, 5).await.refused(422, "invalid_credentials");
        for _ in 0..3 {
            let uuid = app.wizard().await;
            let refused = app.password(&uuid, &person, password).await.refused(429, "too_many_attempts");
            assert_eq!(refused.retry_after(), 600);
        }
        // Now the address has used up what it is given, whatever the three passwords were.
        app.guess_passwords("nobody@example.com", 1).await.refused(429, "too_many_attempts");
        app.clock.advance(10_000);
    }
}

/// X27: watches that what is counted in a file outlives the server, whether it stops in order or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_embedded_store_limits_outlive_the_server() {
    let app = Setup::on(Backend::Embedded).with("STEPGATE_LIMITS__ADDRESS__FAILURES", "1000").start().await;
    let google = app.person_with_google("ann").await;
    let sms = app.person_with_sms("ben").await;
    let uuid = app.waiting(&google).await;
    app.guess_totp(&uuid, &google, 6).await.refused(422, "invalid_code");
    let wizard = app.waiting(&sms).await;
    app.guess_sms(&wizard, &sms, 4).await.refused(422, "invalid_code");
    app.guess_passwords(&sms.email, 4).await.refused(422, "invalid_credentials");
    let sent = app.last_code(&sms.phone).await;

    let app = app.stop().await.start().await;
    let left = |answer: &Answer| answer.body["attemptsLeft"].as_u64();
    let refused = app.guess_totp(&uuid, &google, 1).await.refused(422, "invalid_code");
    assert_eq!(left(&refused), Some(3));
    let refused = app.code("sms", &wizard, &other_than(&sent)).await.refused(422, "invalid_code");
    assert_eq!(left(&refused), Some(0));
    app.code("sms", &wizard, &sent).await.refused(429, "too_many_attempts");
    let refused = app.guess_passwords(&sms.email, 1).await.refused(422, "invalid_credentials");
    assert_eq!(left(&refused), Some(0));
    app.guess_totp(&uuid, &google, 3).await.refused(422, "invalid_code");

    let app = app.stop().await.start().await;
    app.right_password(&sms).await.refused(429, "too_many_attempts");
    app.clock.advance(600);
    let uuid = app.waiting(&google).await;
    let refused = app.code("google", &uuid, &app.totp(google.key())).await.refused(429, "account_locked");
    assert_eq!(refused.retry_after(), 300);
    app.clock.advance(300);
    let uuid = app.waiting(&google).await;
    let code = app.totp(google.key());
    app.code("google", &uuid, &code).await.expect(202);

    let app = app.stop().await.start().await;
    let uuid = app.waiting(&google).await;
    app.code("google", &uuid, &code).await.refused(422, "code_used");
}
