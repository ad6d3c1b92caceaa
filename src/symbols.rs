//! Names of addresses: `--symbols`, and where the run looks for others. How they are found is
//! `debug::lookup`'s.

use crate::cli::RunArgs;
use crate::failure::Failure;
use crate::files::open_image;
use crate::images::Images;
use crate::values::Place;
use debug::lookup::Lookup;
use debug::symbols::{NAMES_MAX, Symbols};

/// The lookup of a run.
pub(crate) fn open<'a>(args: &RunArgs, images: &'a Images) -> Result<Lookup<'a>, Failure> {
    let given = match &args.symbols {
        None => Symbols::default(),
        Some(path) => {
            let symbols = Symbols::of_file(&*open_image(path, "--symbols")?);
            if symbols.is_empty() {
                let place = format!("{} (--symbols)", path.display());
                let hint =
                    "give an ELF file that is not stripped, or a list as nm writes it (System.map)";
                let error = format!("it has no symbols, or more than {NAMES_MAX}");
                return Err(Failure::usage(error, place, hint));
            }
            symbols
        }
    };
    let firmware_alone = args.bios.is_some() && args.kernel_path().is_none();
    Ok(Lookup::new((!firmware_alone).then(|| images.kernel()), given))
}

/// The address of a place in the kernel.
pub(crate) fn address_of(
    place: &Place,
    args: &RunArgs,
    lookup: &Lookup<'_>,
) -> Result<u64, Failure> {
    let name = match place {
        Place::Address(address) => return Ok(*address),
        Place::Symbol(name) => name,
    };
    let stays = args.append.split_whitespace().any(|word| word == "nokaslr");
    if let Some(address) = lookup.linked_address(name, stays) {
        return Ok(address);
    }
    let (error, hint) = match lookup.linked_address(name, true) {
        Some(_) => (
            format!("the kernel chooses the address of {name:?} when it starts"),
            "add nokaslr to --append, or boot the ELF kernel that extract-vmlinux gives",
        ),
        None => (
            format!("the kernel has no symbol {name:?}"),
            "give the address, as pc=0xffffffff81000000, or names by --symbols",
        ),
    };
    Err(Failure::usage(error, "option --until", hint))
}
