//! Protected mode, virtual-8086 mode and hardware tasks: what our own kernels (`guests/asm`,
//! `kernels::protected`) print when they try everything that is allowed and everything that is not.
//!
//! Expected values: SDM Vol. 3A, "Protection", "Task Management"; Vol. 3B, "8086 Emulation"; AMD APM
//! Vol. 2. The transcripts beside this file are also those of Bochs; where QEMU's TCG disagrees with the
//! manuals, docs/hardware.md says so, "Protected mode in other emulators".

mod runs;

use runs::{Scratch, boot};

/// Runs a kernel and compares its lines with a transcript.
fn compare(kernel: &str, expected: &str) {
    let scratch = Scratch::new(&format!("protected-{kernel}"));
    let run = boot(
        &format!("protected-{kernel}-run"),
        &[&scratch.kernel(kernel), "--max-insns=50M", "--cpu=x86-64-v3"],
    );
    assert_eq!(run.status, Some(0), "{}", run.said);
    for (n, (line, wanted)) in run.console.lines().zip(expected.lines()).enumerate() {
        assert_eq!(line, wanted, "{kernel}, line {}", n + 1);
    }
    assert_eq!(run.console.lines().count(), expected.lines().count(), "{kernel}");
}

#[test]
fn segments_are_loaded_and_limited_as_the_manual_says() {
    compare("segments", include_str!("protected_mode/segments.txt"));
}

#[test]
fn gates_and_returns_lead_where_they_may_and_refuse_with_the_right_code() {
    compare("gates", include_str!("protected_mode/gates.txt"));
}

#[test]
fn tasks_are_switched_and_faults_belong_to_the_right_task() {
    compare("tasks", include_str!("protected_mode/tasks.txt"));
}

#[test]
fn virtual_8086_mode_guards_what_is_sensitive_and_vme_makes_it_virtual() {
    compare("v86", include_str!("protected_mode/v86.txt"));
}
