//! Every key of the default chips and of a study moves some figure: a key that nothing reads is a bug.
//!
//! Keys come from the effective configuration, so a new key without a knob fails here.

mod chips;
mod studies;
