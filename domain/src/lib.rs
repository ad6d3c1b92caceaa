//! Descriptions of virtual machines ("domains") as values: read, compared, written.
//!
//! Two forms of one thing: libvirt's domain XML ("Domain XML format" of its documentation, the elements
//! that Xen and QEMU guests of 2008 had) and the S-expression that libvirt handed to Xen's daemon xend.
//! [`Document::read`] tells them apart and reads either into a [`Domain`]; [`to_xml`] and [`to_sexpr`]
//! write it. What both forms can say comes back equal from either.
//!
//! | module | subject |
//! |---|---|
//! | `model` | the domain as plain data, with the place each value was read at |
//! | `normal` | what every domain has though no document says so; what contradicts itself |
//! | `units`, `words` | sizes of memory; names, numbers, UUIDs, closed lists of words |
//! | `xml`, `sexpr` | the two forms, reader and writer each |
//! | `error` | refusals with line and column |
//!
//! What a form allows and this model has no place for is never dropped in silence: it becomes a [`Gap`]
//! of the document, and whoever uses the document has to decide about it.
//!
//! Not modelled: whatever is not a field of [`Domain`]. In particular no CPU topology, NUMA, PCI
//! addresses, host devices, security labels, and no domain types but `hvm` and `linux`. Nothing here
//! opens a file: paths are words.
#![forbid(unsafe_code)]

mod error;
mod model;
mod normal;
mod sexpr;
mod units;
mod words;
mod xml;

pub use error::{DomainError, Gap, Place};
pub use model::{
    Action, At, BackEnd, BootDevice, Clock, Disk, DiskDevice, DiskSource, Domain, Features,
    Graphics, GraphicsKind, GraphicsPort, Input, InputBus, InputKind, Interface, InterfaceKind, Os,
    OsKind, Serial, SerialTo, Uuid,
};
pub use sexpr::to_sexpr;
pub use words::Word;
pub use xml::to_xml;

use error::Refusal;

/// Most bytes of a document. Those that people write have a few KiB; the XML reader's own tables can
/// grow with the square of the length.
pub const MAX_LEN: usize = 64 << 10;
/// Most levels of elements or parentheses; real documents have about six.
const MAX_DEPTH: usize = 32;

/// In which form a domain is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// libvirt's domain XML.
    Xml,
    /// xend's S-expression.
    Sexpr,
}

/// A document that was read.
#[derive(Clone, Debug)]
pub struct Document {
    /// What it describes.
    pub domain: Domain,
    /// In which form it was written.
    pub form: Form,
    /// What it says and [`Domain`] has no place for, in the order of the document.
    pub gaps: Vec<Gap>,
    /// What it says and means nothing for any machine of ours, in the order of the document.
    pub remarks: Vec<Gap>,
    text: String,
}

impl Document {
    /// Reads either form: XML begins with `<`, an S-expression with `(`.
    pub fn read(bytes: &[u8]) -> Result<Self, DomainError> {
        if bytes.len() > MAX_LEN {
            let what = format!("{} bytes; a description has at most {MAX_LEN}", bytes.len());
            return Err(Refusal::new(0, what, "give the description of one domain").at(bytes));
        }
        let text = error::text(bytes).map_err(|refusal| refusal.at(bytes))?;
        let start = text.trim_start_matches('\u{feff}').trim_start();
        let read = match start.bytes().next() {
            Some(b'<') => xml::read(text).map(|read| (Form::Xml, read)),
            Some(b'(') => sexpr::read(text).map(|read| (Form::Sexpr, read)),
            first => {
                let what = match first {
                    Some(_) => "neither XML, which begins with <, nor an S-expression, with (",
                    None => "an empty file",
                };
                let hint = "give libvirt's XML (`virsh dumpxml`) or xend's S-expression";
                Err(Refusal::new(text.len() - start.len(), what, hint))
            }
        };
        let (form, (domain, mut notes)) = read.map_err(|refusal| refusal.at(bytes))?;
        notes.gaps.sort_by_key(|gap| gap.offset);
        notes.remarks.sort_by_key(|gap| gap.offset);
        let (gaps, remarks) = (notes.gaps, notes.remarks);
        Ok(Self { domain, form, gaps, remarks, text: text.to_owned() })
    }

    /// Line and column of a byte of the document.
    pub fn place(&self, offset: usize) -> Place {
        Place::of(self.text.as_bytes(), offset)
    }
}
