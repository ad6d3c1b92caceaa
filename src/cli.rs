//! The command line as clap sees it, after `qemu` has rewritten QEMU's spellings.
//!
//! Option names and meanings follow the project's list of stable options; what is listed there and
//! not here is in `absent`.

use crate::drives::{self, DriveSpec};
use crate::firmware::{self, OptionRom};
use crate::gdb::{self, GdbAddress};
use crate::screen::{self, Adapter, Screen};
use crate::values::{
    self, Acpi, Count, DebugExit, Dump, Goal, OnEnd, SerialTo, Size, Span, UnixTime,
};
use boot::Protocol;
use clap::parser::ValueSource;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use cpu::EngineForm;
use std::ffi::OsString;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
With no command, `run` is meant: `bootscope vmlinux`. With no arguments at all, the built-in demo
guest boots. QEMU's spellings are understood: -kernel, -initrd, -append, -nographic ...

Exit status: 0 powered off or goal met, 1 internal error, 2 usage or file, 3 reset with --no-reboot,
4 triple fault, 5 limit reached, 6 --expect or --until not met, 7 halted for ever, 130 interrupted,
((v << 1) | 1) & 0xff for isa-debug-exit.";

/// A deterministic, pure-software PC: boots x86-64 kernels and tells what they did.
#[derive(Parser, Debug)]
#[command(name = "bootscope", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Boot a kernel (the default command)
    Run(Box<RunArgs>),
    /// Say what a kernel image is: protocols, entry points, segments, notes
    Inspect(InspectArgs),
    /// Unpack the ELF kernel inside a bzImage
    ExtractVmlinux(ExtractArgs),
    /// Pack a directory as an initramfs (newc cpio)
    Mkinitrd(MkinitrdArgs),
    /// Convert the description of a domain: libvirt's XML, xend's S-expression
    Domain(DomainArgs),
}

/// The names of [`Command`] and clap's own `help`.
const COMMANDS: [&str; 6] = ["run", "inspect", "extract-vmlinux", "mkinitrd", "domain", "help"];

/// True if `word` names a command.
pub(crate) fn is_command(word: &str) -> bool {
    COMMANDS.contains(&word)
}

/// True if the option of `run` is followed by a value.
pub(crate) fn takes_value(word: &str) -> bool {
    let command = RunArgs::augment_args(clap::Command::new("run"));
    command.get_arguments().any(|arg| {
        let named = match word.strip_prefix("--") {
            Some(long) => arg.get_long() == Some(long),
            None => arg.get_short().is_some_and(|short| {
                word.strip_prefix('-') == Some(short.encode_utf8(&mut [0; 4]))
            }),
        };
        named
            && arg.get_action().takes_values()
            && arg.get_num_args().is_none_or(|range| range.min_values() > 0)
    })
}

/// Parses the rewritten command line.
pub(crate) fn parse(args: Vec<OsString>) -> Result<Cli, clap::Error> {
    let mut definition = definition();
    let matches = definition.try_get_matches_from_mut(args)?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut definition));
    let mut cli = cli?;
    if let (Command::Run(run), Some((_, matches))) = (&mut cli.command, matches.subcommand()) {
        let given =
            |id: &&clap::Id| matches.value_source(id.as_str()) == Some(ValueSource::CommandLine);
        run.given = matches.ids().filter(given).map(|id| id.as_str().to_owned()).collect();
    }
    Ok(cli)
}

/// The whole definition.
fn definition() -> clap::Command {
    Cli::command()
}

/// Which engine runs the guest; the guest sees the same machine.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Engine {
    /// The interpreter
    Interp,
    /// Not built
    Jit,
    /// The best there is
    Auto,
    /// The interpreter, threaded by tail calls all the way (release builds on x86-64 and aarch64)
    Tail,
    /// The interpreter, returning to its loop at block ends
    Hybrid,
    /// The interpreter, one instruction at a time: slow, the yardstick for the others
    Step,
}

impl Engine {
    /// The form of the interpreter that runs.
    pub(crate) fn form(self) -> EngineForm {
        match self {
            Self::Interp | Self::Jit | Self::Auto => EngineForm::BEST,
            Self::Tail => EngineForm::FullTail,
            Self::Hybrid => EngineForm::Hybrid,
            Self::Step => EngineForm::Step,
        }
    }
}

