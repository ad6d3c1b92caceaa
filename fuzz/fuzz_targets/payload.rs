//! `cargo fuzz run payload`; the body is `hostile::payload::run`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    hostile::payload::run(bytes);
});
