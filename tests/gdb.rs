//! `--gdb`, driven by the real gdb: from the first instruction through every mode switch to user space.
//!
//! Without a gdb that knows x86-64 the tests are skipped, and say so. The protocol itself is tested beside
//! `debug::gdb`.

#[path = "gdb/boot_sector.rs"]
mod boot_sector;
mod runs;
#[path = "gdb/served.rs"]
mod served;

use bootscope_guests::kernels::modes_places;
use runs::{Scratch, boot, guest};
use served::{Served, assert_ended_as, gdb_exists, marked};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, Stdio};

const MODES: [&str; 3] =
    ["--device=isa-debug-exit,iobase=0xf4", "--debug-exit=ok=0x10", "--max-insns=1M"];

#[test]
fn a_guest_is_followed_from_its_first_instruction_through_every_mode_to_cpl_3() {
    if !gdb_exists("gdb through the modes") {
        return;
    }
    let places = modes_places();
    let scratch = Scratch::new("gdb-modes-kernel");
    let kernel = scratch.kernel("modes");
    let plain = boot("gdb-modes-plain", &[&[&*kernel], &MODES[..]].concat());
    let served = Served::stopped("gdb-modes", &[&[&*kernel], &MODES[..]].concat());
    let counter = places.counter;
    let text = served.gdb(&[
        "printf \"@@entry %lx cs %x cr0 %lx insns %ld\\n\", $rip, $cs, $cr0, $insns",
        &format!("break *{}", places.real),
        &format!("hbreak *{}", places.back),
        &format!("break *{}", places.long),
        &format!("hbreak *{}", places.user),
        "continue",
        "printf \"@@real %lx ip %lx base %lx pe %d\\n\", $rip, $ip, $cs_base, $cr0 & 1",
        "monitor disas",
        "stepi",
        "printf \"@@stepped %lx ax %x\\n\", $rip, $rax & 0xffff",
        "continue",
        "printf \"@@back %lx pe %d\\n\", $rip, $cr0 & 1",
        "continue",
        "printf \"@@long %lx lma %d\\n\", $rip, ($efer >> 10) & 1",
        "continue",
        "printf \"@@user %lx cpl %d\\n\", $rip, $cs & 3",
        "x/i $pc",
        &format!("watch *(long *){counter}"),
        "continue",
        &format!("printf \"@@watch %lx count %ld\\n\", $rip, *(long *){counter}"),
        "continue",
        &format!("printf \"@@watch %lx count %ld\\n\", $rip, *(long *){counter}"),
        "delete",
        "stepi 12",
        "printf \"@@count %d\\n\", $rcx",
        "detach",
    ]);
    let ended = served.end();

    let user = places.user;
    let expected = [
        format!("entry {:x} cs 8 cr0 11 insns 0", places.entry),
        format!("real {:x} ip {:x} base 9000 pe 0", places.real, places.real - 0x9000),
        format!("stepped {:x} ax 0", places.real + 2),
        format!("back {:x} pe 1", places.back),
        format!("long {:x} lma 1", places.long),
        format!("user {user:x} cpl 3"),
    ];
    let lines = marked(&text);
    assert_eq!(lines.get(..6), Some(&expected.each_ref().map(|line| &**line)[..]), "{text}");
    assert!(text.contains("xor ax, ax") && text.contains("movabs"), "{text}");
    // A watchpoint stops behind the INC: movabs is 7 or 10 bytes, mov 5, inc 3.
    assert!(lines[6].ends_with("count 1") && lines[7].ends_with("count 2"), "{text}");
    assert!(text.contains("Old value = 0") && text.contains("New value = 1"), "{text}");
    assert_ended_as(&ended, &plain);
}

