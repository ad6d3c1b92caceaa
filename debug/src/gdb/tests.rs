//! The protocol without a gdb: packets in, packets out.

mod guard;

use super::framing::{Framing, PACKET, Piece, packet};
use super::registers::{ROWS, View, What};
use super::{Debuggee, Report, Server, State, description};
use arch::control::{cr0, cr4, efer};
use arch::segment::{SegReg, Segment, Selector, TableRegister};
use machine::{Machine, MachineConfig, Stop};
use memory::PhysAddr;

/// Where code is.
const CODE: u64 = 0x1_0000;

/// A machine in 64-bit mode whose first 2 MiB are mapped one to one, at this code.
fn debuggee(code: &[u8]) -> Debuggee {
    let config = MachineConfig { ram_bytes: 16 << 20, ..MachineConfig::default() };
    let mut machine = Machine::new(&config).unwrap();
    let put = |at: u64, value: u64| {
        machine.memory().write(PhysAddr(at), &value.to_le_bytes()).unwrap();
    };
    put(0x1000, 0x2007);
    put(0x2000, 0x3007);
    put(0x3000, 0x87);
    machine.memory().write(PhysAddr(CODE), code).unwrap();
    let mut registers = machine.cpu().registers();
    registers.rip = CODE;
    registers.cr0 = cr0::PE | cr0::PG | cr0::NE | cr0::ET;
    registers.cr3 = 0x1000;
    registers.cr4 = cr4::PAE;
    registers.efer = efer::LME | efer::LMA;
    registers.gpr[4] = 0x8_0000;
    let flat =
        |attributes| Segment { selector: Selector(8), attributes, limit: 0xffff_ffff, base: 0 };
    registers.segments = [flat(0xc093); 6];
    registers.segments[SegReg::Cs as usize] = flat(0xa09b);
    machine.cpu_mut().set_registers(&registers);
    Debuggee::new(machine)
}

/// A connection that does not acknowledge.
fn connected(debuggee: &mut Debuggee) -> Server {
    let mut server = Server::new(debuggee);
    server.receive(debuggee, &packet("QStartNoAckMode"));
    server.receive(debuggee, b"+");
    server.take_output();
    server
}

/// What a packet is answered, without its frame.
fn ask(server: &mut Server, debuggee: &mut Debuggee, body: &str) -> String {
    server.receive(debuggee, &packet(body));
    body_of(&server.take_output())
}

/// The body of the only packet, with run-length encoding undone.
fn body_of(bytes: &[u8]) -> String {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let body = text.strip_prefix('$').and_then(|text| text.rsplit_once('#')).unwrap_or_default().0;
    let mut out = String::new();
    let mut chars = body.chars();
    while let Some(next) = chars.next() {
        match next {
            '*' => {
                let count = chars.next().unwrap() as usize - 29;
                let last = out.chars().last().unwrap();
                out.extend(std::iter::repeat_n(last, count));
            }
            other => out.push(other),
        }
    }
    out
}

/// Runs as the connection wants until there is something to report.
fn run(server: &mut Server, debuggee: &mut Debuggee) -> String {
    while server.state() == State::Running {
        let limit = debuggee.step_goal().unwrap_or(debuggee.retired() + 1000);
        match debuggee.run(limit) {
            Stop::Debug(stop) => server.report(debuggee, Report::Debug(stop)),
            Stop::Slice if debuggee.step_goal().is_some() => {
                server.report(debuggee, Report::Step);
            }
            Stop::Slice => {}
            other => panic!("{other:?}"),
        }
    }
    body_of(&server.take_output())
}

/// `inc eax` (2 bytes) three times, `jmp` back to the first.
const LOOP: [u8; 8] = [0xff, 0xc0, 0xff, 0xc0, 0xff, 0xc0, 0xeb, 0xf8];

