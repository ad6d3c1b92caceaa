//! Names of a kernel's functions: from the symbol table of its ELF file (System V gABI, "Symbol
//! Table"), from a list as `nm` and Linux' System.map have it, or from the table that a stripped Linux
//! carries for itself ([`crate::kallsyms`]).
//!
//! Where a kernel that moved itself has them is [`crate::lookup`]'s to find. Not here: debug information,
//! modules.
use boot::Image;
use boot::elf::{Class, Elf, SHT_SYMTAB, Section};
use std::rc::Rc;

/// Symbols by address.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Symbols {
    /// Address and name, ascending.
    sorted: Vec<(u64, String)>,
}

/// STT_NOTYPE, STT_OBJECT and STT_FUNC: what lies in memory.
const TYPES_IN_MEMORY: core::ops::RangeInclusive<u8> = 0..=2;
/// `st_shndx` of a value that is no address.
const SHN_ABS: u16 = 0xfff1;
/// A name further away than this is no help.
const DISTANCE_MAX: u64 = 1 << 20;
/// Longer names are cut: as long as Linux' own (KSYM_NAME_LEN).
pub(crate) const NAME_MAX: usize = 512;
/// Most names of one source: ten times those of a distribution's kernel.
pub const NAMES_MAX: usize = 2_000_000;
/// Most bytes of all names of one source together: many entries can share one long name.
pub const ALL_NAMES_MAX: usize = 64 << 20;
/// First address of the upper half where Linux is linked.
pub const HIGH_HALF: u64 = 0xffff_ffff_8000_0000;
/// Largest list of names, or section of names, that is read.
const MAP_MAX: u64 = 256 << 20;

impl Symbols {
    /// Reads the symbol table of an ELF file; without one, or of another file, there are no names. Nor are
    /// there of a table beyond [`NAMES_MAX`] or [`ALL_NAMES_MAX`]: a part of it would name what it does not
    /// know by its neighbours.
    pub fn of(image: &dyn Image) -> Self {
        read(image).unwrap_or_default()
    }

    /// Reads a symbol table, or else a list with a line of address, type and name for each symbol; within
    /// the same limits.
    pub fn of_file(image: &dyn Image) -> Self {
        let symbols = Self::of(image);
        if !symbols.is_empty() || image.len() > MAP_MAX {
            return symbols;
        }
        let mut bytes = vec![0; usize::try_from(image.len()).unwrap_or(0)];
        if image.read_at(0, &mut bytes).is_err() {
            return symbols;
        }
        let lines = bytes.split(|&byte| byte == b'\n');
        Self::bounded(lines.filter_map(|line| core::str::from_utf8(line).ok().and_then(listed)))
    }

    /// The names of a stripped Linux, as its own table has them. Left out: offsets of per-CPU variables,
    /// which are no addresses.
    pub fn of_kallsyms(names: Vec<(u64, String)>) -> Self {
        let text =
            |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        Self::sorted(names.into_iter().filter(|(addr, name)| *addr >= HIGH_HALF && text(name)))
    }

    /// The names of a source; none of one that has too many.
    fn bounded(symbols: impl Iterator<Item = (u64, String)>) -> Self {
        let (mut taken, mut bytes) = (Vec::new(), 0);
        for (address, name) in symbols {
            bytes += name.len();
            if taken.len() == NAMES_MAX || bytes > ALL_NAMES_MAX {
                return Self::default();
            }
            taken.push((address, name));
        }
        Self::sorted(taken.into_iter())
    }

    fn sorted(symbols: impl Iterator<Item = (u64, String)>) -> Self {
        let mut sorted: Vec<_> = symbols.collect();
        sorted.sort();
        sorted.dedup();
        Self { sorted }
    }

    /// The same names, those of the upper half at addresses that lie `slide` higher: a kernel that moved
    /// itself.
    pub fn slid(&self, slide: u64) -> Self {
        let moved = |(address, name): &(u64, String)| {
            let by = if *address >= HIGH_HALF { slide } else { 0 };
            (address.wrapping_add(by), name.clone())
        };
        Self::sorted(self.sorted.iter().map(moved))
    }

    /// These names without those of the upper half.
    pub fn low(&self) -> Self {
        Self { sorted: self.sorted.iter().filter(|(at, _)| *at < HIGH_HALF).cloned().collect() }
    }

