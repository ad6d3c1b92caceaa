//! QEMU's spellings: one-dash options are rewritten from one table before clap sees them.
//!
//! Follows QEMU's `qemu-options.hx` for names and values. A QEMU option that asks for what bootscope
//! does anyway is dropped; one that asks for what it cannot do is an error with a hint, never silence.
//!
//! Not covered: options outside the table, which are refused by name; QEMU's `-readconfig` files.

use crate::absent;
use crate::cli;
use crate::drives;
use crate::failure::Failure;
use std::ffi::OsString;

/// What becomes of an option.
enum Meaning {
    /// Our option with the same value, or a flag with this name.
    Long(&'static str),
    /// Our words for it, made from its value.
    Words(fn(&str) -> Result<Vec<String>, Failure>),
    /// It asks for what is always so.
    Always,
    /// The value `none` asks for what is always so; any other value cannot be had.
    OnlyNone(&'static str),
    /// It asks for what cannot be had.
    Never(&'static str, &'static str),
}

use Meaning::{Always, Long, Never, OnlyNone, Words};

/// A QEMU option: its name, whether a value follows, its meaning.
type Row = (&'static str, bool, Meaning);

const PURE: &str = "bootscope is a pure emulator; drop the flag";
const NO_DISPLAY: &str =
    "write `none`; --screen text or --screen png=F shows the screen when the run ends";

/// Every QEMU spelling that is understood. Options that QEMU writes with one letter (`-m`, `-d`, `-s`)
/// are clap's own.
const TABLE: &[Row] = &[
    ("-kernel", true, Long("--kernel")),
    ("-initrd", true, Long("--initrd")),
    ("-append", true, Long("--append")),
    ("-smp", true, Long("--smp")),
    ("-cpu", true, Long("--cpu")),
    ("-serial", true, Long("--serial")),
    ("-debugcon", true, Long("--debugcon")),
    ("-device", true, Long("--device")),
    ("-bios", true, Long("--bios")),
    ("-option-rom", true, Long("--option-rom")),
    ("-drive", true, Long("--drive")),
    ("-hda", true, Words(|file| Ok(drives::words_for_disk(0, file)))),
    ("-hdb", true, Words(|file| Ok(drives::words_for_disk(1, file)))),
    ("-hdc", true, Words(|file| Ok(drives::words_for_disk(2, file)))),
    ("-hdd", true, Words(|file| Ok(drives::words_for_disk(3, file)))),
    ("-cdrom", true, Long("--cdrom")),
    ("-fda", true, Long("--floppy")),
    ("-gdb", true, Long("--gdb")),
    ("-seed", true, Long("--seed")),
    ("-no-reboot", false, Long("--no-reboot")),
    ("-no-shutdown", false, Words(no_shutdown)),
    ("-no-acpi", false, Words(no_acpi)),
    ("-machine", true, Words(machine)),
    ("-M", true, Words(machine)),
    ("-rtc", true, Words(rtc)),
    ("-icount", true, Words(icount)),
    ("-accel", true, Words(accel)),
    ("-enable-kvm", false, Never("there is no KVM", PURE)),
    ("-nographic", false, Always),
    ("-nodefaults", false, Always),
    ("-no-user-config", false, Always),
    ("-no-hpet", false, Always),
    ("-vga", true, Words(vga)),
    ("-display", true, OnlyNone(NO_DISPLAY)),
    ("-monitor", true, OnlyNone("drop the flag, or write `none`: there is no monitor")),
    ("-parallel", true, OnlyNone("drop the flag, or write `none`: there is no parallel port")),
    ("-net", true, OnlyNone("drop the flag, or write `none`: there is no network card")),
    ("-nic", true, OnlyNone("drop the flag, or write `none`: there is no network card")),
    ("-help", false, Long("--help")),
    ("-version", false, Long("--version")),
];

/// The command line with `run` as the command if none is named, and QEMU's spellings as ours.
pub(crate) fn rewrite(args: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    let mut args = args.into_iter().peekable();
    let mut out: Vec<OsString> = args.next().into_iter().collect();
    match args.peek().and_then(|first| first.to_str()) {
        Some(word) if cli::is_command(word) && word != "run" => {
            out.extend(args);
            return Ok(out);
        }
        Some("run") => {
            args.next();
        }
        Some("--help" | "-h" | "-help" | "--version" | "-V" | "-version") => {
            out.push(args.next().map_or_else(OsString::new, two_dashes));
            return Ok(out);
        }
        _ => {}
    }
    if let Some(word) = args.peek().and_then(|first| first.to_str()) {
        absent::check_command(word)?;
    }
    out.push("run".into());
    while let Some(arg) = args.next() {
        if arg == "--" {
            out.push(arg);
            out.extend(args);
            break;
        }
        match arg.to_str().filter(|word| word.len() > 1 && word.starts_with('-')) {
            Some(word) => rewrite_option(word, &mut args, &mut out)?,
            None => out.push(arg),
        }
    }
    Ok(out)
}

/// `-help` and `-version` as clap knows them.
fn two_dashes(arg: OsString) -> OsString {
    match arg.to_str() {
        Some("-help") => "--help".into(),
        Some("-version") => "--version".into(),
        _ => arg,
    }
}

fn rewrite_option(
    word: &str,
    rest: &mut impl Iterator<Item = OsString>,
    out: &mut Vec<OsString>,
) -> Result<(), Failure> {
    // QEMU takes two dashes as well as one.
    let one_dash = if word.starts_with("--") { &word[1..] } else { word };
    let Some((_, has_value, meaning)) = TABLE.iter().find(|(name, ..)| *name == one_dash) else {
        return pass(word, rest, out);
    };
    let value = if *has_value { Some(value_of(word, rest)?) } else { None };
    match meaning {
        Long(name) => {
            absent::check_option(name)?;
            out.push(joined(name, value));
        }
        Words(translate) => {
            let value = value.unwrap_or_default();
            let Some(value) = value.to_str() else {
                return Err(refused(word, "the value is not UTF-8", "write it in plain letters"));
            };
            out.extend(translate(value)?.into_iter().map(OsString::from));
        }
        Always => {}
        OnlyNone(hint) => {
            if value.as_ref().is_some_and(|value| value != "none") {
                let value = value.unwrap_or_default();
                let error = format!("{:?} cannot be had", value.to_string_lossy());
                return Err(refused(word, &error, hint));
            }
        }
        Never(error, hint) => return Err(refused(word, error, hint)),
    }
    Ok(())
}

/// An option that is not QEMU's: checked against what is not built, and passed on with its value, so
/// that a value which looks like an option stays a value.
fn pass(
    word: &str,
    rest: &mut impl Iterator<Item = OsString>,
    out: &mut Vec<OsString>,
) -> Result<(), Failure> {
    absent::check_option(word.split('=').next().unwrap_or(word))?;
    if !word.starts_with("--") && word.len() > 2 && !is_short_with_value(word) {
        let hint =
            "see `bootscope run --help`; QEMU's options are understood where there is one of ours";
        return Err(refused(word, &format!("unknown option {word}"), hint));
    }
    if cli::takes_value(word) {
        let value = value_of(word, rest)?;
        // `-m` has no form with `=`; its value is its own word.
        if word.starts_with("--") {
            out.push(joined(word, Some(value)));
        } else {
            out.extend([word.into(), value]);
        }
    } else {
        out.push(word.into());
    }
    Ok(())
}

/// `-m512`: the only short option people write its value against.
fn is_short_with_value(word: &str) -> bool {
    word.strip_prefix("-m").is_some_and(|value| value.starts_with(|c: char| c.is_ascii_digit()))
}

fn value_of(word: &str, rest: &mut impl Iterator<Item = OsString>) -> Result<OsString, Failure> {
    rest.next().ok_or_else(|| {
        let hint = "see `bootscope run --help`";
        refused(word, &format!("{word} needs a value"), hint)
    })
}

fn joined(name: &str, value: Option<OsString>) -> OsString {
    let mut word = OsString::from(name);
    if let Some(value) = value {
        word.push("=");
        word.push(value);
    }
    word
}

fn refused(option: &str, error: &str, hint: &str) -> Failure {
    Failure::usage(error, format!("option {option}"), hint)
}

fn no_shutdown(_: &str) -> Result<Vec<String>, Failure> {
    Ok(vec!["--on-poweroff=preserve".into()])
}

fn no_acpi(_: &str) -> Result<Vec<String>, Failure> {
    Ok(vec!["--acpi=off".into()])
}

/// `-vga none|std`.
fn vga(value: &str) -> Result<Vec<String>, Failure> {
    match value {
        "none" | "std" => Ok(vec![format!("--vga={value}")]),
        _ => {
            let hint = "there are `std` and `none`; --screen text shows it when the run ends";
            Err(refused("-vga", &format!("no display adapter {value:?}"), hint))
        }
    }
}

/// `-machine [type=]pc[,accel=tcg][,acpi=on|off][,usb=off][,graphics=off]`.
fn machine(value: &str) -> Result<Vec<String>, Failure> {
    let mut out = Vec::new();
    for (index, part) in value.split(',').enumerate() {
        match part.split_once('=') {
            None if index == 0 && part == "pc" => {}
            Some(("type", "pc") | ("usb" | "graphics" | "hpet" | "dump-guest-core", "off")) => {}
            Some(("accel", accelerator)) => drop(accel(accelerator)?),
            Some(("acpi", "on")) => out.push("--acpi=full".into()),
            Some(("acpi", "off")) => out.push("--acpi=off".into()),
            _ => {
                let hint =
                    "there is one machine, `pc`; what is known: accel=tcg, acpi=on, acpi=off";
                return Err(refused("-machine", &format!("no machine {part:?}"), hint));
            }
        }
    }
    Ok(out)
}

/// `-accel tcg[,...]`: emulation, which is all there is. Of a list (`kvm:tcg`) QEMU takes what it has.
fn accel(value: &str) -> Result<Vec<String>, Failure> {
    let names = value.split(',').next().unwrap_or_default();
    match names.split(':').any(|name| name == "tcg") {
        true => Ok(Vec::new()),
        false => Err(refused("-accel", &format!("there is no accelerator {value:?}"), PURE)),
    }
}

/// `-rtc [base=]TIME[,clock=vm]`.
fn rtc(value: &str) -> Result<Vec<String>, Failure> {
    let mut out = Vec::new();
    for part in value.split(',') {
        match part.split_once('=') {
            Some(("base", time)) => out.push(format!("--rtc-base={time}")),
            Some(("clock", "vm")) => {}
            _ => {
                let hint = "the clock follows virtual time (clock=vm); base=TIME sets its start";
                return Err(refused("-rtc", &format!("{part:?} cannot be had"), hint));
            }
        }
    }
    Ok(out)
}

/// `-icount`: time always follows the instructions, 1 ns each, which is QEMU's shift 0.
fn icount(value: &str) -> Result<Vec<String>, Failure> {
    let known = |part: &str| {
        matches!(
            part,
            "auto"
                | "shift=auto"
                | "0"
                | "shift=0"
                | "sleep=off"
                | "sleep=no"
                | "align=off"
                | "align=no"
        )
    };
    match value.split(',').find(|part| !known(part)) {
        None => Ok(Vec::new()),
        Some(part) => {
            let hint =
                "drop the flag: virtual time always follows the instructions, at one fixed rate";
            Err(refused("-icount", &format!("{part:?} cannot be had"), hint))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(line: &str) -> Result<Vec<String>, Failure> {
        let words = std::iter::once("bootscope").chain(line.split_whitespace());
        let out = rewrite(words.map(OsString::from).collect())?;
        Ok(out.into_iter().skip(1).map(|word| word.into_string().unwrap()).collect())
    }

    #[test]
    fn a_qemu_command_line_becomes_ours() {
        let line = "-kernel k -initrd i -append console=ttyS0 -m 1G -smp 1 -serial mon:stdio \
                    -nographic -no-reboot -machine pc,accel=tcg,acpi=off -nodefaults -vga none \
                    -display none -monitor none -rtc base=2021-02-03 -icount auto -accel tcg";

        let words = rewritten(line).unwrap();

        let expected = "run --kernel=k --initrd=i --append=console=ttyS0 -m 1G --smp=1 \
                        --serial=mon:stdio --no-reboot --acpi=off --vga=none \
                        --rtc-base=2021-02-03";
        assert_eq!(words, expected.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn the_debuggers_options_are_qemus() {
        let words = rewritten("-gdb tcp::1234 -S vmlinux").unwrap();
        assert_eq!(words, ["run", "--gdb=tcp::1234", "-S", "vmlinux"]);
        assert_eq!(rewritten("-s -S vmlinux").unwrap(), ["run", "-s", "-S", "vmlinux"]);
    }

    #[test]
    fn disks_are_given_by_letter_or_as_drives() {
        let words = rewritten("-hda a,b -hdd c -drive file=d,if=ide -cdrom e").unwrap();

        let expected = "run --drive=file=a,,b,if=ide,media=disk,index=0 \
                        --drive=file=c,if=ide,media=disk,index=3 --drive=file=d,if=ide --cdrom=e";
        assert_eq!(words, expected.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn two_dashes_do_as_well_as_one() {
        let words = rewritten("--nographic --machine pc,acpi=off --kernel k --vga none").unwrap();

        assert_eq!(words, ["run", "--acpi=off", "--kernel=k", "--vga=none"]);
    }

    #[test]
    fn a_value_that_looks_like_an_option_stays_a_value() {
        let words = rewritten("--append -kernel -append -s vmlinux -no-reboot").unwrap();

        assert_eq!(words, ["run", "--append=-kernel", "--append=-s", "vmlinux", "--no-reboot"]);
    }

    #[test]
    fn what_cannot_be_had_is_refused_and_not_ignored() {
        for line in [
            "-accel kvm",
            "-enable-kvm",
            "-vga qxl",
            "-display gtk",
            "-machine q35",
            "-icount shift=3",
        ] {
            let failure = rewritten(line).unwrap_err();
            assert_eq!(failure.status, 2, "{line}");
            assert!(failure.at.starts_with("option -"), "{line}: {}", failure.at);
        }
        assert_eq!(rewritten("-accel kvm").unwrap_err().hint, PURE);
    }

    #[test]
    fn an_unknown_option_with_one_dash_is_named_whole() {
        let failure = rewritten("-boot c").unwrap_err();

        assert_eq!(failure.error, "unknown option -boot");
    }

    #[test]
    fn what_is_so_anyway_may_be_asked_for() {
        for line in ["-icount shift=0,sleep=off", "-accel kvm:tcg", "-machine pc,accel=kvm:tcg"] {
            assert_eq!(rewritten(line).unwrap(), ["run"], "{line}");
        }
    }

    #[test]
    fn a_missing_value_is_said_of_the_option_the_user_wrote() {
        assert_eq!(rewritten("-kernel").unwrap_err().at, "option -kernel");
        assert_eq!(rewritten("--append").unwrap_err().at, "option --append");
    }

    #[test]
    fn other_commands_are_left_alone_and_none_means_run() {
        assert_eq!(rewritten("inspect -kernel").unwrap(), ["inspect", "-kernel"]);
        assert_eq!(rewritten("").unwrap(), ["run"]);
        assert_eq!(rewritten("run vmlinux").unwrap(), ["run", "vmlinux"]);
    }
}