#[test]
fn the_description_names_every_register_once_and_in_the_order_of_the_g_packet() {
    let names: Vec<&str> = description::XML
        .lines()
        .filter_map(|line| line.strip_prefix("<reg name=\"")?.split('"').next())
        .collect();

    assert_eq!(names.len(), ROWS.len());
    assert!(names.iter().zip(ROWS.iter()).all(|(name, row)| *name == row.name));
    // gdb's order of the core registers: RAX RBX RCX RDX RSI RDI RBP RSP R8-R15 RIP.
    assert_eq!(&names[..8], ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"]);
    assert_eq!((names[16], names[17], names[24], names[40]), ("rip", "eflags", "st0", "xmm0"));
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), names.len());
}

#[test]
fn the_description_is_read_in_pieces_and_others_are_refused() {
    let mut debuggee = debuggee(&LOOP);
    let mut server = connected(&mut debuggee);
    let mut text = String::new();
    loop {
        let ask_for = format!("qXfer:features:read:target.xml:{:x},100", text.len());
        let piece = ask(&mut server, &mut debuggee, &ask_for);
        text.push_str(&piece[1..]);
        if piece.starts_with('l') {
            break;
        }
    }
    // `*`, `#`, `$` and `}` would be escaped: the XML has none.
    assert_eq!(text, *description::XML);
    let other = ask(&mut server, &mut debuggee, "qXfer:features:read:other.xml:0,100");
    assert!(other.starts_with('E'), "{other}");
}

#[test]
fn registers_are_read_and_written_one_by_one_and_together() {
    let mut debuggee = debuggee(&LOOP);
    let mut server = connected(&mut debuggee);
    let number = |name: &str| ROWS.iter().position(|row| row.name == name).unwrap();
    for (name, value) in [
        ("rax", "8877665544332211"),
        ("r15", "0100000000000080"),
        ("rip", "1000010000000000"),
        ("st3", "0000000000000080ff3f"),
        ("xmm7", "000102030405060708090a0b0c0d0e0f"),
        ("ymm7h", "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"),
        ("fs_base", "00f0ffff00000000"),
        ("k_gs_base", "0000000000088888"),
        ("fctrl", "7f020000"),
        ("cr2", "0010000000000000"),
    ] {
        let set = format!("P{:x}={value}", number(name));
        assert_eq!(ask(&mut server, &mut debuggee, &set), "OK", "{name}");
        let get = format!("p{:x}", number(name));
        assert_eq!(ask(&mut server, &mut debuggee, &get), value, "{name}");
    }
    // All at once: as they are they can be written back, changed only where that may be.
    let all = ask(&mut server, &mut debuggee, "g");
    assert_eq!(ask(&mut server, &mut debuggee, &format!("G{all}")), "OK");
    let changed = format!("G{}{}", "0807060504030201", &all[16..]);
    assert_eq!(ask(&mut server, &mut debuggee, &changed), "OK");
    assert_eq!(debuggee.cpu().gpr(0), 0x0102_0304_0506_0708);
    for name in ["insns", "cr0", "efer", "cr8"] {
        let set = format!("P{:x}=ffffffffffffffff", number(name));
        assert!(ask(&mut server, &mut debuggee, &set).starts_with('E'), "{name}");
    }
}

#[test]
fn outside_64_bit_mode_registers_are_masked_and_rip_is_linear() {
    let mut debuggee = debuggee(&LOOP);
    let mut registers = debuggee.cpu().registers();
    registers.gpr = [u64::MAX; 16];
    registers.cr0 = 0;
    registers.efer = 0;
    registers.segments = [Segment::real_mode(0x900); 6];
    registers.rip = 0x12;
    debuggee.cpu_mut().set_registers(&registers);
    let what = |name: &str| ROWS.iter().find(|row| row.name == name).unwrap().what;

    let view = View::of(&debuggee);
    let get = |name| view.get(what(name));
    assert_eq!((get("rip"), get("ip"), get("cs_base"), get("cs")), (0x9012, 0x12, 0x9000, 0x900));
    assert_eq!((get("rax"), get("rsp"), get("r8")), (0xffff_ffff, 0xffff_ffff, 0));
    assert!(debuggee.set_register(what("rip"), 0x9034));
    assert_eq!(debuggee.cpu().registers().rip, 0x34);
}