    /// These names, and the others wherever these have none.
    pub fn or(self: &Rc<Self>, others: &Rc<Self>) -> Rc<Self> {
        if self.is_empty() || others.is_empty() {
            return Rc::clone(if self.is_empty() { others } else { self });
        }
        let taken = |at: &u64| self.sorted.binary_search_by(|(known, _)| known.cmp(at)).is_ok();
        let more = others.sorted.iter().filter(|(at, _)| !taken(at));
        Rc::new(Self::sorted(self.sorted.iter().chain(more).cloned()))
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// True without any name.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// The address of a symbol.
    pub fn address(&self, name: &str) -> Option<u64> {
        self.sorted.iter().find(|(_, known)| known == name).map(|(address, _)| *address)
    }

    /// The symbol at or before an address, with the distance: `memcpy+0x12`. Of several names of one address
    /// the first one in the alphabet.
    pub fn at(&self, address: u64) -> Option<String> {
        let behind = self.sorted.partition_point(|(start, _)| *start <= address);
        let (nearest, _) = self.sorted.get(behind.checked_sub(1)?)?;
        let first = self.sorted.partition_point(|(start, _)| start < nearest);
        let (start, name) = self.sorted.get(first)?;
        match address - start {
            0 => Some(name.clone()),
            more if more < DISTANCE_MAX => Some(format!("{name}+{more:#x}")),
            _ => None,
        }
    }
}

impl Symbols {
    /// An address with its name: `0x1000 <memcpy+0x12>`, or the address alone.
    pub fn place(&self, address: u64) -> String {
        format!("{address:#x}{}", self.suffix(address))
    }

    /// What stands behind an address: ` <memcpy+0x12>`, or nothing.
    pub fn suffix(&self, address: u64) -> String {
        self.at(address).map_or(String::new(), |name| format!(" <{name}>"))
    }
}

/// Address and name in a line of `nm`: `ffffffff81000000 T _text`.
fn listed(line: &str) -> Option<(u64, String)> {
    let mut words = line.split_ascii_whitespace();
    let address = u64::from_str_radix(words.next()?, 16).ok()?;
    let kind = words.next()?;
    let name = words.next()?;
    // A, a: a number that is no address; U: an address that is not known.
    let useful = kind.len() == 1 && !matches!(kind, "A" | "a" | "U");
    let text = name.len() <= NAME_MAX && name.bytes().all(|byte| byte.is_ascii_graphic());
    (useful && text).then(|| (address, name.to_owned()))
}

fn read(image: &dyn Image) -> Option<Symbols> {
    let elf = Elf::parse(image).ok()?;
    let sections = elf.section_table(image)?.sections;
    let table = sections.iter().find(|section| section.kind == SHT_SYMTAB)?;
    let names = bytes_of(image, sections.get(table.link as usize)?)?;
    let entries = bytes_of(image, table)?;
    let size = if elf.class == Class::Elf32 { 16 } else { 24 };
    let entries = entries.chunks_exact(size);
    Some(Symbols::bounded(entries.filter_map(|entry| symbol(elf.class, entry, &names))))
}

/// A section's bytes; `None` if they are not in the file, or too many.
fn bytes_of(image: &dyn Image, section: &Section) -> Option<Vec<u8>> {
    if section.offset.checked_add(section.size)? > image.len() || section.size > MAP_MAX {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(section.size).ok()?];
    image.read_at(section.offset, &mut bytes).ok()?;
    Some(bytes)
}

/// Address and name of one entry; `None` if it names nothing in memory.
fn symbol(class: Class, entry: &[u8], names: &[u8]) -> Option<(u64, String)> {
    // st_name is first in both; the rest is in another order.
    let (value, info, section) = match class {
        Class::Elf32 => (number(&entry[4..8]), entry[12], number(&entry[14..16])),
        Class::Elf64 => (number(&entry[8..16]), entry[4], number(&entry[6..8])),
    };
    let name = names.get(usize::try_from(number(&entry[..4])).ok()?..)?;
    // Cut first: an end that is far away would be looked for once for each entry that shares the name.
    let name = name[..name.len().min(NAME_MAX)].split(|&byte| byte == 0).next()?;
    let here = section != 0 && section != u64::from(SHN_ABS);
    let printable = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    let useful = here && printable && TYPES_IN_MEMORY.contains(&(info & 15));
    useful.then(|| (value, String::from_utf8_lossy(name).into_owned()))
}

/// A little-endian number.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use boot::Blob;
    use seeds::symbols::elf64 as file;

    fn symbols(bytes: Vec<u8>) -> Symbols {
        Symbols::of(&Blob { name: "kernel".into(), bytes })
    }

    #[test]
    fn an_address_is_named_by_the_symbol_before_it() {
        let symbols = symbols(file());

        let names = [0xf_ffff, 0x10_0000, 0x10_00ff, 0x10_0100, 0x50_0000].map(|at| symbols.at(at));

        let name = |name: &str| Some(name.to_owned());
        assert_eq!(names, [None, name("start"), name("start+0xff"), name("copy"), None]);
    }

    #[test]
    fn every_name_of_an_address_is_found_and_the_first_one_names_it() {
        let mut aliases = file();
        let copy = 64 + 56 + 12 + 24;
        aliases[copy + 8..copy + 16].copy_from_slice(&0x10_0000_u64.to_le_bytes());
        let symbols = symbols(aliases);

        assert_eq!(["copy", "start"].map(|name| symbols.address(name)), [Some(0x10_0000); 2]);
        assert_eq!(symbols.at(0x10_0010), Some("copy+0x10".into()));
    }

