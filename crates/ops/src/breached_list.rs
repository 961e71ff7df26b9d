//! The list of passwords known from breaches, looked up in a file of the operator's (R008).
//!
//! The file is as Pwned Passwords is downloaded: a line `SHA1:COUNT` for each, sorted by hash. It is
//! searched where it lies, so that it takes no memory, needs no conversion and is never wrong; nothing
//! about a password leaves the machine. The newest list has a billion lines: some 35 reads of a page.

use std::cmp::Ordering;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use countersign_model::password::Password;

/// 40 digits, a colon, a count and the end of the line are well below this.
const LONGEST_LINE: usize = 64;
/// What is left is read as a whole.
const BLOCK: u64 = 4096;
/// Lines that are looked at when the list is opened.
const SAMPLES: u64 = 64;

/// Of a hash.
const DIGITS: usize = 40;

type Hash = [u8; 20];

/// The file, open.
#[derive(Debug)]
pub struct BreachedList {
    file: File,
    size: u64,
}

/// Why the list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BreachedListError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// Something else than lines of hashes.
    #[error("is no list of SHA-1 hashes, one a line")]
    NotHashes,
    /// The search would miss some.
    #[error("is not sorted by hash")]
    NotSorted,
    /// Another one would have to be opened anew.
    #[error("has changed since the start")]
    Changed,
}

impl BreachedList {
    /// Opens the list, and looks at some of its lines.
    ///
    /// # Errors
    /// [`BreachedListError`].
    pub fn open(path: &Path) -> Result<BreachedList, BreachedListError> {
        let file = File::open(path)?;
        let list = BreachedList { size: file.metadata()?.len(), file };
        let mut last = *list.hashes(0, LONGEST_LINE)?.first().ok_or(BreachedListError::NotHashes)?;
        for sample in 1..SAMPLES {
            // Not so near the end that no whole line follows.
            let Some((_, hash)) = list.line_behind(list.size / SAMPLES * sample)? else {
                continue;
            };
            if hash < last {
                return Err(BreachedListError::NotSorted);
            }
            last = hash;
        }
        Ok(list)
    }