/// `bootscope run`.
#[derive(Args, Clone, Debug)]
pub(crate) struct RunArgs {
    /// The kernel image; the built-in demo guest if there is none
    #[arg(value_name = "KERNEL", conflicts_with = "kernel_option")]
    pub(crate) kernel: Option<PathBuf>,
    /// The kernel image
    #[arg(long = "kernel", value_name = "F", id = "kernel_option")]
    pub(crate) kernel_option: Option<PathBuf>,
    /// Follow this boot protocol: auto, pvh, linux64, linux32, linux16, multiboot1, multiboot2, bootsector, eltorito
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = values::protocol)]
    pub(crate) protocol: ProtocolChoice,
    /// Ramdisk, or `none`; multiboot: `F [ARGS],F2 [ARGS]`
    #[arg(long, value_name = "F", conflicts_with = "module", allow_hyphen_values = true)]
    pub(crate) initrd: Option<OsString>,
    /// A module with its string (repeatable)
    #[arg(long, value_name = "F [ARGS]", allow_hyphen_values = true)]
    pub(crate) module: Vec<String>,
    /// The kernel's command line
    #[arg(
        long,
        value_name = "S",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub(crate) append: String,
    /// RAM: 512, 512M, 2G (MiB without a letter)
    #[arg(short = 'm', value_name = "SIZE", default_value = "512M", value_parser = values::ram)]
    pub(crate) memory: Size,
    /// RAM that the guest's map calls reserved (repeatable)
    #[arg(long, value_name = "ADDR+LEN", value_parser = values::span)]
    pub(crate) reserve: Vec<Span>,
    /// Boot a multiboot kernel that requires a video mode, without one
    #[arg(long)]
    pub(crate) ignore_video: bool,
    /// Processors; 1
    #[arg(long, value_name = "N", default_value = "1", hide = true, value_parser = values::smp)]
    pub(crate) smp: u8,
    /// CPU model, with `,+FEATURE` and `,-FEATURE`; `help` lists
    #[arg(long, value_name = "MODEL")]
    pub(crate) cpu: Option<String>,
    /// ACPI tables: full, reduced (no PIC, PIT, RTC; --cpu x86-64-v3-intel or tsc_early_khz=) or off
    #[arg(long, value_name = "PROFILE", default_value = "full", value_parser = values::acpi)]
    pub(crate) acpi: Acpi,
    /// Run the guest under Xen, as a PVH domain: hypercalls, event channels, console=hvc0 (see docs/xen.md)
    #[arg(long)]
    pub(crate) xen: bool,
    /// Firmware ROM: the machine starts at its reset vector. A name without directories is also
    /// looked for where SeaBIOS and QEMU install theirs
    #[arg(long, value_name = "F")]
    pub(crate) bios: Option<PathBuf>,
    /// An option ROM for the firmware: F, or rom=F,bootindex=N (repeatable)
    #[arg(long, value_name = "F", value_parser = firmware::option_rom)]
    pub(crate) option_rom: Vec<OptionRom>,
    /// COM1: stdio, null, file:F
    #[arg(long, value_name = "TO", default_value = "stdio", value_parser = values::serial)]
    pub(crate) serial: SerialTo,
    /// Ports 0xe9 and 0x402: stdio, null, file:F
    #[arg(long, value_name = "TO", value_parser = values::debugcon)]
    pub(crate) debugcon: Option<SerialTo>,
    /// A disk: file=F and, after commas, format=raw, if=ide, media=disk or cdrom, index=0 to 3, readonly=on,
    /// snapshot=on (repeatable; -hda F to -hdd F as QEMU). What the guest writes is kept in memory too, up
    /// to 1 GiB a disk; beyond that its writes fail
    #[arg(long, value_name = "SPEC", value_parser = drives::parse)]
    pub(crate) drive: Vec<DriveSpec>,
    /// A disc in a CD-ROM drive
    #[arg(long, value_name = "F")]
    pub(crate) cdrom: Option<PathBuf>,
    /// `isa-debug-exit[,iobase=0x501][,iosize=2]`: a port that ends the run
    #[arg(long, value_name = "DEVICE", value_parser = values::device)]
    pub(crate) device: Option<DebugExit>,
    /// ok=V: the value V at isa-debug-exit means exit status 0
    #[arg(long, value_name = "ok=V", value_parser = values::debug_exit_ok, requires = "device")]
    pub(crate) debug_exit: Option<u32>,
    /// The VGA screen when the run ends: off, text, or png=F for a picture
    #[arg(long, value_name = "TO", default_value = "off", value_parser = screen::parse)]
    pub(crate) screen: Screen,
    /// The VGA adapter, with a keyboard: none, or std (as with --screen and --until screen~)
    #[arg(long, value_name = "ADAPTER", hide = true)]
    pub(crate) vga: Option<Adapter>,
    /// The guest's reset ends the run: --on-reboot destroy
    #[arg(long, conflicts_with = "on_reboot")]
    pub(crate) no_reboot: bool,
    /// What a reset does
    #[arg(long, value_name = "ACTION", value_enum, default_value = "restart")]
    pub(crate) on_reboot: OnEnd,
    /// What powering off does
    #[arg(long, value_name = "ACTION", value_enum, default_value = "destroy")]
    pub(crate) on_poweroff: OnEnd,
    /// What a triple fault does
    #[arg(long, value_name = "ACTION", value_enum, default_value = "destroy")]
    pub(crate) on_crash: OnEnd,
    /// Stop after N instructions (k, M, G)
    #[arg(long, value_name = "N", value_parser = values::count)]
    pub(crate) max_insns: Option<Count>,
    /// Stop after S seconds of the host's time
    #[arg(long, value_name = "S", value_parser = values::seconds)]
    pub(crate) wall_timeout: Option<f64>,
    /// Stop when reached: serial~REGEX, screen~REGEX, insn=N, pc=ADDR, pc=SYMBOL
    #[arg(long, value_name = "GOAL", value_parser = values::goal)]
    pub(crate) until: Option<Goal>,
    /// Serve gdb: tcp::1234, HOST:PORT (port 0: a free one), or the path of a unix socket
    #[arg(long, value_name = "ADDR", value_parser = gdb::parse, conflicts_with = "gdb_usual")]
    pub(crate) gdb: Option<GdbAddress>,
    /// --gdb tcp::1234
    #[arg(short = 's', id = "gdb_usual")]
    pub(crate) gdb_usual: bool,
    /// Wait for gdb before the first instruction
    #[arg(short = 'S')]
    pub(crate) stopped: bool,
    /// Exit status 6 unless the serial output matched when the guest ended
    #[arg(long, value_name = "REGEX", value_parser = values::regex)]
    pub(crate) expect: Option<regex::bytes::Regex>,
    /// Print when the run stops: regs, mem:ADDR+LEN, walk:ADDR (comma separated)
    #[arg(long, value_name = "LIST", value_parser = values::dump, value_delimiter = ',')]
    pub(crate) dump: Vec<Dump>,
    /// The engine
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) engine: Engine,
    /// Seed of all randomness the guest sees
    #[arg(long, value_name = "N", default_value = "0", value_parser = values::number)]
    pub(crate) seed: u64,
    /// What the clock says at the start
    #[arg(long, value_name = "TIME", default_value = "2020-01-01T00:00:00", value_parser = values::time)]
    pub(crate) rtc_base: UnixTime,
    /// Pace virtual time to the host's clock, as with a terminal on the console
    #[arg(long)]
    pub(crate) realtime: bool,
    /// Write the result of the run
    #[arg(long, value_name = "F.json")]
    pub(crate) summary: Option<PathBuf>,
    /// Configure the machine as a domain: libvirt's XML or xend's S-expression. Options given besides
    /// it count more
    #[arg(long, value_name = "F")]
    pub(crate) domain: Option<PathBuf>,
    /// Leave out what of the domain this version lacks, and say so
    #[arg(long, requires = "domain")]
    pub(crate) domain_lenient: bool,
    /// Which options the command line gives, by clap's names
    #[arg(skip)]
    pub(crate) given: Vec<String>,
    /// Who the machine is; said by a domain
    #[arg(skip)]
    pub(crate) identity: Identity,
    /// Places of IDE drives that firmware boots from, in order; said by a domain
    #[arg(skip)]
    pub(crate) boot_order: Vec<usize>,
    /// There is a keyboard controller even without a screen; said by a domain
    #[arg(skip)]
    pub(crate) keyboard: bool,
    /// Say why this protocol, and what was placed where
    #[arg(long)]
    pub(crate) explain_boot: bool,
    /// Log these events (`help` lists)
    #[arg(short = 'd', value_name = "LIST")]
    pub(crate) log: Option<String>,
    /// Log into a file
    #[arg(short = 'D', value_name = "F", requires = "log")]
    pub(crate) log_file: Option<PathBuf>,
    /// Print counters when the run stops
    #[arg(long)]
    pub(crate) stats: bool,
    /// Count every instruction and print the hottest kinds, the hottest code and the slow paths when the
    /// run stops, or write that to F; the run takes about a sixth longer
    #[arg(long, value_name = "F", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub(crate) profile: Option<PathBuf>,
    /// Names of addresses for logs, stories, the profile and --until pc=: an ELF file that is not stripped, or a
    /// list as nm writes it (System.map). A Linux kernel's own names are found without
    #[arg(long, value_name = "F")]
    pub(crate) symbols: Option<PathBuf>,
    /// The boot timeline: a table at the end, or JSON in F
    #[arg(
        long,
        value_name = "F.json",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "-"
    )]
    pub(crate) timeline: Option<PathBuf>,
    /// No last line, no announcements
    #[arg(short = 'q', long)]
    pub(crate) quiet: bool,
}

