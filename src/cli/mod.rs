//! The command: its arguments, its talk, its exit code.
//!
//! In: arguments of the command line. Out: results on standard output, problems with their source lines on
//! standard error. This room computes nothing about chips or networks.

pub mod problem;
