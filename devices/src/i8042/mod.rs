//! Keyboard controller 8042 with a keyboard and a mouse, as behind ports 0x60 and 0x64.
//!
//! Follows: IBM PS/2 Hardware Interface Technical Reference (1988), "Keyboard and Auxiliary Device
//! Controller"; Intel 8042 datasheet; IBM AT Technical Reference (1984), "Keyboard Controller". Offsets
//! count from port 0x60: 0 is data, 4 is status when read and command when written.
//!
//! Time: a byte takes 880 us from a device to the controller or back (11 bits at 12.5 kHz). A device sends
//! while its clock is free and the output buffer is empty, the keyboard before the mouse. The controller
//! itself is quick: what it answers is there at once, or 20 us after the byte before it was read.
//! The input buffer is full while a byte is on its way to a device.
//!
//! Outputs: [`I8042::irq_keyboard`] and [`I8042::irq_mouse`] are high while a byte is in the output buffer;
//! [`I8042::a20`]; [`I8042::take_reset`].
//!
//! Not emulated: passwords, the keyboard lock, polling of the input port into the status (0xc1, 0xc2),
//! diagnostic commands, transmission errors and time-outs, active multiplexing (four mice); what
//! `keys`, `keyboard` and `mouse` say of themselves.

mod keyboard;
mod keys;
mod mouse;
pub mod spec;
#[cfg(test)]
mod tests;

use arch::time::Instant;
use keyboard::Keyboard;
use mouse::Mouse;
use serde::{Deserialize, Serialize};
use spec::{answer, command, command_byte, output_port, status};

pub use keyboard::{STROKES_MAX, strokes_of_text};
pub use keys::{Key, Stroke, strokes_of};

/// Start bit, eight bits, parity and stop bit at 12.5 kHz.
pub const BYTE_NS: u64 = 880_000;
/// From the reading of one byte to the controller's next.
const CONTROLLER_NS: u64 = 20_000;
/// Offset of the status and command port.
const COMMAND_OFFSET: u8 = 4;

/// Who put a byte into the output buffer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Source {
    /// The keyboard, or the controller itself.
    Keyboard,
    Mouse,
}

/// A controller command whose byte has not come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Expecting {
    Ram(u8),
    OutputPort,
    Buffer(Source),
    Mouse,
}

/// The line to a device.
#[derive(Clone, Copy, Default, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    /// A byte on its way to the device, and when it arrives.
    outward: Option<(u8, Instant)>,
    /// Since when the device may send.
    free_since: Instant,
}

/// What happens next by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Event {
    Answer,
    Receives(Which),
    Sends(Which),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Keyboard,
    Mouse,
}

/// One controller with its devices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct I8042 {
    // Controller
    /// Byte 0 is the command byte.
    ram: [u8; 32],
    output_port: u8,
    output: Option<(u8, Source)>,
    last_output: u8,
    /// An answer that waits for the output buffer, and the earliest time for it.
    answer: Option<(u8, Source)>,
    answer_at: Instant,
    expecting: Option<Expecting>,
    last_was_command: bool,
    /// The translator has seen the prefix of a release.
    release: bool,
    reset: bool,

    // Devices
    keyboard: Keyboard,
    keyboard_line: Line,
    mouse: Mouse,
    mouse_line: Line,

    now: Instant,
}

impl Default for I8042 {
    fn default() -> Self {
        Self::new()
    }
}

impl I8042 {
    /// Power-on: both clocks held, no interrupt, no translation.
    pub fn new() -> Self {
        let mut ram = [0; 32];
        ram[0] = command_byte::KEYBOARD_OFF | command_byte::MOUSE_OFF;
        Self {
            ram,
            output_port: output_port::AT_REST,
            output: None,
            last_output: 0,
            answer: None,
            answer_at: Instant::ZERO,
            expecting: None,
            last_was_command: false,
            release: false,
            reset: false,
            keyboard: Keyboard::new(),
            keyboard_line: Line::default(),
            mouse: Mouse::new(),
            mouse_line: Line::default(),
            now: Instant::ZERO,
        }
    }

    /// Sets what firmware leaves behind: self-test passed, the keyboard on with its interrupt and
    /// translation, the mouse off.
    pub fn set_up_as_firmware(&mut self) {
        self.ram[0] = command_byte::TRANSLATE
            | command_byte::MOUSE_OFF
            | command_byte::SYSTEM
            | command_byte::KEYBOARD_INTERRUPT;
    }

    /// Reads port 0x60 + `offset`: the output buffer, or the status.
    pub fn read(&mut self, offset: u8) -> u8 {
        if offset & COMMAND_OFFSET != 0 { self.status() } else { self.take_output() }
    }

    /// Writes port 0x60 + `offset`: data, or a command.
    pub fn write(&mut self, offset: u8, value: u8) {
        self.last_was_command = offset & COMMAND_OFFSET != 0;
        if self.last_was_command {
            self.expecting = None;
            self.command(value);
        } else {
            self.data(value);
        }
    }