    #[test]
    fn a_list_of_names_is_read_as_nm_writes_it() {
        let list = "ffffffff81000000 T _text\r\n0000000000000000 A fixed\n\nffffffff81000040 t copy\n\
                    ffffffff81000080 d data [module]\nno line\nffffffff810000c0 T \u{1b}[2J\n";
        let symbols = Symbols::of_file(&list.as_bytes().to_vec());

        assert_eq!(symbols.len(), 3);
        assert_eq!(symbols.place(0xffff_ffff_8100_0044), "0xffffffff81000044 <copy+0x4>");
        assert_eq!(symbols.place(0x10), "0x10");
        assert_eq!(Symbols::of_file(&file()).address("copy"), Some(0x10_0100), "an ELF file too");
    }

    #[test]
    fn names_of_the_first_source_come_before_those_of_the_second() {
        let of = |list: &str| Rc::new(Symbols::of_file(&list.as_bytes().to_vec()));
        let first = of("1000 T mine\nffffffff81000000 T upper\n");
        let both = first.or(&of("1000 T a_theirs\n2000 T more\n")).slid(0x20_0000);

        let names = [0x1000, 0x2000, 0xffff_ffff_8120_0000].map(|at| both.at(at).unwrap());
        assert_eq!(names, ["mine", "more", "upper"]);
        assert_eq!(both.low().len(), 2);
        let none = Rc::<Symbols>::default();
        assert!(Rc::ptr_eq(&none.or(&first), &first) && Rc::ptr_eq(&first.or(&none), &first));
    }

    /// An ELF file with so many symbols of one name; behind the name's first byte no other ends it.
    fn sharing(count: usize, name_bytes: usize) -> Vec<u8> {
        let mut file = file();
        let headers = u64::from_le_bytes(file[40..48].try_into().unwrap()) as usize;
        let entry = 64 + 56 + 12 + 24;
        let symbol = file[entry..entry + 24].to_vec();
        for (section, bytes) in [(1, symbol.repeat(count)), (2, vec![b'x'; name_bytes])] {
            let (at, header) = (file.len() as u64, headers + 64 * section);
            file[header + 24..header + 32].copy_from_slice(&at.to_le_bytes());
            file[header + 32..header + 40].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
            for (number, entry) in bytes.chunks(24).enumerate() {
                let from = file.len();
                file.extend(entry);
                if section == 1 {
                    file[from + 8..from + 16].copy_from_slice(&(number as u64).to_le_bytes());
                }
            }
        }
        file
    }

    /// Whoever looks for the name's end in each of them reads 40 GB.
    #[test]
    fn a_long_name_that_many_symbols_share_is_cut_before_its_end_is_looked_for() {
        let symbols = symbols(sharing(40_000, 1 << 20));

        assert_eq!(symbols.len(), 40_000);
        assert_eq!(symbols.at(39_999).map(|name| name.len()), Some(NAME_MAX));
    }

    #[test]
    fn a_table_whose_names_would_fill_the_memory_has_none() {
        let most = ALL_NAMES_MAX / NAME_MAX;

        assert_eq!(symbols(sharing(most, 1 << 10)).len(), most);
        assert_eq!(symbols(sharing(most + 1, 1 << 10)).len(), 0);
        let line = b"1 T x\n".repeat(NAMES_MAX + 1);
        assert_eq!(Symbols::of_file(&line).len(), 0);
        assert_eq!(Symbols::of_file(&line[6..].to_vec()).len(), 1, "all are one");
    }

    #[test]
    fn a_name_is_cut_where_it_is_too_long_and_dropped_where_it_is_not_text() {
        let mut long = file();
        let names = 64 + 56;
        let at = long.len() as u64;
        long.extend([&b"\0start\0"[..], &[b'x'; 4096], b"\0"].concat());
        // The third section header's offset and size.
        let header = u64::from_le_bytes(long[40..48].try_into().unwrap()) as usize + 128;
        long[header + 24..header + 32].copy_from_slice(&at.to_le_bytes());
        long[header + 32..header + 40].copy_from_slice(&4104_u64.to_le_bytes());
        assert_eq!(symbols(long).at(0x10_0100).map(|name| name.len()), Some(NAME_MAX));

        let mut control = file();
        control[names + 8] = 0x1b; // an escape in "copy"
        assert_eq!(symbols(control).at(0x10_0100), Some("start+0x100".into()));
    }

    #[test]
    fn a_damaged_or_other_file_has_no_names_and_never_panics() {
        let whole = file();
        for cut in 0..whole.len() {
            let _ = symbols(whole[..cut].to_vec());
            let mut damaged = whole.clone();
            damaged[cut] = 0xff;
            let _ = symbols(damaged).at(0x10_0000);
        }
        assert_eq!(symbols(b"no ELF file".to_vec()).at(0x10_0000), None);
    }
}
