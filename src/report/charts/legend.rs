//! Colour squares with words, in as many lines as they need.

use super::font;
use super::palette::{Ink, words};
use super::scene::{Anchor, Scene};
use crate::report::figures::share;
use crate::report::human::{grouped, percent};
use crate::time::{Account, Cause};
use crate::units::Cycles;

const SIZE: f64 = 11.0;
const LINE: f64 = 19.0;

/// Draws `entries` from `left` to `right`, first line centred on `y`; returns the height of all lines.
pub(super) fn draw(
    scene: &mut Scene,
    entries: &[(Ink, String)],
    left: f64,
    right: f64,
    y: f64,
) -> f64 {
    let (mut x, mut line) = (left, y);
    for (ink, text) in entries {
        let width = 15.0 + font::width(text, SIZE, false);
        if x > left && x + width > right {
            x = left;
            line += LINE;
        }
        scene.rect([x, line - 5.0], [10.0, 10.0], *ink);
        scene.text(
            [x + 15.0, line],
            Anchor::Start,
            SIZE,
            Ink::Text,
            text.as_str(),
        );
        x += width + 18.0;
    }
    line - y + LINE
}

/// The causes that took cycles, with their share.
pub(super) fn causes(account: &Account) -> Vec<(Ink, String)> {
    let total = account.total();
    present(&[account])
        .into_iter()
        .map(|cause| {
            let share = percent(share(account.get(cause), total));
            (Ink::Cause(cause), format!("{} {share}", words(cause)))
        })
        .collect()
}

/// Causes that took a cycle in any of the accounts, in the order of every report.
pub(super) fn present(accounts: &[&Account]) -> Vec<Cause> {
    Cause::ALL
        .into_iter()
        .filter(|&cause| accounts.iter().any(|account| account.get(cause).0 > 0))
        .collect()
}

/// Thinner parts are not drawn: they are less than half of the finest line.
pub(super) const THINNEST: f64 = 0.125;

/// What an account says in words: its name, cycles and share of the run, then a line a cause of at least 0.05 %, the
/// largest first.
pub(super) fn tip(name: &str, account: &Account, run: Cycles) -> String {
    let total = account.total();
    let mut text = format!(
        "{name}: {} cycles, {} of the run",
        grouped(total.0),
        percent(share(total, run))
    );
    let mut causes = present(&[account]);
    causes.sort_by_key(|&cause| std::cmp::Reverse(account.get(cause)));
    for cause in causes {
        let part = share(account.get(cause), total);
        if part < 0.0005 {
            continue;
        }
        let part = percent(part);
        text.extend(["\n", &words(cause), " ", &part]);
    }
    text
}

/// Draws cycles by cause as a bar: each cause from where the one before ended.
pub(super) fn stack(
    scene: &mut Scene,
    account: &Account,
    origin: [f64; 2],
    height: f64,
    per_cycle: f64,
) {
    use crate::report::figures::real;
    let mut before = 0;
    for cause in Cause::ALL {
        let cycles = account.get(cause).0;
        if cycles > 0 {
            let x = origin[0] + real(before) * per_cycle;
            let width = real(cycles) * per_cycle;
            if width >= THINNEST {
                scene.rect([x, origin[1]], [width, height], Ink::Cause(cause));
            }
            before += cycles;
        }
    }
}
