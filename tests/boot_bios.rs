//! Guests that begin in real mode and call a BIOS, on our own services: boot sectors, Linux's setup code,
//! memtest86+; and our answers beside SeaBIOS's.

mod runs;

use bootscope_guests::sectors;
use runs::{Boot, Scratch, boot, grub, guest, i386_archive, run, run_with_input};
use std::collections::BTreeMap;

/// Which field of an answer is ZF.
const ZF: usize = 5;

/// The lines of the services disk, by their number, interrupt and AX.
fn answers(console: &str) -> BTreeMap<String, String> {
    let lines = console.lines().filter_map(|line| line.trim_end().split_once(" > "));
    let numbered = lines.enumerate().map(|(at, (call, answer))| {
        let mut fields: Vec<&str> = answer.split(' ').collect();
        if !call.starts_with("16") && !call.starts_with('m') {
            fields.remove(ZF); // whatever the BIOS's own code left there
        }
        (format!("{at} {call}"), fields.join(" "))
    });
    numbered.collect()
}

/// Where SeaBIOS 1.16 with its VGA BIOS answers something else, and why that is no fault of ours.
const DIFFERENCES: &[(&str, &str)] = &[
    ("0 11 0000", "there is no PS/2 mouse behind INT 15h, C2h"),
    ("12 13 0800", "the last cylinder is not kept for diagnostics"),
    ("15 13 1500", "nor left out of the size"),
    ("17 13 4100", "extensions 1.1 with fixed disk access alone"),
    ("25 15 5300", "there is no APM"),
    ("26 15 8800", "no RAM is kept for firmware's own tables"),
    ("28 15 e801", "the same"),
    ("31 15 e820", "the reserved ROM area begins at 0xe0000, where the tables of direct boots are"),
    ("32 15 e820", "no RAM is kept for firmware's own tables, and no ROM stands below 4 GiB"),
    ("79 13 0800", "how many hard disks there are is told of an absent one too"),
];

/// A foreign implementation beside: the same disk on our services and behind SeaBIOS.
#[test]
fn services_answer_as_seabios_does_but_for_a_list() {
    let test = "bios-services";
    let scratch = Scratch::new("bios-services-disk");
    let disk = scratch.file("disk.img", &sectors::services());
    let screen = format!("--screen=png={}", scratch.path("screen.png"));
    let ours = boot("bios-services-ours", &[&disk, &screen, "-m", "64M"]);
    assert_eq!((ours.status, ours.text("protocol")), (Some(0), "bootsector"), "{}", ours.said);
    let ours = answers(&ours.console);
    assert_eq!(ours.len(), sectors::CALLS.len() + sectors::MODES.len());

    let Some(bios) = guest(test, "roms/bios-256k.bin") else { return };
    let drive = format!("file={disk},format=raw,snapshot=on");
    let args = ["--bios", &bios, "--drive", &drive, &screen, "-m", "64M"];
    let theirs = boot("bios-services-seabios", &args);
    assert_eq!(theirs.status, Some(0), "{}", theirs.said);
    let theirs = answers(&theirs.console);

    let differ: Vec<_> =
        ours.iter().filter(|(call, ours)| theirs.get(*call) != Some(ours)).collect();
    let unexpected: Vec<String> = differ
        .iter()
        .filter(|(call, _)| !DIFFERENCES.iter().any(|(known, _)| known == call))
        .map(|(call, ours)| format!("{call}\n  ours   {ours}\n  theirs {:?}", theirs.get(*call)))
        .collect();
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
    for (call, _) in DIFFERENCES {
        assert!(differ.iter().any(|(other, _)| other == call), "{call} is alike now");
    }
}

/// Without a look at the screen the text is on the serial line, and what is piped in there is typed.
#[test]
fn a_boot_sector_talks_on_the_serial_line_and_its_end_is_a_story() {
    let scratch = Scratch::new("bios-screen");
    let disk = scratch.file("disk.img", &sectors::screen());

    let ran = run_with_input(&[&disk, "--max-insns", "200M"], b"k");

    assert_eq!(ran.status, Some(7), "{}", ran.stderr);
    assert_eq!(ran.stdout, "Which key?\r\nk");
    for words in ["gave the boot back to the BIOS by INT 18h", "at: ", "before 0000:7c", "hint: "] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
}

/// Whoever opens it a second time waits for ever.
#[cfg(unix)]
#[test]
fn a_disk_image_from_a_pipe_with_a_name_is_the_boot_sectors_disk() {
    let scratch = Scratch::new("bios-pipe");
    let (pipe, disk) = (scratch.path("pipe"), sectors::services());
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    let screen = format!("--screen=png={}", scratch.path("screen.png"));
    let args = ["--max-insns=200M", "-m", "64M", "-q"];
    let file = run(&[&[&*scratch.file("disk.img", &disk), &*screen], &args[..]].concat());

    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::write(pipe, disk)
    });
    let piped = run(&[&[&*pipe, &*screen], &args[..]].concat());

    writer.join().expect("a thread").expect("it is read");
    assert_eq!(piped.status, Some(0), "{}", piped.stderr);
    assert_eq!(piped.stdout, file.stdout);
}

#[test]
fn a_boot_sectors_text_is_on_the_screen_alone_where_that_is_looked_at() {
    let scratch = Scratch::new("bios-text");
    let disk = scratch.file("disk.img", &sectors::screen());

    let ran = run(&[&disk, "--screen", "text", "--until", "screen~Which key"]);

    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("Which key?\n"), "{}", ran.stdout);
}