impl RunArgs {
    /// The kernel's path, however it was given.
    pub(crate) fn kernel_path(&self) -> Option<&PathBuf> {
        self.kernel.as_ref().or(self.kernel_option.as_ref())
    }

    /// Where gdb may connect.
    pub(crate) fn gdb_address(&self) -> Option<GdbAddress> {
        self.gdb.clone().or_else(|| self.gdb_usual.then(GdbAddress::usual))
    }

    /// What a reset does, `--no-reboot` counted in.
    pub(crate) fn reboot_action(&self) -> OnEnd {
        if self.no_reboot { OnEnd::Destroy } else { self.on_reboot }
    }
}

/// A machine's name and UUID; empty and zero for none.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Identity {
    /// The name.
    pub(crate) name: String,
    /// The UUID in the order of its text.
    pub(crate) uuid: [u8; 16],
}

/// `--protocol`: `None` for `auto`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ProtocolChoice(pub(crate) Option<Protocol>);

/// `bootscope inspect`.
#[derive(Args, Debug)]
pub(crate) struct InspectArgs {
    /// The image
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Machine-readable
    #[arg(long)]
    pub(crate) json: bool,
}

/// `bootscope extract-vmlinux`.
#[derive(Args, Debug)]
pub(crate) struct ExtractArgs {
    /// The bzImage
    #[arg(value_name = "F")]
    pub(crate) file: PathBuf,
    /// Where to write the ELF kernel
    #[arg(short = 'o', long = "output", value_name = "OUT")]
    pub(crate) output: PathBuf,
}

