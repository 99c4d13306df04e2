//! The clock against an independent machine, numbers from paper, and laws.

mod by_hand;
mod channel;
mod jobs;
mod laws;
mod machine;
mod witness;
mod writer;