#[test]
fn a_segment_register_takes_what_it_can_hold_and_null_where_a_program_may() {
    use SegReg::{Cs, Ds, Es, Fs, Gs, Ss};
    const GDT: u64 = 0x5000;
    // Of DPL 0: code, writable data, read-only data, code that cannot be read.
    let descriptors = [
        0,
        0x00af_9b00_0000_ffff_u64,
        0x00cf_9300_0000_ffff,
        0x00cf_9100_0000_ffff,
        0x00af_9900_0000_ffff,
    ];
    let mut debuggee = debuggee(&LOOP);
    let bytes: Vec<u8> = descriptors.iter().flat_map(|it| it.to_le_bytes()).collect();
    debuggee.memory().write(PhysAddr(GDT), &bytes).unwrap();
    let mut registers = debuggee.cpu().registers();
    registers.gdtr = TableRegister { base: GDT, limit: 8 * 5 - 1 };
    debuggee.cpu_mut().set_registers(&registers);
    for (register, selector, taken) in [
        (Ds, 0, true),
        (Es, 3, true),
        (Fs, 2, true),
        (Gs, 1, true),
        (Cs, 0, false),
        (Ss, 0, false),
        (Cs, 0x08, true),
        (Cs, 0x10, false),
        (Cs, 0x20, true),
        (Ss, 0x08, false),
        (Ss, 0x10, true),
        (Ss, 0x18, false),
        (Ds, 0x08, true),
        (Ds, 0x18, true),
        (Ds, 0x20, false),
        (Ds, 0x28, false),
    ] {
        let set = debuggee.set_register(What::Selector(register), selector.into());

        assert_eq!(set, taken, "{register:?} = {selector:#x}");
        let now = debuggee.cpu().registers().segments[register as usize];
        let null = selector & !3 == 0;
        assert!(!taken || now.selector.0 == selector && now.usable() != null, "{register:?}");
    }
}

#[test]
fn memory_is_read_through_a_new_cr3_before_the_machine_runs_under_pae_too() {
    // Two PDPTs: what the first one maps at 0, the second one maps 2 MiB higher.
    const PDPTS: [u64; 2] = [0x6000, 0x6020];
    let mut debuggee = debuggee(&LOOP);
    for (at, value) in [
        (PDPTS[0], 0x7001),
        (PDPTS[1], 0x8001),
        (0x7000, 0x83),
        (0x8000, 0x20_0083),
        (0x100, 0x11),
        (0x20_0100, 0x22_u64),
    ] {
        debuggee.memory().write(PhysAddr(at), &value.to_le_bytes()).unwrap();
    }
    let mut registers = debuggee.cpu().registers();
    (registers.cr3, registers.efer) = (PDPTS[0], 0);
    registers.segments[SegReg::Cs as usize].attributes = 0xc09b;
    debuggee.cpu_mut().set_registers(&registers);
    let read = |debuggee: &Debuggee| {
        let mut byte = [0];
        (debuggee.read_guest(0x100, &mut byte), byte[0])
    };
    assert_eq!(read(&debuggee), (1, 0x11), "before the first run");
    assert_eq!(debuggee.run(1), Stop::Slice);

    assert!(debuggee.set_register(What::Control(3), PDPTS[1].into()));

    assert_eq!(read(&debuggee), (1, 0x22));
}

