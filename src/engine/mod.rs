//! Load → decide → commit → deliver, and the ports that it needs.
//!
//! Always: an attempt is counted on the account before a wizard moves; a wizard moves by one compare-and-set; a code
//! leaves only after the step that promises it is committed.
//! Never here: HTTP, Redis, SMTP. What the outside is made of is behind the ports.

pub mod ports;
