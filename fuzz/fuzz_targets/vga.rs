//! `cargo fuzz run vga`; the body is `hostile::screen::run_vga`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    hostile::screen::run_vga(bytes);
});
