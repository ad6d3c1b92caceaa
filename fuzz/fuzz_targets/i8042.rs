//! `cargo fuzz run i8042`; the body is `hostile::screen::run_i8042`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    hostile::screen::run_i8042(bytes);
});