/// `bootscope mkinitrd`.
#[derive(Args, Debug)]
pub(crate) struct MkinitrdArgs {
    /// The directory that becomes the root
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Where to write the archive
    #[arg(short = 'o', long = "output", value_name = "F", action = ArgAction::Set)]
    pub(crate) output: PathBuf,
}

/// `bootscope domain`.
#[derive(Args, Debug)]
pub(crate) struct DomainArgs {
    /// The description
    #[arg(value_name = "F")]
    pub(crate) file: PathBuf,
    /// What to write on standard output
    #[arg(long, value_name = "FORM", value_enum)]
    pub(crate) to: DomainForm,
    /// Leave out what cannot be converted, and say so
    #[arg(long)]
    pub(crate) domain_lenient: bool,
}

/// In which form a domain is written.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DomainForm {
    /// libvirt's XML
    Xml,
    /// xend's S-expression
    Sexpr,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds_claps_own_assertions() {
        definition().debug_assert();
    }

    #[test]
    fn every_command_is_in_the_list_of_names() {
        for command in definition().get_subcommands() {
            assert!(is_command(command.get_name()), "{}", command.get_name());
        }
    }

    #[test]
    fn options_know_whether_a_value_follows() {
        for word in ["--append", "-m", "--summary", "-d", "-D", "--dump"] {
            assert!(takes_value(word), "{word}");
        }
        for word in ["--no-reboot", "-q", "--stats", "--nonsense", "--append=x"] {
            assert!(!takes_value(word), "{word}");
        }
    }
}
