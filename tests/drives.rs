//! Drives of the command: files behind disks, as a guest of our own reads and writes them.
//!
//! The guest (`guests/asm`, `kernels::disk`) speaks PIO to the primary channel and waits for IRQ 14. What
//! it prints was checked under QEMU 7.2 with the same image.

mod runs;

use runs::{Boot, Scratch, boot, guest};

const SECTORS: usize = 64;

/// Byte n of sector s is s * 5 + n.
fn image() -> Vec<u8> {
    (0..SECTORS * 512).map(|at| (at / 512 * 5 + at % 512) as u8).collect()
}

/// What the guest writes to sector 1.
fn pattern() -> Vec<u8> {
    (0..512).map(|at| (at * 3) as u8).collect()
}

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().map(|&byte| u64::from(byte)).sum()
}

/// The guest's answers on an intact disk.
fn answers() -> String {
    let read = sum(&image()[..8 * 512]);
    let written = sum(&pattern());
    let sectors = SECTORS;
    format!(
        "sectors={sectors:08x}\nsingle={read:08x}\nmultiple={read:08x}\nwritten={written:08x}\n\
         interrupts=0000000d\n"
    )
}

fn run(name: &str, kernel: &str, drive: &[&str]) -> Boot {
    boot(name, &[&[kernel, "--max-insns=50M"], drive].concat())
}

#[test]
fn a_guest_reads_and_writes_a_disk_by_pio_with_its_interrupt() {
    let scratch = Scratch::new("drives-pio");
    let (kernel, disk) = (scratch.kernel("disk"), scratch.file("a,b.img", &image()));

    let ran = run("drives-pio-run", &kernel, &["-hda", &disk]);

    assert_eq!(ran.status, Some(0), "{}", ran.said);
    assert_eq!(ran.console.replace('\r', ""), answers());
    assert!(ran.summary["devices"]["ide"].as_u64() > Some(2000), "{}", ran.summary["devices"]);
    let now = std::fs::read(&disk).unwrap();
    assert_eq!(now[512..1024], pattern());
    assert_eq!((&now[..512], &now[1024..]), (&image()[..512], &image()[1024..]));
}

#[test]
fn a_snapshot_leaves_the_file_alone_and_is_the_same_run() {
    let scratch = Scratch::new("drives-snapshot");
    let (kernel, disk) = (scratch.kernel("disk"), scratch.file("disk.img", &image()));
    let snapshot = format!("file={disk},if=ide,format=raw,snapshot=on");
    let through = format!("file={disk}");

    let first = run("drives-snapshot-run", &kernel, &["--drive", &snapshot]);
    assert_eq!(std::fs::read(&disk).unwrap(), image());
    let second = run("drives-through-run", &kernel, &["--drive", &through]);
    assert_eq!(std::fs::read(&disk).unwrap()[512..1024], pattern());

    assert_eq!(first.console.replace('\r', ""), answers());
    assert_eq!(first.text("state_hash"), second.text("state_hash"));
    assert_eq!(first.number("instructions"), second.number("instructions"));
}

/// ATA/ATAPI-6, "WRITE SECTOR(S)": ABRT in the error register, DRDY, DSC and ERR in the status.
#[test]
fn a_read_only_drive_aborts_the_write_and_a_file_without_permission_will_do() {
    let scratch = Scratch::new("drives-readonly");
    let (kernel, disk) = (scratch.kernel("disk"), scratch.file("disk.img", &image()));
    let mut permissions = std::fs::metadata(&disk).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&disk, permissions).unwrap();

    let spec = format!("file={disk},readonly=on");
    let ran = run("drives-readonly-run", &kernel, &["--drive", &spec]);

    assert!(ran.console.contains("failed=00005104"), "{}", ran.console);
    assert_eq!(std::fs::read(&disk).unwrap(), image());
}

#[test]
fn a_file_that_ends_within_a_sector_is_padded_with_zeros() {
    let scratch = Scratch::new("drives-padded");
    let bytes = &image()[..7 * 512 + 100];
    let (kernel, disk) = (scratch.kernel("disk"), scratch.file("disk.img", bytes));

    let spec = format!("file={disk},snapshot=on");
    let ran = run("drives-padded-run", &kernel, &["--drive", &spec]);

    let read = sum(bytes);
    assert!(ran.console.contains(&format!("single={read:08x}")), "{}", ran.console);
    assert!(ran.console.contains("sectors=00000008"), "{}", ran.console);
}

/// Debian's kernel for every PC, with its drivers as modules: they find the disk's function on PCI, which ACPI names
/// or a probe of mechanism 1 finds, and read by bus master. By PIO a sector would take 128 accesses and more.
#[test]
fn linux_finds_a_disk_without_firmware_and_reads_it_by_dma() {
    let name = "drives-linux";
    let (Some(kernel), Some(initrd)) =
        (guest(name, "generic/vmlinux"), guest(name, "initrd-ata.cpio"))
    else {
        return;
    };
    let scratch = Scratch::new(name);
    let bytes: Vec<u8> = (0..1 << 20).map(|at| (at / 512 * 5 + at % 512) as u8).collect();
    let disk = scratch.file("disk.img", &bytes);
    // Without ACPI Linux knows no way to power off.
    for (acpi, ending) in [("--acpi=full", "poweroff"), ("--acpi=off", "halted")] {
        let args = [&*kernel, "--initrd", &initrd, "-hda", &disk, "--append=console=ttyS0", acpi];

        let ran = boot("drives-linux-run", &args);

        assert_eq!(ran.text("stop"), ending, "{acpi}: {}", ran.said);
        for words in ["bmdma 0xc000 irq 14", "DISK f5155b11e077eb6fde8853f6e50c8d5c"] {
            assert!(ran.console.contains(words), "{acpi} {words}\n{}", ran.console);
        }
        let accesses = ran.summary["devices"]["ide"].as_u64();
        assert!(accesses < Some(2048 * 16), "{acpi}: {accesses:?}");
    }
}
