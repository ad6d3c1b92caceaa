use super::*;
use crate::testing::{CODE, Small};
use arch::control::{cr0, efer};
use cpu::event_log::{ModeRegister, kind};
use cpu::features::QEMU64;
use iced_x86::Code;
use memory::PhysAddr;

/// A destination that can be read back.
#[derive(Clone, Default)]
struct Paper(Rc<RefCell<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

fn log(list: &str) -> (Log, Paper) {
    let paper = Paper::default();
    (Log::new(Selection::parse(list).unwrap(), Box::new(paper.clone())), paper)
}

/// The text of one event, without count and word.
fn told(list: &str, event: Event) -> String {
    let (log, paper) = log(list);
    log.sink().event(7, event);
    log.finish().unwrap();
    let text = paper.text();
    assert!(text.is_empty() || text.starts_with("           7 "), "{text}");
    text.get(20..).unwrap_or_default().trim_end().to_owned()
}

#[test]
fn a_list_of_words_selects_kinds_of_events() {
    let kinds = |list| Selection::parse(list).unwrap().kinds();
    assert_eq!(kinds("exc"), kind::EXCEPTION);
    assert_eq!(kinds("int, io"), kind::INTERRUPT | kind::EXCEPTION | kind::IO);
    assert_eq!(kinds("cpu_reset"), 0);
    assert!(Selection::parse("").unwrap().is_empty());
    for line in Selection::help().lines() {
        let word = line.split_whitespace().next().unwrap();
        assert!(!Selection::parse(word).unwrap().is_empty(), "{word}");
    }
}

#[test]
fn an_unknown_word_is_refused_with_the_words_there_are() {
    let error = Selection::parse("int,nochain").unwrap_err();
    assert_eq!(error.to_string(), "\"nochain\" is nothing that can be logged");
    assert!(error.hint().contains("int, exc, mode, msr, io, mmio, cpu_reset, fw_cfg, bios, unimp"));
}

#[test]
fn events_are_told_in_the_manuals_words() {
    let place = (8, 0x1000, 0);
    let (cs, rip, cpl) = place;
    let rows = [
        (
            Event::Exception { vector: 14, error_code: Some(2), cr2: 0x10, cs, rip, cpl },
            "#PF(0x2: write, not present, supervisor) CR2=0x10 at 0008:0x1000, CPL 0",
        ),
        (
            Event::Exception { vector: 13, error_code: Some(0), cr2: 0x10, cs, rip, cpl: 3 },
            "#GP(0) at 0008:0x1000, CPL 3",
        ),
        (
            Event::Interrupt { vector: 0x30, external: true, cs, rip, cpl },
            "vector 0x30, external, at 0008:0x1000, CPL 0",
        ),
        (
            Event::Msr { number: 0xc000_0080, value: 0x100, write: true, known: true, rip },
            "wrmsr 0xc0000080 (IA32_EFER) <- 0x100 [LME], at 0x1000",
        ),
        (
            Event::Msr { number: 0x1234, value: 0, write: false, known: false, rip },
            "rdmsr 0x1234: #GP, at 0x1000",
        ),
        (
            Event::Io { port: 0x3f8, size: 1, value: 0x41, write: true, rip },
            "out 0x3f8 (COM1 THR) <- 0x41 'A', at 0x1000",
        ),
        (
            Event::Io { port: 0x3fd, size: 1, value: 0x60, write: false, rip },
            "in 0x3fd (COM1 LSR) -> 0x60, at 0x1000",
        ),
        (
            Event::Io { port: 0x510, size: 2, value: 0x19, write: true, rip },
            "out 0x510 (fw_cfg selector) <- 0x0019 [file directory], at 0x1000",
        ),
        (
            Event::Mmio { addr: PhysAddr(0xfee0_0030), size: 4, value: 0x5_0014, write: false },
            "read 0xfee00030 (LAPIC version) -> 0x00050014",
        ),
        (Event::User { rip }, "first instruction at CPL 3, at 0x1000"),
        (Event::Enter { rip }, "0x1000"),
        (Event::Unimplemented { what: "VMCALL", rip }, "VMCALL, at 0x1000"),
        (
            Event::Lacking { code: Code::Rdrand_r32, model: QEMU64, rip },
            "RDRAND needs rdrand, which CPU model qemu64 lacks: #UD, at 0x1000",
        ),
        (
            Event::Hypercall {
                name: "domctl",
                number: 36,
                args: [1, 0x2000, 0],
                result: -38,
                known: false,
                rip,
            },
            "hypercall 36 domctl(0x1, 0x2000, 0x0) = -38, at 0x1000",
        ),
    ];
    for (event, text) in rows {
        assert_eq!(told("int,mode,msr,io,mmio,unimp,exec", event), text);
    }
}

fn symbols(list: &str) -> Rc<Symbols> {
    Rc::new(Symbols::of_file(&list.as_bytes().to_vec()))
}

#[test]
fn addresses_are_named_but_not_the_offsets_of_real_mode() {
    let names = symbols("1000 T here\nffffffff81000000 T there\n");
    let event = Event::Exception {
        vector: 14,
        error_code: Some(0),
        cr2: 0xffff_ffff_8100_0008,
        cs: 8,
        rip: 0x1002,
        cpl: 0,
    };
    let told = |guest: &Small| {
        let (log, paper) = log("exc");
        log.names(&names, false);
        log.reset(0, &guest.cpu, &guest.memory);
        log.sink().event(7, event);
        log.finish().unwrap();
        paper.text()
    };

    let text = told(&Small::long(&[]));
    assert!(
        text.contains("CR2=0xffffffff81000008 <there+0x8> at 0008:0x1002 <here+0x2>"),
        "{text}"
    );
    let text = told(&Small::long(&[]).with(|registers| (registers.cr0, registers.efer) = (0, 0)));
    assert!(text.contains("at 0008:0x1002, CPL 0"), "{text}");
}

/// What comes later waits too: the order stays.
#[test]
fn lines_of_the_upper_half_wait_for_names_that_are_looked_for() {
    let guest = Small::long(&[]);
    let (log, paper) = log("unimp");
    log.reset(0, &guest.cpu, &guest.memory);
    log.names(&Rc::default(), true);
    for rip in [0x10, 0xffff_ffff_8100_0004, 0x20] {
        log.sink().event(1, Event::Unimplemented { what: "it", rip });
    }
    log.names(&symbols("ffffffff81000000 T there\n"), false);
    log.settle(&guest.cpu, &guest.memory);
    log.finish().unwrap();

    let text = paper.text();
    let lines: Vec<_> = text.lines().filter_map(|line| line.split(" at ").nth(1)).collect();
    assert_eq!(lines, ["0x10", "0xffffffff81000004 <there+0x4>", "0x20"]);
}

#[test]
fn a_hypercall_carries_the_word_that_shows_it_and_waits_for_its_callers_name() {
    let call = |known| Event::Hypercall {
        name: "domctl",
        number: 36,
        args: [0; 3],
        result: -38,
        known,
        rip: 0xffff_ffff_8100_0004,
    };
    let guest = Small::long(&[]);
    for (list, known, word) in
        [("xen", true, " xen "), ("xen", false, " xen "), ("unimp", false, " unimp ")]
    {
        let (log, paper) = log(list);
        log.reset(0, &guest.cpu, &guest.memory);
        log.names(&Rc::default(), true);
        log.sink().event(1, call(known));
        log.names(&symbols("ffffffff81000000 T there\n"), false);
        log.settle(&guest.cpu, &guest.memory);
        log.finish().unwrap();

        let text = paper.text();
        assert!(text.contains(word), "{list}, {known}: {text}");
        assert!(text.trim_end().ends_with("at 0xffffffff81000004 <there+0x4>"), "{text}");
    }
}

#[test]
fn branches_and_memory_beside_the_code_are_named_in_disassembly() {
    // call +0; lea rax, [rip + 0]; hlt
    let mut guest = Small::long(&[0xe8, 0, 0, 0, 0, 0x48, 0x8d, 5, 0, 0, 0, 0, 0xf4]);
    let (log, paper) = log("in_asm");
    log.names(&symbols("10000 T start\n10005 T next\n1000c D data\n"), false);
    log.reset(0, &guest.cpu, &guest.memory);
    guest.cpu.log_mut().attach(log.sink(), log.kinds());
    guest.run(100);
    log.settle(&guest.cpu, &guest.memory);
    log.finish().unwrap();

    let text = paper.text();
    for words in ["block at 0x10000 <start>,", "call 0x10005 <next>", "] <data>"] {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn a_mode_switch_is_told_once_though_two_registers_change() {
    let (log, paper) = log("mode");
    let event = |register, from, to| Event::Mode { register, from, to, rip: 0x1000 };
    let (pe, pg) = (cr0::PE, cr0::PG);
    for event in [
        event(ModeRegister::Cr0, 0, pe),
        event(ModeRegister::Efer, 0, efer::LME),
        event(ModeRegister::Efer, efer::LME, efer::LME | efer::LMA),
        event(ModeRegister::Cr0, pe, pe | pg),
    ] {
        log.sink().event(1, event);
    }

    log.finish().unwrap();

    let text = paper.text();
    assert!(text.contains("PE set: now protected mode without paging"), "{text}");
    assert!(text.contains("EFER 0x100 -> 0x500, LMA set: now long mode"), "{text}");
    assert!(text.contains("CR0 0x1 -> 0x80000001, PG set, at 0x1000"), "{text}");
}

#[test]
fn fw_cfg_alone_leaves_other_ports_out() {
    let io = |port| Event::Io { port, size: 1, value: 0, write: false, rip: 0 };
    assert_eq!(told("fw_cfg", io(0x80)), "");
    assert_eq!(told("fw_cfg", io(0x511)), "in 0x511 (fw_cfg data) -> 0x00, at 0x0");
}

#[test]
fn blocks_of_a_running_guest_are_disassembled_as_they_are_decoded() {
    // mov eax, 5; jmp +0; nop; hlt
    let mut guest = Small::long(&[0xb8, 5, 0, 0, 0, 0xeb, 0, 0x90, 0xf4]);
    let (log, paper) = log("in_asm");
    log.reset(0, &guest.cpu, &guest.memory);
    guest.cpu.log_mut().attach(log.sink(), log.kinds());

    guest.run(100);
    log.settle(&guest.cpu, &guest.memory);
    log.finish().unwrap();

    let text = paper.text();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].ends_with("block at 0x10000, RAM offset 0x10000, 2 instructions"), "{text}");
    assert!(lines[1].contains("0x10000: b8 05 00 00 00") && lines[1].ends_with("mov eax, 5"));
    assert!(lines[2].ends_with("jmp short 0x10007"), "{text}");
    assert!(text.contains("0x10007: 90") && text.trim_end().ends_with("hlt"), "{text}");
}

/// A kernel's way into long mode: the block up to the far jump is still 32-bit code.
#[test]
fn the_code_size_follows_a_far_jump_after_a_mode_switch() {
    let guest = Small::long(&[]);
    // jmp 0x10:0x20000 in 32-bit code; mov rax, rbx in 64-bit code.
    guest.memory.write(PhysAddr(CODE), &[0xea, 0, 0, 2, 0, 0x10, 0]).unwrap();
    guest.memory.write(PhysAddr(0x2_0000), &[0x48, 0x89, 0xd8]).unwrap();
    let (log, paper) = log("in_asm");
    log.0.borrow_mut().size.look(32);
    let block = |rip| Event::Block { rip, offset: rip, instructions: 1 };
    let efer = Event::Mode { register: ModeRegister::Efer, from: 0, to: efer::LMA, rip: 0 };
    for event in [efer, block(CODE), block(0x2_0000)] {
        log.sink().event(0, event);
    }

    log.settle(&guest.cpu, &guest.memory);
    log.finish().unwrap();

    let text = paper.text();
    assert!(text.contains("jmp far 0x20000, 0x10"), "{text}");
    assert!(text.contains("mov rax, rbx"), "{text}");
}

#[test]
fn blocks_that_nobody_could_look_at_are_said_to_be_so() {
    let block = Event::Block { rip: 0x1000, offset: u64::MAX - 4096, instructions: 255 };
    assert!(told("in_asm", block).ends_with("code not looked at in time"));
}

#[test]
fn a_block_outside_ram_is_no_reason_to_panic() {
    let guest = Small::long(&[]);
    let (log, _) = log("in_asm");
    log.sink().event(0, Event::Block { rip: 0, offset: 1 << 40, instructions: 255 });
    log.settle(&guest.cpu, &guest.memory);
    log.finish().unwrap();
}

#[test]
fn a_boot_begins_with_the_registers_if_asked_for() {
    let guest = Small::long(&[]);
    let (log, paper) = log("cpu_reset");
    log.reset(0, &guest.cpu, &guest.memory);
    log.finish().unwrap();
    assert!(paper.text().contains("reset  the CPU starts with\nrax="), "{}", paper.text());
}

/// A full disk.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::other("no space"))
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_error_of_the_destination_ends_the_log_and_is_told_at_the_end() {
    let log = Log::new(Selection::parse("exec").unwrap(), Box::new(Full));
    let mut sink = log.sink();
    for _ in 0..10_000 {
        sink.event(0, Event::Enter { rip: 0 });
    }
    assert_eq!(log.finish().unwrap_err().to_string(), "no space");
}
