use std::fmt::Display;
use std::io::{ErrorKind, Write};

/// Prints for people. A reader that has seen enough and gone, such as `head`, is no fault.
pub fn say(text: impl Display) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(why) if why.kind() != ErrorKind::BrokenPipe => Err(why.to_string()),
        Ok(()) | Err(_) => Ok(()),
    }
}
