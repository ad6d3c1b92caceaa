//! `--until serial~` and `--expect`: regular expressions over the guest's serial output.
//!
//! Output arrives piece by piece; a match may begin in one and end in another, so the text since some
//! line end is kept. A match longer than the text kept is not found.

use regex::bytes::Regex;

/// Text kept for a match that is not complete yet.
const KEPT: usize = 64 << 10;

/// A search that goes on as text comes in.
pub(crate) struct Watch {
    regex: Regex,
    text: Vec<u8>,
    found: bool,
}

impl Watch {
    /// Watches for a match.
    pub(crate) fn new(regex: Regex) -> Self {
        Self { regex, text: Vec::new(), found: false }
    }

    /// The pattern as written.
    pub(crate) fn pattern(&self) -> &str {
        self.regex.as_str()
    }

    /// True if the output has matched.
    pub(crate) fn found(&self) -> bool {
        self.found
    }

    /// More output.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        if self.found || bytes.is_empty() {
            return;
        }
        self.text.extend_from_slice(bytes);
        self.found = self.regex.is_match(&self.text);
        let excess = self.text.len().saturating_sub(KEPT);
        if self.found {
            self.text = Vec::new();
        } else if excess > 0 {
            // At a line end, or `^` would match where no line begins.
            let end = self.text[excess..].iter().position(|&byte| byte == b'\n');
            self.text.drain(..end.map_or(excess, |end| excess + end + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_is_found_across_pieces() {
        let mut watch = Watch::new(Regex::new("USERSPACE-UP").unwrap());

        watch.feed(b"xxUSERSP");
        assert!(!watch.found());
        watch.feed(b"ACE-UP\n");

        assert!(watch.found());
    }

    #[test]
    fn the_text_kept_is_bounded_and_cut_at_line_ends() {
        let mut watch = Watch::new(crate::values::regex("^end$").unwrap());

        for _ in 0..10_000 {
            watch.feed(b"some line of text without it\n");
        }

        assert!(watch.text.len() <= KEPT && watch.text.starts_with(b"some"));
        watch.feed(b"end\n");
        assert!(watch.found());
    }
}
