//! Any words as a command line: understood, or refused in three lines with a reason and advice. For
//! tests alone; files of hostile content are in `tests/bad_input.rs` and `fuzz/hostile`.

use crate::failure::{BadValue, Failure};
use crate::{cli, cpu_model, drives, firmware, gdb, qemu, screen, values};
use seeds::{Damage, Random};
use std::ffi::OsString;
use std::fmt::Debug;

/// Lines that are understood; words are separated by one space.
const LINES: &[&str] = &[
    "vmlinux --initrd initrd.gz --append console=ttyS0 -m 512M --smp 1 --cpu max,-avx2",
    "--kernel vmlinux --protocol linux64 --acpi reduced --serial file:log --debugcon null",
    "-kernel bzImage -initrd a,b -append x -nographic -no-reboot -hda disk.img -cdrom x.iso",
    "--bios bios.bin --option-rom rom=x.rom,bootindex=1 --drive file=a,,b.img,if=ide,index=2",
    "--device isa-debug-exit,iobase=0xf4,iosize=4 --debug-exit ok=0x10 --max-insns 500M",
    "--until serial~login: --expect Run --dump regs,mem:0x1000+16,walk:0xffff --seed 0x7",
    "--rtc-base 2024-02-29T12:00:00 --wall-timeout 1.5 --gdb unix:path=s,server=on -S -q",
    "run --until pc=start_kernel --screen png=x.png --vga std --timeline=t.json --profile --stats",
    "vmlinux --xen --symbols System.map --reserve 0x1000000+256M --ignore-video -d xen",
    "--domain d.xml --domain-lenient --on-reboot preserve --on-crash destroy -d int,asm -D log",
    "inspect vmlinux --json",
    "extract-vmlinux bzImage -o vmlinux",
    "domain d.sexpr --to xml",
    "mkinitrd dir -o out",
    "-machine pc,accel=tcg -rtc base=utc -icount shift=0 -vga none -display none -smp cpus=1",
];

const WORDS: &[&[u8]] = &[
    b" ",
    b"-",
    b"--",
    b"=",
    b",",
    b",,",
    b":",
    b"+",
    b"0x",
    b"18446744073709551616",
    b"-1",
    b"0",
    b"k",
    b"M",
    b"G",
    b"T",
    b"\xff",
    b"\n",
    b"~(",
    b"[",
    b"on",
    b"off",
    b"none",
    b"help",
    b"auto",
    b"tcp::1",
    b"file=",
    b"index=",
    b"pc=",
    b"insn=",
    b"serial~",
    b"mem:",
    b"\xc3\xbc",
    b"--kernel",
    b"-m",
    b"1e400",
    b"nan",
];

const DAMAGE: Damage = Damage { window: usize::MAX, changes: 4, words: WORDS };

#[cfg(unix)]
fn word(bytes: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}

#[cfg(not(unix))]
fn word(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

fn check(failure: &Failure) {
    let told = failure.to_string();
    assert_eq!(told.lines().count(), 3, "{told}");
    assert!(
        [&failure.error, &failure.at, &failure.hint].iter().all(|part| !part.is_empty()),
        "{told}"
    );
    assert_eq!(failure.status, 2, "{told}");
}

/// True if the line is understood.
fn survives(line: &[u8]) -> bool {
    let words = line.split(|&byte| byte == b' ').map(word);
    let args = std::iter::once("bootscope".into()).chain(words).collect();
    let parsed = match qemu::rewrite(args) {
        Ok(args) => cli::parse(args),
        Err(failure) => {
            check(&failure);
            return false;
        }
    };
    match parsed {
        Ok(cli) => {
            if let cli::Command::Run(args) = &cli.command
                && !matches!(args.cpu.as_deref(), Some("help" | "?"))
                && let Err(failure) = cpu_model::choose(args.cpu.as_deref())
            {
                check(&failure);
            }
            true
        }
        Err(error) => {
            if let Some(failure) = Failure::clap(&error) {
                check(&failure);
            }
            false
        }
    }
}

#[test]
fn damaged_command_lines_are_understood_or_refused_in_three_lines() {
    let (mut understood, mut refused) = (0, 0);
    for line in LINES {
        assert!(survives(line.as_bytes()), "{line}");
    }
    for number in 0..3000_u64 {
        let mut random = Random(number);
        let mut line = LINES[number as usize % LINES.len()].as_bytes().to_vec();
        DAMAGE.apply(&mut line, random.pick(LINES).as_bytes(), &mut random);
        match survives(&line) {
            true => understood += 1,
            false => refused += 1,
        }
    }
    assert!(understood > 300 && refused > 300, "{understood} understood, {refused} refused");
}

fn check_value<T: Debug>(text: &str, parsed: Result<T, BadValue>) {
    if let Err(bad) = parsed {
        assert!(!bad.why.is_empty() && !bad.hint.is_empty(), "{text:?}");
    }
}

/// The parsers of values, without clap before them.
#[test]
fn damaged_values_are_understood_or_refused_with_advice() {
    const VALUES: &[&str] = &[
        "512M",
        "size=2G",
        "500M",
        "0x7fffffffffffffff",
        "1.5s",
        "cpus=1,cores=1",
        "linux64",
        "reduced",
        "file:log",
        "isa-debug-exit,iobase=0xf4,iosize=4",
        "ok=0x10",
        "^a(b|c)*$",
        "screen~x",
        "pc=0x1000",
        "mem:0x1000+16",
        "0x1000000+256M",
        "2024-02-29T12:00:00",
        "@1700000000",
        "file=a,,b,if=ide,media=cdrom,index=3",
        "rom=x,bootindex=7",
        "tcp:localhost:1234,server=on",
        "png=x",
    ];
    for number in 0..6000_u64 {
        let mut random = Random(number);
        let mut bytes = VALUES[number as usize % VALUES.len()].as_bytes().to_vec();
        if number >= VALUES.len() as u64 {
            DAMAGE.apply(&mut bytes, random.pick(VALUES).as_bytes(), &mut random);
        }
        let text = &*String::from_utf8_lossy(&bytes);
        check_value(text, values::number(text));
        check_value(text, values::ram(text));
        check_value(text, values::count(text));
        check_value(text, values::seconds(text));
        check_value(text, values::smp(text));
        check_value(text, values::protocol(text));
        check_value(text, values::acpi(text));
        check_value(text, values::serial(text));
        check_value(text, values::device(text));
        check_value(text, values::debug_exit_ok(text));
        check_value(text, values::goal(text));
        check_value(text, values::dump(text));
        check_value(text, values::span(text));
        check_value(text, values::time(text));
        check_value(text, drives::parse(text));
        check_value(text, firmware::option_rom(text));
        check_value(text, gdb::parse(text));
        check_value(text, screen::parse(text));
    }
}
