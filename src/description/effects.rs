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
//! What has no effect is said on standard error: emulator, hypervisor, the current memory.

use super::{Source, Thing};
use crate::cli::{Identity, RunArgs};
use crate::drives::{self, DriveSpec};
use crate::failure::{BadValue, Failure};
use crate::values::{self, Acpi, OnEnd, SerialTo, UnixTime};
use ::domain::{
    Action, At, BootDevice, Clock, Disk, DiskDevice, DiskSource, Domain, InputBus, OsKind,
    SerialTo as Other, Word,
};
use boot::AcpiProfile;
use cpu::features::MODELS;
use std::path::{Path, PathBuf};

/// The places of IDE, by libvirt's names.
const PLACES: [&str; 4] = ["hda", "hdb", "hdc", "hdd"];
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

    fn devices(&mut self) {
        let domain = self.domain;
        if !self.given(&["drive", "cdrom"]) {
            self.disks();
        }
        self.args.keyboard = domain.inputs.iter().any(|input| input.bus == InputBus::Ps2);
        for card in &domain.interfaces {
            self.lack(card.offset, format!("<interface type={:?}>", card.kind.word()));
        }
        for input in domain.inputs.iter().filter(|input| input.bus != InputBus::Ps2) {
            let what = format!("<input type={:?} bus={:?}>", input.kind.word(), input.bus.word());
            self.lack(input.offset, what);
        }
        for screen in &domain.graphics {
            self.lack(screen.offset, format!("<graphics type={:?}>", screen.kind.word()));
        }
        for serial in &domain.serials {
            if serial.port != 0 {
                self.lack(serial.offset, format!("serial port {}; there is port 0", serial.port));
            } else if !self.given(&["serial"]) {
                self.serial(&serial.to);
            }
        }
    }

    fn disks(&mut self) {
        let mut places = Vec::new();
        for disk in &self.domain.disks {
            let place = PLACES.iter().position(|target| **target == disk.target);
            match place.and_then(|place| Some((place, self.drive(disk, place)?))) {
                Some((place, spec)) => {
                    self.args.drive.push(spec);
                    places.push((disk.device, place));
                }
                None => self.lack(disk.offset, disk_in_words(disk)),
            }
            if disk.shareable {
                self.note(format!("shareable {}: nothing keeps others from its file", disk.target));
            }
        }
        self.boot_order(&places);
    }

    /// The disk as a drive of ours, if it can be one.
    fn drive(&self, disk: &Disk, place: usize) -> Option<DriveSpec> {
        let media = match disk.device {
            DiskDevice::Disk => "disk",
            DiskDevice::Cdrom => "cdrom",
            DiskDevice::Floppy => return None,
        };
        let Some(DiskSource::File(path)) = &disk.source else { return None };
        if disk.bus != "ide" || disk.format != "raw" {
            return None;
        }
        let file = self.path(path).to_str()?.replace(',', ",,");
        let read_only = if disk.readonly { "on" } else { "off" };
        let spec =
            format!("file={file},format=raw,media={media},index={place},readonly={read_only}");
        drives::parse(&spec).ok()
    }

    /// What firmware boots from, after a kernel. What is not plugged in is passed over.
    fn boot_order(&mut self, drives: &[(DiskDevice, usize)]) {
        for device in &self.domain.os.boot {
            let kind = match **device {
                BootDevice::Disk => DiskDevice::Disk,
                BootDevice::Cdrom => DiskDevice::Cdrom,
                BootDevice::Floppy | BootDevice::Network => {
                    if self.args.kernel_path().is_none() {
                        self.lack(device.offset, format!("<boot dev={:?}>", device.word()));
                    }
                    continue;
                }
            };
            if let Some((_, place)) = drives.iter().find(|(drive, _)| *drive == kind) {
                self.args.boot_order.push(*place);
            }
        }
    }

    fn serial(&mut self, other_end: &Other) {
        self.args.serial = match other_end {
            Other::Stdio => SerialTo::Stdio,
            Other::Null => SerialTo::Null,
            Other::File(path) => SerialTo::File(self.path(path)),
            Other::Pty => {
                self.note("console pty: it is this terminal (--serial stdio)");
                SerialTo::Stdio
            }
        };
    }
}