    /// Types as many of the strokes as the keyboard's queue has room for, and tells how many.
    pub fn press(&mut self, strokes: &[Stroke]) -> usize {
        self.keyboard.press(strokes, self.now)
    }

    /// The keyboard's lights: Scroll Lock, Num Lock, Caps Lock in bits 0 to 2.
    pub fn lights(&self) -> u8 {
        self.keyboard.lights()
    }

    /// IRQ 1.
    pub fn irq_keyboard(&self) -> bool {
        let full = self.output.is_some_and(|(_, from)| from == Source::Keyboard);
        full && self.is_set(command_byte::KEYBOARD_INTERRUPT)
    }

    /// IRQ 12.
    pub fn irq_mouse(&self) -> bool {
        let full = self.output.is_some_and(|(_, from)| from == Source::Mouse);
        full && self.is_set(command_byte::MOUSE_INTERRUPT)
    }

    /// Address line 20 passes.
    pub const fn a20(&self) -> bool {
        self.output_port & output_port::A20 != 0
    }

    /// Whether the reset line was pulled since this was last asked.
    pub fn take_reset(&mut self) -> bool {
        std::mem::take(&mut self.reset)
    }

    /// Brings the device to `now`; earlier instants change nothing.
    pub fn advance(&mut self, now: Instant) {
        while let Some((at, event)) = self.due().filter(|(at, _)| *at <= now) {
            self.now = self.now.max(at);
            self.happen(event);
        }
        self.now = self.now.max(now);
    }

    /// When something happens next by itself.
    pub fn next_event(&self) -> Option<Instant> {
        self.due().map(|(at, _)| at)
    }

    // ---- what happens by itself ----

    /// The earliest event; of those of one instant the first in this order.
    fn due(&self) -> Option<(Instant, Event)> {
        let mut events = [None; 5];
        let arrives =
            |line: &Line, which: Which| line.outward.map(|(_, at)| (at, Event::Receives(which)));
        events[1] = arrives(&self.keyboard_line, Which::Keyboard);
        events[2] = arrives(&self.mouse_line, Which::Mouse);
        if self.output.is_none() {
            events[0] = self.answer.map(|_| (self.answer_at, Event::Answer));
            if self.answer.is_none() {
                events[3] = self.sends(Which::Keyboard);
                events[4] = self.sends(Which::Mouse);
            }
        }
        // `min_by_key` takes the first of equals.
        events.into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// When the next byte of a device has arrived.
    fn sends(&self, which: Which) -> Option<(Instant, Event)> {
        let (line, held, ready) = match which {
            Which::Keyboard => {
                (&self.keyboard_line, command_byte::KEYBOARD_OFF, self.keyboard.ready_at())
            }
            Which::Mouse => (&self.mouse_line, command_byte::MOUSE_OFF, self.mouse.ready_at()),
        };
        if line.outward.is_some() || self.is_set(held) {
            return None;
        }
        ready.map(|ready| (ready.max(line.free_since).after(BYTE_NS), Event::Sends(which)))
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Answer => self.output = self.answer.take(),
            Event::Receives(Which::Keyboard) => {
                if let Some((byte, _)) = self.keyboard_line.outward.take() {
                    self.keyboard.receive(byte, self.now);
                }
                self.keyboard_line.free_since = self.now;
            }
            Event::Receives(Which::Mouse) => {
                if let Some((byte, _)) = self.mouse_line.outward.take() {
                    self.mouse.receive(byte, self.now);
                }
                self.mouse_line.free_since = self.now;
            }
            Event::Sends(Which::Keyboard) => {
                self.keyboard_line.free_since = self.now;
                let byte = self.keyboard.send(self.now);
                self.output = byte.and_then(|byte| self.translated(byte)).map(from_keyboard);
            }
            Event::Sends(Which::Mouse) => {
                self.mouse_line.free_since = self.now;
                self.output = self.mouse.send().map(|byte| (byte, Source::Mouse));
            }
        }
    }

    /// What the translator makes of a byte of the keyboard: it keeps the prefix of a release for itself.
    fn translated(&mut self, byte: u8) -> Option<u8> {
        if !self.is_set(command_byte::TRANSLATE) {
            return Some(byte);
        }
        if byte == keys::RELEASE {
            self.release = true;
            return None;
        }
        let release = if std::mem::take(&mut self.release) { 0x80 } else { 0 };
        Some(keys::translate(byte) | release)
    }

    // ---- what the host does ----

    fn status(&self) -> u8 {
        let mut value = status::UNLOCKED;
        let sending = self.keyboard_line.outward.is_some() || self.mouse_line.outward.is_some();
        for (set, bit) in [
            (self.output.is_some(), status::OUTPUT_FULL),
            (sending, status::INPUT_FULL),
            (self.is_set(command_byte::SYSTEM), status::SYSTEM),
            (self.last_was_command, status::COMMAND),
            (self.output.is_some_and(|(_, from)| from == Source::Mouse), status::FROM_MOUSE),
        ] {
            if set {
                value |= bit;
            }
        }
        value
    }

