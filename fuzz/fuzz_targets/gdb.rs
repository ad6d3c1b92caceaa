//! `cargo fuzz run gdb`; the body is `hostile::gdb::run`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    hostile::gdb::run(bytes);
});
