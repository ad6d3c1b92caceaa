//! Damaged descriptions: nothing panics, nothing takes long, and what is still read can be written and
//! read again. Deterministic: the seeds are the files' numbers.

use domain::{Document, Form, to_sexpr, to_xml};
use std::fs;
use std::path::Path;

/// Mutations of each file.
const ROUNDS: u32 = 400;

/// xorshift64*, Vigna 2016.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// What either form gives a meaning to.
const PIECES: &[&str] = &[
    "<",
    ">",
    "/>",
    "</",
    "'",
    "\"",
    "&",
    "&amp;",
    "&#0;",
    "&#x10ffff;",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?",
    "?>",
    "<!DOCTYPE",
    "(",
    ")",
    "((",
    "))",
    "\\",
    "\\'",
    " ",
    "\n",
    "\t",
    "\0",
    "\u{7f}",
    "ü",
    "\u{feff}",
    "-1",
    "0",
    "1",
    "99999999999999999999",
    "x",
    ":",
    "=",
    ",",
    "none",
    "ioemu:",
    "xmlns:a='b'",
    "<domain>",
    "(device (vbd))",
    "(serial (pty pty))",
];

fn damaged(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(out.len());
        let end = (at + random.below(40)).min(out.len());
        match random.below(7) {
            0 => out[at] = random.next() as u8,
            1 => out[at] ^= 1 << random.below(8),
            2 => out.truncate(at),
            3 => drop(out.drain(at..end)),
            4 => {
                let piece = out[at..end].to_vec();
                let to = random.below(out.len());
                out.splice(to..to, piece);
            }
            5 => {
                let piece = PIECES[random.below(PIECES.len())];
                out.splice(at..at, piece.bytes());
            }
            _ => {
                let piece = PIECES[random.below(PIECES.len())];
                out.splice(at..end, piece.bytes());
            }
        }
        if out.is_empty() {
            break;
        }
    }
    out
}

/// Reads; what is read is written and read again. True if there was something to write.
fn survives(bytes: &[u8]) -> bool {
    let shown = String::from_utf8_lossy(bytes);
    let document = match Document::read(bytes) {
        Ok(document) => document,
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.hint().is_empty(), "{shown}");
            assert!(error.place().line > 0 && error.place().column > 0, "{shown}");
            return false;
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
    true
}

#[test]
fn damaged_descriptions_are_refused_or_read_and_never_more() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/domain");
    let mut names: Vec<_> = fs::read_dir(folder).expect("the folder").flatten().collect();
    names.sort_by_key(fs::DirEntry::file_name);
    let (mut read, mut refused) = (0, 0);
    for (number, entry) in (1..).zip(names) {
        let bytes = fs::read(entry.path()).expect("a description");
        let mut random = Random(number);
        for _ in 0..ROUNDS {
            if survives(&damaged(&bytes, &mut random)) {
                read += 1;
            } else {
                refused += 1;
            }
        }
    }
    assert!(read > 200 && refused > 200, "{read} read, {refused} refused: no damage to speak of");
}

/// Every prefix ends somewhere inside something.
#[test]
fn every_cut_off_description_is_refused() {
    for text in [
        include_str!("../../tests/domain/founding.xml"),
        include_str!("../../tests/domain/founding-new.sexpr"),
    ] {
        let whole = text.trim_end();
        for end in 0..whole.len() {
            assert!(!survives(&whole.as_bytes()[..end]), "{}", &whole[..end]);
        }
    }
}

/// Texts at the limit of length whose handling could grow with its square.
#[test]
fn long_descriptions_end_soon() {
    let most = domain::MAX_LEN;
    let filled = |head: &str, piece: &str, tail: &str| {
        let times = (most - head.len() - tail.len()) / piece.len();
        format!("{head}{}{tail}", piece.repeat(times))
    };
    let attributes: String = (0..5000).map(|number| format!(" a{number}=''")).collect();
    let spaces: String =
        (0..1500).map(|number| format!("<a xmlns:n{number}='{number}'>")).collect();
    for text in [
        filled("<domain>", "<a/>", "</domain>"),
        filled("<domain>", "<a>", ""),
        filled("<domain", " a=''", "/>"),
        filled("<domain type='xen'><name>", "&amp;", "</name></domain>"),
        filled(
            "<domain type='xen'><name>a</name><os><type>hvm</type>",
            "<boot dev='hd'/>",
            "</os></domain>",
        ),
        filled("(vm ", "(a)", ")"),
        filled("(vm ", "('", ")"),
        filled("(vm (name '", "\\\\", "'))"),
        format!("<domain{attributes}/>"),
        format!("<domain>{spaces}"),
    ] {
        survives(text.as_bytes());
    }
}
