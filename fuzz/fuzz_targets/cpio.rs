//! `cargo fuzz run cpio`; the body is `hostile::cpio::run`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    hostile::cpio::run(bytes);
});
