//! `cargo fuzz run ring0`; the body is `hostile::ring0::run`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    hostile::ring0::run(bytes);
});
