//! The guard that sees firmware start a boot sector although it has a kernel, beside gdb and a goal.

use super::{Debuggee, ask, connected};
use boot::firmware::Items;
use boot::{Entry, Start};
use machine::{Machine, MachineConfig, Stop};
use memory::PhysAddr;

/// mov dx, 0x510; mov ax, 0x11; out dx, ax -- the kernel's bytes are selected in fw_cfg
const ASK: &[u8] = &[0xba, 0x10, 0x05, 0xb8, 0x11, 0x00, 0xef];

/// A machine with a kernel whose firmware is this code in real mode, and then starts a boot sector.
fn with_firmware(code: &[u8]) -> Debuggee {
    let mut rom = vec![0; 0x2_0000];
    let sector = [0xea, 0x00, 0x7c, 0x00, 0x00]; // jmp 0000:7c00
    let all = [code, &sector].concat();
    rom[0x1_0000..0x1_0000 + all.len()].copy_from_slice(&all);
    rom[0x1_fff0..0x1_fff5].copy_from_slice(&[0xea, 0x00, 0x00, 0x00, 0xf0]); // jmp f000:0000
    let rom = Some(rom.into());
    let config = MachineConfig { ram_bytes: 16 << 20, rom, ..MachineConfig::default() };
    let mut machine = Machine::new(&config).unwrap();
    machine.memory().write(PhysAddr(0x7c00), &[0xeb, 0xfe]).unwrap(); // jmp to itself
    let firmware = Some(Items { entry: Some(0x10_0000), ..Items::default() });
    machine
        .start(&Start {
            entry: Entry::real_mode(0, 0, 0, 0),
            e820: Vec::new(),
            firmware,
            bios: false,
        })
        .unwrap();
    let mut debuggee = Debuggee::new(machine);
    debuggee.guard_kernel();
    debuggee
}

/// Whose the stop at the boot sector is: gdb's, the goal's, and whether the kernel was ignored.
fn at_boot_sector(debuggee: &mut Debuggee) -> (bool, bool, bool) {
    let stop = debuggee.run(1000);
    assert_eq!(debuggee.cpu().linear_ip(), 0x7c00);
    let Stop::Debug(what) = stop else { panic!("{stop:?}") };
    (debuggee.is_gdbs(what), debuggee.is_goal(what), debuggee.ignores_kernel(stop))
}

#[test]
fn a_breakpoint_a_goal_and_the_guard_of_the_kernel_at_the_boot_sector_do_not_lose_each_other() {
    let mut guarded = with_firmware(&[]);
    assert_eq!(at_boot_sector(&mut guarded), (false, false, true));
    assert_eq!(guarded.run(2000), Stop::Slice, "once");

    let mut released = with_firmware(&[]);
    let mut server = connected(&mut released);
    assert_eq!(ask(&mut server, &mut released, "Z0,7c00,1"), "OK");
    assert_eq!(ask(&mut server, &mut released, "z0,7c00,1"), "OK");
    released.release();
    assert_eq!(at_boot_sector(&mut released), (false, false, true));

    for code in [&[][..], ASK] {
        let mut all = with_firmware(code);
        let mut server = connected(&mut all);
        assert_eq!(ask(&mut server, &mut all, "Z0,7c00,1"), "OK");
        all.set_goal(0x7c00);
        assert_eq!(at_boot_sector(&mut all), (true, true, code.is_empty()));
        all.cpu_mut().pass_breakpoint();
        let again = all.run(2000);
        assert!(matches!(again, Stop::Debug(_)), "the guard is gone, the others stay: {again:?}");
    }
}

#[test]
fn without_a_kernel_nothing_is_watched() {
    let mut rom = with_firmware(&[]);
    rom.reset().unwrap();
    let firmware = Some(Items::default());
    rom.start(&Start {
        entry: Entry::real_mode(0, 0, 0, 0),
        e820: Vec::new(),
        firmware,
        bios: false,
    })
    .unwrap();
    rom.guard_kernel();
    assert_eq!(rom.run(1000), Stop::Slice);
}
