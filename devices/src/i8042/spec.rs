//! Bits and commands of the keyboard controller: IBM PS/2 Hardware Interface Technical Reference (1988),
//! "Keyboard and Auxiliary Device Controller"; Intel 8042 datasheet for the buffers.

/// Status register.
pub mod status {
    /// Output buffer full: there is a byte at port 0x60.
    pub const OUTPUT_FULL: u8 = 1 << 0;
    /// Input buffer full: the controller has not yet dealt with what was written.
    pub const INPUT_FULL: u8 = 1 << 1;
    /// System flag, as in the command byte.
    pub const SYSTEM: u8 = 1 << 2;
    /// The last write was a command (port 0x64).
    pub const COMMAND: u8 = 1 << 3;
    /// The keyboard is not locked.
    pub const UNLOCKED: u8 = 1 << 4;
    /// The byte at port 0x60 is the mouse's.
    pub const FROM_MOUSE: u8 = 1 << 5;
}

/// The command byte, byte 0 of the controller's RAM.
pub mod command_byte {
    /// IRQ 1 when a byte of the keyboard is there.
    pub const KEYBOARD_INTERRUPT: u8 = 1 << 0;
    /// IRQ 12 when a byte of the mouse is there.
    pub const MOUSE_INTERRUPT: u8 = 1 << 1;
    /// System flag: set once the self-test has passed.
    pub const SYSTEM: u8 = 1 << 2;
    /// The keyboard's clock is held.
    pub const KEYBOARD_OFF: u8 = 1 << 4;
    /// The mouse's clock is held.
    pub const MOUSE_OFF: u8 = 1 << 5;
    /// Scan codes of set 2 are translated to set 1.
    pub const TRANSLATE: u8 = 1 << 6;
}

/// The output port.
pub mod output_port {
    /// The processor is not being reset.
    pub const NO_RESET: u8 = 1 << 0;
    /// Address line 20 passes.
    pub const A20: u8 = 1 << 1;
    /// IRQ 1.
    pub const IRQ1: u8 = 1 << 4;
    /// IRQ 12.
    pub const IRQ12: u8 = 1 << 5;
    /// As the pins rest: nothing reset, A20 open, lines of both devices high.
    pub const AT_REST: u8 = 0xcf;
}

/// The input port: keyboard not locked, no manufacturing jumper, RAM bank 2.
pub const INPUT_PORT: u8 = 0xb0;

/// Commands of the controller (port 0x64).
pub mod command {
    /// Reads byte 0 of the RAM, the command byte; the next 31 read the others.
    pub const READ_RAM: u8 = 0x20;
    /// The last of them.
    pub const READ_RAM_LAST: u8 = 0x3f;
    /// Writes byte 0 of the RAM; the next 31 write the others.
    pub const WRITE_RAM: u8 = 0x60;
    /// The last of them.
    pub const WRITE_RAM_LAST: u8 = 0x7f;
    /// Is a password installed?
    pub const TEST_PASSWORD: u8 = 0xa4;
    /// Holds the mouse's clock.
    pub const MOUSE_OFF: u8 = 0xa7;
    /// Lets the mouse's clock go.
    pub const MOUSE_ON: u8 = 0xa8;
    /// Tests the lines to the mouse.
    pub const TEST_MOUSE: u8 = 0xa9;
    /// Self-test.
    pub const SELF_TEST: u8 = 0xaa;
    /// Tests the lines to the keyboard.
    pub const TEST_KEYBOARD: u8 = 0xab;
    /// Holds the keyboard's clock.
    pub const KEYBOARD_OFF: u8 = 0xad;
    /// Lets the keyboard's clock go.
    pub const KEYBOARD_ON: u8 = 0xae;
    /// Reads the input port.
    pub const READ_INPUT: u8 = 0xc0;
    /// Reads the output port.
    pub const READ_OUTPUT: u8 = 0xd0;
    /// Writes the output port.
    pub const WRITE_OUTPUT: u8 = 0xd1;
    /// Puts a byte at port 0x60 as if the keyboard had sent it.
    pub const WRITE_KEYBOARD_BUFFER: u8 = 0xd2;
    /// Puts a byte at port 0x60 as if the mouse had sent it.
    pub const WRITE_MOUSE_BUFFER: u8 = 0xd3;
    /// Sends a byte to the mouse.
    pub const WRITE_MOUSE: u8 = 0xd4;
    /// Closes A20: not IBM's, but of every compatible controller.
    pub const A20_OFF: u8 = 0xdd;
    /// Opens A20.
    pub const A20_ON: u8 = 0xdf;
    /// Reads the test inputs, the devices' clocks.
    pub const READ_TEST: u8 = 0xe0;
    /// Pulses bits 3-0 of the output port that are clear in the command; the last, 0xff, none.
    pub const PULSE: u8 = 0xf0;
}

/// Answers of the controller.
pub mod answer {
    /// The self-test has passed.
    pub const SELF_TEST_PASSED: u8 = 0x55;
    /// The lines to a device are in order.
    pub const LINES_GOOD: u8 = 0x00;
    /// No password is installed.
    pub const NO_PASSWORD: u8 = 0xf1;
    /// Both clocks are high.
    pub const CLOCKS_HIGH: u8 = 0x03;
}

/// Commands and answers of the devices: IBM PS/2 Technical Reference, "Keyboard (101- and 102-Key)",
/// "Mouse".
pub mod device {
    /// Keyboard: lights; one byte follows.
    pub const SET_LIGHTS: u8 = 0xed;
    /// Keyboard: answers itself. Mouse: begins wrap mode.
    pub const ECHO: u8 = 0xee;
    /// Keyboard: scan code set; one byte follows. Mouse: remote mode.
    pub const SCAN_SET: u8 = 0xf0;
    /// Who are you?
    pub const IDENTIFY: u8 = 0xf2;
    /// Keyboard: typematic rate; mouse: sample rate; one byte follows.
    pub const SET_RATE: u8 = 0xf3;
    /// Begin to send.
    pub const ENABLE: u8 = 0xf4;
    /// Stop sending, and take the defaults.
    pub const DISABLE: u8 = 0xf5;
    /// Take the defaults.
    pub const SET_DEFAULTS: u8 = 0xf6;
    /// Send the last byte again.
    pub const RESEND: u8 = 0xfe;
    /// Self-test and defaults.
    pub const RESET: u8 = 0xff;

    /// Mouse: scaling 1:1.
    pub const SCALING_1_1: u8 = 0xe6;
    /// Mouse: scaling 2:1.
    pub const SCALING_2_1: u8 = 0xe7;
    /// Mouse: resolution; one byte follows.
    pub const SET_RESOLUTION: u8 = 0xe8;
    /// Mouse: three bytes of status.
    pub const STATUS: u8 = 0xe9;
    /// Mouse: stream mode.
    pub const STREAM_MODE: u8 = 0xea;
    /// Mouse: send a report.
    pub const READ_DATA: u8 = 0xeb;
    /// Mouse: end of wrap mode.
    pub const END_WRAP: u8 = 0xec;

    /// Understood.
    pub const ACKNOWLEDGE: u8 = 0xfa;
    /// Not understood: send again.
    pub const SEND_AGAIN: u8 = 0xfe;
    /// The self-test has passed.
    pub const TEST_PASSED: u8 = 0xaa;
    /// What an enhanced keyboard answers to [`IDENTIFY`].
    pub const KEYBOARD_ID: [u8; 2] = [0xab, 0x83];
    /// What a mouse without a wheel answers.
    pub const MOUSE_ID: u8 = 0x00;
}
