//! Screen and keyboard as plain values: every register of the VGA and its memory, commands and data of
//! the keyboard controller, typed keys.

use crate::timed::{Clocked, step_ns};
use crate::{Outcome, Stream, Target};
use arch::time::Instant;
use devices::i8042::{I8042, strokes_of_text};
use devices::vga::Vga;
use seeds::{Damage, Random};

/// Orders to the VGA.
pub const VGA: Target = Target {
    name: "vga",
    run: run_vga,
    seeds: vga_seeds,
    damage: Damage { window: usize::MAX, changes: 24, words: &[] },
    inputs: 800,
    shows: &[Outcome::Accepted],
};

/// Orders to the keyboard controller.
pub const I8042: Target = Target {
    name: "i8042",
    run: run_i8042,
    seeds: i8042_seeds,
    damage: Damage { window: usize::MAX, changes: 24, words: &[] },
    inputs: 6000,
    shows: &[Outcome::Accepted],
};

/// Most pictures that are drawn of one input: each may have millions of dots.
const PICTURES: u32 = 2;

/// One order to the VGA; `pictures` is how many may still be drawn.
pub(crate) fn vga_order(vga: &mut Vga, stream: &mut Stream<'_>, pictures: &mut u32) {
    match stream.u8() % 8 {
        0 => {
            let (offset, at) = (stream.u8() & 0x1f, stream.u16());
            vga.read(0x10 + offset, Instant(u64::from(at) << 8));
        }
        1 => {
            let (offset, value) = (stream.u8(), stream.u8());
            vga.write(offset & 0x3f, value);
        }
        // An index and its register.
        2..=4 => {
            let (which, index, value) = (stream.u8(), stream.u8(), stream.u8());
            let port = [0x14, 0x1e, 0x24, 0x04][usize::from(which & 3)];
            vga.write(port, index & 0x3f);
            vga.write(port + 1, value);
            vga.read(port + 1, Instant::ZERO);
        }
        5 => {
            let (at, value) = (stream.u32() & 0x1_ffff, stream.u8());
            vga.write_memory(at, value);
            vga.read_memory(at ^ 1);
            let _ = vga.claims(at);
        }
        6 => {
            let (offset, value) = (stream.u8(), stream.u16());
            vga.write_vbe(offset & 1, value);
            vga.read_vbe(offset & 1);
        }
        _ if *pictures > 0 => {
            *pictures -= 1;
            let picture = vga.picture();
            assert!(picture.width <= 4608 && picture.height <= 1024);
            assert_eq!(picture.rgb.len(), 3 * picture.width * picture.height);
            if let Some(page) = vga.text_page() {
                assert!(page.lines().len() <= 1024);
            }
        }
        _ => {}
    }
}

fn vga_seeds() -> Vec<Vec<u8>> {
    (0..16).map(|seed| [Random(seed).bytes(500), vec![7]].concat()).collect()
}

/// Carries out orders, from text mode or from power-on.
pub fn run_vga(bytes: &[u8]) -> Outcome {
    let (mut vga, mut stream) = (Vga::new(), Stream::new(bytes));
    if stream.u8() & 1 == 0 {
        vga.enter_text_mode();
    }
    let mut pictures = PICTURES;
    stream.each(|stream| vga_order(&mut vga, stream, &mut pictures));
    Outcome::Accepted
}

/// One order to the keyboard controller.
pub(crate) fn i8042_order(device: &mut Clocked<I8042>, stream: &mut Stream<'_>) {
    let (operation, value) = (stream.u8(), stream.u8());
    match operation % 6 {
        0 => {
            device.device.read(operation >> 4 & 4);
        }
        1 => device.device.write(0, value),
        2 => device.device.write(4, value),
        3 => device.pass(step_ns(value)),
        4 => {
            let text = char::from(value & 0x7f).to_string();
            if let Some(strokes) = strokes_of_text(&text) {
                let taken = device.device.press(&strokes);
                assert!(taken <= strokes.len());
            }
        }
        _ => {
            let _ = (device.device.take_reset(), device.device.lights(), device.device.a20());
        }
    }
    let _ = (device.device.irq_keyboard(), device.device.irq_mouse(), device.now());
}

fn i8042_seeds() -> Vec<Vec<u8>> {
    (0..16).map(|seed| Random(seed).bytes(300)).collect()
}

/// Carries out orders, from power-on or as firmware leaves it.
pub fn run_i8042(bytes: &[u8]) -> Outcome {
    let (mut device, mut stream) = (Clocked::new(I8042::new()), Stream::new(bytes));
    if stream.u8() & 1 == 0 {
        device.device.set_up_as_firmware();
    }
    stream.each(|stream| i8042_order(&mut device, stream));
    Outcome::Accepted
}
