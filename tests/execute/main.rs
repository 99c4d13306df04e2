//! The golden model: two witnesses against each other, and both against integers worked out on paper.

mod by_hand;
mod legal_cuts;
mod mapped;
mod witnesses;