#[test]
fn a_machine_without_pic_and_pit_refuses_what_calls_a_bios() {
    let scratch = Scratch::new("bios-reduced");
    let disk = scratch.file("disk.img", &sectors::screen());

    let args = [&disk, "--acpi", "reduced", "--append", "tsc_early_khz=1000000"];
    let ran = run(&args);

    assert_eq!(ran.status, Some(2));
    assert!(ran.stderr.contains("BOOT-E006"), "{}", ran.stderr);
}

#[track_caller]
fn assert_powered_off_from_user_space(boot: &Boot) {
    assert_eq!((boot.status, boot.text("stop")), (Some(0), "poweroff"), "{}", boot.said);
    assert_eq!(boot.text("protocol"), "linux16");
    assert!(boot.console.contains("\nUSERSPACE-UP\r\n"), "{}", boot.console);
}

/// The whole way: setup code, INT 15h, 10h, 16h and 13h, protected mode, long mode, user space.
#[test]
fn the_cloud_kernel_boots_by_its_setup_code() {
    let test = "bios-linux16";
    let (Some(kernel), Some(initrd)) =
        (guest(test, "cloud/vmlinuz"), guest(test, "initrd-test.cpio"))
    else {
        return;
    };
    let append = "--append=console=ttyS0";

    let boot = boot(test, &[&kernel, "--initrd", &initrd, append, "--protocol=linux16", "-q"]);

    assert_powered_off_from_user_space(&boot);
    // The map that INT 15h gave, as the kernel prints it: boot/src/e820.rs.
    let e820 = "BIOS-e820: [mem 0x0000000000100000-0x000000001fffffff] usable";
    assert!(boot.console.contains(e820), "{}", boot.console);
}

/// The kernel of Debian's 32-bit installer, from its setup code to user space.
#[test]
fn a_32_bit_kernel_boots_by_its_setup_code() {
    let test = "bios-i386";
    let Some(kernel) = guest(test, "i386/vmlinuz") else { return };
    let scratch = Scratch::new("bios-i386-init");
    let archive = i386_archive(&scratch);
    // XZ by 32-bit code: 6.8 G instructions.
    let args = ["--initrd", &*archive, "--append=console=ttyS0", "--max-insns=8G"];

    let boot = boot(test, &[&[&*kernel, "--protocol=linux16", "-q"], &args[..]].concat());

    assert_powered_off_from_user_space(&boot);
}

/// GRUB from a CD-ROM, by INT 13h of our own: the menu on the serial line, a kernel, user space.
#[test]
fn grub_boots_a_kernel_from_a_cd_rom_without_a_firmware() {
    let test = "bios-grub-cd";
    let (Some(kernel), Some(initrd)) =
        (guest(test, "cloud/vmlinuz"), guest(test, "initrd-test.cpio"))
    else {
        return;
    };
    let scratch = Scratch::new("bios-grub-cd-image");
    let Some(image) = grub::image(test, &scratch, &kernel, &initrd) else { return };

    let boot = boot(test, &[&*image, "-q"]);

    assert_eq!((boot.status, boot.text("stop")), (Some(0), "poweroff"), "{}", boot.said);
    assert_eq!(boot.text("protocol"), "eltorito");
    for words in ["GNU GRUB", "USERSPACE-UP\r\n"] {
        assert!(boot.console.contains(words), "{words}: {}", boot.console);
    }
}

/// Old kernels: the protected-mode part below the setup code, which moves it.
#[test]
fn a_zimage_boots_by_its_setup_code() {
    let scratch = Scratch::new("bios-zimage-image");
    let image = scratch.file("zImage", &bootscope_guests::zimage::zimage());

    let boot = boot("bios-zimage", &[&image, "--append=root=/dev/hda1"]);

    assert_eq!((boot.status, boot.text("stop")), (Some(0), "poweroff"), "{}", boot.said);
    assert_eq!(boot.text("protocol"), "linux16");
    assert_eq!(boot.console, "root=/dev/hda1: moved from beginning to end");
}

/// Its real-mode entry is its only one: it is found without being asked for, unpacks itself, looks for devices and
/// gathers entropy from the real-time clock.
#[test]
fn ipxe_shows_its_banner_by_its_setup_code() {
    let test = "bios-ipxe";
    let Some(kernel) = guest(test, "ipxe/ipxe.lkrn") else { return };

    let boot = boot(test, &[&kernel, "--until=serial~Open Source Network Boot Firmware", "-q"]);

    assert_eq!((boot.status, boot.text("stop")), (Some(0), "until"), "{}", boot.said);
    assert_eq!(boot.text("protocol"), "linux16");
}

/// Its setup code asks INT 15h and INT 10h before it switches to long mode.
#[test]
fn memtest86_begins_its_tests_by_its_setup_code() {
    let test = "bios-memtest";
    let Some(kernel) = guest(test, "memtest/x64.bin") else { return };
    let until = r"--until=screen~^ *Memtest86\+(?s:.*)Testing: ";

    let args = [&*kernel, "-m", "64M", "--protocol=linux16", "--screen=text", until, "-q"];
    let boot = boot(test, &args);

    assert_eq!((boot.status, boot.text("stop")), (Some(0), "until"), "{}", boot.console);
}
