//! What may happen to a wizard.

use stepgate::identity::Factor;

/// Something that happens: mostly what a client does, with whether it is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    Password {
        account: usize,
        right: bool,
        /// With the token of a device that this account remembers.
        device: bool,
    },
    Choose(Factor),
    Code {
        of: Option<Factor>,
        typed: Typed,
    },
    Recovery(Typed),
    Phone(usize),
    Enrol {
        factor: Factor,
        phone: Option<usize>,
    },
    Resend,
    /// The account turns a factor on or off elsewhere, meanwhile.
    Toggle {
        account: usize,
        factor: Factor,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    /// What was really sent, what the real authenticator shows, one of the real recovery codes: right wherever that is
    /// asked for.
    Genuine,
    Guessed,
    /// Anything, with all attempts used up.
    TooLate,
}

impl Typed {
    pub const ALL: [Typed; 3] = [Typed::Genuine, Typed::Guessed, Typed::TooLate];
}

pub fn moves() -> Vec<Move> {
    let mut moves = vec![Move::Resend, Move::Phone(0), Move::Phone(1)];
    for account in [0, 1] {
        let shown = [(true, false), (true, true), (false, true)];
        moves.extend(shown.map(|(right, device)| Move::Password { account, right, device }));
    }
    moves.extend(Factor::ALL.map(Move::Choose));
    for of in [None, Some(Factor::Google), Some(Factor::Sms), Some(Factor::Email)] {
        moves.extend(Typed::ALL.map(|typed| Move::Code { of, typed }));
    }
    moves.extend(Typed::ALL.map(Move::Recovery));
    moves.extend(Factor::ALL.map(|factor| Move::Enrol { factor, phone: None }));
    moves.extend([Factor::Sms, Factor::Google].map(|factor| Move::Enrol { factor, phone: Some(0) }));
    moves.push(Move::Enrol { factor: Factor::Sms, phone: Some(1) });
    moves
}

pub fn toggles() -> Vec<Move> {
    let each = |account| Factor::ALL.map(|factor| Move::Toggle { account, factor });
    [0, 1].into_iter().flat_map(each).collect()
}
