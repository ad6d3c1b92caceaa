//! The boot timeline of Debian's kernels, which are stripped: every milestone, by every way, at the same
//! instruction in every run.

mod runs;

use runs::{Boot, Scratch, boot, guest};
use serde_json::Value;

/// Name and instructions of each row, and the slide.
#[derive(PartialEq, Debug)]
struct Timeline {
    rows: Vec<(String, u64)>,
    slide: Option<u64>,
}

impl Timeline {
    fn at(&self, name: &str) -> u64 {
        let row = self.rows.iter().find(|(found, _)| found == name);
        row.unwrap_or_else(|| panic!("no {name} in {:?}", self.rows)).1
    }
}

fn timeline(name: &str, args: &[&str]) -> (Boot, Timeline) {
    let scratch = Scratch::new(&format!("{name}-file"));
    let file = scratch.path("timeline.json");
    let option = format!("--timeline={file}");
    let boot = boot(name, &[args, &["--append", "console=ttyS0 quiet", &option]].concat());
    assert_eq!(boot.status, Some(0), "{}", boot.said);
    let json: Value = serde_json::from_slice(&std::fs::read(&file).expect("a timeline")).unwrap();
    let row = |row: &Value| {
        (row["name"].as_str().unwrap().to_owned(), row["instructions"].as_u64().unwrap())
    };
    let rows = json["milestones"].as_array().unwrap().iter().map(row).collect();
    (boot, Timeline { rows, slide: json["kaslr_slide"].as_u64() })
}

/// The order of Linux by PVH: `pvh_start_xen` calls `xen_prepare_pvh` in the upper half before it goes
/// on in `startup_64`; a PVH kernel does not move itself.
#[test]
fn a_pvh_boot_has_all_milestones_of_linux_in_their_order() {
    let test = "timeline-pvh";
    let (Some(kernel), Some(initrd)) =
        (guest(test, "cloud/vmlinux"), guest(test, "initrd-test.cpio"))
    else {
        return;
    };
    let args = ["--kernel", &kernel, "--initrd", &initrd];

    let (_, first) = timeline(test, &args);
    let (_, other) = timeline(test, &[&args[..], &["--engine", "hybrid"]].concat());

    let names: Vec<_> = first.rows.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "vmm_init_end",
        "kernel_entry",
        "long_mode",
        "high_half",
        "startup_64",
        "start_kernel",
        "first_console",
        "user",
        "power_off",
    ];
    assert_eq!(names, expected);
    assert_eq!(first.slide, Some(0));
    assert_eq!(first, other, "another form of the engine reaches each at the same instruction");
}

/// A bzImage unpacks itself (99 M instructions of LZ4 for this kernel) and takes another place.
#[test]
fn a_bzimage_is_followed_to_where_it_unpacked_itself_directly_and_behind_firmware() {
    let test = "timeline-bzimage";
    let (Some(kernel), Some(initrd)) =
        (guest(test, "cloud/vmlinuz"), guest(test, "initrd-test.cpio"))
    else {
        return;
    };
    let Some(qboot) = guest(test, "roms/qboot.rom") else { return };
    let args = ["--kernel", &kernel, "--initrd", &initrd];

    let (_, direct) = timeline(test, &args);
    let (_, qboot) = timeline("timeline-qboot", &[&args[..], &["--bios", &qboot]].concat());

    for timeline in [&direct, &qboot] {
        let unpacking = timeline.at("startup_64") - timeline.at("kernel_entry");
        assert!((50_000_000..200_000_000).contains(&unpacking), "{timeline:?}");
        let early = timeline.at("start_kernel") - timeline.at("high_half");
        assert!((1_000..30_000_000).contains(&early), "{timeline:?}");
        let slide = timeline.slide.unwrap();
        assert!(slide != 0 && slide % (2 << 20) == 0, "{slide:#x}");
    }
    assert!(direct.at("long_mode") == 0, "the 64-bit entry is in long mode");
    assert!(0 < qboot.at("fw_do_boot") && qboot.at("fw_do_boot") < qboot.at("kernel_entry"));
    assert!(qboot.at("kernel_entry") < qboot.at("long_mode"));
}