/// True for names of boards like ours.
fn is_pc(machine: &str) -> bool {
    let old = |prefix| machine.starts_with(prefix);
    matches!(machine, "pc" | "xenfv" | "xenpv") || old("pc-i440fx-") || old("pc-0.") || old("pc-1.")
}

fn disk_in_words(disk: &Disk) -> String {
    let source = match &disk.source {
        None => "empty".to_owned(),
        Some(DiskSource::File(path) | DiskSource::Block(path)) => format!("{path:?}"),
    };
    format!("<disk device={:?}> {} ({source})", disk.device.word(), disk.target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{self, Command};
    use ::domain::Document;

    /// The options and what was met, of a PC with a kernel, with all features, with `os` and `more`.
    fn configured(os: &str, more: &str, options: &str) -> (RunArgs, Outcome) {
        let features = match more.contains("<features") {
            true => "",
            false => "<features><acpi/><apic/><pae/></features>",
        };
        let text = format!(
            "<domain type='qemu'><name>a</name><uuid>000102030405060708090a0b0c0d0e0f</uuid>\
             <memory>65536</memory><os><type>hvm</type>{os}</os>{features}{more}</domain>"
        );
        let document = Document::read(text.as_bytes()).expect("a domain");
        let source = Source { name: "dir/x.xml".into(), document };
        let line = format!("bootscope run --domain dir/x.xml {options}");
        let words = line.split_whitespace().map(Into::into).collect();
        let Command::Run(args) = cli::parse(words).expect("options").command else {
            panic!("a run");
        };
        apply(&source, &args).unwrap_or_else(|failure| panic!("{failure}"))
    }

    const KERNEL: &str = "<kernel>k</kernel>";

    /// The options of a domain with a kernel and `more`, which has no lacks.
    fn args(more: &str, options: &str) -> RunArgs {
        let (args, outcome) = configured(KERNEL, more, options);
        assert_eq!(outcome.lacks, [], "{more}");
        args
    }

    /// What such a domain lacks.
    fn lacks(more: &str, options: &str) -> Vec<String> {
        let (_, outcome) = configured(KERNEL, more, options);
        outcome.lacks.into_iter().map(|(what, _)| what).collect()
    }

    #[test]
    fn what_boots_lies_beside_the_document() {
        let os =
            "<kernel>k</kernel><initrd>/i</initrd><cmdline>a b</cmdline><root>/dev/hda1 ro</root>";

        let (args, _) = configured(os, "", "");

        assert_eq!(args.kernel_path(), Some(&PathBuf::from("dir/k")));
        assert_eq!(args.initrd, Some("/i".into()));
        assert_eq!(args.append, "root=/dev/hda1 ro a b");
        assert_eq!(args.bios, None);
        assert_eq!((&*args.identity.name, args.identity.uuid[15]), ("a", 15));
    }

    #[test]
    fn a_domain_without_a_ramdisk_has_none() {
        assert_eq!(args("", "").initrd, Some("none".into()));
        assert_eq!(args("", "--initrd=j").initrd, Some("j".into()));
        assert_eq!(args("", "--module=j").initrd, None);
    }

    #[test]
    fn a_loader_is_the_firmware_but_for_xens() {
        let bios = |loader: &str, options: &str| {
            let os = format!("{KERNEL}<loader>{loader}</loader>");
            configured(&os, "", options).0.bios
        };
        assert_eq!(bios("/usr/share/qemu/bios.bin", ""), Some("/usr/share/qemu/bios.bin".into()));
        assert_eq!(bios("fw/bios.bin", ""), Some("dir/fw/bios.bin".into()));
        assert_eq!(bios("bios.bin", ""), Some("bios.bin".into()), "looked for where ROMs are");
        assert_eq!(bios("bios.bin", "--bios=mine"), Some("mine".into()));
        assert_eq!(bios("/usr/lib/xen/boot/hvmloader", ""), None);
        let os = format!("{KERNEL}<loader>hvmloader</loader>");
        assert_eq!(configured(&os, "", "").1.lacks.len(), 1);
    }

    #[test]
    fn sizes_are_the_documents_in_whole_pages() {
        assert_eq!(args("", "").memory.0, 64 << 20);
        assert_eq!(args("", "-m 32").memory.0, 32 << 20);
        let (_, outcome) = configured(KERNEL, "<currentMemory>4</currentMemory>", "");
        assert!(outcome.notes.iter().any(|note| note.contains("balloon")), "{:?}", outcome.notes);
        assert_eq!(lacks("<vcpu>2</vcpu>", ""), ["2 processors; there is one"]);
        assert_eq!(lacks("<vcpu>2</vcpu>", "--smp=1"), [""; 0]);
    }

    #[test]
    fn endings_are_the_documents() {
        let more = "<on_poweroff>preserve</on_poweroff><on_reboot>destroy</on_reboot>\
                    <on_crash>restart</on_crash>";
        let all = |args: &RunArgs| (args.on_poweroff, args.reboot_action(), args.on_crash);

        assert_eq!(all(&args(more, "")), (OnEnd::Preserve, OnEnd::Destroy, OnEnd::Restart));
        let options = "--on-poweroff=destroy --on-reboot=preserve --on-crash=destroy";
        assert_eq!(all(&args(more, options)), (OnEnd::Destroy, OnEnd::Preserve, OnEnd::Destroy));
        let restart = "<on_reboot>restart</on_reboot>";
        assert_eq!(args(restart, "--no-reboot").reboot_action(), OnEnd::Destroy);
        let odd = "<on_crash>rename-restart</on_crash>";
        assert_eq!(lacks(odd, ""), ["<on_crash> rename-restart"]);
    }

    #[test]
    fn absent_features_are_absent() {
        let base = MODELS[0].name;
        let cpu = |more, options| args(more, options).cpu;

        assert_eq!(args("", "").acpi, Acpi(AcpiProfile::Full));
        assert_eq!(args("<features/>", "").acpi, Acpi(AcpiProfile::Off));
        assert_eq!(args("<features/>", "--acpi=full").acpi, Acpi(AcpiProfile::Full));
        assert_eq!(cpu("", ""), None);
        assert_eq!(cpu("<features/>", ""), Some(format!("{base},-apic,-pae")));
        assert_eq!(cpu("<features><apic/></features>", ""), Some(format!("{base},-pae")));
        assert_eq!(cpu("<features/>", "--cpu=qemu64"), Some("qemu64".into()));
        let (args, _) = configured("<kernel>k</kernel>", "", "");
        assert_eq!(args.cpu, None);
    }

    #[test]
    fn every_change_of_the_cpu_is_one_the_command_knows() {
        for change in ["-apic", "-pae", "-lm"] {
            let option = format!("{},{change}", MODELS[0].name);
            assert!(crate::cpu_model::choose(Some(&option)).is_ok(), "{option}");
        }
    }

    #[test]
    fn a_clock_that_is_ahead_is_ahead_of_the_base() {
        let more = "<clock offset='variable' adjustment='-5'/>";
        assert_eq!(args(more, "").rtc_base, UnixTime(1_577_836_795));
        assert_eq!(args(more, "--rtc-base=@7").rtc_base, UnixTime(7));
        let back = "<clock offset='variable' adjustment='-1999999999'/>";
        assert_eq!(lacks(back, ""), ["a clock before 1970"]);
    }

    #[test]
    fn the_first_serial_port_is_the_serial_port() {
        let serial = |words: &str, options: &str| {
            args(&format!("<devices>{words}</devices>"), options).serial
        };
        let file = "<serial type='file'><source path='log'/></serial>";

        assert_eq!(serial("<console tty='pty'/>", ""), SerialTo::Stdio);
        assert_eq!(serial("<serial type='null'/>", ""), SerialTo::Null);
        assert_eq!(serial(file, ""), SerialTo::File("dir/log".into()));
        assert_eq!(serial(file, "--serial=null"), SerialTo::Null);
        let second = "<devices><serial type='null'><target port='1'/></serial></devices>";
        assert_eq!(lacks(second, ""), ["serial port 1; there is port 0"]);
    }

    #[test]
    fn what_is_no_pc_is_lacking() {
        let lacks = |kind: &str| {
            let os = format!("{KERNEL}<boot dev='network'/>");
            let text = format!(
                "<domain type='xen'><name>a</name><memory>65536</memory><os>{kind}{os}</os></domain>"
            );
            let document = Document::read(text.as_bytes()).expect("a domain");
            let source = Source { name: "x.xml".into(), document };
            let words = ["bootscope", "run", "--domain", "x.xml"].map(Into::into).to_vec();
            let Command::Run(args) = cli::parse(words).expect("options").command else {
                panic!("a run");
            };
            let (_, outcome) = apply(&source, &args).unwrap_or_else(|failure| panic!("{failure}"));
            outcome.lacks.len()
        };

        assert_eq!(lacks("<type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>"), 0);
        assert_eq!(lacks("<type machine='xenpv'>linux</type>"), 0);
        assert_eq!(lacks("<type arch='aarch64' machine='virt'>hvm</type>"), 2);
        assert_eq!(lacks("<type machine='pc-q35-7.2'>hvm</type>"), 1);
    }

    #[test]
    fn without_a_kernel_there_is_firmware_or_nothing() {
        let (args, outcome) = configured("<loader>/fw</loader>", "", "");
        assert_eq!((args.kernel_path(), outcome.lacks.len()), (None, 0));
        let network = "<loader>/fw</loader><boot dev='network'/><boot dev='hd'/>";
        assert_eq!(configured(network, "", "").1.lacks[0].0, "<boot dev=\"network\">");
    }

    #[test]
    fn disks_are_drives_at_their_places_and_firmware_tries_them_in_order() {
        let disk = |device: &str, target: &str, more: &str| {
            format!(
                "<disk type='file' device='{device}'><source file='{target},img'/>\
                 <target dev='{target}'/>{more}</disk>"
            )
        };
        let devices = format!(
            "<devices>{}{}{}</devices>",
            disk("cdrom", "hdc", ""),
            disk("disk", "hdb", "<readonly/>"),
            disk("disk", "hda", "")
        );
        let os = "<loader>/fw</loader><boot dev='cdrom'/><boot dev='hd'/>";

        let (args, outcome) = configured(os, &devices, "");

        assert_eq!(outcome.lacks, []);
        let drive = |spec: &str| drives::parse(spec).unwrap();
        let expected = [
            drive("file=dir/hda,,img,format=raw,media=disk,index=0,readonly=off"),
            drive("file=dir/hdb,,img,format=raw,media=disk,index=1,readonly=on"),
            drive("file=dir/hdc,,img,format=raw,media=cdrom,index=2,readonly=on"),
        ];
        assert_eq!(args.drive, expected);
        assert_eq!(args.boot_order, [2, 0], "the first of each kind");
        assert_eq!(configured(os, &devices, "--drive=file=x").0.drive, [drive("file=x")]);
    }

    #[test]
    fn disks_that_ide_has_not_are_lacking() {
        for disk in [
            "<disk type='file'><source file='f'/><target dev='vda'/></disk>",
            "<disk type='file'><source file='f'/><target dev='hda' bus='scsi'/></disk>",
            "<disk type='block'><source dev='/dev/x'/><target dev='hda'/></disk>",
            "<disk type='file' device='cdrom'><target dev='hdc'/></disk>",
            "<disk type='file' device='floppy'><source file='f'/><target dev='fda'/></disk>",
            "<disk type='file'><driver name='qemu' type='qcow2'/><source file='f'/>\
             <target dev='hda'/></disk>",
        ] {
            assert_eq!(lacks(&format!("<devices>{disk}</devices>"), "").len(), 1, "{disk}");
        }
    }
}
