//! A digest of rows that does not depend on their order, which engines do not share: PostgreSQL
//! sorts text by the rules of a language.

use aws_lc_rs::digest::{Context, SHA256};

use crate::Value;

/// The rows so far: SHA-256 of each, combined by exclusive or. No two rows of a table are the same,
/// so none cancels another out.
#[derive(Default)]
pub struct RowsDigest {
    /// How many.
    pub rows: u64,
    combined: [u8; 32],
}

impl RowsDigest {
    /// Takes a row in.
    pub fn add(&mut self, row: &[Value]) {
        let mut context = Context::new(&SHA256);
        for value in row {
            // The kind and the length go before the bytes, so that no two rows read alike.
            let number;
            let (kind, bytes): (u8, &[u8]) = match value {
                Value::Null => (0, &[]),
                Value::Int(int) => {
                    number = int.to_be_bytes();
                    (1, &number)
                }
                Value::Text(text) => (2, text.as_bytes()),
                Value::Bytes(bytes) => (3, bytes),
            };
            context.update(&[kind]);
            context.update(&(bytes.len() as u64).to_be_bytes());
            context.update(bytes);
        }
        self.rows += 1;
        for (byte, more) in self.combined.iter_mut().zip(context.finish().as_ref()) {
            *byte ^= more;
        }
    }

    /// In hexadecimal.
    pub fn text(&self) -> String {
        self.combined.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
