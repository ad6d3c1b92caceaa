//! `cargo fuzz run fw_cfg`; the body is `hostile::disks::run_fw_cfg`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    hostile::disks::run_fw_cfg(bytes);
});
