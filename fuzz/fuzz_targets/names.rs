//! `cargo fuzz run names`; the body is `hostile::names::run`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    hostile::names::run(bytes);
});
