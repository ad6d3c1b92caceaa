//! The host as the oracle: XRSTOR of a random area, then XSAVE, XSAVEOPT, XSAVEC, XGETBV in our CPU and
//! natively, with random component masks, in both layouts of the x87 pointers. The areas and EDX:EAX must
//! agree byte for byte.
#![allow(unsafe_code, reason = "only the instructions themselves can be the oracle")]

use crate::features::MAX;
use crate::testing::{Machine, Random};
use arch::control::{cr4, xcr0};
use core::arch::asm;

/// Bytes compared: the standard form with x87, SSE and AVX.
const AREA: usize = 832;
/// Where our CPU has the areas: what is restored, what is saved to.
const SOURCE: u64 = 0x2_0000;
const TARGET: u64 = 0x2_1000;
const COMPONENTS: u64 = xcr0::X87 | xcr0::SSE | xcr0::AVX;

#[repr(C, align(64))]
struct Area([u8; 4096]);

/// The instructions that save, by their encoding on [rdi] with REX.W or without.
#[derive(Clone, Copy, Debug)]
enum Save {
    Plain,
    Optimised,
    Compacted,
}

const SAVES: [Save; 3] = [Save::Plain, Save::Optimised, Save::Compacted];

impl Save {
    fn code(self, wide: bool) -> Vec<u8> {
        let (opcode, modrm) = match self {
            Self::Plain => (0xae, 0x27),
            Self::Optimised => (0xae, 0x37),
            Self::Compacted => (0xc7, 0x27),
        };
        if wide { vec![0x48, 0x0f, opcode, modrm] } else { vec![0x0f, opcode, modrm] }
    }
}

/// XRSTOR [rsi] with mask `restored`, in the wide layout.
const XRSTOR64_RSI: [u8; 4] = [0x48, 0x0f, 0xae, 0x2e];
const XGETBV: [u8; 3] = [0x0f, 0x01, 0xd0];

/// One instruction of the host in the state of an area: XRSTOR of all, then the save.
///
/// # Safety
/// The area is legal; AVX and XSAVE exist.
unsafe fn host(save: Save, wide: bool, source: &Area, target: &mut Area, mask: u64) -> u64 {
    let (low, high): (u32, u32);
    macro_rules! run {
        ($saving:literal) => {
            // SAFETY: as above. The host's own state is put back behind it.
            unsafe {
                asm!(
                    "xsave64 [{own}]",
                    "mov eax, -1", "mov edx, -1",
                    "xrstor64 [{source}]",
                    "mov eax, {mask:e}", "xor edx, edx",
                    $saving,
                    "mov ecx, 1", "xgetbv",
                    "mov {low:e}, eax", "mov {high:e}, edx",
                    "mov eax, -1", "mov edx, -1",
                    "xrstor64 [{own}]",
                    own = in(reg) &mut Area([0; 4096]) as *mut Area,
                    source = in(reg) source as *const Area,
                    mask = in(reg) mask,
                    low = out(reg) low, high = out(reg) high,
                    in("rdi") target as *mut Area,
                    inout("eax") -1i32 => _, inout("edx") -1i32 => _, out("ecx") _,
                )
            }
        };
    }
    match (save, wide) {
        (Save::Plain, true) => run!("xsave64 [rdi]"),
        (Save::Plain, false) => run!("xsave [rdi]"),
        (Save::Optimised, true) => run!("xsaveopt64 [rdi]"),
        (Save::Optimised, false) => run!("xsaveopt [rdi]"),
        (Save::Compacted, true) => run!("xsavec64 [rdi]"),
        (Save::Compacted, false) => run!("xsavec [rdi]"),
    }
    u64::from(high) << 32 | u64::from(low)
}