#[test]
fn memory_goes_through_paging_and_what_is_not_there_is_an_error() {
    let mut debuggee = debuggee(&LOOP);
    // 2 MiB of linear memory from 1 GiB on are the second 2 MiB of RAM.
    debuggee.memory().write(PhysAddr(0x2008), &0x4007u64.to_le_bytes()).unwrap();
    debuggee.memory().write(PhysAddr(0x4000), &0x20_0087u64.to_le_bytes()).unwrap();
    let mut server = connected(&mut debuggee);
    assert_eq!(ask(&mut server, &mut debuggee, "m10000,4"), "ffc0ffc0");
    assert_eq!(ask(&mut server, &mut debuggee, "M40000010,3:abcdef"), "OK");
    let mut bytes = [0; 3];
    debuggee.memory().read(PhysAddr(0x20_0010), &mut bytes).unwrap();
    assert_eq!(bytes, [0xab, 0xcd, 0xef]);
    for unmapped in
        ["m200000,4", "m7fffffffffffffff,8", "mffffffffffffffff,8", "M1ffffe,4:00000000"]
    {
        assert_eq!(ask(&mut server, &mut debuggee, unmapped), "E0e", "{unmapped}");
    }
    // Up to the end of what is mapped.
    assert_eq!(ask(&mut server, &mut debuggee, "m1ffffe,4"), "0000");
    // By physical address, as QEMU's packet has it.
    assert_eq!(ask(&mut server, &mut debuggee, "qqemu.PhyMemMode"), "0");
    assert_eq!(ask(&mut server, &mut debuggee, "Qqemu.PhyMemMode:1"), "OK");
    assert_eq!(ask(&mut server, &mut debuggee, "m200010,3"), "abcdef");
    assert_eq!(ask(&mut server, &mut debuggee, "mfffffffffffffff0,4"), "E0e");
    assert_eq!(ask(&mut server, &mut debuggee, "qqemu.PhyMemMode"), "1");
}

#[test]
fn steps_breakpoints_and_watchpoints_stop_where_they_should() {
    let mut debuggee = debuggee(&LOOP);
    let mut server = connected(&mut debuggee);
    server.receive(&mut debuggee, &packet("vCont;s:1"));
    assert_eq!(run(&mut server, &mut debuggee), "S05");
    assert_eq!(debuggee.cpu().rip(), CODE + 2);

    assert_eq!(ask(&mut server, &mut debuggee, "Z0,10000,1"), "OK");
    assert_eq!(ask(&mut server, &mut debuggee, "Z1,10004,1"), "OK");
    server.receive(&mut debuggee, &packet("vCont;c"));
    assert_eq!(run(&mut server, &mut debuggee), "T05thread:01;hwbreak:;");
    server.receive(&mut debuggee, &packet("c"));
    assert_eq!(run(&mut server, &mut debuggee), "T05thread:01;swbreak:;");
    assert_eq!(debuggee.cpu().rip(), CODE);
    // The guest's memory shows no breakpoint.
    assert_eq!(ask(&mut server, &mut debuggee, "m10000,2"), "ffc0");
    for clear in ["z0,10000,1", "z1,10004,1"] {
        assert_eq!(ask(&mut server, &mut debuggee, clear), "OK");
    }

    // mov [0x20000], eax; jmp back
    let store = "M10000,9:890425000002".to_owned() + "00ebf7";
    assert_eq!(ask(&mut server, &mut debuggee, &store), "OK");
    assert_eq!(ask(&mut server, &mut debuggee, "Z2,1fff0,21"), "OK");
    server.receive(&mut debuggee, &packet("vCont;c"));
    assert_eq!(run(&mut server, &mut debuggee), "T05thread:01;watch:020000;");
    assert_eq!(debuggee.cpu().rip(), CODE + 7);
}

#[test]
fn an_interruption_stops_the_machine_where_it_is() {
    let mut debuggee = debuggee(&LOOP);
    let mut server = connected(&mut debuggee);
    server.receive(&mut debuggee, &packet("vCont;c"));
    assert_eq!(server.state(), State::Running);
    debuggee.run(1000);

    server.receive(&mut debuggee, &[3]);

    assert_eq!((server.state(), body_of(&server.take_output())), (State::Stopped, "S02".into()));
}

#[test]
fn detaching_and_killing_leave_nothing_behind() {
    for (last, state) in [("D", State::Detached), ("k", State::Killed), ("vKill;1", State::Killed)]
    {
        let mut debuggee = debuggee(&LOOP);
        let mut server = connected(&mut debuggee);
        ask(&mut server, &mut debuggee, "Z0,10004,1");
        ask(&mut server, &mut debuggee, "Z3,10000,8");
        server.receive(&mut debuggee, &packet(last));
        assert_eq!(server.state(), state, "{last}");
        assert_eq!(debuggee.run(1000), Stop::Slice);
    }
}

