//! `bootscope run`: from options to a machine that is booted and run until something ends it.
//!
//! What happens while it runs is in `session.rs`.

use crate::cli::RunArgs;
use crate::conflicts;
use crate::cpu_model;
use crate::description;
use crate::drives::Drives;
use crate::failure::Failure;
use crate::firmware::Firmware;
use crate::gdb::Gdb;
use crate::images::Images;
use crate::screen;
use crate::session::Session;
use crate::symbols;
use crate::text;
use crate::values::{Count, Goal};
use boot::AcpiProfile;
use debug::gdb::Debuggee;
use debug::log::Selection;
use machine::{Machine, MachineConfig, MachineError};
use std::time::Instant;

/// Runs a guest and returns the exit status.
pub(crate) fn run(args: &RunArgs, process_start: Instant) -> Result<u8, Failure> {
    let args = &description::applied(args)?;
    conflicts::check(args)?;
    if args.log.as_deref() == Some("help") {
        let _ = text::output(&Selection::help());
        return Ok(0);
    }
    let Some(model) = cpu_model::choose(args.cpu.as_deref())? else { return Ok(0) };
    if args.acpi.0 == AcpiProfile::Reduced {
        conflicts::check_reduced(args, &model)?;
    }
    let images = Images::open(args)?;
    let firmware = Firmware::open(args, &images)?;
    let mut drives = Drives::open(args)?;
    if let Some(disk) = images.boot_disk(args) {
        match images.is_disc() {
            true => drives.add_boot_disc(disk),
            false => drives.add_boot_disk(disk),
        }
    }
    let needs_bios = images.needs_bios(args);
    let config = MachineConfig {
        drives: drives.take_configs(),
        rom: firmware.as_ref().map(Firmware::rom),
        ram_bytes: args.memory.0,
        model,
        acpi: args.acpi.0,
        xen: args.xen,
        seed: args.seed,
        rtc_base: args.rtc_base.0,
        debug_exit: args.device.map(|device| (device.iobase, device.iosize)),
        debugcon: args.debugcon.is_some(),
        vga: screen::has_vga(args, needs_bios),
        keyboard: screen::has_keyboard(args, needs_bios),
        bios_serial: needs_bios && !screen::is_looked_at(args),
        engine: args.engine.form(),
        profile: args.profile.is_some(),
        max_instructions: args.max_insns.map_or(u64::MAX, |Count(count)| count),
        boot_order: args.boot_order.clone(),
        name: args.identity.name.clone(),
        uuid: args.identity.uuid,
        ..MachineConfig::default()
    };
    let platform = config.platform();
    let names = images.names();
    let refused = |error: boot::BootError| Failure::boot(&error, &names);
    let plan = match &firmware {
        Some(firmware) => firmware.plan(&images, args, &platform),
        None => boot::plan(&images.request(args, &platform, config.reserved())),
    };
    let plan = plan.map_err(refused)?;
    if let Some(notice) = images.notice.as_deref().filter(|_| !args.quiet) {
        text::error(&format!("bootscope: {notice}"));
    }
    if args.explain_boot {
        let xen = config.explain_xen();
        let lines = plan.explanation.iter().chain(&xen).map(|line| format!("{line}\n"));
        let _ = text::output(&lines.collect::<String>());
    }
    let mut machine = Debuggee::new(Machine::new(&config).map_err(no_machine)?);
    machine.boot(&plan).map_err(refused)?;
    let lookup = symbols::open(args, &images)?;
    if let Some(Goal::Pc(place)) = &args.until {
        machine.set_goal(symbols::address_of(place, args, &lookup)?);
    }
    machine.guard_kernel();
    // What may be refused comes before the first file that is emptied.
    let mut session = Session::new(args, machine, open_gdb(args)?, (lookup, &plan))?;
    session.begin(drives);
    let outcome = session.drive(&plan, process_start)?;
    session.finish(&plan, &outcome)
}

fn open_gdb(args: &RunArgs) -> Result<Option<Gdb>, Failure> {
    let address = args.gdb_address();
    address.map(|address| Gdb::open(&address, args.stopped, args.quiet)).transpose()
}

pub(crate) fn no_machine(error: MachineError) -> Failure {
    Failure::usage(error.to_string(), "the machine's configuration", error.hint())
}
