//! The workloads' files. That emulators agree on their checksums is what `benches/compare` shows.

use bootscope_guests::workloads::{ALL, find};

#[test]
fn every_workload_assembles_to_less_than_a_page() {
    for workload in ALL {
        let size = workload.kernel(workload.repeat).len();

        assert!((1..4096).contains(&size), "{}: {size} bytes", workload.name);
    }
}

/// The benches skip the set-up by counting its instructions with no repetitions at all.
#[test]
fn the_number_of_repetitions_changes_nothing_but_one_immediate() {
    for workload in ALL {
        let (none, many) = (workload.kernel(0), workload.kernel(0x0101_0101));
        let differences = none.iter().zip(&many).filter(|(a, b)| a != b).count();

        assert_eq!((none.len(), differences), (many.len(), 4), "{}", workload.name);
    }
}

#[test]
fn a_disk_is_a_boot_sector_and_the_kernel_behind_it() {
    for workload in ALL {
        let (disk, kernel) = (workload.disk(1), workload.kernel(1));

        assert_eq!(disk[510..512], [0x55, 0xaa], "{}", workload.name);
        assert!(disk[512..].starts_with(&kernel), "{}", workload.name);
        assert!(disk.len() <= 18 * 512, "{}: more than the first track", workload.name);
    }
}

#[test]
fn names_are_unique_and_found() {
    for workload in ALL {
        let same = ALL.iter().filter(|other| other.name == workload.name).count();

        assert_eq!(same, 1, "{}", workload.name);
        assert!(find(workload.name).is_some_and(|found| found.kind == workload.kind));
    }
    assert!(find("no such work").is_none());
}
