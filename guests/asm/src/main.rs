//! Writes the guests' files.
//!
//! - `cargo run -p bootscope-guests`: the committed ones, each with its listing.
//! - `cargo run -p bootscope-guests -- NAME FILE`: one test kernel or disk, to be run by hand.
//! - `cargo run -p bootscope-guests -- workloads DIR`: every workload, as ELF and as floppy disk,
//!   and `workloads` with their names and whether they need AVX, for `benches/compare/run`.
//! - `cargo run -p bootscope-guests -- help`: the names.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use bootscope_guests::kernels::Kernel;
use bootscope_guests::{committed, kernels, sectors, workloads};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let outcome = match &arguments[..] {
        [] => write_committed(),
        [name, folder] if name == "workloads" => write_workloads(Path::new(folder)),
        [name, file] => match all().find(|(known, _)| known == name) {
            Some((_, kernel)) => fs::write(file, kernel()),
            None => return usage(),
        },
        _ => return usage(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn write_committed() -> io::Result<()> {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (name, image) in committed() {
        let elf = guests.join(name).with_extension("elf");
        fs::create_dir_all(elf.parent().expect("the name has a folder"))?;
        fs::write(&elf, image.bytes())?;
        fs::write(elf.with_extension("lst"), image.listing())?;
        println!("guests/{name}.elf: {} bytes", image.bytes().len());
    }
    Ok(())
}

fn write_workloads(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut names = String::new();
    for workload in workloads::ALL {
        let file = folder.join(workload.name).with_extension("elf");
        fs::write(&file, workload.kernel(workload.repeat))?;
        fs::write(file.with_extension("img"), workload.disk(workload.repeat))?;
        let needs = if workload.avx { "avx" } else { "-" };
        names += &format!("{} {needs} {}\n", workload.name, workload.kind);
    }
    fs::write(folder.join("workloads"), names)
}

/// Test kernels and disks.
fn all() -> impl Iterator<Item = &'static Kernel> {
    kernels::ALL.iter().chain(sectors::ALL)
}

fn usage() -> ExitCode {
    eprintln!("usage: bootscope-guests [workloads DIR | KERNEL FILE], where KERNEL is one of");
    for (name, _) in all() {
        eprintln!("  {name}");
    }
    ExitCode::from(2)
}
