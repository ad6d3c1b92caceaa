//! What real guests show on the VGA: read back as text, as a person would read it.

mod runs;

use runs::{boot, guest};

/// memtest86+ has no other console: its title, and what it says while it tests.
#[test]
fn memtest86_shows_its_screen_and_begins_to_test() {
    let test = "memtest86+ on the screen";
    let Some(kernel) = guest(test, "memtest/x64.bin") else { return };
    let until = r"--until=screen~^ *Memtest86\+(?s:.*)Testing: ";

    let boot = boot("screen-memtest", &[&kernel, "-m", "64M", "--screen=text", until, "-q"]);

    assert_eq!((boot.status, boot.text("stop")), (Some(0), "until"), "{}", boot.console);
    assert!(boot.console.contains("Memtest86+"), "{}", boot.console);
}

/// A kernel of Debian on its VGA console, from its first messages to the last; init writes there too. The
/// keyboard and the mouse are found on the way.
#[test]
fn linux_boots_on_the_vga_console_and_finds_the_keyboard() {
    let test = "Linux on the screen";
    let Some(kernel) = guest(test, "cloud/vmlinuz") else { return };
    let Some(initrd) = guest(test, "initrd-test.cpio") else { return };
    let append = "--append=console=ttyS0 console=tty0";

    let args =
        [&*kernel, "--initrd", &*initrd, append, "--protocol=linux64", "--screen=text", "-q"];
    let boot = boot("screen-linux", &args);

    assert_eq!((boot.status, boot.text("stop")), (Some(0), "poweroff"), "{}", boot.said);
    let (serial, screen) =
        boot.console.split_once("USERSPACE-UP\n").expect("init wrote to the screen");
    assert!(
        screen.contains("Linux version 6.") && screen.contains("reboot: Power down"),
        "{screen}"
    );
    for words in ["serio: i8042 KBD port at 0x60,0x64 irq 1", "colour VGA+ 80x25"] {
        assert!(serial.contains(words), "{words}\n{serial}");
    }
}

/// SeaBIOS and its VGA BIOS, which finds the adapter, sets mode 3 and loads its own font; nothing is there to
/// boot from. The banner comes after the keyboard has answered.
#[test]
fn seabios_writes_to_the_screen_that_its_vga_bios_has_set_up() {
    let test = "SeaBIOS on the screen";
    let Some(bios) = guest(test, "roms/bios-256k.bin") else { return };
    if guest(test, "roms/vgabios-isavga.bin").is_none() {
        return;
    }
    let until = "--until=screen~^No bootable device";

    let args = ["--bios", &*bios, "--screen=text", "--debugcon=stdio", until, "--no-reboot", "-q"];
    let boot = boot("screen-seabios", &args);

    assert_eq!((boot.status, boot.text("stop")), (Some(0), "until"), "{}", boot.said);
    assert!(boot.console.contains("PS2 keyboard initialized"), "{}", boot.console);
    let (_, screen) = boot.console.rsplit_once("\nSeaBIOS (version ").expect("the banner");
    assert!(screen.contains("\nNo bootable device."), "{screen}");
}
