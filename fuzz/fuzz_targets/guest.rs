//! `cargo fuzz run guest`; the body is `hostile::guest::run`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    hostile::guest::run(bytes);
});
