//! `cargo fuzz run restored`; the body is `hostile::restored::run`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    hostile::restored::run(bytes);
});