#[test]
fn vector_and_x87_registers_are_shown_as_gdb_types_them() {
    if !gdb_exists("gdb vector registers") {
        return;
    }
    let scratch = Scratch::new("gdb-vector-kernel");
    let served =
        Served::stopped("gdb-vector", &[&[&*scratch.kernel("modes")], &MODES[..]].concat());
    let text = served.gdb(&[
        &format!("break *{}", modes_places().user),
        "continue",
        // Past the loop, the MOVQ, FNINIT and FLD1.
        "stepi 21",
        "printf \"@@xmm0 %lx\\n\", $xmm0.v2_int64[0]",
        "printf \"@@st0 %g fctrl %x ftag %x\\n\", $st0, $fctrl, $ftag",
        "set $st0 = 2.5",
        "set $xmm1.v2_int64[1] = 0x1234",
        "set $ymm2.v4_int64[3] = 0x77",
        "printf \"@@set %g %lx %lx\\n\", $st0, $xmm1.v2_int64[1], $ymm2.v4_int64[3]",
        "info registers eflags cr0 efer mxcsr",
        "kill",
    ]);
    drop(served.end());

    let expected = ["xmm0 1122334455667788", "st0 1 fctrl 37f ftag 3fff", "set 2.5 1234 77"];
    assert_eq!(marked(&text), expected, "{text}");
    for word in ["[ PE ET PG ]", "LMA", "IM DM ZM OM UM PM"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn memory_is_read_and_written_and_what_is_not_mapped_cannot_be() {
    if !gdb_exists("gdb memory") {
        return;
    }
    let scratch = Scratch::new("gdb-memory-kernel");
    let served =
        Served::stopped("gdb-memory", &[&[&*scratch.kernel("modes")], &MODES[..]].concat());
    let text = served.gdb(&[
        &format!("break *{}", modes_places().user),
        "continue",
        "set *(int *)0x200100 = 0x12345678",
        "printf \"@@linear %x\\n\", *(int *)0x200100",
        "x/x 0x800000",
        "maintenance packet Qqemu.PhyMemMode:1",
        "printf \"@@physical %x\\n\", *(int *)0x200100",
        "printf \"@@beyond the map %x\\n\", *(int *)0x800000",
        "maintenance packet Qqemu.PhyMemMode:0",
        "monitor xp/1xw 0x200100",
        "monitor insns",
        "monitor state-hash",
        "kill",
    ]);
    let ended = served.end();

    let expected = ["linear 12345678", "physical 12345678", "beyond the map 0"];
    assert_eq!(marked(&text), expected, "{text}");
    assert!(text.contains("Cannot access memory at address 0x800000"), "{text}");
    assert!(text.contains("0000000000200100: 0x12345678"), "{text}");
    assert!(text.contains("long mode, 64 bits"), "{text}");
    assert_eq!(ended.summary["stop"], "interrupted");
}

#[test]
fn another_gdb_finds_the_machine_as_the_first_one_left_it_and_sees_it_exit() {
    if !gdb_exists("gdb twice") {
        return;
    }
    let scratch = Scratch::new("gdb-twice-kernel");
    let kernel = scratch.kernel("modes");
    let plain = boot("gdb-twice-plain", &[&[&*kernel], &MODES[..]].concat());
    let socket = scratch.path("socket");
    let value = format!("unix:{socket},server=on,wait=off");
    let args = [&[&*kernel], &MODES[..]].concat();
    let served = Served::start("gdb-twice", &["-gdb", &value, "-S"], &args);
    let first = served.gdb(&[
        &format!("break *{}", modes_places().long),
        "continue",
        "printf \"@@%lx\\n\", $insns",
        "disconnect",
    ]);
    let second = served.gdb(&["printf \"@@%lx\\n\", $insns", "continue"]);
    let ended = served.end();

    assert_eq!(marked(&first), marked(&second), "{first}\n{second}");
    // The first one's breakpoint is gone, and the run ends with isa-debug-exit's status.
    assert!(second.contains("exited normally"), "{second}");
    assert_ended_as(&ended, &plain);
}

/// Of either kind: the CPU's, and the one that a guest tells Xen of.
#[test]
fn a_crash_can_be_looked_at_before_the_run_ends() {
    if !gdb_exists("gdb at a crash") {
        return;
    }
    let scratch = Scratch::new("gdb-crash-kernel");
    let cases: [(&str, &[&str]); 2] = [("triple_fault", &[]), ("xen_crash", &["--xen"])];
    for (kernel, options) in cases {
        let kernel = scratch.kernel(kernel);
        let served = Served::stopped("gdb-crash", &[&[&*kernel], options].concat());
        let text = served.gdb(&["continue", "monitor info faults", "continue"]);
        let ended = served.end();

        assert!(text.contains("SIGSEGV"), "{text}");
        assert!(text.contains("exited with code 04"), "{text}");
        assert_eq!((ended.status, &ended.summary["stop"]), (Some(4), &"triple-fault".into()));
    }
}

#[test]
fn breakpoints_stay_over_a_reset() {
    if !gdb_exists("gdb over a reset") {
        return;
    }
    let scratch = Scratch::new("gdb-reset-kernel");
    let served = Served::stopped("gdb-reset", &[&scratch.kernel("reset_cf9")]);
    let text = served.gdb(&[
        "hbreak *$rip",
        "continue",
        "printf \"@@%d %d\\n\", $insns > 0, $cr0 & 1",
        "continue",
        "printf \"@@%d\\n\", $insns > 0",
        "kill",
    ]);
    drop(served.end());

    assert_eq!(marked(&text), ["1 1", "1"], "{text}");
}

/// A gdb whose commands are typed.
struct Typed {
    child: Child,
    stdin: ChildStdin,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Typed {
    fn connect(served: &Served) -> Self {
        let mut command = Command::new("gdb");
        command.args(["-nx", "-q", "--interpreter=mi3", "-iex", "set confirm off", "-ex"]);
        command.arg(format!("target remote {}", served.place));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("gdb runs");
        let stdin = child.stdin.take().expect("a pipe");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { child, stdin, lines }
    }

    fn send(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").expect("gdb listens");
    }

    /// Reads until a line with this word.
    fn wait_for(&mut self, word: &str) -> String {
        loop {
            let line = self.lines.next().unwrap_or_else(|| panic!("gdb ended without {word}"));
            let line = line.expect("a line");
            if line.contains(word) {
                return line;
            }
        }
    }

    /// Instructions that the stopped guest has retired.
    fn insns(&mut self) -> u64 {
        self.send("-data-evaluate-expression $insns");
        let line = self.wait_for("^done,value=");
        line.split('"').nth(1).and_then(|value| value.parse().ok()).expect("a number")
    }

    /// Ends it, connected or not.
    fn end(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ctrl-C.
fn interrupt(pid: u32) {
    let signal = Command::new("kill").args(["-INT", &pid.to_string()]).status();
    assert!(signal.expect("kill runs").success());
}

#[test]
fn ctrl_c_stops_a_running_guest_and_detach_lets_it_run_on() {
    if !gdb_exists("gdb and Ctrl-C") {
        return;
    }
    let scratch = Scratch::new("gdb-interrupt-kernel");
    let kernel = scratch.kernel("spin");
    let served = Served::start("gdb-interrupt", &["--gdb=127.0.0.1:0"], &[&*kernel]);
    let mut gdb = Typed::connect(&served);
    // The guest was running when gdb came.
    gdb.wait_for("*stopped");
    for _ in 0..3 {
        gdb.send("-exec-continue");
        gdb.wait_for("*running");
        interrupt(gdb.child.id());
        let stop = gdb.wait_for("*stopped");
        assert!(stop.contains("SIGINT"), "{stop}");
    }
    let before = gdb.insns();
    gdb.send("-target-detach");
    gdb.wait_for("^done");
    gdb.end();
    assert!(served.runs_beyond(before), "detached, it stood still");

    let mut killed = Typed::connect(&served);
    killed.wait_for("*stopped");
    let before = killed.insns();
    killed.end();
    assert!(served.runs_beyond(before), "its gdb gone, it stood still");

    interrupt(served.child.id());
    let ended = served.end();

    assert_eq!((ended.status, &ended.summary["stop"]), (Some(130), &"interrupted".into()));
}

#[test]
fn noise_at_the_port_disturbs_nothing() {
    if !gdb_exists("gdb after noise") {
        return;
    }
    let scratch = Scratch::new("gdb-noise-kernel");
    let kernel = scratch.kernel("modes");
    let plain = boot("gdb-noise-plain", &[&[&*kernel], &MODES[..]].concat());
    let served = Served::stopped("gdb-noise", &[&[&*kernel], &MODES[..]].concat());
    for noise in [
        &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        b"$m0,ffffffffffffffff#00$M0,7fffffff:#00",
        b"+$vCont;x#ff$Gzz#00$qXfer:features:read:target.xml:ffffffffffffffff,ffffffff#00",
        &[b'$'; 100_000],
    ] {
        let mut stream = TcpStream::connect(&served.place).expect("a connection");
        // It may be ended from the other side meanwhile.
        let _ = stream.write_all(noise);
    }
    let text = served.gdb(&["printf \"@@%ld\\n\", $insns", "detach"]);
    let ended = served.end();

    assert_eq!(marked(&text), ["0"], "{text}");
    assert_ended_as(&ended, &plain);
}

/// /init of the built-in initramfs: its first instruction.
fn init_entry() -> u64 {
    u64::from(bootscope_guests::init::image().entry)
}

/// Its first system call.
fn init_syscall() -> u64 {
    let image = bootscope_guests::init::image();
    let part = &image.parts[0];
    let syscall = part.bytes.windows(2).position(|bytes| bytes == [0x0f, 0x05]);
    u64::from(part.address) + syscall.expect("SYSCALL") as u64
}

/// The entry point of an ELF file: Linux's is the physical address of startup_64.
fn elf_entry(path: &str) -> u64 {
    let bytes = std::fs::read(path).expect("a kernel");
    u64::from_le_bytes(bytes[24..32].try_into().expect("8 bytes"))
}

#[test]
fn linux_is_followed_from_the_pvh_entry_through_startup_64_to_user_space_and_back_into_the_kernel()
{
    const TEST: &str = "gdb through a Linux boot";
    if !gdb_exists(TEST) {
        return;
    }
    let Some(kernel) = guest(TEST, "cloud/vmlinux") else { return };
    let args = [&*kernel, "--append=console=ttyS0", "--protocol=pvh"];
    let plain = boot("gdb-linux-plain", &args);
    let served = Served::stopped("gdb-linux", &args);
    let text = served.gdb(&[
        "printf \"@@entry %d bits lma %d insns %d\\n\", ($cr0 >> 31) & 1, ($efer >> 10) & 1, $insns",
        &format!("hbreak *{}", elf_entry(&kernel)),
        "continue",
        "printf \"@@startup_64 %lx lma %d\\n\", $rip, ($efer >> 10) & 1",
        "x/2i $pc",
        &format!("hbreak *{}", init_entry()),
        "continue",
        "printf \"@@init %lx cpl %d paging %d\\n\", $rip, $cs & 3, $cr3 != 0",
        // Where the fetch faults first, the stop comes before that.
        "delete",
        &format!("hbreak *{}", init_syscall()),
        "continue",
        "x/i $pc",
        "stepi",
        "printf \"@@kernel %d cpl %d gs %d\\n\", (long)$rip < 0, $cs & 3, $k_gs_base != 0",
        "set $lstar = $rip",
        "delete",
        "hbreak *$lstar",
        "continue",
        "printf \"@@again %d\\n\", $rip == $lstar",
        "detach",
    ]);
    let ended = served.end();

    let expected = [
        "entry 0 bits lma 0 insns 0".to_owned(),
        format!("startup_64 {:x} lma 1", elf_entry(&kernel)),
        format!("init {:x} cpl 3 paging 1", init_entry()),
        "kernel 1 cpl 0 gs 1".into(),
        "again 1".into(),
    ];
    assert_eq!(marked(&text), expected.each_ref().map(|line| &**line), "{text}");
    assert!(text.contains("syscall"), "{text}");
    assert_ended_as(&ended, &plain);
}

#[test]
fn a_run_ends_at_the_goal_of_a_program_counter() {
    let scratch = Scratch::new("until-pc-kernel");
    let kernel = scratch.kernel("modes");
    let places = modes_places();
    for (at, linear_is_rip) in [(places.entry, true), (places.real, false), (places.user, true)] {
        let goal = format!("--until=pc={at:#x}");
        let ended = boot("until-pc", &[&[&*kernel, &*goal, "--dump=regs"], &MODES[..]].concat());

        assert_eq!((ended.status, ended.text("stop")), (Some(0), "until"), "{}", ended.said);
        assert_eq!(ended.rip() == at, linear_is_rip, "{at:#x}");
    }
    let nowhere = boot("until-pc-not", &[&[&*kernel, "--until=pc=0x1234"], &MODES[..]].concat());
    assert_eq!(nowhere.status, Some(6), "{}", nowhere.said);
}
