//! Images as byte providers: one kernel and ramdisk from a file, from the host's memory and from the
//! guest's own RAM boot alike, directly and through firmware.

mod runs;

use boot::firmware::{self, FirmwareRequest, Rom};
use boot::{BootPlan, GuestRange, Image, Module, Request};
use machine::{Machine, MachineConfig, Stop};
use memory::{Memory, PhysAddr};
use runs::{boot as run_command, guest};

const APPEND: &str = "console=ttyS0 quiet";
/// Where a toolstack left kernel and ramdisk: 256 MiB and more, out of the way of both plans.
const LEFT_AT: u64 = 256 << 20;

/// How a run went: what came over the serial line, and how many instructions it took.
#[derive(PartialEq, Debug)]
struct Course {
    console: String,
    instructions: u64,
}

/// Bytes of the host.
fn read(path: &str) -> Vec<u8> {
    std::fs::read(path).expect("a fetched guest")
}

/// A range of RAM with a copy of `bytes`.
fn left<'a>(memory: &'a Memory, at: u64, bytes: &[u8]) -> GuestRange<'a> {
    memory.write(PhysAddr(at), bytes).expect("RAM");
    let (addr, len) = (PhysAddr(at), bytes.len() as u64);
    GuestRange { name: "bytes in memory".into(), memory, addr, len }
}

/// The ROMs of a boot through firmware: name and bytes of SeaBIOS and of its option ROM.
struct Roms {
    bios: Vec<u8>,
    linuxboot: Vec<u8>,
}

fn config(roms: Option<&Roms>) -> MachineConfig {
    let rom = roms.map(|roms| roms.bios.clone().into());
    // The command's default; QEMU's ports are off unless --debugcon is given.
    MachineConfig { debugcon: false, rom, ..MachineConfig::default() }
}

/// Plans the boot of two images.
fn plan<'a>(
    images: [&'a dyn Image; 2],
    platform: &'a boot::Platform,
    roms: Option<&'a Roms>,
) -> BootPlan<'a> {
    let modules = vec![Module { image: images[1], cmdline: "" }];
    let request =
        Request { modules, cmdline: APPEND, ..Request::new(images[0], 512 << 20, platform) };
    let plan = match roms {
        None => boot::plan(&request),
        Some(roms) => firmware::plan(&FirmwareRequest {
            request,
            has_kernel: true,
            kernel_rom: Some(Rom {
                name: "linuxboot_dma.bin",
                bytes: &roms.linuxboot,
                boot_index: Some(0),
            }),
            option_roms: Vec::new(),
            vga_rom: None,
        }),
    };
    plan.unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a machine to its end.
fn finish(mut machine: Machine) -> Course {
    let mut console = Vec::new();
    loop {
        let stop = machine.run(u64::MAX);
        console.extend(machine.take_serial_output());
        match stop {
            Stop::Slice => {}
            Stop::PowerOff => break,
            other => panic!("{other:?}: {}", String::from_utf8_lossy(&console)),
        }
    }
    let console = String::from_utf8(console).expect("text");
    Course { console, instructions: machine.retired() }
}

/// From the host's memory, then from guest RAM.
fn courses(kernel: &Vec<u8>, initrd: &Vec<u8>, roms: Option<&Roms>) -> [Course; 2] {
    let config = config(roms);
    let platform = config.platform();
    let mut machine = Machine::new(&config).unwrap();
    machine.boot(&plan([kernel, initrd], &platform, roms)).unwrap();
    let from_memory = finish(machine);

    let mut machine = Machine::new(&config).unwrap();
    let initrd_at = LEFT_AT + (kernel.len() as u64).next_multiple_of(1 << 20);
    let start = {
        let memory = machine.memory();
        let ranges = [(LEFT_AT, kernel), (initrd_at, initrd)];
        let [kernel, initrd] = ranges.map(|(at, bytes)| left(memory, at, bytes));
        let plan = plan([&kernel, &initrd], &platform, roms);
        plan.write(memory).expect("the plan keeps off its own images");
        plan.start()
    };
    machine.start(&start).unwrap();
    [from_memory, finish(machine)]
}

#[test]
fn a_kernel_from_file_memory_and_guest_ram_boots_alike() {
    let test = "images-in-ram";
    let files =
        ["cloud/vmlinuz", "initrd-test.cpio", "roms/bios-256k.bin", "roms/linuxboot_dma.bin"];
    let Some(paths) = files.map(|file| guest(test, file)).into_iter().collect::<Option<Vec<_>>>()
    else {
        return;
    };
    let (kernel, initrd) = (read(&paths[0]), read(&paths[1]));
    let roms = Roms { bios: read(&paths[2]), linuxboot: read(&paths[3]) };

    let [memory, range] = courses(&kernel, &initrd, None);
    let args = ["--kernel", &paths[0], "--initrd", &paths[1], "--append", APPEND];
    let file = run_command(test, &args);
    assert!(memory.console.contains("USERSPACE-UP"), "{}", memory.console);
    assert_eq!(range, memory);
    assert_eq!(
        (file.number("instructions"), &*file.console),
        (memory.instructions, &*memory.console)
    );

    let [memory, range] = courses(&kernel, &initrd, Some(&roms));
    assert!(memory.console.contains("USERSPACE-UP"), "{}", memory.console);
    assert_eq!(range, memory);
}
