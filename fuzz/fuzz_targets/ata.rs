//! `cargo fuzz run ata`; the body is `hostile::disks::run`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    hostile::disks::run(bytes);
});
