//! How far long work is, on standard error: one line that is rewritten on a terminal, a few lines elsewhere.

use std::io::{self, IsTerminal, Write};

use countersign_store::copy::Progress;

/// What takes so few rows or pages is over before anybody asks.
const MANY: u64 = 10_000;

/// Shows it; the line of a terminal is gone at the end.
pub struct ShownProgress<W: Write> {
    out: Option<W>,
    rewrites: bool,
    /// What was being done, and how many tenths of it, when a line was last written.
    last: (&'static str, u64),
}

impl ShownProgress<io::Stderr> {
    /// For a person, unless `quiet`.
    pub fn new(quiet: bool) -> Self {
        let out = (!quiet).then(io::stderr);
        ShownProgress { out, rewrites: io::stderr().is_terminal(), last: ("", 0) }
    }
}

impl<W: Write> ShownProgress<W> {
    /// Shows the state.
    pub fn update(&mut self, progress: Progress) {
        let Progress { doing, done, total, unit } = progress;
        let Some(out) = &mut self.out else { return };
        // Nobody listens if this fails.
        if self.rewrites {
            let _ = write!(out, "\r\x1b[K  {doing}: {done} of {total} {unit}").and_then(|()| out.flush());
            return;
        }
        let state = (doing, done * 10 / total.max(1));
        if total >= MANY && state != self.last {
            let _ = writeln!(out, "  {doing}: {done} of {total} {unit}");
        }
        self.last = state;
    }
}

impl<W: Write> Drop for ShownProgress<W> {
    fn drop(&mut self) {
        if let Some(out) = self.out.as_mut().filter(|_| self.rewrites) {
            let _ = write!(out, "\r\x1b[K").and_then(|()| out.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(rewrites: bool, total: u64) -> String {
        let mut out = Vec::new();
        let mut shown = ShownProgress { out: Some(&mut out), rewrites, last: ("", 0) };
        for done in (500..=total).step_by(500) {
            shown.update(Progress { doing: "copying", done, total, unit: "rows" });
        }
        drop(shown);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_terminal_has_one_line_that_is_gone_at_the_end() {
        let shown = shown(true, 20_000);
        assert!(!shown.contains('\n') && shown.ends_with("\r\x1b[K"), "{shown:?}");
        assert!(shown.contains("\r\x1b[K  copying: 1500 of 20000 rows\r"), "{shown:?}");
    }

    #[test]
    fn elsewhere_there_are_a_few_lines_of_what_takes_long() {
        let long = shown(false, 100_000);
        assert_eq!(long.lines().count(), 11, "{long}");
        assert!(long.ends_with("  copying: 100000 of 100000 rows\n"), "{long}");
        assert_eq!(shown(false, 5000), "");
    }
}
