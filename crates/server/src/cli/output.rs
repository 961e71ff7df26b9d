//! Standard output: tables for people, JSON for programs.

use std::io::Write;

use serde::Serialize;

use crate::failure::Outcome;

/// Prints a line.
///
/// # Errors
/// If nobody reads.
pub fn say(line: &str) -> Outcome {
    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(())
}

/// Prints a line that is not the result: progress, notes.
pub fn note(line: &str) {
    // Nobody listens if this fails.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Prints JSON.
///
/// # Errors
/// If nobody reads.
pub fn json(value: &impl Serialize) -> Outcome {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

/// Prints rows under their titles; where there are none, `nothing`.
///
/// # Errors
/// If nobody reads.
pub fn table(titles: &[&str], rows: &[Vec<String>], nothing: &str) -> Outcome {
    if rows.is_empty() {
        return say(nothing);
    }
    let titles: Vec<String> = titles.iter().map(|title| (*title).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(&titles).chain(rows).map(|row| printable_row(row)).collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..titles.len()).map(width).collect();
    let mut out = std::io::stdout().lock();
    for row in &rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

/// Prints one thing as names with values.
///
/// # Errors
/// If nobody reads.
pub fn card(facts: &[(&str, String)]) -> Outcome {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut out = std::io::stdout().lock();
    for (name, value) in facts {
        writeln!(out, "{name:<width$}  {}", printable(value))?;
    }
    Ok(())
}

fn printable_row(row: &[String]) -> Vec<String> {
    row.iter().map(|cell| printable(cell)).collect()
}

/// What people have chosen as their names must not steer the operator's terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A value that may be missing.
pub fn or_dash(value: Option<&str>) -> String {
    value.unwrap_or("–").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\r\n"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}");
    }
}
