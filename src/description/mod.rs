//! Descriptions of domains: `--domain`, which configures a run, and `bootscope domain`, which converts.
//!
//! What a document says and nothing here can do is one list in one error. With `--domain-lenient` each
//! of it is left out with a note on standard error. Nothing is left out in silence.

mod effects;

use crate::cli::{DomainArgs, DomainForm, RunArgs};
use crate::failure::Failure;
use crate::files;
use crate::inspect;
use crate::text;
use ::domain::{Document, MAX_LEN, to_sexpr, to_xml};
use std::path::Path;

/// Most things that a list in an error names; the rest is counted.
const MOST_NAMED: usize = 20;

/// A thing of a document and where it stands.
type Thing = (String, usize);

/// The run's options with the document's where the command line gives none; as they are without
/// `--domain`.
pub(crate) fn applied(args: &RunArgs) -> Result<RunArgs, Failure> {
    let Some(path) = &args.domain else { return Ok(args.clone()) };
    let source = Source::open(path, "--domain")?;
    let (configured, outcome) = effects::apply(&source, args)?;
    let mut lacks = outcome.lacks;
    lacks.extend(source.gaps());
    source.settle(lacks, "not in this version", args.domain_lenient, args.quiet)?;
    for note in outcome.notes.iter().filter(|_| !args.quiet) {
        text::error(&format!("bootscope: {}: {note}", source.name));
    }
    Ok(configured)
}

/// `bootscope domain F --to FORM`.
pub(crate) fn convert(args: &DomainArgs) -> Result<(), Failure> {
    let source = Source::open(&args.file, "F")?;
    let mut lost = source.gaps();
    let converted = match args.to {
        DomainForm::Xml => to_xml(&source.document.domain),
        DomainForm::Sexpr => {
            let (converted, gaps) = to_sexpr(&source.document.domain);
            lost.extend(gaps.into_iter().map(|gap| (gap.what, gap.offset)));
            converted
        }
    };
    source.settle(lost, "nothing that can be converted", args.domain_lenient, false)?;
    text::output(&converted).map_err(|error| inspect::stdout_failure(&error))
}

/// A document and its file's name.
struct Source {
    name: String,
    document: Document,
}

impl Source {
    fn open(path: &Path, option: &str) -> Result<Self, Failure> {
        let image = files::open_image(path, option)?;
        let name = image.name().to_owned();
        let len = image.len();
        if len > MAX_LEN as u64 {
            let error = format!("{len} bytes; a description of a domain has at most {MAX_LEN}");
            let hint = "give libvirt's XML (`virsh dumpxml`) or xend's S-expression";
            return Err(Failure::usage(error, format!("{name} ({option})"), hint));
        }
        let mut bytes = vec![0; len as usize];
        image.read_at(0, &mut bytes).map_err(|error| {
            Failure::usage(error.to_string(), format!("{name} ({option})"), "check the file")
        })?;
        match Document::read(&bytes) {
            Ok(document) => Ok(Self { name, document }),
            Err(error) => {
                let at = format!("{name}, {}", error.place());
                Err(Failure::usage(error.to_string(), at, error.hint()))
            }
        }
    }

    /// The place of a byte, with the file.
    fn at(&self, offset: usize) -> String {
        format!("{}, {}", self.name, self.document.place(offset))
    }

    /// What the document says and the model has no place for.
    fn gaps(&self) -> Vec<Thing> {
        self.document.gaps.iter().map(|gap| (gap.what.clone(), gap.offset)).collect()
    }

    /// Refuses a document with `things`, or leaves each of them out and says so.
    fn settle(
        &self,
        mut things: Vec<Thing>,
        are: &str,
        lenient: bool,
        quiet: bool,
    ) -> Result<(), Failure> {
        things.sort_by_key(|(_, offset)| *offset);
        for (what, offset) in things.iter().filter(|_| lenient && !quiet) {
            text::error(&format!("bootscope: {}: left out: {what}", self.at(*offset)));
        }
        for remark in self.document.remarks.iter().filter(|_| !quiet) {
            text::error(&format!("bootscope: {}: {}", self.at(remark.offset), remark.what));
        }
        let Some((_, first)) = things.first().filter(|_| !lenient) else { return Ok(()) };
        let named = things
            .iter()
            .take(MOST_NAMED)
            .map(|(what, offset)| format!("{what} (line {})", self.document.place(*offset).line));
        let mut list = named.collect::<Vec<_>>().join("; ");
        if things.len() > MOST_NAMED {
            list += &format!("; and {} more", things.len() - MOST_NAMED);
        }
        let verb = if things.len() == 1 { "is" } else { "are" };
        let error = format!("{} of this domain {verb} {are}: {list}", things.len());
        let hint = "take out what is listed, or leave it out with --domain-lenient";
        Err(Failure::usage(error, self.at(*first), hint))
    }
}
