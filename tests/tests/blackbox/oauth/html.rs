//! Reads the forms of a page: as much of HTML as our own pages use.

/// A form as a browser without scripts sees it.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where it leads; empty: to the page itself.
    pub action: String,
    /// `get` or `post`.
    pub method: String,
    /// What is sent unless somebody changes it.
    pub fields: Vec<(String, String)>,
    /// The buttons that have a name: only the one that is pressed is sent.
    pub buttons: Vec<(String, String)>,
    /// The names of all fields, also of those that are not sent by themselves.
    pub names: Vec<String>,
}

/// The forms of a page, in order.
pub fn forms(page: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut inside = false;
    for tag in tags(page) {
        match tag.name.as_str() {
            "form" => {
                inside = true;
                forms.push(Form {
                    action: tag.get("action").unwrap_or_default(),
                    method: tag.get("method").unwrap_or_else(|| "get".to_owned()).to_ascii_lowercase(),
                    fields: Vec::new(),
                    buttons: Vec::new(),
                    names: Vec::new(),
                });
            }
            "/form" => inside = false,
            "input" | "button" | "select" | "textarea" if inside => {
                forms.last_mut().expect("inside one").take(&tag);
            }
            _ => {}
        }
    }
    forms
}

impl Form {
    fn take(&mut self, tag: &Tag) {
        let Some(name) = tag.get("name") else { return };
        let value = tag.get("value").unwrap_or_default();
        let kind = tag.get("type").unwrap_or_default();
        if tag.name == "button" || kind == "submit" {
            self.buttons.push((name, value));
            return;
        }
        self.names.push(name.clone());
        let chosen = !matches!(kind.as_str(), "checkbox" | "radio") || tag.get("checked").is_some();
        if chosen {
            self.fields.push((name, value));
        }
    }

    /// Whether it can send this field with this value.
    pub fn has(&self, name: &str, value: &str) -> bool {
        let pressed = self.buttons.iter().any(|button| button.0 == name && button.1 == value);
        pressed || self.names.iter().any(|known| known == name)
    }

    /// What is sent when these fields are filled in or these buttons pressed.
    pub fn filled(&self, given: &[(&str, &str)]) -> Vec<(String, String)> {
        let kept = self.fields.iter().filter(|field| given.iter().all(|(name, _)| *name != field.0));
        let mut pairs: Vec<_> = kept.cloned().collect();
        pairs.extend(given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        pairs
    }
}

struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn get(&self, name: &str) -> Option<String> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }
}

fn tags(page: &str) -> Vec<Tag> {
    let mut rest = page;
    let mut tags = Vec::new();
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some((tag, behind)) = tag(rest) {
            tags.push(tag);
            rest = behind;
        }
    }
    tags
}

fn tag(text: &str) -> Option<(Tag, &str)> {
    let end = text.find(|c: char| c.is_whitespace() || c == '>')?;
    let name = text[..end].trim_end_matches('/').to_ascii_lowercase();
    if !name.trim_start_matches('/').starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let mut attributes = Vec::new();
    let mut rest = text[end..].trim_start();
    loop {
        if let Some(behind) = rest.strip_prefix('>') {
            return Some((Tag { name, attributes }, behind));
        }
        if let Some(behind) = rest.strip_prefix('/') {
            rest = behind.trim_start();
            continue;
        }
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/'))?;
        let key = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let mut value = "";
        if let Some(behind) = rest.strip_prefix('=') {
            (value, rest) = attribute_value(behind.trim_start())?;
        }
        attributes.push((key, unescaped(value)));
        rest = rest.trim_start();
    }
}

fn attribute_value(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next()?;
    if matches!(quote, '"' | '\'') {
        let (value, behind) = text[1..].split_once(quote)?;
        return Some((value, behind));
    }
    let end = text.find(|c: char| c.is_whitespace() || c == '>')?;
    Some((&text[..end], &text[end..]))
}

/// Text with its character references resolved.
pub fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        plain.push_str(before);
        let reference = behind.split_once(';').and_then(|(name, behind)| Some((character(name)?, behind)));
        match reference {
            Some((character, behind)) => {
                plain.push(character);
                rest = behind;
            }
            None => {
                plain.push('&');
                rest = behind;
            }
        }
    }
    plain + rest
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[test]
fn forms_are_read() {
    let page = r#"<p>a < b<form action="/x?a=1&amp;b=2" method=post><input type=hidden name="csrf" value='&#39;&quot;'>
        <input name=password type="password" required autofocus/><input type=checkbox name=scope value=a checked>
        <input type=checkbox name=scope value=b><button name=decision value="allow">Yes</button></form>"#;
    let form = &forms(page)[0];
    assert_eq!((form.action.as_str(), form.method.as_str()), ("/x?a=1&b=2", "post"));
    assert!(form.has("decision", "allow") && !form.has("decision", "deny") && form.has("password", "x"));
    let sent = form.filled(&[("password", "x")]);
    let expected = [("csrf", "'\""), ("scope", "a"), ("password", "x")];
    assert_eq!(sent, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}
