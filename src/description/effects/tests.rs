//! Options and what was met, of small documents.

use super::*;
use crate::cli::{self, Command};
use crate::conflicts;
use crate::drives;
use crate::values::SerialTo;
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
    let os = "<kernel>k</kernel><initrd>/i</initrd><cmdline>a b</cmdline><root>/dev/hda1 ro</root>";

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
    let serial =
        |words: &str, options: &str| args(&format!("<devices>{words}</devices>"), options).serial;
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

/// The notes of a domain that hold a word.
fn notes(os: &str, more: &str, options: &str, word: &str) -> Vec<String> {
    let (_, outcome) = configured(os, more, options);
    assert_eq!(outcome.lacks, [], "{os} {more}");
    outcome.notes.into_iter().filter(|note| note.contains(word)).collect()
}

#[test]
fn a_boot_device_that_is_not_tried_is_said() {
    let disk = "<devices><disk type='file'><source file='f'/><target dev='hda'/></disk></devices>";
    let of = |os: &str, options: &str| notes(os, disk, options, "<boot dev=");
    let firmware = "<loader>/fw</loader>";
    for (os, options, expected) in [
        (format!("{KERNEL}<boot dev='network'/>"), "", "network"),
        (format!("{KERNEL}<boot dev='fd'/>"), "", "fd"),
        (format!("{KERNEL}<boot dev='hd'/>"), "", "without firmware"),
        (format!("{firmware}<boot dev='hd'/>"), "--drive=file=x", "the command line's"),
        (format!("{firmware}<boot dev='cdrom'/>"), "", "no such drive"),
    ] {
        let said = of(&os, options);
        assert!(said.len() == 1 && said[0].contains(expected), "{os} {options}: {said:?}");
    }
    assert_eq!(of(&format!("{firmware}<boot dev='hd'/>"), ""), [""; 0]);
}

#[test]
fn words_for_people_are_said_to_have_no_effect() {
    let more = "<title>A title</title><description>Some words</description>";
    assert_eq!(notes(KERNEL, more, "", "is for people").len(), 2);
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

#[test]
fn a_loader_is_firmware_to_options_that_want_it_or_exclude_it() {
    let loader = "<loader>bios.bin</loader>";
    let checked = |os: &str, options: &str| conflicts::check(&configured(os, "", options).0);
    let refused = |os, options| checked(os, options).map_err(|failure| failure.at);

    assert_eq!(checked(loader, "--option-rom x.rom"), Ok(()));
    assert_eq!(refused(KERNEL, "--option-rom x.rom"), Err("option --option-rom".into()));
    assert_eq!(checked(KERNEL, "--xen"), Ok(()));
    assert_eq!(refused(loader, "--xen"), Err("option --xen".into()));
}