#[test]
fn the_end_of_the_run_is_told() {
    let mut debuggee = debuggee(&LOOP);
    let mut server = connected(&mut debuggee);
    server.receive(&mut debuggee, &packet("vCont;c"));
    server.report(&mut debuggee, Report::Signal(11));
    assert_eq!(body_of(&server.take_output()), "S0b");
    server.receive(&mut debuggee, &packet("vCont;c"));
    server.report(&mut debuggee, Report::Exited(4));
    assert_eq!((server.state(), body_of(&server.take_output())), (State::Ended, "W04".into()));
}

#[test]
fn monitor_commands_answer_in_words() {
    let mut debuggee = debuggee(&LOOP);
    let hash = debuggee.state_hash();
    for (command, expected) in [
        ("help", "state-hash"),
        ("info registers", "rip=0000000000010000"),
        ("info walk 0x10000", "walk of 0x0000000000010000"),
        ("info faults", ""),
        ("insns", "0 instructions"),
        ("state-hash", &*format!("{hash:032x}")),
        ("xp/2xh 0x10000", "0000000000010000: 0xc0ff 0xc0ff"),
        ("x/1g 0x10000", "0xf8ebc0ffc0ffc0ff"),
        ("x/b 0x300000", "no memory"),
        ("dump 0x10000 8", "ff c0 ff c0 ff c0 eb f8"),
        ("disas", "inc eax"),
        ("disas 0x10006", "jmp"),
        ("disas 0x300000", "no memory"),
        ("phys on", "physical"),
        ("phys off", "linear"),
        ("nonsense", "unknown command"),
        ("xp/99999999999999999999 0", "unknown command"),
    ] {
        let answer = super::monitor::answer(&mut debuggee, command);
        assert!(answer.contains(expected), "{command}: {answer}");
    }
}

#[test]
fn monitor_names_addresses_and_finds_names() {
    use crate::symbols::Symbols;
    let mut debuggee = debuggee(&LOOP);
    let names = Symbols::of_file(&b"10000 T spin\n".to_vec());
    debuggee.set_symbols(&std::rc::Rc::new(names));

    for (command, expected) in [
        ("sym spin", "0x10000\n"),
        ("sym 0x10004", "0x10004 <spin+0x4>\n"),
        ("sym nobody", "no name is known for nobody\n"),
        ("disas", "<spin>:\n"),
        ("disas 0x10006", "jmp short 0x10000 <spin>\n"),
    ] {
        let answer = super::monitor::answer(&mut debuggee, command);
        assert!(answer.contains(expected), "{command}: {answer}");
    }
}

#[test]
fn damaged_packets_are_asked_for_again_and_noise_is_dropped() {
    let mut debuggee = debuggee(&LOOP);
    let mut server = Server::new(&mut debuggee);
    server.receive(&mut debuggee, b"noise-\xff$g#00");
    assert_eq!(server.take_output(), b"-");
    server.receive(&mut debuggee, &packet("?"));
    assert!(server.take_output().starts_with(b"+$T05"));
    server.receive(&mut debuggee, &packet("qqemu.PhyMemMode"));
    assert_eq!(server.take_output(), b"+$0#30");
}

#[test]
fn a_packet_without_end_ends_the_connection() {
    let mut framing = Framing::default();
    let last = std::iter::once(b'$').chain(std::iter::repeat(b'x')).map(|byte| framing.push(byte));
    let pieces: Vec<Piece> = last.take(PACKET + 1).flatten().collect();
    assert_eq!(pieces, [Piece::TooLong]);

    let mut debuggee = debuggee(&LOOP);
    let mut server = connected(&mut debuggee);
    server.receive(&mut debuggee, &[&b"$"[..], &[b'm'; PACKET + 9]].concat());
    assert_eq!(server.state(), State::Broken);
    server.receive(&mut debuggee, &packet("g"));
    assert_eq!((server.state(), server.take_output().len()), (State::Broken, 0));
}
