//! Tables of names: an ELF file's symbols, lists as `nm` prints them, and what a stripped Linux carries for itself.

use crate::{Outcome, Target};
use boot::Blob;
use debug::kallsyms;
use debug::symbols::Symbols;
use seeds::Damage;
use seeds::symbols as tables;

/// A file, or a piece of memory.
pub const TARGET: Target = Target {
    name: "names",
    run,
    seeds,
    damage: Damage {
        window: usize::MAX,
        changes: 3,
        words: &[b"0\x001\x002\x003\0", b"\xff\xff\xff\xff"],
    },
    inputs: 1200,
    shows: &[Outcome::Accepted, Outcome::Refused],
};

fn seeds() -> Vec<Vec<u8>> {
    let list = b"ffffffff81000000 T _text\nffffffff81000040 t copy [m]\n";
    vec![tables::elf64(), tables::kallsyms(300, false), tables::kallsyms(301, true), list.into()]
}

/// Looks for names by every way.
pub fn run(bytes: &[u8]) -> Outcome {
    let symbols = Symbols::of_file(&Blob { name: "kernel".into(), bytes: bytes.to_vec() });
    let found = kallsyms::find(bytes);
    let mut outcome = Outcome::Refused;
    if let Some(kallsyms::Table { names, tokens }) = found {
        assert!(tokens.end <= bytes.len());
        // A name is 512 bytes at most, a table's names 128 MiB.
        assert!(names.iter().all(|(_, name)| name.len() <= 512));
        let first = names.first().map_or(0, |first| first.0);
        let _ = Symbols::of_kallsyms(names).slid(u64::MAX - 5).at(first);
        outcome = Outcome::Accepted;
    }
    if !symbols.is_empty() {
        let _ =
            (symbols.at(0), symbols.at(0x10_0010), symbols.at(u64::MAX), symbols.address("copy"));
        outcome = Outcome::Accepted;
    }
    outcome
}
