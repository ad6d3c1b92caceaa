//! `cargo fuzz run chips`; the body is `hostile::chips::run`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    hostile::chips::run(bytes);
});
