//! Descriptions of domains: whatever comes, nothing panics, nothing takes long, and what is read can be
//! written and read again.

use crate::{Outcome, Target};
use domain::{Document, Form, to_sexpr, to_xml};
use seeds::Damage;

/// XML or an S-expression.
pub const TARGET: Target = Target {
    name: "domain",
    run,
    seeds,
    damage: Damage { window: usize::MAX, changes: 3, words: WORDS },
    inputs: 4500,
    shows: &[Outcome::Accepted, Outcome::Refused],
};

/// What either form gives a meaning to.
const WORDS: &[&[u8]] = &[
    b"<",
    b">",
    b"/>",
    b"</",
    b"'",
    b"\"",
    b"&",
    b"&amp;",
    b"&#0;",
    b"&#x10ffff;",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<?",
    b"?>",
    b"<!DOCTYPE",
    b"(",
    b")",
    b"((",
    b"))",
    b"\\",
    b"\\'",
    b" ",
    b"\n",
    b"\t",
    b"\0",
    b"\x7f",
    "\u{fc}".as_bytes(),
    "\u{feff}".as_bytes(),
    b"-1",
    b"0",
    b"1",
    b"99999999999999999999",
    b"x",
    b":",
    b"=",
    b",",
    b"none",
    b"ioemu:",
    b"xmlns:a='b'",
    b"<domain>",
    b"(device (vbd))",
    b"(serial (pty pty))",
];

/// The descriptions that the command is tested with.
fn seeds() -> Vec<Vec<u8>> {
    let files: [&[u8]; 11] = [
        include_bytes!("../../../tests/domain/characters.xml"),
        include_bytes!("../../../tests/domain/clock-and-screen.xml"),
        include_bytes!("../../../tests/domain/every-drive.xml"),
        include_bytes!("../../../tests/domain/founding-new.sexpr"),
        include_bytes!("../../../tests/domain/founding-old.sexpr"),
        include_bytes!("../../../tests/domain/founding.xml"),
        include_bytes!("../../../tests/domain/framebuffer.sexpr"),
        include_bytes!("../../../tests/domain/kvm-direct.xml"),
        include_bytes!("../../../tests/domain/modern.xml"),
        include_bytes!("../../../tests/domain/paravirtual.xml"),
        include_bytes!("../../../tests/domain/running.sexpr"),
    ];
    files.iter().map(|file| file.to_vec()).collect()
}

/// Reads; what is read is written and read again.
pub fn run(bytes: &[u8]) -> Outcome {
    let shown = String::from_utf8_lossy(bytes);
    let document = match Document::read(bytes) {
        Ok(document) => document,
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.hint().is_empty(), "{shown}");
            assert!(error.place().line > 0 && error.place().column > 0, "{shown}");
            return Outcome::Refused;
        }
    };
    for gap in document.gaps.iter().chain(&document.remarks) {
        assert!(gap.offset <= bytes.len() && !gap.what.contains('\n'), "{shown}");
    }
    let again = |text: &str, form| {
        let read = Document::read(text.as_bytes());
        let read = read.unwrap_or_else(|error| panic!("{error}, {}\n{text}", error.place()));
        assert_eq!((read.form, &*read.gaps), (form, &[][..]), "{text}");
        assert_eq!(read.domain, document.domain, "{shown}\n{text}");
    };
    again(&to_xml(&document.domain), Form::Xml);
    let (sexpr, gaps) = to_sexpr(&document.domain);
    if gaps.is_empty() {
        again(&sexpr, Form::Sexpr);
    }
    Outcome::Accepted
}
