//! What each part of a domain means for a run.
//!
//! Follows libvirt's "Domain XML format" for meanings. A part has its effect unless the command line gives
//! the option that it stands for. Paths are relative to the document.
//!
//! | part | effect |
//! |---|---|
//! | kernel, initrd, cmdline, root | `--kernel`, `--initrd` (`none` without one), `--append` |
//! | loader | `--bios`; Xen's `hvmloader` starts only under Xen |
//! | memory, vcpu | `-m` in whole pages; `--smp` |
//! | on_poweroff, on_reboot, on_crash | the options of these names |
//! | features | without acpi `--acpi off`; without apic and pae a CPU without them |
//! | clock | universal time, and seconds added to `--rtc-base` |
//! | name, uuid | SMBIOS |
//! | the first serial port or console | `--serial`; a pty is the terminal |
//! | disks hda to hdd of files | `--drive` at these places of IDE; without them the board has none |
//! | boot | the order in which firmware tries the disks, after a kernel |
//! | PS/2 keyboard and mouse | the board's keyboard controller |
//!
//! What has no effect is said on standard error: emulator, hypervisor, title and description, the current
//! memory, a boot device that is not tried.

mod devices;
#[cfg(test)]
mod tests;

use super::{Source, Thing};
use crate::cli::{Identity, RunArgs};
use crate::failure::{BadValue, Failure};
use crate::values::{self, Acpi, OnEnd, UnixTime};
use ::domain::{Action, At, Clock, Domain, OsKind, Word};
use boot::AcpiProfile;
use cpu::features::MODELS;
use std::path::{Path, PathBuf};

/// The program that starts Xen's own firmware.
const HVMLOADER: &str = "hvmloader";

/// What was met on the way.
#[derive(Default)]
pub(super) struct Outcome {
    /// What cannot be had.
    pub(super) lacks: Vec<Thing>,
    /// What is so anyway or has no effect.
    pub(super) notes: Vec<String>,
}

/// The options with the document's where the command line gives none.
pub(super) fn apply(source: &Source, args: &RunArgs) -> Result<(RunArgs, Outcome), Failure> {
    let directory = match Path::new(&source.name).parent() {
        // `./none` is a file, `none` would be a word.
        Some(parent) if parent.as_os_str().is_empty() => ".".into(),
        Some(parent) => parent.to_owned(),
        None => ".".into(),
    };
    let mut effects = Effects {
        source,
        domain: &source.document.domain,
        directory,
        args: args.clone(),
        outcome: Outcome::default(),
    };
    effects.describe();
    effects.boot()?;
    effects.size()?;
    effects.endings();
    effects.features();
    effects.clock();
    effects.devices();
    Ok((effects.args, effects.outcome))
}

struct Effects<'a> {
    source: &'a Source,
    domain: &'a Domain,
    directory: PathBuf,
    args: RunArgs,
    outcome: Outcome,
}

