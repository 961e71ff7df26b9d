//! Names that were written but mean nothing, each with the known name that is nearest to it.

use std::collections::BTreeSet;

use super::origin::{Origin, Problem};
use super::written::{PREFIX, Written};

/// The environment's name for a key, without the prefix: `smtp.host` is `SMTP_HOST`.
pub fn variable(key: &str) -> String {
    key.replace('.', "_").to_ascii_uppercase()
}

/// Every unknown key, section and variable.
pub fn find(written: &Written, known: &[&str], free_sections: &[String]) -> Vec<Problem> {
    let sections = sections_of(known, free_sections);
    let mut problems = Vec::new();
    let mut unknown_sections: BTreeSet<String> = BTreeSet::new();
    for (name, origin) in &written.sections {
        let inside_unknown = unknown_sections.iter().any(|outer| is_inside(name, outer));
        if sections.contains(name.as_str()) || inside_unknown {
            continue;
        }
        unknown_sections.insert(name.clone());
        problems.push(unknown_section(name, origin, known, &sections));
    }
    for (key, entry) in &written.files {
        let inside_unknown = unknown_sections.iter().any(|outer| is_inside(key, outer));
        let free = free_sections.iter().any(|section| is_inside(key, section));
        if known.contains(&key.as_str()) || inside_unknown || free {
            continue;
        }
        problems.push(unknown_key(key, &entry.origin, known, &sections));
    }
    let variables: Vec<String> = known.iter().map(|key| variable(key)).collect();
    for (name, entry) in &written.environment {
        // Others set variables of our prefix too: Kubernetes a COUNTERSIGN_SERVICE_HOST for a service of
        // our name. What is like none of ours is none of ours.
        let is_meant = sections.iter().any(|section| is_variable_of(name, section))
            || nearest(name, variables.iter().map(String::as_str))
                .is_some_and(|near| strsim::jaro_winkler(name, near) > 0.9);
        if !variables.contains(name) && is_meant {
            let hint = nearest(name, variables.iter().map(String::as_str))
                .map_or_else(String::new, |near| format!("; did you mean {PREFIX}{near}?"));
            problems.push(Problem::at(&entry.origin, format!("unknown variable{hint}")));
        }
    }
    problems
}

fn is_variable_of(name: &str, section: &str) -> bool {
    name.strip_prefix(&variable(section)).is_some_and(|rest| rest.starts_with('_'))
}

fn is_inside(name: &str, section: &str) -> bool {
    name.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'))
}

fn sections_of<'k>(known: &[&'k str], free_sections: &'k [String]) -> BTreeSet<&'k str> {
    let mut sections: BTreeSet<&str> = free_sections.iter().map(String::as_str).collect();
    for key in known {
        sections.extend(key.match_indices('.').map(|(at, _)| &key[..at]));
    }
    sections
}

fn unknown_section(name: &str, origin: &Origin, known: &[&str], sections: &BTreeSet<&str>) -> Problem {
    if known.contains(&name) {
        return Problem::at(origin, format!("`{name}` is a single value, not a section"));
    }
    let hint = nearest(name, sections.iter().copied())
        .map_or_else(String::new, |near| format!("; did you mean [{near}]?"));
    Problem::at(origin, format!("unknown section [{name}]{hint}"))
}

fn unknown_key(key: &str, origin: &Origin, known: &[&str], sections: &BTreeSet<&str>) -> Problem {
    if sections.contains(key) {
        return Problem::at(origin, format!("`{key}` is a section, not a single value"));
    }
    let last = key.rsplit('.').next().unwrap_or(key);
    // The same word elsewhere (`host` at the top level) is a better guess than a similar whole name.
    let moved = known.iter().filter(|known| known.rsplit('.').next() == Some(last));
    let moved: Vec<&&str> = moved.collect();
    let near = match moved.as_slice() {
        [only] => Some(**only),
        _ => nearest(key, known.iter().copied()),
    };
    let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    Problem::at(origin, format!("unknown key `{key}`{hint}"))
}

/// The most similar name, if one is similar enough to be meant.
pub fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let scored = known.map(|candidate| (strsim::jaro_winkler(name, candidate), candidate));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.8).then_some(best.1)
}
