//! Who signs in, and with what: accounts, names, factors, codes, and the secrets behind them.
//!
//! Always: pure. No I/O, no clock, no randomness; times and fresh bytes come in as values, and every secret is a type
//! whose `Debug` prints nothing.
//! Never here: wizards, stores, HTTP, delivery. This module imports no other part of the crate.

mod account;
mod attempt;
mod code;
mod device;
mod email;
mod enrolled;
mod factor;
mod keys;
mod locale;
mod method;
mod mfa;
mod orders;
mod panel;
mod permission;
mod phone;
mod policy;
mod recovery;
mod registry;
mod ring;
mod secret;
mod session;
mod signature;
mod signing;
mod success;
mod surface;
mod token;
mod totp;
mod username;

pub use account::{Account, AccountId};
pub use attempt::{Allowance, Ladder, Tally};
pub use code::{Code, CodeDigest, CodeError};
pub use device::{Device, DeviceOutcome, DeviceToken};
pub use email::{Email, EmailError};
pub use enrolled::{EmailFactor, Enrolled, Factors, SmsFactor, TotpFactor, TotpScheme, WaitingTotp};
pub use factor::{Factor, Recipient, UnknownFactor};
pub use keys::{KeyError, Keys, Sealed};
pub use locale::Locale;
pub use method::Method;
pub use mfa::{MfaPolicy, REMEMBER};
pub use orders::{AccountOrder, MfaOrders, MfaSetting, Suspended, Switched};
pub use panel::PanelHash;
pub use permission::Permission;
pub use phone::{Phone, PhoneError};
pub use policy::{Policy, Tester};
pub use recovery::{RecoveryCode, RecoveryCodeError, RecoveryCodes};
pub use registry::{ApiClient, ClientKeys, PolicyId, Registry, RegistryError, TotpPolicy};
pub use ring::{Compared, KeyBytes, KeyRing, SealingKey};
pub use secret::Secret;
pub use session::{RefreshOutcome, RefreshToken, Session, SessionId, UsedToken};
pub use signature::{SIGNATURE_HEADER, signature};
pub use signing::{BadSigningKey, SigningKey, TokenAlgorithm};
pub use success::SuccessToken;
pub use surface::SurfaceName;
pub use token::{AccessTokens, Bearer, MintError};
pub use totp::{Totp, TotpAlgorithm, TotpSecret, TotpSecretError};
pub use username::{LONGEST_TYPED, LoginName, NameRules, Username, UsernameError};