    /// An empty output buffer still shows the byte that was there.
    fn take_output(&mut self) -> u8 {
        if let Some((byte, _)) = self.output.take() {
            self.last_output = byte;
            self.keyboard_line.free_since = self.now;
            self.mouse_line.free_since = self.now;
            self.answer_at = self.now.after(CONTROLLER_NS);
        }
        self.last_output
    }

    /// A byte of the controller's own, or one that the host wants to see again. A second one that has to
    /// wait takes the place of the first.
    fn put(&mut self, byte: u8, from: Source) {
        let full = self.output.is_some() || self.answer.is_some();
        let place = if full { &mut self.answer } else { &mut self.output };
        *place = Some((byte, from));
    }

    fn answer(&mut self, byte: u8) {
        self.put(byte, Source::Keyboard);
    }

    fn data(&mut self, value: u8) {
        match self.expecting.take() {
            Some(Expecting::Ram(index)) => {
                self.ram[usize::from(index & 0x1f)] = value;
                self.free_lines();
            }
            Some(Expecting::OutputPort) => self.set_output_port(value),
            Some(Expecting::Buffer(from)) => self.put(value, from),
            Some(Expecting::Mouse) => {
                self.clear(command_byte::MOUSE_OFF);
                self.mouse_line.outward = Some((value, self.now.after(BYTE_NS)));
            }
            None => {
                self.clear(command_byte::KEYBOARD_OFF);
                self.keyboard_line.outward = Some((value, self.now.after(BYTE_NS)));
            }
        }
    }

    fn command(&mut self, value: u8) {
        match value {
            command::READ_RAM..=command::READ_RAM_LAST => {
                self.answer(self.ram[usize::from(value & 0x1f)]);
            }
            command::WRITE_RAM..=command::WRITE_RAM_LAST => {
                self.expecting = Some(Expecting::Ram(value & 0x1f));
            }
            command::TEST_PASSWORD => self.answer(answer::NO_PASSWORD),
            command::MOUSE_OFF => self.ram[0] |= command_byte::MOUSE_OFF,
            command::MOUSE_ON => self.clear(command_byte::MOUSE_OFF),
            command::TEST_MOUSE | command::TEST_KEYBOARD => self.answer(answer::LINES_GOOD),
            command::SELF_TEST => {
                self.ram[0] |= command_byte::SYSTEM;
                self.answer(answer::SELF_TEST_PASSED);
            }
            command::KEYBOARD_OFF => self.ram[0] |= command_byte::KEYBOARD_OFF,
            command::KEYBOARD_ON => self.clear(command_byte::KEYBOARD_OFF),
            command::READ_INPUT => self.answer(spec::INPUT_PORT),
            command::READ_OUTPUT => self.answer(self.output_pins()),
            command::WRITE_OUTPUT => self.expecting = Some(Expecting::OutputPort),
            command::WRITE_KEYBOARD_BUFFER => {
                self.expecting = Some(Expecting::Buffer(Source::Keyboard));
            }
            command::WRITE_MOUSE_BUFFER => self.expecting = Some(Expecting::Buffer(Source::Mouse)),
            command::WRITE_MOUSE => self.expecting = Some(Expecting::Mouse),
            command::A20_OFF => self.output_port &= !output_port::A20,
            command::A20_ON => self.output_port |= output_port::A20,
            command::READ_TEST => self.answer(answer::CLOCKS_HIGH),
            command::PULSE.. => self.reset |= value & output_port::NO_RESET == 0,
            _ => {}
        }
    }

    /// The output port with the pins that the controller drives itself.
    fn output_pins(&self) -> u8 {
        let mut pins = self.output_port & !(output_port::IRQ1 | output_port::IRQ12);
        if self.irq_keyboard() {
            pins |= output_port::IRQ1;
        }
        if self.irq_mouse() {
            pins |= output_port::IRQ12;
        }
        pins
    }

    fn set_output_port(&mut self, value: u8) {
        self.output_port = value;
        self.reset |= value & output_port::NO_RESET == 0;
    }

    fn is_set(&self, bit: u8) -> bool {
        self.ram[0] & bit != 0
    }

    /// Clears a bit of the command byte that held a clock.
    fn clear(&mut self, bit: u8) {
        self.ram[0] &= !bit;
        self.free_lines();
    }

    /// A device whose clock was let go begins to send now, not earlier.
    fn free_lines(&mut self) {
        self.keyboard_line.free_since = self.now;
        self.mouse_line.free_since = self.now;
    }
}

fn from_keyboard(byte: u8) -> (u8, Source) {
    (byte, Source::Keyboard)
}
