//! A debugger that sends anything: packets line by line, to a machine that stands or runs.

use crate::program;
use crate::{Outcome, Target};
use debug::gdb::{Debuggee, Report, Server, State};
use seeds::Damage;

/// Bodies of packets, one a line; a line that begins with the byte 1 goes out as it is.
pub const TARGET: Target = Target {
    name: "gdb",
    run,
    seeds,
    damage: Damage { window: usize::MAX, changes: 8, words: WORDS },
    inputs: 2500,
    shows: &[Outcome::Accepted],
};

const WORDS: &[&[u8]] = &[
    b"m",
    b"M",
    b"X",
    b"g",
    b"G",
    b"p",
    b"P",
    b"Z0,",
    b"Z2,",
    b"z1,",
    b"Z4,",
    b"vCont;",
    b"vCont?",
    b"c",
    b"s",
    b"qXfer:features:read:",
    b"target.xml:",
    b"qRcmd,",
    b"qSupported:",
    b"H",
    b"Hg",
    b"T",
    b"D",
    b"k",
    b"?",
    b"ffffffff",
    b"ffffffffffffffff",
    b"0",
    b"1",
    b",",
    b":",
    b";",
    b"=",
    b"-",
    b"#",
    b"}",
    b"\x03",
    b"qC",
    b"qfThreadInfo",
    b"vFile:",
    b"QStartNoAckMode",
    b"!",
    b"R",
    b"vAttach;",
    b"bs",
    b"bc",
    b"78702f39",
    b"\n",
    b"qemu.PhyMemMode",
    b"Qqemu.PhyMemMode:1",
    b"*~",
];

const LINES: &[&str] = &[
    "QStartNoAckMode\nqSupported:multiprocess+;swbreak+\n?\ng\nqXfer:features:read:target.xml:0,fff\n",
    "Z0,10000,1\nvCont;c\nm10000,40\nZ2,2000,8\nc\nz2,2000,8\ns\np10\nP10=0011223344556677\n",
    "qRcmd,696e666f20726567697374657273\nqRcmd,7068797320\nqRcmd,78702f3920307830\nQqemu.PhyMemMode:1\nm0,ff\n",
    "M10000,2:9090\nX10000,2:}\u{3}x\nHg0\nqC\nqfThreadInfo\nvCont?\nvMustReplyEmpty\nT1\nD\n",
    "\u{1}$g#00+-\u{3}$$$##\n\u{1}$m0,1#fd\ng\nk\n",
];

fn seeds() -> Vec<Vec<u8>> {
    LINES.iter().map(|line| line.as_bytes().to_vec()).collect()
}

/// A body in its frame: gdb's manual, "Overview" of the remote serial protocol.
fn packet(body: &[u8]) -> Vec<u8> {
    let sum = body.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    [b"$", body, format!("#{sum:02x}").as_bytes()].concat()
}

/// Sends them all.
pub fn run(bytes: &[u8]) -> Outcome {
    let mut debuggee = Debuggee::new(program::in_long_mode(&[0xeb, 0xfe]));
    let mut server = Server::new(&mut debuggee);
    for line in bytes.split(|&byte| byte == b'\n') {
        let sent = match line.split_first() {
            Some((1, raw)) => raw.to_vec(),
            _ => packet(line),
        };
        server.receive(&mut debuggee, &sent);
        assert!(server.take_output().len() < 0x4_0000, "an answer without bound");
        match server.state() {
            State::Running => {
                let limit = debuggee.retired() + 20;
                let limit = debuggee.step_goal().unwrap_or(limit).min(limit);
                let _ = debuggee.run(limit);
                server.report(&mut debuggee, Report::Step);
            }
            State::Broken | State::Detached | State::Killed | State::Ended => {
                debuggee.release();
                server = Server::new(&mut debuggee);
            }
            State::Stopped => {}
        }
    }
    Outcome::Accepted
}
