//! `--timeline`: the boot timeline as a table, or as JSON in a file. What a milestone is and how it is
//! found is `debug::timeline`'s; the host's times are the command's.

use crate::cli::RunArgs;
use crate::failure::Failure;
use crate::files::Output;
use crate::report::Measures;
use boot::BootPlan;
use debug::lookup::Lookup;
use debug::report::grouped;
use debug::timeline::Timeline;
use machine::Machine;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// The option's value that means standard output.
const STDOUT: &str = "-";

/// The timeline that was asked for.
pub(crate) struct TimelineTo {
    file: Option<Output>,
    finder: Timeline,
    by_firmware: bool,
}

/// A row: name, instructions, virtual nanoseconds, host time since the process started, accesses.
struct Row<'a> {
    name: &'a str,
    instructions: u64,
    virtual_ns: u64,
    host: Duration,
    accesses: u64,
}

impl TimelineTo {
    /// Opens the file; `None` if no timeline is wanted.
    pub(crate) fn open(args: &RunArgs, plan: &BootPlan<'_>) -> Result<Option<Self>, Failure> {
        if args.timeline.is_none() {
            return Ok(None);
        }
        let file = path(args).map(|path| Output::create(path, "--timeline")).transpose()?;
        let entries = plan.firmware.as_ref().map(boot::firmware::Items::entries);
        let finder = Timeline::new(entries.unwrap_or_default());
        Ok(Some(Self { file, finder, by_firmware: plan.firmware.is_some() }))
    }

    /// The machine is booted.
    pub(crate) fn begin(&mut self, machine: &mut Machine) {
        self.finder.begin(machine, self.by_firmware);
    }

    /// A slice has run, and `lookup` has looked.
    pub(crate) fn settle(&mut self, machine: &mut Machine, lookup: &Lookup<'_>) {
        self.finder.settle(machine, lookup);
    }

    /// Writes the timeline of a run that has ended; returns what belongs on standard output.
    pub(crate) fn finish(
        &mut self,
        measures: &Measures,
        slide: Option<u64>,
    ) -> Result<String, Failure> {
        let mut rows = vec![Row {
            name: "vmm_init_end",
            instructions: 0,
            virtual_ns: 0,
            host: measures.startup,
            accesses: 0,
        }];
        // `entry` is the row before under its own name.
        let seen = measures.seen().iter().filter(|(milestone, _)| milestone.name != "entry");
        rows.extend(seen.map(|(milestone, host)| Row {
            name: &milestone.name,
            instructions: milestone.instructions,
            virtual_ns: milestone.virtual_ns,
            host: measures.startup + *host,
            accesses: milestone.accesses,
        }));
        match &mut self.file {
            Some(file) => {
                let text = format!("{:#}\n", as_json(&rows, slide));
                file.write(text.as_bytes()).map(|()| String::new())
            }
            None => Ok(as_table(&rows, slide)),
        }
    }
}

/// The file that `--timeline` names, if it names one.
pub(crate) fn path(args: &RunArgs) -> Option<&Path> {
    args.timeline.as_deref().filter(|path| *path != Path::new(STDOUT))
}

fn as_table(rows: &[Row<'_>], slide: Option<u64>) -> String {
    let mut out = String::from(
        "milestone        instructions          + since before     virtual ms        host ms     accesses\n",
    );
    let mut before = (0, 0);
    for row in rows {
        let (instructions, accesses) = before;
        let ms = |ns: u128| ns as f64 / 1e6;
        let _ = writeln!(
            out,
            "{:<14}{:>15}{:>24}{:>15.3}{:>15.3}{:>13}",
            row.name,
            grouped(row.instructions),
            format!("+{}", grouped(row.instructions - instructions)),
            ms(row.virtual_ns.into()),
            ms(row.host.as_nanos()),
            grouped(row.accesses - accesses),
        );
        before = (row.instructions, row.accesses);
    }
    if let Some(slide) = slide {
        let _ = writeln!(out, "the kernel moved itself by {slide:#x}");
    }
    out
}

fn as_json(rows: &[Row<'_>], slide: Option<u64>) -> Value {
    let mut before = (0, 0);
    let row = |row: &Row<'_>| {
        let (instructions, accesses) = before;
        before = (row.instructions, row.accesses);
        json!({
            "name": row.name,
            "instructions": row.instructions,
            "delta_instructions": row.instructions - instructions,
            "virtual_ns": row.virtual_ns,
            "host_ns": u64::try_from(row.host.as_nanos()).unwrap_or(u64::MAX),
            "accesses": row.accesses,
            "delta_accesses": row.accesses - accesses,
        })
    };
    let milestones: Vec<Value> = rows.iter().map(row).collect();
    json!({ "milestones": milestones, "kaslr_slide": slide })
}
