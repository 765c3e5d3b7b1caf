use std::sync::LazyLock;

use redis::{Cmd, ToRedisArgs, Value};

use crate::engine::ports::StoreError;

/// The scripts. All but [`Script::Sessions`] write; those that only free memory also run when there is none left, the
/// others are then refused before they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Judge,
    RefundSend,
    FailAddress,
    Unlock,
    CommitWizard,
    CreateAccount,
    ReplaceAccount,
    DeleteAccount,
    CheckHolder,
    ClaimName,
    FillName,
    ReleaseName,
    Sessions,
    ReplaceSession,
    EndSession,
    EndOtherSessions,
    AppendEvents,
    SwapKept,
    ChangeOrders,
}

macro_rules! script {
    ($($part:literal),+) => { concat!("#!lua\n", $(include_str!($part)),+) };
    (flags $flags:literal, $($part:literal),+) => {
        concat!("#!lua flags=", $flags, "\n", $(include_str!($part)),+)
    };
}

static HASHES: LazyLock<Vec<String>> =
    LazyLock::new(|| Script::ALL.iter().map(|s| redis::Script::new(s.source()).get_hash().to_owned()).collect());

impl Script {
    pub(super) const ALL: [Script; 19] = [
        Script::Judge,
        Script::RefundSend,
        Script::FailAddress,
        Script::Unlock,
        Script::CommitWizard,
        Script::CreateAccount,
        Script::ReplaceAccount,
        Script::DeleteAccount,
        Script::CheckHolder,
        Script::ClaimName,
        Script::FillName,
        Script::ReleaseName,
        Script::Sessions,
        Script::ReplaceSession,
        Script::EndSession,
        Script::EndOtherSessions,
        Script::AppendEvents,
        Script::SwapKept,
        Script::ChangeOrders,
    ];

    pub(super) fn source(self) -> &'static str {
        match self {
            Script::Judge => script!("named.lua", "tally.lua", "judge.lua"),
            Script::RefundSend => script!("refund_send.lua"),
            Script::FailAddress => script!("named.lua", "tally.lua", "fail_address.lua"),
            Script::Unlock => script!(flags "allow-oom", "unlock.lua"),
            Script::CommitWizard => script!("commit_wizard.lua"),
            Script::CreateAccount => script!("create_account.lua"),
            Script::ReplaceAccount => script!("replace_account.lua"),
            Script::DeleteAccount => script!(flags "allow-oom", "delete_account.lua"),
            Script::CheckHolder => script!("check_holder.lua"),
            Script::ClaimName => script!("claim_name.lua"),
            Script::FillName => script!("fill_name.lua"),
            Script::ReleaseName => script!(flags "allow-oom", "release_name.lua"),
            Script::Sessions => script!(flags "no-writes", "sessions.lua"),
            Script::ReplaceSession => script!("replace_session.lua"),
            Script::EndSession => script!(flags "allow-oom", "end_session.lua"),
            Script::EndOtherSessions => script!(flags "allow-oom", "end_other_sessions.lua"),
            Script::AppendEvents => script!("append_events.lua"),
            Script::SwapKept => script!("swap_kept.lua"),
            Script::ChangeOrders => script!("change_orders.lua"),
        }
    }

    fn hash(self) -> &'static str {
        &HASHES[self as usize]
    }
}

/// One command or script. May be sent more than once, so it must have one effect however often it arrives.
#[derive(Debug, Clone)]
pub(super) struct Call {
    command: Cmd,
    script: Option<Script>,
    /// Asked of every master of a cluster; the reply is then a list.
    everywhere: bool,
    /// A refusal is answered with nothing.
    optional: bool,
    /// Nobody waits for it, so it is no round trip of anybody's.
    behind: bool,
}

impl Call {
    pub(super) fn command(name: &str) -> Self {
        Call { command: redis::cmd(name), script: None, everywhere: false, optional: false, behind: false }
    }

    /// A script on the one key that decides its slot; it derives the other keys from that one.
    pub(super) fn script(script: Script, key: String) -> Self {
        let mut command = redis::cmd("EVALSHA");
        command.arg(script.hash()).arg(1).arg(key);
        Call { command, script: Some(script), everywhere: false, optional: false, behind: false }
    }

    pub(super) fn arg(mut self, value: impl ToRedisArgs) -> Self {
        self.command.arg(value);
        self
    }

    /// An argument by name, for the scripts that begin with `named.lua`.
    pub(super) fn named(self, name: &str, value: impl ToRedisArgs) -> Self {
        self.arg(name).arg(value)
    }

    pub(super) fn everywhere(mut self) -> Self {
        self.everywhere = true;
        self
    }

    pub(super) fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    pub(super) fn behind(mut self) -> Self {
        self.behind = true;
        self
    }

    pub(super) fn as_command(&self) -> &Cmd {
        &self.command
    }

    pub(super) fn is_everywhere(&self) -> bool {
        self.everywhere
    }

    pub(super) fn is_optional(&self) -> bool {
        self.optional
    }

    pub(super) fn is_behind(&self) -> bool {
        self.behind
    }

    /// The same with the source of the script in place of its hash, for a server that has forgotten it.
    pub(super) fn with_source(&self) -> Option<Cmd> {
        let script = self.script?;
        let mut command = redis::cmd("EVAL");
        command.arg(script.source());
        for argument in self.command.args_iter().skip(2) {
            if let redis::Arg::Simple(bytes) = argument {
                command.arg(bytes);
            }
        }
        Some(command)
    }
}

/// What came back for one call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reply(pub(super) Value);

impl Reply {
    /// Text, or `None` when there is nothing under the key.
    pub(super) fn optional_text(self) -> Result<Option<String>, StoreError> {
        redis::from_redis_value(self.0).map_err(unexpected)
    }

    pub(super) fn text(self) -> Result<String, StoreError> {
        redis::from_redis_value(self.0).map_err(unexpected)
    }

    pub(super) fn texts(self) -> Result<Vec<String>, StoreError> {
        redis::from_redis_value(self.0).map_err(unexpected)
    }

    /// The ids and only values of a stretch of a stream.
    pub(super) fn entries(self) -> Result<Vec<(String, String)>, StoreError> {
        let entries: Vec<(String, (String, String))> = redis::from_redis_value(self.0).map_err(unexpected)?;
        Ok(entries.into_iter().map(|(id, (_, value))| (id, value)).collect())
    }

    pub(super) fn optional_texts(self) -> Result<Vec<Option<String>>, StoreError> {
        redis::from_redis_value(self.0).map_err(unexpected)
    }

    pub(super) fn number(self) -> Result<u64, StoreError> {
        redis::from_redis_value(self.0).map_err(unexpected)
    }
}

fn unexpected(error: redis::ParsingError) -> StoreError {
    StoreError::Damaged(format!("an unexpected reply: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_is_found_by_its_own_hash() {
        for script in Script::ALL {
            assert_eq!(script.hash(), redis::Script::new(script.source()).get_hash(), "{script:?}");
            assert!(script.source().starts_with("#!lua"), "{script:?}");
        }
    }

    #[test]
    fn a_forgotten_script_is_sent_with_the_same_arguments() {
        let call = Call::script(Script::EndSession, "{k}".to_owned()).arg("a").arg(7);
        let whole = call.with_source().unwrap();
        let arguments: Vec<_> = whole.args_iter().collect();
        assert_eq!(arguments.len(), 6);
        assert!(matches!(arguments[0], redis::Arg::Simple(b"EVAL")));
        assert!(matches!(arguments[5], redis::Arg::Simple(b"7")));
    }
}