/// A legal area with random contents, some components in their initial state.
fn area(random: &mut Random) -> Area {
    let mut area = Area([0; 4096]);
    let mut fill = |from: usize, to: usize| {
        for byte in &mut area.0[from..to] {
            *byte = if random.below(3) == 0 { 0 } else { random.next() as u8 };
        }
    };
    fill(0, 24);
    for register in 0..8 {
        fill(32 + 16 * register, 42 + 16 * register);
    }
    fill(160, 416);
    fill(576, AREA);
    let put = |area: &mut Area, at: usize, word: u16| {
        area.0[at..at + 2].copy_from_slice(&word.to_le_bytes());
    };
    match random.below(4) {
        0 => area.0[..160].fill(0),
        1 => area.0[32..160].fill(0),
        _ => {}
    }
    if random.below(2) == 0 {
        // As after FNINIT but for what was drawn to differ.
        put(&mut area, 0, if random.below(4) == 0 { 0x27f } else { 0x37f });
        put(&mut area, 2, if random.below(4) == 0 { 0x3800 } else { 0 });
        area.0[4] = u8::from(random.below(4) == 0);
    }
    // 48-bit pointers: how far a wider one is kept depends on 5-level paging.
    for at in [8, 16] {
        let pointer = u64::from_le_bytes(core::array::from_fn(|i| area.0[at + i]));
        area.0[at..at + 8].copy_from_slice(&(pointer & 0x7fff_ffff_ffff).to_le_bytes());
    }
    if random.below(3) == 0 {
        area.0[160..416].fill(0);
    }
    if random.below(3) == 0 {
        area.0[576..AREA].fill(0);
    }
    let mxcsr = if random.below(2) == 0 { 0x1f80 } else { random.next() as u32 & 0xffff };
    area.0[24..28].copy_from_slice(&mxcsr.to_le_bytes());
    area.0[512] = random.below(8) as u8;
    area
}

fn ours(machine: &mut Machine, save: Save, wide: bool, source: &Area, mask: u64) -> (Vec<u8>, u64) {
    machine.write(SOURCE, &source.0);
    machine.write(TARGET, &[0xcc; AREA]);
    machine.write(TARGET + 512, &[0; 64]);
    machine.regs.rip = crate::testing::CODE;
    machine.regs.gpr[0] = 0xffff_ffff;
    machine.regs.gpr[2] = 0xffff_ffff;
    machine.regs.gpr[6] = SOURCE;
    machine.regs.gpr[7] = TARGET;
    let mut code = XRSTOR64_RSI.to_vec();
    code.push(0xb8); // mov eax, mask
    code.extend((mask as u32).to_le_bytes());
    code.extend([0x31, 0xd2]); // xor edx, edx
    code.extend(save.code(wide));
    code.extend([0xb9, 1, 0, 0, 0]); // mov ecx, 1
    code.extend(XGETBV);
    machine.run(&code, 6);
    assert_eq!(machine.fault(), None);
    let mut saved = machine.read(TARGET, AREA);
    // Zen 5 knows MXCSR.MM; no model here does.
    if saved[28..32] == [0xff, 0xff, 0, 0] {
        saved[28..32].copy_from_slice(&host_mxcsr_mask().to_le_bytes());
    }
    (saved, machine.regs.gpr[2] << 32 | machine.regs.gpr[0])
}

fn host_mxcsr_mask() -> u32 {
    let mut area = Area([0; 4096]);
    // SAFETY: FXSAVE exists on x86-64.
    unsafe { asm!("fxsave64 [{}]", in(reg) &mut area) };
    u32::from_le_bytes(core::array::from_fn(|i| area.0[28 + i]))
}

/// AMD's rules on what is in use and when the pointers are saved are those followed.
fn host_has_it() -> bool {
    let vendor = core::arch::x86_64::__cpuid(0).ebx;
    vendor == 0x6874_7541
        && is_x86_feature_detected!("avx")
        && is_x86_feature_detected!("xsavec")
        && is_x86_feature_detected!("xsaveopt")
}

#[test]
fn areas_are_saved_and_restored_as_on_the_host() {
    if !host_has_it() {
        println!("not compared: the host has no XSAVEC or is of another maker");
        return;
    }
    let mut random = Random(41);
    let mut machine = Machine::with_model(64, MAX);
    machine.regs.cr4 |= cr4::OSXSAVE;
    machine.cpu.xcr0 = COMPONENTS;
    for round in 0..6000 {
        let (save, wide) = (random.pick(&SAVES), random.below(2) == 0);
        let (source, mask) = (area(&mut random), random.below(8));
        let (saved, ours_in_use) = ours(&mut machine, save, wide, &source, mask);
        let what = format!("{save:?} wide {wide} mask {mask} area {:02x?}", &source.0[..48]);
        // The host may take a component to be in use that is not, where it was interrupted in between.
        let difference = (0..4).try_fold(String::new(), |_, _| {
            let mut target = Area([0xcc; 4096]);
            target.0[512..576].fill(0);
            // SAFETY: the area is legal, and the features are there.
            let in_use = unsafe { host(save, wide, &source, &mut target, mask) } & COMPONENTS;
            let differ = (0..AREA).find(|&at| saved[at] != target.0[at]);
            match differ {
                None if in_use == ours_in_use => None,
                _ => Some(format!("in use {ours_in_use} host {in_use}, first byte {differ:?}")),
            }
        });
        assert_eq!(difference, None, "round {round}: {what}");
    }
}
