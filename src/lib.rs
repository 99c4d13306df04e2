//! Simulates an inference chip: an array of identical 3x3-conv-ReLU processing elements.

pub mod chip;
pub mod cli;
pub mod contrast;
pub mod diagnose;
pub mod dump;
pub mod execute;
pub mod fixed;
pub mod float;
pub mod golden;
pub mod layout;
pub mod map;
pub mod network;
pub mod precision;
pub mod problem;
pub mod quantise;
pub mod reparam;
pub mod report;
pub mod rtl;
pub mod schedule;
pub mod study;
pub mod tensor;
pub mod time;
pub mod units;
pub mod verify;
