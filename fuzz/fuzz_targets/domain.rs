//! `cargo fuzz run domain`; the body is `hostile::domain::run`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    hostile::domain::run(bytes);
});
