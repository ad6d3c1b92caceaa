//! What is refused before anything is opened: options that contradict each other or what there is, and
//! files that are named twice.

use crate::cli::{Engine, RunArgs};
use crate::drives;
use crate::failure::Failure;
use crate::files::{self, Named};
use crate::profile;
use crate::screen;
use crate::timeline;
use crate::values::SerialTo;
use cpu::features::Model;
use std::path::Path;

/// A machine without PIC, PIT, RTC and PM timer tells its time by the TSC alone.
pub(crate) fn check_reduced(args: &RunArgs, model: &Model) -> Result<(), Failure> {
    let place = "option --acpi reduced";
    if args.bios.is_some() {
        let error = "the machine has no PIT and no RTC, which firmware needs";
        return Err(Failure::usage(error, place, "leave out --bios, or take --acpi full"));
    }
    let told = args.append.split_whitespace().any(|word| word.starts_with("tsc_early_khz="));
    if told || model.tells_tsc_to_linux() {
        return Ok(());
    }
    let error = format!(
        "Linux does not take the TSC's frequency (CPUID leaf 0x15) from CPU model {}, and nothing else \
         tells it",
        model.name,
    );
    let hint =
        "take --cpu x86-64-v3-intel, or add tsc_early_khz=1000000 to --append, or take --acpi full";
    Err(Failure::usage(error, place, hint))
}

/// Options that want firmware or exclude it; a domain, too, may have named it.
fn check_firmware(args: &RunArgs) -> Result<(), Failure> {
    if args.bios.is_none() && !args.option_rom.is_empty() {
        let error = "there is no firmware that could run it";
        return Err(Failure::usage(error, "option --option-rom", "add --bios bios-256k.bin"));
    }
    if args.bios.is_some() && args.xen {
        let error = "a guest of Xen is started without the firmware that --bios or a domain names";
        return Err(Failure::usage(error, "option --xen", "leave out --bios, or --xen"));
    }
    Ok(())
}

/// Options that contradict each other or what there is.
pub(crate) fn check(args: &RunArgs) -> Result<(), Failure> {
    if args.engine == Engine::Jit {
        let hint =
            "leave the option out: auto takes the interpreter, and the guest sees no difference";
        return Err(Failure::not_built("the compiler `jit`", "option --engine", hint));
    }
    if args.stopped && args.gdb_address().is_none() {
        let error = "nobody could let the guest go";
        return Err(Failure::usage(error, "option -S", "add -s or --gdb ADDR"));
    }
    check_firmware(args)?;
    if args.debug_exit.is_some() && args.device.is_none() {
        let error = "there is no isa-debug-exit whose value could be mapped";
        let hint = "add --device isa-debug-exit,iobase=0xf4";
        return Err(Failure::usage(error, "option --debug-exit", hint));
    }
    screen::check(args)?;
    let mut files: Vec<Named<'_>> = Vec::new();
    files.extend(args.kernel_path().map(|path| Named::read(path, "--kernel")));
    files.extend(args.domain.as_deref().map(|path| Named::read(path, "--domain")));
    files.extend(args.initrd.as_deref().map(|path| Named::read(Path::new(path), "--initrd")));
    for module in &args.module {
        let file = module.split(' ').next().unwrap_or(module);
        files.push(Named::read(Path::new(file), "--module"));
    }
    let gdb = args.gdb_address();
    files.extend(gdb.as_ref().and_then(|gdb| gdb.path()).map(|path| Named::written(path, "--gdb")));
    files.extend(drives::named(args));
    files.extend(args.bios.as_deref().map(|path| Named::read(path, "--bios")));
    files.extend(args.option_rom.iter().map(|rom| Named::read(rom.path(), "--option-rom")));
    files.extend(args.summary.as_deref().map(|path| Named::written(path, "--summary")));
    files.extend(screen::path(args).map(|path| Named::written(path, "--screen")));
    files.extend(profile::path(args).map(|path| Named::written(path, "--profile")));
    files.extend(timeline::path(args).map(|path| Named::written(path, "--timeline")));
    files.extend(args.symbols.as_deref().map(|path| Named::read(path, "--symbols")));
    files.extend(args.log_file.as_deref().map(|path| Named::written(path, "-D")));
    if let SerialTo::File(path) = &args.serial {
        files.push(Named::written(path, "--serial"));
    }
    if let Some(SerialTo::File(path)) = &args.debugcon {
        files.push(Named::written(path, "--debugcon"));
    }
    files::check_distinct(&files)
}