    /// Whether the password is on it.
    ///
    /// # Errors
    /// [`BreachedListError`] if the file has become unreadable or another one.
    pub fn contains(&self, password: &Password) -> Result<bool, BreachedListError> {
        if self.file.metadata()?.len() != self.size {
            return Err(BreachedListError::Changed);
        }
        let mut wanted = [0; 20];
        wanted.copy_from_slice(digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes()).as_ref());
        // A line starts at `low`; the wanted one starts neither before it nor at `high` or behind.
        let (mut low, mut high) = (0, self.size);
        while high - low > BLOCK {
            let middle = low + (high - low) / 2;
            let (start, hash) = self.line_behind(middle)?.ok_or(BreachedListError::NotHashes)?;
            match hash.cmp(&wanted) {
                Ordering::Equal => return Ok(true),
                Ordering::Less => low = start,
                Ordering::Greater => high = start,
            }
        }
        let length = usize::try_from(high - low).map_err(io::Error::other)? + LONGEST_LINE;
        Ok(self.hashes(low, length)?.contains(&wanted))
    }

    /// The first line that starts behind this place, and where; `None` near the end of the file.
    fn line_behind(&self, place: u64) -> Result<Option<(u64, Hash)>, BreachedListError> {
        let text = self.read(place, 2 * LONGEST_LINE)?;
        let Some(end) = text.iter().position(|byte| *byte == b'\n') else {
            return if text.len() < LONGEST_LINE { Ok(None) } else { Err(BreachedListError::NotHashes) };
        };
        let start = end + 1;
        match text.get(start..) {
            None | Some([]) => Ok(None),
            Some(line) => Ok(Some((place + start as u64, hash_of(line)?))),
        }
    }

    /// The hashes from the line on that starts here; a line that is cut off may be left out.
    fn hashes(&self, start: u64, length: usize) -> Result<Vec<Hash>, BreachedListError> {
        let text = self.read(start, length)?;
        text.split(|byte| *byte == b'\n').filter(|line| line.len() >= DIGITS).map(hash_of).collect()
    }

    fn read(&self, place: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut text = vec![0; length];
        let mut filled = 0;
        while filled < length {
            match self.file.read_at(&mut text[filled..], place + filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        text.truncate(filled);
        Ok(text)
    }
}

/// What the line starts with; its count, if any, plays no part.
fn hash_of(line: &[u8]) -> Result<Hash, BreachedListError> {
    let digits = line.get(..DIGITS).ok_or(BreachedListError::NotHashes)?;
    let ends = matches!(line.get(DIGITS), None | Some(b':' | b'\r' | b'\n'));
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let mut hash = [0; 20];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
            return Err(BreachedListError::NotHashes);
        };
        *byte = high << 4 | low;
    }
    if ends { Ok(hash) } else { Err(BreachedListError::NotHashes) }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::fs;
    use std::path::PathBuf;

    use countersign_model::ids::Uuid;
    use countersign_model::random::Random;

    use super::*;

    /// Removed at the end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(text: impl AsRef<[u8]>) -> Scratch {
            let name = format!("countersign-breached-{}", Uuid::draw(&Random::System));
            let path = std::env::temp_dir().join(name);
            fs::write(&path, text).unwrap();
            Scratch(path)
        }

        fn list(&self) -> Result<BreachedList, BreachedListError> {
            BreachedList::open(&self.0)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    fn hex(password: &str) -> String {
        digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes()).as_ref().iter().fold(
            String::new(),
            |mut text, byte| {
                write!(text, "{byte:02X}").unwrap();
                text
            },
        )
    }

    /// A list of the passwords `p0` to `p…`, with counts of any length.
    fn list_of(count: usize, line: impl Fn(usize, &str) -> String) -> String {
        let mut hashes: Vec<String> = (0..count).map(|i| hex(&format!("p{i}"))).collect();
        hashes.sort();
        hashes.iter().enumerate().map(|(i, hash)| line(i, hash)).collect()
    }

    fn has(list: &BreachedList, text: &str) -> bool {
        list.contains(&Password::new(text).unwrap()).unwrap()
    }

    #[test]
    fn every_password_on_the_list_is_found_and_no_other() {
        assert_eq!(hex("password"), "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8");
        let with_counts = |i: usize, hash: &str| format!("{hash}:{}\r\n", 7_usize.pow(i as u32 % 11));
        let bare = |_: usize, hash: &str| format!("{}\n", hash.to_lowercase());
        for count in [1, 2, 64, 75, 76, 77, 3000] {
            for text in [list_of(count, with_counts), list_of(count, bare)] {
                // With and without an end of the last line.
                for text in [text.as_str(), text.trim_end()] {
                    let scratch = Scratch::new(text);
                    let list = scratch.list().unwrap();
                    assert!((0..count).all(|i| has(&list, &format!("p{i}"))), "{count}");
                    assert!(!(count..count + 200).any(|i| has(&list, &format!("p{i}"))), "{count}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_sorted_list_is_refused() {
        let refused = |text: &str| Scratch::new(text).list().map(drop);
        for wrong in ["", "\n", "password\n123456\n", &"x".repeat(10_000), &format!("{}0:1\n", hex("a"))] {
            assert!(matches!(refused(wrong), Err(BreachedListError::NotHashes)), "{wrong:.20}");
        }
        let sorted = list_of(500, |_, hash| format!("{hash}:1\n"));
        let reversed: String = sorted.lines().rev().map(|line| format!("{line}\n")).collect();
        assert!(matches!(refused(&reversed), Err(BreachedListError::NotSorted)));
        let missing = BreachedList::open(Path::new("/nonexistent/list"));
        assert!(matches!(missing, Err(BreachedListError::Unreadable(_))));
    }

    #[test]
    fn a_list_that_has_been_cut_short_is_an_error_and_not_a_no() {
        for count in [2, 500] {
            let scratch = Scratch::new(list_of(count, |_, hash| format!("{hash}:1\n")));
            let list = scratch.list().unwrap();
            fs::write(&scratch.0, "").unwrap();
            assert!(list.contains(&Password::new("p1").unwrap()).is_err());
        }
    }
}
