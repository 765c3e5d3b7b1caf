//! Accounts, wizards and policies to try things with.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use stepgate::identity::{
    Account, AccountId, Email, EmailFactor, Factor, Factors, Keys, MfaPolicy, Phone, Policy, SmsFactor, TotpFactor,
};
use stepgate::workflow::{Digest, Facts, Sends, Wizard, WizardId, Workflow};

pub const PHONES: [&str; 2] = ["+420601123456", "+79994445561"];

pub fn time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

/// A policy that wants one factor of each of these lists turned on.
pub fn wanting(required: &[Vec<Factor>]) -> Policy {
    let one = |required: &Vec<Factor>| MfaPolicy {
        groups: BTreeSet::new(),
        required: required.clone(),
        allowed: Factor::ALL.to_vec(),
        grace: 0,
        since: None,
        remember: 0,
    };
    Policy { sends_per_wizard: u32::MAX, mfa: required.iter().map(one).collect(), ..Policy::default() }
}

pub fn wizard(workflow: &Workflow) -> Wizard {
    Wizard {
        id: WizardId::from_bytes([1; 16]),
        revision: 1,
        workflow: workflow.name.clone(),
        digest: Digest::of(&workflow.source),
        step: workflow.start.clone(),
        ended: false,
        facts: Facts::none(),
        created_at: time(),
        expires_at: time() + TimeDelta::seconds(i64::from(workflow.lifetime)),
        key: String::new(),
        account: None,
        session: None,
        pending: Default::default(),
        sends: Sends::default(),
        client_kind: None,
        challenge: None,
        chosen: false,
        surface: Default::default(),
        opens: Default::default(),
        answered: None,
    }
}

pub fn account(id: u64, factors: &[Factor]) -> Account {
    let mut account = Account {
        id: AccountId(id),
        revision: 1,
        email: Email::parse(&format!("person{id}@example.com")).unwrap(),
        username: None,
        phone: None,
        locale: Default::default(),
        groups: BTreeSet::new(),
        permissions: BTreeSet::new(),
        password_hash: None,
        factors: Factors::default(),
        epoch: 0,
        factors_since: None,
        stood_in: None,
        recovery: None,
        enrolling: None,
        order: None,
        suspended: None,
        devices: Vec::new(),
        external_id: None,
        imported: None,
        created_at: time(),
        updated_at: time(),
    };
    for factor in factors {
        toggle(&mut account, *factor);
    }
    account
}

/// Turns the factor on or off, as the server does.
pub fn toggle(account: &mut Account, factor: Factor) {
    let on = account.has(factor);
    let since = time();
    match factor {
        Factor::Google => {
            let secret = Keys::from_master([7; 32]).seal(b"12345678901234567890", &[], [0; 24]);
            account.factors.google = (!on).then_some(TotpFactor { secret, since, scheme: None });
        }
        Factor::Sms => {
            let phone = Phone::parse(PHONES[0]).unwrap();
            account.factors.sms = (!on).then_some(SmsFactor { phone, since });
        }
        Factor::Email => account.factors.email = (!on).then_some(EmailFactor::since(since)),
    }
    if account.stood_in == Some(factor) {
        account.stood_in = None;
    }
    account.revision += 1;
    account.begin_epoch();
}
