//! `cargo fuzz run kernel`; the body is `hostile::kernel::run`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    hostile::kernel::run(bytes);
});