impl Effects<'_> {
    fn note(&mut self, note: impl Into<String>) {
        self.outcome.notes.push(note.into());
    }

    fn lack(&mut self, offset: usize, what: impl Into<String>) {
        self.outcome.lacks.push((what.into(), offset));
    }

    /// True if the command line gives one of these options.
    fn given(&self, ids: &[&str]) -> bool {
        ids.iter().any(|id| self.args.given.iter().any(|given| given == id))
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }

    /// Who the machine is.
    fn describe(&mut self) {
        let domain = self.domain;
        self.args.identity = Identity {
            name: domain.name.value.clone(),
            uuid: domain.uuid.map_or([0; 16], |uuid| uuid.value.0),
        };
        let hypervisor = &*domain.hypervisor.value;
        self.note(format!("type={hypervisor:?}: no hypervisor is asked, bootscope is the machine"));
        if let Some(emulator) = &domain.emulator {
            self.note(format!("emulator {:?} is not used, bootscope is the emulator", &**emulator));
        }
        if let Some(id) = &domain.id {
            self.note(format!("id={}: the number of a running domain is not used", **id));
        }
        for (name, text) in [("title", &domain.title), ("description", &domain.description)] {
            if let Some(text) = text {
                self.note(format!("{name} {:?} is for people", text.value));
            }
        }
        if *domain.os.kind == OsKind::Linux {
            self.note(
                "type linux: Xen's paravirtual machine is not there, the kernel boots on a PC",
            );
        }
    }

    fn boot(&mut self) -> Result<(), Failure> {
        let os = &self.domain.os;
        if let Some(arch) = &os.arch {
            match &*arch.value {
                "x86_64" => {}
                "i686" | "i386" => self.take_away("lm"),
                other => self.lack(arch.offset, format!("arch={other:?}")),
            }
        }
        if let Some(machine) = os.machine.as_ref().filter(|machine| !is_pc(machine)) {
            self.lack(machine.offset, format!("machine={:?}", &**machine));
        }
        self.loader();
        if let Some(kernel) = os.kernel.as_ref().filter(|_| self.args.kernel_path().is_none()) {
            self.args.kernel_option = Some(self.path(kernel));
        }
        let has_kernel = self.args.kernel_path().is_some();
        for (name, value) in [("initrd", &os.initrd), ("cmdline", &os.cmdline), ("root", &os.root)]
        {
            if let Some(value) = value.as_ref().filter(|_| !has_kernel) {
                let error = format!("<{name}> without a kernel that could use it");
                let at = self.source.at(value.offset);
                return Err(Failure::usage(error, at, "add a <kernel>, or --kernel F"));
            }
        }
        if !self.given(&["initrd", "module"]) {
            let initrd = os.initrd.as_ref().map(|initrd| self.path(initrd).into_os_string());
            self.args.initrd = Some(initrd.unwrap_or_else(|| "none".into()));
        }
        if !self.given(&["append"]) {
            let root = os.root.as_ref().map(|root| format!("root={}", **root));
            let cmdline = os.cmdline.as_ref().map(|cmdline| cmdline.value.clone());
            self.args.append = root.into_iter().chain(cmdline).collect::<Vec<_>>().join(" ");
        }
        if !has_kernel && self.args.bios.is_none() {
            let error = "the domain has neither a kernel nor firmware that could boot here";
            let at = self.source.at(os.kind.offset);
            let hint = "add --bios bios-256k.bin (SeaBIOS), or --kernel F";
            return Err(Failure::usage(error, at, hint));
        }
        Ok(())
    }

    fn loader(&mut self) {
        let Some(loader) = self.domain.os.loader.as_ref().filter(|_| !self.given(&["bios"])) else {
            return;
        };
        if Path::new(&loader.value).file_name().is_some_and(|name| name == HVMLOADER) {
            let what = format!("loader {:?}, which starts only under Xen", &**loader);
            return self.lack(loader.offset, what);
        }
        let beside = self.path(loader);
        // A bare name that is not there is looked for where firmware is installed.
        let bare = Path::new(&loader.value).components().count() == 1 && !beside.exists();
        self.args.bios = Some(if bare { loader.value.clone().into() } else { beside });
    }

    fn size(&mut self) -> Result<(), Failure> {
        let (memory, current) = (self.domain.memory, self.domain.current_memory);
        let bad = |bad: BadValue, what: String, offset: usize| {
            Failure::usage(format!("{what}: {}", bad.why), self.source.at(offset), bad.hint)
        };
        if !self.given(&["memory"]) {
            // libvirt, too, rounds up to what the hypervisor can give.
            let bytes = memory.div_ceil(::memory::PAGE_SIZE).saturating_mul(::memory::PAGE_SIZE);
            let size = values::ram(&format!("{bytes}b"));
            let what = format!("{} KiB of memory", bytes >> 10);
            self.args.memory = size.map_err(|error| bad(error, what, memory.offset))?;
            if current != memory {
                self.note(format!(
                    "current memory {} KiB: there is no balloon, the guest has all {} KiB",
                    *current >> 10,
                    bytes >> 10
                ));
            }
        }
        let vcpus = self.domain.vcpus;
        if !self.given(&["smp"]) && values::smp(&vcpus.to_string()).is_err() {
            self.lack(vcpus.offset, format!("{} processors; there is one", *vcpus));
        }
        Ok(())
    }

    fn endings(&mut self) {
        let domain = self.domain;
        if let Some(action) = self.ending(&["on_poweroff"], "on_poweroff", domain.on_poweroff) {
            self.args.on_poweroff = action;
        }
        if let Some(action) =
            self.ending(&["on_reboot", "no_reboot"], "on_reboot", domain.on_reboot)
        {
            self.args.on_reboot = action;
        }
        if let Some(action) = self.ending(&["on_crash"], "on_crash", domain.on_crash) {
            self.args.on_crash = action;
        }
    }

    fn ending(&mut self, options: &[&str], name: &str, action: At<Action>) -> Option<OnEnd> {
        if self.given(options) {
            return None;
        }
        match *action {
            Action::Destroy => Some(OnEnd::Destroy),
            Action::Restart => Some(OnEnd::Restart),
            Action::Preserve => Some(OnEnd::Preserve),
            Action::RenameRestart | Action::CoredumpDestroy | Action::CoredumpRestart => {
                self.lack(action.offset, format!("<{name}> {}", action.word()));
                None
            }
        }
    }

    fn features(&mut self) {
        let Some(features) = self.domain.features else { return };
        if !features.acpi && !self.given(&["acpi"]) {
            self.args.acpi = Acpi(AcpiProfile::Off);
        }
        if self.given(&["cpu"]) {
            return;
        }
        if !features.apic {
            self.take_away("apic");
        }
        if !features.pae {
            self.take_away("pae");
            self.note("no <pae/>: the processor has no 64-bit mode either, which needs PAE");
        }
    }

    /// A processor without a feature.
    fn take_away(&mut self, feature: &str) {
        if !self.given(&["cpu"]) {
            let model = self.args.cpu.take().unwrap_or_else(|| MODELS[0].name.to_owned());
            self.args.cpu = Some(format!("{model},-{feature}"));
        }
    }

    fn clock(&mut self) {
        let clock = self.domain.clock;
        match *clock {
            _ if self.given(&["rtc_base"]) => {}
            Clock::Utc => {}
            Clock::Localtime => self.note(
                "clock offset localtime: runs are the same everywhere, the clock shows --rtc-base",
            ),
            Clock::Variable(seconds) => {
                let base = self.args.rtc_base.0;
                match base.checked_add_signed(i64::from(seconds)) {
                    Some(base) => self.args.rtc_base = UnixTime(base),
                    None => self.lack(clock.offset, "a clock before 1970"),
                }
            }
        }
    }
}

/// True for names of boards like ours.
fn is_pc(machine: &str) -> bool {
    let old = |prefix| machine.starts_with(prefix);
    matches!(machine, "pc" | "xenfv" | "xenpv") || old("pc-i440fx-") || old("pc-0.") || old("pc-1.")
}
