//! A short run of every fuzz target, always the same. What fails prints the input's bytes; a longer run
//! is `cargo run --release -p bootscope-hostile --example long -- TARGET INPUTS SEED`.

use hostile::{ALL, Outcome};

const SEED: u64 = 0x5eed_b007;

fn survives(name: &str) {
    let target = ALL.iter().find(|target| target.name == name).expect("a target");

    let tally = target.run_seeded(SEED, 0..target.inputs, |_, _| {});

    for outcome in [Outcome::Accepted, Outcome::Refused] {
        let (shown, wanted) = (tally.of(outcome), target.shows.contains(&outcome));
        assert!(!wanted || shown * 20 > target.inputs, "{name}: too mild or too harsh: {tally:?}");
    }
}

macro_rules! survives {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            survives($name);
        })*

        #[test]
        fn every_target_has_its_short_run_and_its_file_for_cargo_fuzz() {
            let names: Vec<&str> = ALL.iter().map(|target| target.name).collect();
            assert_eq!(names, [$($name),*]);
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz_targets");
            let manifest = std::fs::read_to_string(format!("{folder}/../Cargo.toml")).unwrap();
            for name in names {
                assert!(std::fs::exists(format!("{folder}/{name}.rs")).unwrap(), "{name}");
                assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
            }
        }
    };
}

survives! {
    damaged_kernels_are_refused_or_planned_soundly: "kernel",
    damaged_streams_are_refused_or_unpack_within_bounds: "payload",
    any_entries_are_refused_or_packed: "cpio",
    damaged_descriptions_are_refused_or_read: "domain",
    damaged_tables_of_names_are_ignored_or_read: "names",
    nothing_that_a_debugger_sends_panics_or_fills_memory: "gdb",
    no_access_to_a_small_device_panics: "chips",
    no_state_of_a_restored_device_panics: "restored",
    no_order_to_a_drive_or_bus_master_panics: "ata",
    no_order_to_the_configuration_device_panics: "fw_cfg",
    no_access_to_the_vga_panics: "vga",
    no_access_to_the_keyboard_controller_panics: "i8042",
    a_guest_that_accesses_anything_is_survived_and_repeats_itself: "guest",
    any_code_in_ring_0_is_survived_and_repeats_itself: "ring0",
}

/// Prefixes of every valid input: nothing is read past the end.
#[test]
fn inputs_cut_anywhere_never_panic() {
    for (name, step) in [("kernel", 5), ("payload", 1), ("domain", 7)] {
        let target = ALL.iter().find(|target| target.name == name).expect("a target");
        for whole in (target.seeds)() {
            for len in (0..whole.len().min(0x400)).step_by(step) {
                (target.run)(&whole[..len]);
            }
        }
    }
}

/// What the programs cannot reach, and why.
const ELSEWHERE: [(&str, &str); 1] =
    [("bios", "its port answers only where a plan has placed its entry code: tests/boot_bios.rs")];

/// Otherwise the programs test nothing but their own first trouble.
#[test]
fn the_programs_of_guests_reach_every_device() {
    let mut reached = std::collections::BTreeMap::new();
    for input in (hostile::guest::TARGET.seeds)() {
        for (device, count) in hostile::guest::accesses(&input) {
            *reached.entry(device).or_insert(0) += count;
        }
    }
    for (device, count) in &reached {
        let elsewhere = ELSEWHERE.iter().any(|(name, _)| name == device);
        assert_eq!(*count == 0, elsewhere, "{device}: {reached:?}");
    }
    assert!(ELSEWHERE.iter().all(|(name, _)| reached.contains_key(name)), "{reached:?}");
}
