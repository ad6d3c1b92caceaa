//! Whole boots, from a machine at power-on to its power-off: the demo guest, and Debian's cloud
//! kernel with its busybox initramfs where `guests/fetch` has put them into `guests/cache`.
//!
//! Elements are instructions, so a rate in Melem/s is MIPS. Reading files is not in the figure;
//! building the machine and placing the kernel is.

use boot::{Blob, Module, Request};
use criterion::criterion_group;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput};
use machine::{Machine, MachineConfig, Stop};
use std::path::Path;
use std::time::Duration;

/// Boots to the power-off and says how many instructions that took.
fn to_power_off(kernel: &Blob, initrd: Option<&Blob>) -> u64 {
    let config = MachineConfig::default();
    let platform = config.platform();
    let request = Request {
        modules: initrd.iter().map(|image| Module { image: *image, cmdline: "" }).collect(),
        cmdline: "console=ttyS0",
        ..Request::new(kernel, config.ram_bytes, &platform)
    };
    let plan = boot::plan(&request).expect("the kernel can be booted");
    let mut machine = Machine::new(&config).expect("a machine of 512 MiB");
    machine.boot(&plan).expect("the plan fits");
    loop {
        match machine.run(u64::MAX) {
            Stop::Slice => drop(machine.take_serial_output()),
            Stop::PowerOff => return machine.retired(),
            other => panic!("the boot ended with {other:?}"),
        }
    }
}

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, kernel: &Blob, initrd: Option<&Blob>) {
    group.throughput(Throughput::Elements(to_power_off(kernel, initrd)));
    group.bench_function(kernel.name.as_str(), |bencher| {
        bencher.iter(|| to_power_off(kernel, initrd));
    });
}

fn boots(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("boot");
    let demo = Blob { name: "demo".into(), bytes: bootscope_guests::demo::image().bytes() };
    measure(&mut group, &demo, None);

    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/cache");
    let file = |name: &str, path: &str| {
        let bytes = std::fs::read(cache.join(path)).ok()?;
        Some(Blob { name: name.into(), bytes })
    };
    let kernel = file("debian_cloud", "cloud/vmlinux");
    let initrd = file("initrd", "initrd-test.cpio");
    let (Some(kernel), Some(initrd)) = (kernel, initrd) else {
        eprintln!("boot/debian_cloud: left out; guests/fetch gets the kernel");
        return;
    };
    // Seconds a boot: ten of them are the least that criterion takes.
    group.sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(1));
    measure(&mut group, &kernel, Some(&initrd));
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    targets = boots
}
